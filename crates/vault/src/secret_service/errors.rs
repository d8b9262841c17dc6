use dbus::Error;

use super::bus::{Bus, PLACE, SERVICE};
use super::connection::{TIMEOUT, text};
use crate::VaultError;

pub(super) const UNKNOWN_METHOD: &str = "org.freedesktop.DBus.Error.UnknownMethod";

/// The names of the services by their programs; the kernel truncates those to 15 characters.
const PROGRAMS: [(&str, &str); 5] = [
    ("gnome-keyring-d", "Secret Service (GNOME Keyring)"),
    ("keepassxc", "Secret Service (KeePassXC)"),
    ("ksecretd", "Secret Service (KWallet)"),
    ("kwalletd5", "Secret Service (KWallet)"),
    ("kwalletd6", "Secret Service (KWallet)"),
];

impl Bus {
    /// The name of the service, with that of its program if it can be determined.
    pub(super) fn place(&self) -> &'static str {
        let program = self.program();
        PROGRAMS.iter().find(|(name, _)| *name == program).map_or(PLACE, |(_, place)| place)
    }

    /// Empty if it cannot be determined. Called for errors only.
    pub(super) fn program(&self) -> &str {
        self.program.get_or_init(|| {
            let asked = self.connection.ask_bus("GetConnectionUnixProcessID", (SERVICE,));
            let process = self.read::<(u32,)>(asked).map(|(process,)| process);
            let name = process.ok().and_then(|process| std::fs::read_to_string(format!("/proc/{process}/comm")).ok());
            name.unwrap_or_default().trim_end().to_owned()
        })
    }

    pub(super) fn locked(&self) -> VaultError {
        VaultError::Locked { place: self.place() }
    }

    pub(super) fn unconfirmed(&self) -> VaultError {
        VaultError::Unconfirmed { place: self.place() }
    }

    pub(super) fn failure(&self, error: &Error) -> VaultError {
        match error.name() {
            Some("org.freedesktop.Secret.Error.IsLocked") => self.locked(),
            Some("org.freedesktop.DBus.Error.NoReply" | TIMEOUT) => VaultError::TimedOut { place: PLACE },
            _ if is_missing(error) => match self.started.get() {
                Some(Err(error)) => error.clone(),
                _ => absent("it is not running in this session".to_owned()),
            },
            Some("org.freedesktop.DBus.Error.Disconnected") => VaultError::Failed { place: PLACE, why: text(error) },
            _ => VaultError::Failed { place: self.place(), why: text(error) },
        }
    }
}

/// `None` if the object has been deleted meanwhile.
pub(super) fn unless_gone<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) => match error.name() {
            Some(
                "org.freedesktop.Secret.Error.NoSuchObject"
                | "org.freedesktop.DBus.Error.UnknownObject"
                | UNKNOWN_METHOD,
            ) => Ok(None),
            _ => Err(error),
        },
    }
}

/// Whether the service is not running and the bus cannot start it.
pub(super) fn is_missing(error: &Error) -> bool {
    matches!(
        error.name(),
        Some("org.freedesktop.DBus.Error.ServiceUnknown" | "org.freedesktop.DBus.Error.NameHasNoOwner") //
    )
}

pub(super) fn absent(why: String) -> VaultError {
    VaultError::Absent { place: PLACE, why }
}

pub(super) fn connect_error(error: &Error) -> VaultError {
    if error.name() == Some(TIMEOUT) { VaultError::TimedOut { place: PLACE } } else { absent(text(error)) }
}
