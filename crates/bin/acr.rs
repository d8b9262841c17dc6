//! `docker-credential-acr`: Docker's credential helper for Azure Container Registry.

mod allocator;

use std::process::ExitCode;

const PROGRAM: protocol::Program = protocol::Program {
    name: "docker-credential-acr",
    package: env!("CARGO_PKG_NAME"),
    version: env!("CREDMINT_VERSION"),
    foreign_actions: &[],
};

fn main() -> ExitCode {
    broker::run(PROGRAM, broker::OutOfProcess(acr::Acr))
}
