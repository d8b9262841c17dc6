//! Cached or minted: the one decision behind `get`, `store`, `erase` and `list`.
//!
//! ```text
//! get ─▶ stored login? ─▶ fresh token in the vault? ─▶ one at hand? ─▶ one minter at a time ─▶ mint ─▶ vault
//!          answer            answer                      answer           the others look again    answer
//! ```
//!
//! A cloud adds a [`Provider`]: a cheap `scope`, called on every `get`, and a slow `mint`, called
//! on a miss. A helper is its cloud, set [`Apart`] from its SDK, and one call of [`run`]; the program
//! that mints is one call of [`answer`].

mod apart;
mod broker;
mod freshness;
mod login;
mod provide;
mod provider;
mod turn;

use std::process::ExitCode;
use std::time::SystemTime;

use protocol::{Failure, Program};
use settings::{Setup, VaultChoice};
use vault::Vault;

pub use apart::{Apart, answer, wire};
pub use broker::Broker;
pub use login::end_of_login;
pub use provide::{Provided, Question};
pub use provider::{AtHand, MintError, Minted, Provider, Scope};

/// The whole of a helper's `main`: answers the request of this process.
pub fn run<P: Provider>(program: Program, provider: P) -> ExitCode {
    protocol::serve(program, std::env::args_os().skip(1), || {
        let setup = setup()?;
        let vault = open(&setup);
        Ok(Broker::new(provider, setup, vault, SystemTime::now))
    })
}

/// Reads the settings of this process and starts the log that they ask for.
fn setup() -> Result<Setup, Failure> {
    let environment = settings::Environment::of_process();
    if let Some(setting) = environment.text("CREDMINT_LOG") {
        protocol::start_journal(&setting);
    }
    Setup::load(environment)
}

/// The vault that the settings choose; opens and asks nothing yet.
pub fn open(setup: &Setup) -> Vault {
    let choice = match setup.settings.vault {
        VaultChoice::Auto => vault::Choice::Auto,
        VaultChoice::Keychain => vault::Choice::Keychain,
        VaultChoice::Kernel => vault::Choice::Kernel,
        VaultChoice::File => vault::Choice::File,
        VaultChoice::None => vault::Choice::None,
    };
    let places = &setup.places;
    let has_keychain = matches!(choice, vault::Choice::Auto | vault::Choice::Keychain);
    let places = vault::Places {
        runtime: places.runtime.clone(),
        cache: places.cache.clone(),
        data: places.data.clone(),
        session_bus: has_keychain.then(|| places.session_bus(&setup.environment)).flatten(),
    };
    Vault::new(choice, places)
}
