//! `docker-credential-ecr`: Docker's credential helper for Amazon ECR.

mod allocator;

use std::process::ExitCode;

const PROGRAM: protocol::Program = protocol::Program {
    name: "docker-credential-ecr",
    package: env!("CARGO_PKG_NAME"),
    version: env!("CREDMINT_VERSION"),
    foreign_actions: &[],
};

fn main() -> ExitCode {
    broker::run(PROGRAM, broker::OutOfProcess(ecr::Ecr))
}
