//! A provider for `*.registry.example`: its token is minted once, cached, and served from the cache.

use std::cell::Cell;
use std::time::{Duration, SystemTime};

use broker::{Broker, MintError, Minted, Provider, Scope};
use protocol::{Deadline, Helper, Secret, ServerUrl};
use settings::{Fingerprint, Setup};
use vault::{Choice, Places, Vault};

#[derive(Default)]
struct Example {
    mints: Cell<u32>,
}

impl Provider for Example {
    type Target = ();

    fn scope(&self, server: &ServerUrl, setup: &Setup) -> Option<Scope<()>> {
        server.host().strip_suffix(".registry.example")?;
        // Another user gets another token.
        let identity = Fingerprint::new().variable(&setup.environment, "EXAMPLE_USER").finish();
        Some(Scope { service: "example".to_owned(), identity, public: false, target: () })
    }

    fn username(&self, _: &Scope<()>) -> &str {
        "example"
    }

    /// A real provider calls its cloud here.
    fn mint(&self, _: &Scope<()>, _: &Setup, _: Deadline) -> Result<Minted, MintError> {
        self.mints.set(self.mints.get() + 1);
        let token = Secret::new(format!("token-{}", self.mints.get()));
        Ok(Minted::new("example", token, SystemTime::now() + Duration::from_secs(3600)))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let home = tempfile::tempdir()?;
    let vault = Vault::new(Choice::File, Places { cache: Some(home.path().join("cache")), ..Places::default() });
    let setup = Setup::of(home.path(), &[("EXAMPLE_USER", "alice")]);
    // In a helper, `broker::run` does this, and answers Docker on standard output.
    let helper = Broker::new(Example::default(), setup, vault, SystemTime::now);

    let minted = helper.get(&ServerUrl::parse("eu.registry.example")?)?;
    let cached = helper.get(&ServerUrl::parse("https://us.registry.example/v2/")?)?;
    assert_eq!((minted.username.as_str(), minted.secret), ("example", Secret::new("token-1".to_owned())));
    assert_eq!(cached.secret, Secret::new("token-1".to_owned()), "no second token is minted");
    assert!(helper.get(&ServerUrl::parse("docker.io")?).is_err(), "not found");
    Ok(())
}
