//! GitHub Packages: which token a registry needs, and how it is minted.

mod scope;

use broker::{MintError, Minted, Provider, Scope};
use protocol::{Deadline, Explained, ServerUrl};
use settings::Setup;

pub use scope::Target;

/// GitHub Packages.
#[derive(Clone, Copy, Debug)]
pub struct Ghcr;

impl Provider for Ghcr {
    type Target = Target;

    fn scope(&self, server: &ServerUrl, setup: &Setup) -> Option<Scope<Target>> {
        scope::of(server, setup)
    }

    fn mint(&self, _scope: &Scope<Target>, _setup: &Setup, _deadline: Deadline) -> Result<Minted, MintError> {
        // To be built on its branch.
        Err(MintError::Failed(Explained { what: "no token can be minted yet".into(), hint: None }))
    }
}
