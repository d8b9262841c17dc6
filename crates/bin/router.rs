//! `docker-credential-credmint`: every registry by one `credsStore`, the clouds' by their tokens and all others by
//! their stored logins.

mod all;
mod allocator;

use std::process::ExitCode;

const PROGRAM: protocol::Program = protocol::Program {
    name: "docker-credential-credmint",
    package: env!("CARGO_PKG_NAME"),
    version: env!("CREDMINT_VERSION"),
    foreign_actions: &[],
};

fn main() -> ExitCode {
    broker::run(PROGRAM, broker::OutOfProcess(all::All))
}
