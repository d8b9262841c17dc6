//! GitHub Packages (`ghcr.io`, `docker.pkg.github.com`, ghe.com and GitHub Enterprise Server): which token a
//! registry needs, and its source. The credential chain is in `chain.rs`:
//!
//! ```text
//!  scope.rs ─▶ chain.rs: app_settings.rs  a GitHub App ─▶ installation.rs: minted
//!                        token.rs         GH_TOKEN, GITHUB_TOKEN, …      passed on
//!                        hosts.rs         gh's hosts.yml                 passed on
//!                        gh.rs            gh auth token                  cached for an hour
//! ```
//!
//! ```
//! use broker::Provider;
//! use ghcr::Ghcr;
//! use protocol::ServerUrl;
//! use settings::Setup;
//!
//! let setup = Setup::of("/home/jane".as_ref(), &[("GITHUB_TOKEN", "ghs_of-a-job"), ("GITHUB_ACTOR", "jane")]);
//! let scope = Ghcr.scope(&ServerUrl::parse("ghcr.io").unwrap(), &setup).expect("a registry of GitHub");
//! assert_eq!(scope.service, "ghcr:github.com");
//! // An existing token is passed through, and never cached.
//! let token = Ghcr.existing_token(&scope, &setup).unwrap().expect("that of the variable");
//! assert_eq!((token.username.as_str(), token.secret.expose()), ("jane", "ghs_of-a-job"));
//! ```

mod app;
mod app_settings;
mod chain;
mod error;
mod gh;
mod github;
mod hosts;
mod installation;
mod key;
mod principal;
mod rejection;
mod scope;
mod target;
mod token;

use broker::{ExistingToken, MintError, Minted, Provider, Scope};
use protocol::{Deadline, ServerUrl};
use settings::Setup;

pub use target::Target;

/// The variables that name files.
const FILES: [&str; 5] =
    ["GITHUB_APP_PRIVATE_KEY_PATH", "GH_CONFIG_DIR", "XDG_CONFIG_HOME", "GH_PATH", "SSL_CERT_FILE"];

/// GitHub Packages of github.com, of tenants on ghe.com, and of GitHub Enterprise Servers.
#[derive(Clone, Copy, Debug)]
pub struct Ghcr;

impl Provider for Ghcr {
    type Target = Target;

    fn scope(&self, server: &ServerUrl, setup: &Setup) -> Option<Scope<Target>> {
        scope::of(server, setup)
    }

    fn username(&self, _scope: &Scope<Target>) -> &str {
        token::USERNAME
    }

    fn existing_token(&self, scope: &Scope<Target>, setup: &Setup) -> Result<Option<ExistingToken>, MintError> {
        setup.environment.check_paths(&FILES).map_err(MintError::Failed)?;
        chain::existing_token(&scope.target, setup)
    }

    fn mint(&self, scope: &Scope<Target>, setup: &Setup, deadline: Deadline) -> Result<Minted, MintError> {
        setup.environment.check_paths(&FILES).map_err(MintError::Failed)?;
        chain::mint(&scope.target, setup, deadline)
    }
}
