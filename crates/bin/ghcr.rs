//! `docker-credential-ghcr`: Docker's credential helper for GitHub Packages.

mod allocator;

use std::process::ExitCode;

const PROGRAM: protocol::Program = protocol::Program {
    name: "docker-credential-ghcr",
    package: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
};

fn main() -> ExitCode {
    broker::run(PROGRAM, broker::Apart(ghcr::Ghcr))
}
