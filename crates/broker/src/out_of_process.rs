//! The out-of-process minter.
//!
//! A helper has no SDK, runtime or TLS in it: a small program starts, and serves a hit, in a third of the
//! time, because each memory page that it touches costs. On a miss it starts the worker `credmint-mint`,
//! which is installed beside the helpers and has all of that:
//!
//! ```text
//!  helper ── {"server", "milliseconds", "sent", "workload"?} ──▶ credmint-mint ──▶ the cloud
//!         ◀── {"username", "secret", "expires", "scope", "requires"?}  or  {"what", "hint", "no_identity"} ──
//! ```
//!
//! What takes no request ([`Provider::mint_offline`]) is minted in the helper.
//!
//! Both use pipes, never arguments or environment variables. The worker computes the token's name itself,
//! before and after it mints, because the user may have switched identities since the helper read the
//! settings. The helper keeps the request pipe open until it has the response. If the pipe closes earlier,
//! the helper has gone, and the worker ends together with every program that it or an SDK has started.

pub mod wire;
mod worker;
mod worker_main;

use std::path::{Path, PathBuf};

use protocol::{Deadline, ServerUrl};
use settings::{Environment, Setup};

use crate::{ExistingToken, MintError, Minted, Provider, Scope};
use worker::Worker;

pub use worker_main::run_worker;

/// The program of the worker.
const WORKER: &str = "credmint-mint";

/// A provider that mints in the worker; all else is done in this process.
pub struct OutOfProcess<P>(pub P);

impl<P: Provider> Provider for OutOfProcess<P> {
    type Target = (ServerUrl, Scope<P::Target>);

    fn scope(&self, server: &ServerUrl, setup: &Setup) -> Option<Scope<Self::Target>> {
        let inner = self.0.scope(server, setup)?;
        let (service, identity, public) = (inner.service.clone(), inner.identity.clone(), inner.public);
        Some(Scope { service, identity, public, target: (server.clone(), inner) })
    }

    fn username<'a>(&'a self, scope: &'a Scope<Self::Target>) -> &'a str {
        self.0.username(&scope.target.1)
    }

    fn existing_token(&self, scope: &Scope<Self::Target>, setup: &Setup) -> Result<Option<ExistingToken>, MintError> {
        self.0.existing_token(&scope.target.1, setup)
    }

    fn remedy_on_node(&self, scope: &Scope<Self::Target>) -> Option<&'static str> {
        self.0.remedy_on_node(&scope.target.1)
    }

    fn mint(&self, scope: &Scope<Self::Target>, setup: &Setup, deadline: Deadline) -> Result<Minted, MintError> {
        let (server, inner) = &scope.target;
        if let Some(minted) = self.0.mint_offline(inner, setup) {
            // If a file changed meanwhile, the token may belong to either identity.
            let id = self.0.scope(server, setup).map(|after| after.id()).unwrap_or_default();
            return Ok(Minted { scope: Some(id), ..minted });
        }
        let mut worker = Worker::start(&program(&setup.environment), &setup.environment)?;
        let request = wire::write_request(server, deadline.remaining(), setup.workload.as_ref());
        let response = worker.ask(server, &request, deadline)?;
        wire::read_response(&response).unwrap_or_else(|| Err(worker.malformed_response(server)))
    }
}

/// The worker next to this program, else the one on `PATH`; if there is neither, the path where it should be.
fn program(environment: &Environment) -> PathBuf {
    let name = format!("{WORKER}{}", std::env::consts::EXE_SUFFIX);
    let beside = std::env::current_exe().ok().map(|program| program.with_file_name(&name));
    let found = beside.clone().filter(|program| program.exists()).or_else(|| environment.program(&name));
    found.or(beside).unwrap_or_else(|| Path::new("/").join(name))
}
