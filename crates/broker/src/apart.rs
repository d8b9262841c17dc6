//! Minting in a process of its own.
//!
//! A helper is small: it has no SDK, no runtime and no TLS in it, so that it starts and answers a
//! hit in a third of the time, as a large program is spread over many pages and each costs its
//! share of a hit. What all of that is needed for happens in the program `credmint-mint`, which
//! lies beside the helpers and is started on a miss:
//!
//! ```text
//!  helper ── {"server", "milliseconds", "workload"?} ──▶ credmint-mint ──▶ the cloud
//!         ◀── {"username", "secret", "expires"}  or  {"what", "hint", "not_signed_in"} ──
//! ```
//!
//! Both speak through pipes, never through arguments or the environment.

mod minter;
pub mod wire;

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use protocol::{Deadline, Explained, ServerUrl};
use settings::{Environment, Setup};
use zeroize::Zeroizing;

use crate::{AtHand, MintError, Minted, Provider, Scope};

pub use minter::answer;

/// The program that mints.
const MINTER: &str = "credmint-mint";
/// How much longer than it was given the minter may take to say that it was not enough.
const GRACE: Duration = Duration::from_millis(500);
/// Bytes; no token comes near. One that says more is not ours, and must not fill the memory.
const LARGEST: u64 = 1 << 20;

/// A provider whose tokens are named and handed on here, and minted by `credmint-mint`.
pub struct Apart<P>(pub P);

impl<P: Provider> Provider for Apart<P> {
    type Target = (ServerUrl, Scope<P::Target>);

    fn scope(&self, server: &ServerUrl, setup: &Setup) -> Option<Scope<Self::Target>> {
        let inner = self.0.scope(server, setup)?;
        let (service, identity, public) = (inner.service.clone(), inner.identity.clone(), inner.public);
        Some(Scope { service, identity, public, target: (server.clone(), inner) })
    }

    fn at_hand(&self, scope: &Scope<Self::Target>, setup: &Setup) -> Result<Option<AtHand>, MintError> {
        self.0.at_hand(&scope.target.1, setup)
    }

    fn mint(&self, scope: &Scope<Self::Target>, setup: &Setup, deadline: Deadline) -> Result<Minted, MintError> {
        let mut child = start(&program(&setup.environment))?;
        let question = wire::question(&scope.target.0, deadline.remaining(), setup.workload.as_ref());
        let answer = converse(&mut child, &scope.target.0, &question, deadline);
        // It has answered, or is not to go on.
        let _ = child.kill();
        let _ = child.wait();
        wire::minted(&answer?)
    }
}

fn start(program: &Path) -> Result<Child, MintError> {
    Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(|error| {
        MintError::Failed(Explained {
            what: format!("no token can be minted: {} cannot be started: {error}", program.display()),
            hint: Some("install credmint again: its programs belong together".to_owned()),
        })
    })
}

/// The minter beside this program, else the one on the path; where there is neither, where it should be.
fn program(environment: &Environment) -> PathBuf {
    let name = format!("{MINTER}{}", std::env::consts::EXE_SUFFIX);
    let beside = std::env::current_exe().ok().map(|program| program.with_file_name(&name));
    let found = beside.clone().filter(|program| program.exists()).or_else(|| environment.program(&name));
    found.or(beside).unwrap_or_else(|| Path::new("/").join(name))
}

/// Asks, and waits for the whole answer.
fn converse(
    child: &mut Child,
    server: &ServerUrl,
    question: &[u8],
    deadline: Deadline,
) -> Result<Zeroizing<Vec<u8>>, MintError> {
    let mut input = child.stdin.take().expect("its standard input is a pipe");
    let mut output = child.stdout.take().expect("its standard output is a pipe");
    // One that has died already says so by its empty answer.
    let _ = input.write_all(question);
    drop(input);
    let (sender, answer) = mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let mut bytes = Zeroizing::new(Vec::with_capacity(16 << 10));
        let read = output.by_ref().take(LARGEST).read_to_end(&mut bytes);
        let _ = sender.send(read.map(|_| bytes));
    });
    match answer.recv_timeout(deadline.remaining() + GRACE) {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) | Err(mpsc::RecvTimeoutError::Disconnected) => Err(wire::nonsense()),
        Err(mpsc::RecvTimeoutError::Timeout) => Err(MintError::Failed(Explained {
            what: format!("no token for {server} in time"),
            hint: Some("check the network, or raise timeout in credmint's settings".to_owned()),
        })),
    }
}
