//! GitHub Packages: which token a registry needs, and where it comes from.
//!
//! ```text
//! GitHub App ─▶ GH_TOKEN, GITHUB_TOKEN, … ─▶ gh's hosts.yml ─▶ gh auth token
//!  minted        at hand                      at hand           asked of gh, kept for an hour
//! ```
//!
//! The first source that has an identity is the only one that is asked.

mod app;
mod failure;
mod gh;
mod github;
mod hosts;
mod installation;
mod key;
mod refusal;
mod scope;
mod token;

use broker::{AtHand, MintError, Minted, Provider, Scope};
use protocol::{Deadline, ServerUrl};
use settings::Setup;

pub use scope::Target;

/// GitHub Packages of github.com, of tenants on ghe.com, and of GitHub Enterprise Servers.
#[derive(Clone, Copy, Debug)]
pub struct Ghcr;

impl Provider for Ghcr {
    type Target = Target;

    fn scope(&self, server: &ServerUrl, setup: &Setup) -> Option<Scope<Target>> {
        scope::of(server, setup)
    }

    fn at_hand(&self, scope: &Scope<Target>, setup: &Setup) -> Result<Option<AtHand>, MintError> {
        if app::is_chosen(&scope.target, &setup.environment) {
            return Ok(None);
        }
        token::at_hand(&scope.target.github, setup)
    }

    fn mint(&self, scope: &Scope<Target>, setup: &Setup, deadline: Deadline) -> Result<Minted, MintError> {
        match app::chosen(&scope.target, &setup.environment)? {
            Some(app) => installation::token(&app, &setup.environment, deadline),
            None => gh::token(&scope.target.github, setup, deadline),
        }
    }
}
