//! `docker-credential-ecr`: Docker's credential helper for Amazon ECR.

mod allocator;

use std::process::ExitCode;

use broker::{Apart, Provider};

const PROGRAM: protocol::Program = protocol::Program {
    name: "docker-credential-ecr",
    package: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
};

fn main() -> ExitCode {
    broker::run(PROGRAM, Apart::new(|server, setup| Some(ecr::Ecr.scope(server, setup)?.with(()))))
}
