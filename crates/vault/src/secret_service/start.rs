//! Starts a service that is not running.

use std::time::Duration;

use super::bus::{Bus, PLACE, SERVICE};
use super::connection::{TIMEOUT, text};
use super::errors::{absent, is_missing};
use crate::VaultError;
use crate::failure_marker::FailureMarker;

/// How long a service that failed to start is not started again, such as on a server that has a desktop's
/// keyring installed and no desktop.
const RETRY_AFTER: Duration = Duration::from_secs(600);

impl Bus {
    /// Lets the bus start the service, once. It starts only a service that it knows, and never another bus.
    pub(super) fn start_service(&self) -> Result<(), VaultError> {
        self.started.get_or_init(|| self.start_now()).clone()
    }

    fn start_now(&self) -> Result<(), VaultError> {
        let mark = FailureMarker::new(self.folder.clone(), "keychain-not-started", RETRY_AFTER);
        if mark.read().is_some() {
            return Err(absent("it failed to start a moment ago".to_owned()));
        }
        self.connection.wait_until(self.end.get());
        let asked = self.connection.ask_bus("StartServiceByName", (SERVICE, 0_u32));
        match self.read::<(u32,)>(asked) {
            Ok(_) => {
                log::debug!("{PLACE}: started");
                Ok(())
            }
            // The bus knows no such service; no marker, because asking it is cheap.
            Err(error) if is_missing(&error) => Err(absent("it is not running in this session".to_owned())),
            Err(error) => {
                mark.leave("");
                Err(match error.name() {
                    Some(TIMEOUT) => VaultError::TimedOut { place: PLACE },
                    _ => absent(format!("it failed to start: {}", text(&error))),
                })
            }
        }
    }
}
