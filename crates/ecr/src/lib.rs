//! Amazon ECR, private and public: which token a registry needs, and how it is minted.
//!
//! `GetAuthorizationToken` gives a token for 12 hours, which opens every registry of a region. The credential
//! chain is that of AWS's SDKs; its order is in `chain.rs`, and the order within a profile, which is that of
//! Amazon's own command, in `role_chain.rs`:
//!
//! ```text
//!  scope.rs ─▶ mint.rs ─▶ chain.rs: the first credentials of                       ─▶ GetAuthorizationToken
//!                           AWS_ACCESS_KEY_ID
//!                           web_identity.rs  AWS_WEB_IDENTITY_TOKEN_FILE
//!                           role_chain.rs    AWS_PROFILE, else the profile default:
//!                             │ web_identity.rs, sso.rs, keys, aws login, credential_process.rs
//!                             └▶ assume_role.rs  one role after another
//!                           the container's role (ECS, EKS)
//!                           the instance's role (EC2)
//! ```
//!
//! ```
//! use broker::Provider;
//! use ecr::Ecr;
//! use protocol::ServerUrl;
//! use settings::Setup;
//!
//! // Naming the token of a registry reads settings and calls no service.
//! let setup = Setup::of("/home/jane".as_ref(), &[("AWS_PROFILE", "dev")]);
//! let scope = |address: &str| Ecr.scope(&ServerUrl::parse(address).unwrap(), &setup);
//! let registry = scope("123456789012.dkr.ecr.eu-west-1.amazonaws.com").expect("a registry of ECR");
//! assert_eq!(registry.service, "ecr:aws:eu-west-1");
//! // Every account of a region shares the token; the public registry has one of its own.
//! assert_eq!(registry.id(), scope("999999999999.dkr.ecr.eu-west-1.amazonaws.com").unwrap().id());
//! assert_eq!(scope("public.ecr.aws").unwrap().service, "ecr-public");
//! assert!(scope("ghcr.io").is_none());
//! ```

mod assume_role;
mod chain;
mod conditions;
mod credential_process;
#[cfg(test)]
mod endpoints;
mod error;
mod identity_token;
mod ini;
mod instance;
mod mint;
mod principal;
mod profiles;
mod rejection;
mod role_chain;
mod scope;
mod service_config;
mod session;
mod sso;
mod transport;
mod validation;
mod web_identity;

use broker::{MintError, Minted, Provider, Scope};
use protocol::{Deadline, ServerUrl};
use settings::Setup;

pub use identity_token::{add_identity, identity_token};
pub use scope::Target;

/// Amazon ECR, private and public.
#[derive(Clone, Copy, Debug)]
pub struct Ecr;

impl Provider for Ecr {
    type Target = Target;

    fn scope(&self, server: &ServerUrl, setup: &Setup) -> Option<Scope<Target>> {
        scope::of(server, setup)
    }

    fn username(&self, _scope: &Scope<Target>) -> &str {
        "AWS"
    }

    fn remedy_on_node(&self, _scope: &Scope<Target>) -> Option<&'static str> {
        Some(
            "attach an instance profile whose role has the policy AmazonEC2ContainerRegistryPullOnly to this node: \
             `aws ec2 associate-iam-instance-profile --instance-id INSTANCE --iam-instance-profile Name=PROFILE`",
        )
    }

    fn mint(&self, scope: &Scope<Target>, setup: &Setup, deadline: Deadline) -> Result<Minted, MintError> {
        mint::token(&scope.target, setup, deadline)
    }
}
