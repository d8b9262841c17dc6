//! Which cloud a server address belongs to.
//!
//! ```text
//! ServerUrl ─▶ ecr ─▶ acr ─▶ gcr ─▶ ghcr ─▶ Registry { account, region, … }, or None: another registry
//!                 anchored host patterns
//! ```
//!
//! The patterns are anchored, because the result decides where a token is sent: a pattern that also matches
//! `registry.example.attacker.com` sends it to the attacker. Regions are matched by their form, so that a new one works
//! on its first day.
//!
//! ```
//! use registry::{Registry, registry_of};
//! let server = protocol::ServerUrl::parse("123456789012.dkr.ecr.eu-west-1.amazonaws.com").unwrap();
//! let Some(Registry::Ecr(registry)) = registry_of(&server) else { panic!("not found") };
//! assert_eq!(registry.region, "eu-west-1");
//! ```

mod acr;
mod ecr;
pub mod exchange;
mod gcr;
mod ghcr;
mod pattern;

use std::fmt;

use protocol::ServerUrl;

pub use acr::{AcrRegistry, AzureCloud};
pub use ecr::{EcrPublicRegistry, EcrRegistry, Partition};
pub use exchange::Exchange;
pub use gcr::{GOOGLE, GcrRegistry};
pub use ghcr::GhcrRegistry;

/// A registry of one of the clouds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registry {
    /// Amazon ECR, an account's private registry.
    Ecr(EcrRegistry),
    /// Amazon ECR Public.
    EcrPublic(EcrPublicRegistry),
    /// Azure Container Registry.
    Acr(AcrRegistry),
    /// Google Artifact Registry, and Container Registry's host names in front of it.
    Gcr(GcrRegistry),
    /// GitHub Packages' container registry.
    Ghcr(GhcrRegistry),
}

/// Who runs a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cloud {
    /// Amazon Web Services: ECR.
    Aws,
    /// Microsoft Azure: ACR.
    Azure,
    /// Google Cloud: Artifact Registry.
    Google,
    /// GitHub, its tenants and GitHub Enterprise Server.
    GitHub,
}

impl Cloud {
    /// All of them.
    pub const ALL: [Cloud; 4] = [Cloud::Aws, Cloud::Azure, Cloud::Google, Cloud::GitHub];

    /// The short name of its provider: in the settings, in Docker's config, and as a feature of the build.
    pub fn provider(self) -> &'static str {
        match self {
            Cloud::Aws => "ecr",
            Cloud::Azure => "acr",
            Cloud::Google => "gcr",
            Cloud::GitHub => "ghcr",
        }
    }
}

impl fmt::Display for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Cloud::Aws => "AWS",
            Cloud::Azure => "Azure",
            Cloud::Google => "Google",
            Cloud::GitHub => "GitHub",
        })
    }
}

impl Registry {
    /// Who runs it.
    pub fn cloud(&self) -> Cloud {
        match self {
            Registry::Ecr(_) | Registry::EcrPublic(_) => Cloud::Aws,
            Registry::Acr(_) => Cloud::Azure,
            Registry::Gcr(_) => Cloud::Google,
            Registry::Ghcr(_) => Cloud::GitHub,
        }
    }
}

/// The cloud registry that an address belongs to; `None` for every other registry.
///
/// The clouds speak only TLS on its own port, so an address with `http://` or a port is not theirs; nor is
/// one with a user before the host or a dot behind it.
/// The path plays no part: some clients ask for `host/repository`.
pub fn registry_of(server: &ServerUrl) -> Option<Registry> {
    if !server.is_https() || server.port().is_some() || !server.is_plain() {
        return None;
    }
    let host = server.host();
    ecr::registry_of(host)
        .or_else(|| acr::registry_of(host).map(Registry::Acr))
        .or_else(|| gcr::registry_of(host).map(Registry::Gcr))
        .or_else(|| ghcr::registry_of(host).map(Registry::Ghcr))
}

/// A registry that belongs to this cloud according to the settings, though not by its name:
/// GitHub Enterprise Server, Azure Local, a universe of Google's. `None` for an address without
/// TLS, and for AWS, whose tokens need a region, which only its own name contains.
pub fn registry_as(cloud: Cloud, server: &ServerUrl) -> Option<Registry> {
    if !server.is_https() || !server.is_plain() {
        return None;
    }
    let own = registry_of(server).filter(|registry| registry.cloud() == cloud);
    own.or_else(|| match cloud {
        Cloud::Aws => None,
        Cloud::Azure => Some(Registry::Acr(AcrRegistry::declared(&server.authority()))),
        Cloud::Google => Some(Registry::Gcr(GcrRegistry::declared())),
        Cloud::GitHub => Some(Registry::Ghcr(GhcrRegistry::declared(server.host()))),
    })
}
