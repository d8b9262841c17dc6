//! `docker-credential-ghcr`: Docker's credential helper for GitHub Packages.

mod allocator;

use std::process::ExitCode;

use broker::{Apart, Provider};

const PROGRAM: protocol::Program = protocol::Program {
    name: "docker-credential-ghcr",
    package: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
};

fn main() -> ExitCode {
    let apart = Apart::new(|server, setup| Some(ghcr::Ghcr.scope(server, setup)?.with(())));
    broker::run(PROGRAM, apart.with_at_hand(|server, setup| broker::at_hand(ghcr::Ghcr, server, setup)))
}
