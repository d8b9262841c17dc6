//! Azure Container Registry: which token a registry needs, and how it is minted.
//!
//! ```text
//! scope ─▶ mint ─▶ identity: the first of these that there is
//!                    client_secret ─▶ certificate ─▶ workload ─▶ pipelines   (applications, by Entra ID)
//!                    managed: App Service, Arc, Cloud Shell, a virtual machine
//!                    command_line: az, then azd
//!                  ─▶ exchange of its access token at the registry's own login server
//! ```

mod application;
mod arc;
mod asking;
mod assertion;
mod certificate;
mod client_secret;
mod command_line;
mod entra;
mod exchange;
mod failure;
mod identity;
mod managed;
mod mint;
mod order;
mod pipelines;
mod place;
mod places;
mod pod;
mod reason;
mod runner;
mod scope;
mod token;
mod transport;
mod workload;

use broker::{MintError, Minted, Provider, Scope};
use protocol::{Deadline, ServerUrl};
use settings::Setup;

pub use scope::Target;

/// Azure Container Registry.
#[derive(Clone, Copy, Debug)]
pub struct Acr;

impl Provider for Acr {
    type Target = Target;

    fn scope(&self, server: &ServerUrl, setup: &Setup) -> Option<Scope<Target>> {
        scope::of(server, setup)
    }

    fn mint(&self, scope: &Scope<Target>, setup: &Setup, deadline: Deadline) -> Result<Minted, MintError> {
        mint::token(&scope.target, setup, deadline)
    }
}
