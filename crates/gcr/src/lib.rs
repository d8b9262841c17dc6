//! Google Artifact Registry and Container Registry: which token a registry needs, and how it is minted.
//!
//! An access token is the password. The credential chain is that of
//! [Application Default Credentials](https://cloud.google.com/docs/authentication/application-default-credentials),
//! and gcloud's account after it; its order is in `chain.rs`:
//!
//! ```text
//!  scope.rs ─▶ mint.rs ─▶ federation.rs   the pod, if kubelet sends its token
//!                         chain.rs        the first identity of
//!                           credentials_file.rs   GOOGLE_APPLICATION_CREDENTIALS, or gcloud's default
//!                             service_account.rs    a key, which signs an assertion
//!                             user.rs               a refresh token
//!                             federation.rs         the token of another provider: subject_token.rs
//!                           metadata_server.rs    the machine's service account
//!                           gcloud.rs             gcloud's active account
//!                      ─▶ impersonation.rs  if the settings or the file name a service account
//! ```
//!
//! ```
//! use broker::Provider;
//! use gcr::Gcr;
//! use protocol::ServerUrl;
//! use settings::Setup;
//!
//! // To name the token of a registry reads settings and sends no request.
//! let setup = Setup::of("/home/jane".as_ref(), &[("GOOGLE_APPLICATION_CREDENTIALS", "/home/jane/key.json")]);
//! let registry = ServerUrl::parse("https://europe-docker.pkg.dev").unwrap();
//! let scope = Gcr.scope(&registry, &setup).expect("a registry of Google");
//! assert_eq!((scope.service.as_str(), Gcr.username(&scope)), ("gcr", "oauth2accesstoken"));
//! assert!(Gcr.scope(&ServerUrl::parse("ghcr.io").unwrap(), &setup).is_none());
//! ```

mod aws;
mod chain;
mod credentials_file;
mod error;
mod exchange;
mod executable;
mod federation;
mod gcloud;
mod gcloud_config;
mod identity;
mod impersonation;
mod key;
mod metadata_server;
mod mint;
mod principal;
mod rejection;
mod scope;
mod service_account;
mod subject_token;
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

    fn username(&self, _scope: &Scope<Target>) -> &str {
        mint::USER
    }

    fn mint_offline(&self, scope: &Scope<Target>, setup: &Setup) -> Option<Minted> {
        mint::offline(&scope.target, setup)
    }

    fn remedy_on_node(&self, _scope: &Scope<Target>) -> Option<&'static str> {
        Some(
            "give this node a service account with the role roles/artifactregistry.reader: `gcloud compute instances \
             set-service-account INSTANCE --service-account=ACCOUNT --scopes=cloud-platform`",
        )
    }

    fn mint(&self, scope: &Scope<Target>, setup: &Setup, deadline: Deadline) -> Result<Minted, MintError> {
        mint::token(&scope.target, setup, deadline)
    }
}
