//! A credential helper for any cloud: serves a stored login, a cached token or an existing token, and mints
//! a token otherwise.
//!
//! ```text
//! get ─▶ stored login? ─▶ fresh cached token? ─▶ existing token? ─▶ mint lock ─▶ mint ─▶ cache
//!           serve             serve (`freshness`)    pass through       │          serve
//!                                                                       └ waiters: look up again
//! ```
//!
//! A cloud implements [`Provider`]: a cheap `scope`, called on every `get`, and a slow `mint`, called on a
//! miss. A helper's `main` is [`run`] with the provider in [`OutOfProcess`], so that the SDK is not loaded
//! on a hit; the `main` of the worker that mints is [`run_worker`].
//!
//! A complete provider, minted, cached and served (`crates/broker/examples/provider.rs`):
//!
#![doc = concat!("```\n", include_str!("../examples/provider.rs"), "\n```")]

mod audit;
mod broker;
mod erase;
mod freshness;
mod json;
mod login_expiry;
mod out_of_process;
mod principal;
mod provide;
mod provider;
mod served_hosts;
mod single_flight;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use protocol::{Failure, Program};
use settings::{Setup, VaultChoice};
use vault::Vault;

pub use broker::Broker;
pub use login_expiry::{jwt_expiry, login_expiry};
pub use out_of_process::{OutOfProcess, run_worker, wire};
pub use principal::Principal;
pub use provide::{ProvideRequest, ProvideResponse};
pub use provider::{ExistingToken, MintError, Minted, Provider, Scope};

/// The `main` of a helper: handles the request of this process.
pub fn run<P: Provider>(program: Program, provider: P) -> ExitCode {
    protocol::serve(program, std::env::args_os().skip(1), || {
        let setup = setup()?;
        let vault = open(&setup);
        Ok(Broker::new(provider, setup, vault, SystemTime::now).with_names(names(program)))
    })
}

/// The names by which Docker's configuration may refer to this helper: its own, and that of a link to it.
fn names(program: Program) -> Vec<String> {
    let link = std::env::args_os().next().map(PathBuf::from);
    let link = link.as_ref().and_then(|path| path.file_stem()).map(|name| name.to_string_lossy().into_owned());
    let programs = [Some(program.name.to_owned()), link].into_iter().flatten();
    programs.filter_map(|name| name.strip_prefix("docker-credential-").map(str::to_owned)).collect()
}

/// Reads the settings of this process, and starts logging if `CREDMINT_LOG` is set.
fn setup() -> Result<Setup, Failure> {
    let environment = settings::Environment::of_process();
    if let Some(setting) = environment.text("CREDMINT_LOG") {
        protocol::start_logger(&setting, true);
    }
    Setup::load(environment, vault::private::only_administrators_write)
}

/// The vault that the settings choose. Nothing is opened yet.
pub fn open(setup: &Setup) -> Vault {
    let choice = match setup.settings.vault {
        VaultChoice::Auto if setup.settings.policy.as_ref().is_some_and(|policy| !policy.allows_plain_files()) => {
            vault::Choice::NoFiles
        }
        VaultChoice::Auto => vault::Choice::Auto,
        VaultChoice::Keychain => vault::Choice::Keychain,
        VaultChoice::Kernel => vault::Choice::Kernel,
        VaultChoice::File => vault::Choice::File,
        VaultChoice::None => vault::Choice::None,
    };
    let places = &setup.places;
    let has_keychain = matches!(choice, vault::Choice::Auto | vault::Choice::NoFiles | vault::Choice::Keychain);
    let places = vault::Places {
        runtime: places.runtime.clone(),
        cache: places.cache.clone(),
        data: places.data.clone(),
        session_bus: has_keychain.then(|| places.session_bus(&setup.environment)).flatten(),
    };
    Vault::new(choice, places)
}
