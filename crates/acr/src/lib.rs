//! Azure Container Registry (`*.azurecr.io`): which token a registry needs, and how it is minted.
//!
//! A token of Entra ID is exchanged for a refresh token of the registry, at its own login server. The
//! [credential chain](https://learn.microsoft.com/dotnet/azure/sdk/authentication/credential-chains) is that of
//! the Azure SDKs; its order is in `chain.rs`:
//!
//! ```text
//!  scope.rs ─▶ mint.rs ─▶ chain.rs: the first identity of                               ─▶ exchange.rs
//!                           client_secret.rs      AZURE_CLIENT_SECRET                        at the login server
//!                           client_certificate.rs AZURE_CLIENT_CERTIFICATE_PATH
//!                           workload_identity.rs  AZURE_FEDERATED_TOKEN_FILE
//!                           pipelines.rs          a service connection of Azure Pipelines
//!                           managed_identity.rs   App Service, Azure Arc, Cloud Shell, a virtual machine
//!                           developer_tools.rs    az, then azd
//! ```
//!
//! ```
//! use acr::Acr;
//! use broker::Provider;
//! use protocol::ServerUrl;
//! use settings::Setup;
//!
//! // Naming the token of a registry reads settings and calls no service.
//! let setup = Setup::of("/home/jane".as_ref(), &[("AZURE_CLIENT_ID", "app"), ("AZURE_TENANT_ID", "contoso")]);
//! let registry = ServerUrl::parse("https://contoso.azurecr.io").unwrap();
//! let scope = Acr.scope(&registry, &setup).expect("a registry of Azure");
//! assert_eq!(scope.service, "acr:contoso.azurecr.io");
//! assert_eq!(Acr.username(&scope), "00000000-0000-0000-0000-000000000000");
//! assert!(Acr.scope(&ServerUrl::parse("ghcr.io").unwrap(), &setup).is_none());
//! ```

mod application;
mod arc;
mod assertion;
mod az_config;
mod certificate;
mod chain;
mod client_certificate;
mod client_secret;
mod cloud;
mod context;
mod developer_tools;
mod entra;
mod error;
mod exchange;
mod identity;
mod managed_identity;
mod managed_source;
mod mint;
mod pipelines;
mod pod;
mod principal;
mod rejection;
mod scope;
mod token;
mod transport;
mod workload_identity;

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

    fn username(&self, _scope: &Scope<Target>) -> &str {
        mint::USER
    }

    fn remedy_on_node(&self, _scope: &Scope<Target>) -> Option<&'static str> {
        Some(
            "give this node a managed identity with the role AcrPull: `az vm identity assign --resource-group GROUP \
             --name VM`, or in AKS `az aks update --resource-group GROUP --name CLUSTER --attach-acr REGISTRY`",
        )
    }

    fn mint(&self, scope: &Scope<Target>, setup: &Setup, deadline: Deadline) -> Result<Minted, MintError> {
        mint::token(&scope.target, setup, deadline)
    }
}
