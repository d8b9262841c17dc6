//! `docker-credential-credmint`: every registry by one `credsStore`, the clouds' by their tokens and all others by
//! their stored logins.

mod allocator;

use std::process::ExitCode;

use broker::{Apart, Provider, Scope};
use protocol::ServerUrl;
use registry::Cloud;
use settings::Setup;

const PROGRAM: protocol::Program = protocol::Program {
    name: "docker-credential-credmint",
    package: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
};

fn main() -> ExitCode {
    // Only GitHub's tokens lie about.
    let apart = Apart::new(scope).with_at_hand(|server, setup| broker::at_hand(ghcr::Ghcr, server, setup));
    broker::run(PROGRAM, apart)
}

/// By the cloud's own rules: what its helper has cached serves here, and the other way round.
fn scope(server: &ServerUrl, setup: &Setup) -> Option<Scope<()>> {
    let (registry, _) = setup.registry_of(server)?;
    Some(match registry.cloud() {
        Cloud::Aws => ecr::Ecr.scope(server, setup)?.with(()),
        Cloud::Azure => acr::Acr.scope(server, setup)?.with(()),
        Cloud::Google => gcr::Gcr.scope(server, setup)?.with(()),
        Cloud::GitHub => ghcr::Ghcr.scope(server, setup)?.with(()),
    })
}
