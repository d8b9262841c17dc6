//! Google Artifact Registry and Container Registry: which token a registry needs, and how it is minted.
//!
//! ```text
//! scope ─▶ mint ─▶ identity: the first of these that there is
//!                    credentials file: service_account | user | federation ─▶ subject, aws
//!                    metadata server
//!                    gcloud's active account
//!                  ─▶ impersonation, if the settings or the file ask for it
//! ```

mod aws;
mod exchange;
mod failure;
mod federation;
mod file;
mod gcloud;
mod identity;
mod impersonation;
mod metadata;
mod mint;
mod places;
mod scope;
mod service_account;
mod subject;
mod token;
mod user;

use broker::{MintError, Minted, Provider, Scope};
use protocol::{Deadline, ServerUrl};
use settings::Setup;

pub use scope::Target;

/// Google Artifact Registry and Container Registry.
#[derive(Clone, Copy, Debug)]
pub struct Gcr;

impl Provider for Gcr {
    type Target = Target;

    fn scope(&self, server: &ServerUrl, setup: &Setup) -> Option<Scope<Target>> {
        scope::of(server, setup)
    }

    fn mint(&self, scope: &Scope<Target>, setup: &Setup, deadline: Deadline) -> Result<Minted, MintError> {
        mint::token(&scope.target, setup, deadline)
    }
}
