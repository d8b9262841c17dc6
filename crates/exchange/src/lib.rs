//! Tokens in exchange for the identity token of a job: Docker Hub, Quay, JFrog, and whatever else has a row in
//! [`registry::exchange::EXCHANGES`] or a `[[registry]]` table of its own.
//!
//! ```text
//! Source::token ──identity token──▶ one address: POST or GET ──▶ a registry's token, kept until it expires
//! ```
//!
//! One engine does it for all of them. A request holds a secret that is meant for one address, so no redirection
//! is followed, and no address is taken from a response.

mod access_key;
mod alibaba;
mod error;
mod job;
mod mint;
mod oci;
mod principal;
mod rejection;
mod request;
mod response;
mod scope;
mod subject;
mod values;

use std::time::SystemTime;

use broker::{ExistingToken, MintError, Minted, Provider, Scope};
use protocol::{Deadline, ServerUrl};
use serde_json::Value;
use settings::Setup;

/// What is read of a token, to be seen beside what it was exchanged for.
pub use identity_token::Claims;
pub use response::Minted as Exchanged;
pub use scope::Target;

impl Target {
    /// Reads the response to its exchange, which was requested at this moment; `None` for a job's own registry, which
    /// exchanges nothing.
    ///
    /// # Errors
    /// What is wrong with the response, without a word of it.
    pub fn read(&self, json: &Value, sent: SystemTime) -> Option<Result<Exchanged, &'static str>> {
        match self {
            Target::Job(_) => None,
            Target::Exchange(plan) => Some(response::read(plan, json, sent)),
        }
    }
}

/// The registries of the table, and those that the settings describe.
#[derive(Clone, Copy, Debug)]
pub struct Exchange;

impl Provider for Exchange {
    type Target = Target;

    fn scope(&self, server: &ServerUrl, setup: &Setup) -> Option<Scope<Target>> {
        scope::of(server, setup)
    }

    fn username<'a>(&'a self, scope: &'a Scope<Target>) -> &'a str {
        scope.target.username()
    }

    fn existing_token(&self, scope: &Scope<Target>, setup: &Setup) -> Result<Option<ExistingToken>, MintError> {
        Ok(match &scope.target {
            Target::Job(job) => job.token(&setup.environment),
            Target::Exchange(_) => None,
        })
    }

    fn mint(&self, scope: &Scope<Target>, setup: &Setup, deadline: Deadline) -> Result<Minted, MintError> {
        match &scope.target {
            Target::Job(_) => Err(MintError::NoIdentity(identity_token::no_identity())),
            Target::Exchange(plan) => mint::token(plan, setup, deadline),
        }
    }
}
