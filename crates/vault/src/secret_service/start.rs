//! A service that nobody has started yet.

use std::time::Duration;

use super::bus::{Bus, PLACE, SERVICE};
use super::connection::{TIMEOUT, text};
use super::errors::{absent, is_missing};
use crate::VaultError;
use crate::failure_marker::FailureMarker;

/// For which a service that could not be started is not started again: on a server with the program of
/// a desktop that is not there.
const RETRY_AFTER: Duration = Duration::from_secs(600);

impl Bus {
    /// Has the bus start the service, once. It starts a service that it knows, and never a bus.
    pub(super) fn start_service(&self) -> Result<(), VaultError> {
        self.started.get_or_init(|| self.start_now()).clone()
    }

    fn start_now(&self) -> Result<(), VaultError> {
        let mark = FailureMarker::new(self.folder.clone(), "keychain-not-started", RETRY_AFTER);
        if mark.read().is_some() {
            return Err(absent("starting it failed a moment ago".to_owned()));
        }
        self.connection.wait_until(self.end.get());
        let asked = self.connection.ask_bus("StartServiceByName", (SERVICE, 0_u32));
        match self.read::<(u32,)>(asked) {
            Ok(_) => {
                log::debug!("{PLACE}: it has been started");
                Ok(())
            }
            // The bus knows of none, and to ask it costs next to nothing.
            Err(error) if is_missing(&error) => Err(absent("it is not running in this session".to_owned())),
            Err(error) => {
                mark.leave("");
                Err(match error.name() {
                    Some(TIMEOUT) => VaultError::TimedOut { place: PLACE },
                    _ => absent(format!("starting it failed: {}", text(&error))),
                })
            }
        }
    }
}
