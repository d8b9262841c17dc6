use std::path::PathBuf;

use crate::Environment;

/// The folders that credmint reads and writes, by the rules of each system; `None` if there is no such folder: no
/// home, a home that does not exist, no session.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// The user's home.
    pub home: Option<PathBuf>,
    /// The settings files, the user's first.
    pub settings: Vec<PathBuf>,
    /// The one that is for all users of the machine. If `$CREDMINT_CONFIG` replaces all settings files, only what
    /// administrators demand is read from it: its policy and its audit log.
    pub machine_settings: Option<PathBuf>,
    /// Deleted when the session ends: mint locks, and tokens without a better store. `$XDG_RUNTIME_DIR/credmint`.
    pub runtime: Option<PathBuf>,
    /// May be deleted at any time. `~/.cache/credmint`.
    pub cache: Option<PathBuf>,
    /// Permanent. `~/.local/share/credmint`.
    pub data: Option<PathBuf>,
}

impl Places {
    /// The folders of this process's user. `$CREDMINT_CONFIG` replaces all settings files.
    pub fn of_process(environment: &Environment) -> Self {
        const NAME: &str = "credmint";
        let file = |folder: PathBuf| folder.join(NAME).join("config.toml");
        let named = environment.path("CREDMINT_CONFIG");
        let machine_settings = machine_settings().map(file);
        let settings = match named {
            Some(file) => vec![file],
            None => dirs::config_dir().map(file).into_iter().chain(machine_settings.clone()).collect(),
        };
        let home = home(environment);
        // A missing home is not created: root could, and `/nonexistent` is the home of users without one.
        let missing = home.clone().filter(|home| !home.exists());
        let is_in_a_home = |folder: &PathBuf| missing.as_ref().is_none_or(|home| !folder.starts_with(home));
        Places {
            home,
            settings,
            machine_settings,
            runtime: dirs::runtime_dir().filter(|folder| folder.exists()).map(|folder| folder.join(NAME)),
            cache: dirs::cache_dir().filter(is_in_a_home).map(|folder| folder.join(NAME)),
            data: dirs::data_local_dir().filter(is_in_a_home).map(|folder| folder.join(NAME)),
        }
    }

    /// The user who called sudo, if the home folder is not theirs.
    pub fn sudo_user(&self, environment: &Environment) -> Option<String> {
        let user = environment.text("SUDO_USER").filter(|user| user != "root")?;
        (!self.is_home_of(environment.text("SUDO_UID")?.parse().ok()?)).then_some(user)
    }

    #[cfg(unix)]
    fn is_home_of(&self, user: u32) -> bool {
        use std::os::unix::fs::MetadataExt;
        self.home.as_ref().and_then(|home| home.metadata().ok()).is_some_and(|home| home.uid() == user)
    }

    #[cfg(not(unix))]
    fn is_home_of(&self, _user: u32) -> bool {
        true
    }

    /// The address of the D-Bus session bus, if it exists already: without an address, a client would start a bus,
    /// which must not happen behind a `docker pull`.
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

/// The home that the clouds' programs use for their files. On Windows they follow a variable, unlike the system's
/// own function.
fn home(environment: &Environment) -> Option<PathBuf> {
    environment.path("USERPROFILE").filter(|_| cfg!(windows)).or_else(dirs::home_dir)
}

#[cfg(windows)]
fn machine_settings() -> Option<PathBuf> {
    crate::program_data::program_data()
}

#[cfg(not(windows))]
fn machine_settings() -> Option<PathBuf> {
    Some(PathBuf::from("/etc"))
}
