//! `docker-credential-ghcr`: Docker's credential helper for GitHub Packages.

mod allocator;

use std::process::ExitCode;

const PROGRAM: protocol::Program = protocol::Program {
    name: "docker-credential-ghcr",
    package: env!("CARGO_PKG_NAME"),
    version: env!("CREDMINT_VERSION"),
    foreign_actions: &[],
};

fn main() -> ExitCode {
    broker::run(PROGRAM, broker::OutOfProcess(ghcr::Ghcr))
}
