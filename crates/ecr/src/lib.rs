//! Amazon ECR: which token a registry needs, and how it is minted.

#[cfg(test)]
mod endpoints;
mod failure;
mod identity;
mod mint;
mod profiles;
mod reason;
mod scope;
mod service_account;
mod transport;

use broker::{MintError, Minted, Provider, Scope};
use protocol::{Deadline, ServerUrl};
use settings::Setup;

pub use scope::Target;

/// Amazon ECR, private and public.
#[derive(Clone, Copy, Debug)]
pub struct Ecr;

impl Provider for Ecr {
    type Target = Target;

    fn scope(&self, server: &ServerUrl, setup: &Setup) -> Option<Scope<Target>> {
        scope::of(server, setup)
    }

    fn mint(&self, scope: &Scope<Target>, setup: &Setup, deadline: Deadline) -> Result<Minted, MintError> {
        mint::token(&scope.target, setup, deadline)
    }
}
