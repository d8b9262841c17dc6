use std::path::PathBuf;

use crate::Environment;

/// The folders that the suite reads and writes, by the rules of each system; `None` where there is
/// no such folder: no home, no session.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// The user's home.
    pub home: Option<PathBuf>,
    /// The settings files, the user's first.
    pub settings: Vec<PathBuf>,
    /// Gone when the session ends: locks, and tokens where no better place is. `$XDG_RUNTIME_DIR/credmint`.
    pub runtime: Option<PathBuf>,
    /// May be deleted at any time. `~/.cache/credmint`.
    pub cache: Option<PathBuf>,
    /// Is to last. `~/.local/share/credmint`.
    pub data: Option<PathBuf>,
}

impl Places {
    /// The folders of this process's user. `$CREDMINT_CONFIG` stands for all other settings files.
    pub fn of_process(environment: &Environment) -> Self {
        const NAME: &str = "credmint";
        let settings = match environment.path("CREDMINT_CONFIG") {
            Some(file) => vec![file],
            None => [dirs::config_dir(), machine_settings(environment)]
                .into_iter()
                .flatten()
                .map(|folder| folder.join(NAME).join("config.toml"))
                .collect(),
        };
        Places {
            home: dirs::home_dir(),
            settings,
            runtime: dirs::runtime_dir().map(|folder| folder.join(NAME)),
            cache: dirs::cache_dir().map(|folder| folder.join(NAME)),
            data: dirs::data_local_dir().map(|folder| folder.join(NAME)),
        }
    }

    /// The address of the session's D-Bus, on systems that have one and where it is there already:
    /// naming none makes a client start one, which must not happen behind a `docker pull`.
    ///
    /// Source: <https://dbus.freedesktop.org/doc/dbus-specification.html#message-bus-types-login>, and
    /// systemd's habit of listening at `$XDG_RUNTIME_DIR/bus`.
    pub fn session_bus(&self, environment: &Environment) -> Option<String> {
        if !cfg!(target_os = "linux") {
            return None;
        }
        environment.text("DBUS_SESSION_BUS_ADDRESS").or_else(|| {
            let socket = self.runtime.as_ref()?.with_file_name("bus");
            socket.exists().then(|| format!("unix:path={}", socket.display()))
        })
    }
}

#[cfg(windows)]
fn machine_settings(environment: &Environment) -> Option<PathBuf> {
    environment.path("ProgramData")
}

#[cfg(not(windows))]
fn machine_settings(_: &Environment) -> Option<PathBuf> {
    Some(PathBuf::from("/etc"))
}
