//! Credentials of any other program, for the registries that a `[[registry]]` table matches:
//! `helper = "pass"` for another `docker-credential-NAME`, `command = ["/opt/corp/token", "get"]` for any program
//! that implements Docker's `get`.
//!
//! ```text
//! stdin: the registry, as the client sent it
//! stdout: {"Username":"…","Secret":"…","Expires":"2026-11-27T20:00:00Z"}, exit 0
//!         credentials not found in native keychain, exit 1: it has none
//! ```
//!
//! `Expires` is an optional extension; other clients ignore it. Credentials without an expiry (neither by it, nor
//! as a JSON Web Token, nor by `life` in the table) are served and never cached.
//!
//! ```
//! # #[cfg(unix)] {
//! use broker::Provider;
//! use protocol::{Deadline, ServerUrl};
//! use settings::{Settings, Setup};
//! # let folder = tempfile::tempdir().unwrap();
//! let program = folder.path().join("token");
//! testing::script(&program, r#"echo '{"Username":"jane","Secret":"s","Expires":"2099-01-01T00:00:00Z"}'"#);
//! let mut setup = Setup::of(folder.path(), &[]);
//! let rule = format!("[[registry]]\nmatch = \"*.corp.example\"\ncommand = [{program:?}]");
//! setup.settings = Settings::parse(&rule).unwrap();
//! let server = ServerUrl::parse("registry.corp.example").unwrap();
//! let scope = command::Command.scope(&server, &setup).expect("the rule matches");
//! let deadline = Deadline::after(std::time::Duration::from_secs(20));
//! assert_eq!(command::Command.mint(&scope, &setup, deadline).unwrap().username, "jane");
//! # }
//! ```

mod error;
mod response;
mod scope;

use std::time::SystemTime;

use broker::{MintError, Minted, Provider, Scope};
use program::{Output, RunError};
use protocol::{Deadline, NOT_FOUND, ServerUrl};
use settings::{Conditions, Setup};
use tokio::process::Command as Process;

pub use response::{Response, read};
pub use scope::Target;

/// Set for the program, so that one that calls credmint gets an error instead of starting itself for ever.
const INSIDE: &str = "CREDMINT_INSIDE_COMMAND";

/// The provider of registries that the settings assign to a program.
#[derive(Clone, Copy, Debug)]
pub struct Command;

impl Provider for Command {
    type Target = Target;

    fn scope(&self, server: &ServerUrl, setup: &Setup) -> Option<Scope<Target>> {
        scope::of(server, setup)
    }

    fn username(&self, _scope: &Scope<Target>) -> &str {
        ""
    }

    fn mint(&self, scope: &Scope<Target>, setup: &Setup, deadline: Deadline) -> Result<Minted, MintError> {
        let target = &scope.target;
        if setup.environment.raw(INSIDE).is_some() {
            return Err(error::recursion(target));
        }
        let Some(path) = &target.program else { return Err(error::missing(target)) };
        let mut process = Process::new(path);
        process.args(&target.command[1..]).env(INSIDE, "1");
        if let Some(folders) = setup.environment.search_path() {
            process.env("PATH", folders);
        }
        let input = target.server.original().as_bytes();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error::not_started(target, &error))?;
        let output = runtime.block_on(program::run_with_input(&mut process, input, deadline));
        let Output { status, stdout, .. } = match output {
            Ok(output) => output,
            Err(RunError::TimedOut) => return Err(error::timed_out(target)),
            Err(RunError::NotStarted(error)) => return Err(error::not_started(target, &error)),
        };
        if !status.success() {
            let output = std::str::from_utf8(&stdout).unwrap_or_default().trim();
            return Err(if output == NOT_FOUND { error::not_found(target) } else { error::failed(target, status) });
        }
        let now = SystemTime::now();
        let response = response::read(&stdout, target.life, now).map_err(|cause| error::malformed(target, cause))?;
        let mut minted = Minted::new(response.username, response.secret, response.expires.unwrap_or(now));
        if response.expires.is_none() {
            minted.requires = Conditions::default().never_reuse().seal(&setup.environment);
        }
        Ok(minted)
    }
}
