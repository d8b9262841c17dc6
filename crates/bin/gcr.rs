//! `docker-credential-gcr`: Docker's credential helper for Google Artifact Registry and Container Registry.

mod allocator;

use std::process::ExitCode;

const PROGRAM: protocol::Program = protocol::Program {
    name: "docker-credential-gcr",
    package: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
};

fn main() -> ExitCode {
    broker::run(PROGRAM, broker::Apart(gcr::Gcr))
}
