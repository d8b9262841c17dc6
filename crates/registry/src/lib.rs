//! Which cloud a server address belongs to.
//!
//! One table of parsed, anchored patterns decides, because the answer decides who is handed a
//! token: a pattern that also matches `registry.example.attacker.com` gives it to the attacker.
//! Regions are matched by shape, so that a new one works on its first day.
//!
//! ```
//! use registry::{Registry, registry_of};
//! let server = protocol::ServerUrl::parse("123456789012.dkr.ecr.eu-west-1.amazonaws.com").unwrap();
//! let Some(Registry::Ecr(registry)) = registry_of(&server) else { panic!("not found") };
//! assert_eq!(registry.region, "eu-west-1");
//! ```

mod ecr;
mod pattern;

use protocol::ServerUrl;

pub use ecr::{EcrPublicRegistry, EcrRegistry, Partition};

/// A registry of one of the clouds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registry {
    /// Amazon ECR, an account's private registry.
    Ecr(EcrRegistry),
    /// Amazon ECR Public.
    EcrPublic(EcrPublicRegistry),
}

/// The cloud registry that an address belongs to; `None` for every other registry.
///
/// The clouds speak only TLS on its own port, so an address with `http://` or a port is not theirs.
/// The path plays no part: some clients ask for `host/repository`.
pub fn registry_of(server: &ServerUrl) -> Option<Registry> {
    if !server.is_https() || server.port().is_some() {
        return None;
    }
    ecr::registry_of(server.host())
}
