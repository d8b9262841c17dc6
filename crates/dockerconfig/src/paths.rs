use std::path::{Path, PathBuf};

use crate::lookup::Client;

/// What decides where the clients keep their files: environment and system, as values.
#[derive(Clone, Debug, Default)]
pub struct ConfigPaths {
    /// The user's home.
    pub home: Option<PathBuf>,
    /// `DOCKER_CONFIG`: a folder.
    pub docker_config: Option<PathBuf>,
    /// `REGISTRY_AUTH_FILE`: a file, and podman then looks at no other.
    pub registry_auth_file: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`.
    pub runtime: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`.
    pub config_home: Option<PathBuf>,
    /// The number of the user on Unix.
    pub user: u32,
    /// `ProgramData` on Windows.
    pub program_data: Option<PathBuf>,
}

/// The systems that differ in where files are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// Linux, and whatever is like it.
    Linux,
    /// macOS.
    MacOs,
    /// Windows.
    Windows,
}

impl System {
    /// The one that this program is built for.
    pub const fn this() -> Self {
        match (cfg!(windows), cfg!(target_os = "macos")) {
            (true, _) => System::Windows,
            (_, true) => System::MacOs,
            _ => System::Linux,
        }
    }
}

/// A `daemon.json`, and whose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DaemonFile {
    /// Of the service that the machine runs: `/etc/docker/daemon.json`.
    Rootful(PathBuf),
    /// Of the user's own daemon without root.
    Rootless(PathBuf),
    /// Of Docker Desktop's engine.
    Desktop(PathBuf),
}

impl DaemonFile {
    /// Where the file is, or would be.
    pub fn path(&self) -> &Path {
        match self {
            DaemonFile::Rootful(path) | DaemonFile::Rootless(path) | DaemonFile::Desktop(path) => path,
        }
    }
}

impl ConfigPaths {
    /// Docker's `config.json`: `--config DIR`, else `DOCKER_CONFIG`, else `~/.docker`.
    ///
    /// Source: <https://github.com/docker/cli/blob/master/cli/config/config.go>.
    pub fn docker(&self, folder: Option<&Path>) -> Option<PathBuf> {
        let named = folder.map(Path::to_owned).or_else(|| set(&self.docker_config).cloned());
        Some(named.or_else(|| Some(self.home.as_ref()?.join(".docker")))?.join("config.json"))
    }

    /// Where podman, buildah and skopeo look, in their order; the first is where they write. A file
    /// that is named (`--authfile`, else `REGISTRY_AUTH_FILE`, else the one in `DOCKER_CONFIG`) is the
    /// only one (podman 4 went on to the others). `~/.dockercfg`, which podman reads last and no program has written since 2015, is left
    /// out: it has another format.
    ///
    /// Source: <https://github.com/containers/container-libs/blob/main/image/pkg/docker/config/config.go>,
    /// and `GetDefaultAuthFile` in <https://github.com/containers/container-libs/blob/main/common/pkg/auth/auth.go>.
    pub fn podman(&self, system: System, file: Option<&Path>) -> Vec<PathBuf> {
        let docker = set(&self.docker_config).and_then(|_| self.docker(None));
        let named = file.map(Path::to_owned).or_else(|| set(&self.registry_auth_file).cloned()).or(docker);
        if let Some(file) = named {
            return vec![file];
        }
        let auth = |folder: PathBuf| folder.join("containers").join("auth.json");
        let config = |home: &PathBuf| auth(home.join(".config"));
        let first = match (system, set(&self.runtime)) {
            (System::Linux, Some(runtime)) => Some(auth(runtime.clone())),
            (System::Linux, None) => Some(PathBuf::from(format!("/run/containers/{}/auth.json", self.user))),
            _ => self.home.as_ref().map(config),
        };
        let second =
            set(&self.config_home).map(|folder| auth(folder.clone())).or_else(|| self.home.as_ref().map(config));
        let mut places: Vec<PathBuf> = Vec::new();
        for place in [first, second, self.docker(None)].into_iter().flatten() {
            if !places.contains(&place) {
                places.push(place);
            }
        }
        places
    }

    /// The file of podman's that lasts: a named one as above, else `~/.config/containers/auth.json`. Where
    /// podman itself writes, in the runtime folder, all is gone at the next start.
    pub fn podman_persistent(&self) -> Option<PathBuf> {
        let named = set(&self.registry_auth_file).cloned();
        named.or_else(|| set(&self.docker_config).and_then(|_| self.docker(None))).or_else(|| {
            let folder = set(&self.config_home).cloned().or_else(|| Some(self.home.as_ref()?.join(".config")))?;
            Some(folder.join("containers").join("auth.json"))
        })
    }

    /// The files that a client reads, in its order, for a [`LookupQuery`](crate::LookupQuery) through those of
    /// them that are there.
    ///
    /// Source for crane and its like: <https://github.com/google/go-containerregistry/blob/main/pkg/authn/keychain.go>.
    pub fn files(&self, client: Client, system: System) -> Vec<PathBuf> {
        let docker = self.docker(None);
        match client {
            Client::Docker | Client::DockerCredential => docker.into_iter().collect(),
            Client::Podman => self.podman(system, None),
            Client::GoContainerRegistry => {
                let named = set(&self.registry_auth_file).cloned();
                let podman = set(&self.runtime).map(|folder| folder.join("containers").join("auth.json"));
                docker.into_iter().chain(named).chain(podman).collect()
            }
        }
    }

    /// Every place of a `daemon.json` on this system; which daemons there are is for others to say.
    ///
    /// Source: <https://docs.docker.com/engine/daemon/#configuration-file>.
    pub fn daemon(&self, system: System) -> Vec<DaemonFile> {
        const NAME: &str = "daemon.json";
        let home = self.home.as_ref();
        let desktop = home.map(|home| DaemonFile::Desktop(home.join(".docker").join(NAME)));
        let machine = match system {
            System::Linux => Some(PathBuf::from("/etc/docker").join(NAME)),
            System::MacOs => None,
            System::Windows => set(&self.program_data).map(|folder| folder.join("docker").join("config").join(NAME)),
        };
        let rootless = match system {
            System::Linux => set(&self.config_home).cloned().or_else(|| Some(home?.join(".config"))),
            _ => None,
        };
        let rootless = rootless.map(|folder| DaemonFile::Rootless(folder.join("docker").join(NAME)));
        [machine.map(DaemonFile::Rootful), rootless, desktop].into_iter().flatten().collect()
    }
}

/// A variable that is set to nothing is not set.
fn set(value: &Option<PathBuf>) -> Option<&PathBuf> {
    value.as_ref().filter(|path| !path.as_os_str().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alice() -> ConfigPaths {
        ConfigPaths { home: Some("/home/alice".into()), user: 1000, ..ConfigPaths::default() }
    }

    #[test]
    fn c1_a_named_folder_goes_before_the_variable_and_that_before_home() {
        let folder = Some(Path::new("/flag"));
        let with = ConfigPaths { docker_config: Some("/variable".into()), ..alice() };
        assert_eq!(with.docker(folder).unwrap(), Path::new("/flag/config.json"));
        assert_eq!(with.docker(None).unwrap(), Path::new("/variable/config.json"));
        assert_eq!(alice().docker(None).unwrap(), Path::new("/home/alice/.docker/config.json"));
        let empty = ConfigPaths { docker_config: Some("".into()), ..alice() };
        assert_eq!(empty.docker(None), alice().docker(None));
        assert_eq!(ConfigPaths::default().docker(None), None);
    }

    #[test]
    fn c19_podman_looks_in_its_order() {
        // As on the system that the test runs on: Windows joins with a backslash.
        let texts = |places: Vec<PathBuf>| {
            places.iter().map(|path| path.to_string_lossy().replace('\\', "/")).collect::<Vec<_>>()
        };
        let with = ConfigPaths { runtime: Some("/run/user/1000".into()), config_home: Some("/x".into()), ..alice() };
        assert_eq!(
            texts(with.podman(System::Linux, None)),
            ["/run/user/1000/containers/auth.json", "/x/containers/auth.json", "/home/alice/.docker/config.json"]
        );
        assert_eq!(texts(alice().podman(System::Linux, None))[0], "/run/containers/1000/auth.json");
        assert_eq!(
            texts(with.podman(System::MacOs, None))[0],
            "/home/alice/.config/containers/auth.json",
            "no runtime folder outside Linux"
        );
        assert_eq!(texts(alice().podman(System::MacOs, None)).len(), 2, "the same place once");
        let with = ConfigPaths { docker_config: Some("/d".into()), ..with };
        assert_eq!(texts(with.podman(System::Linux, None)), ["/d/config.json"]);
        let named = ConfigPaths { registry_auth_file: Some("/a".into()), ..with };
        assert_eq!(texts(named.podman(System::Linux, None)), ["/a"]);
        assert_eq!(texts(named.podman(System::Linux, Some(Path::new("/b")))), ["/b"]);
        assert_eq!(named.podman_persistent().unwrap(), Path::new("/a"));
        let lasts = ConfigPaths { runtime: Some("/run/user/1000".into()), ..alice() };
        assert_eq!(lasts.podman_persistent().unwrap(), Path::new("/home/alice/.config/containers/auth.json"));
        let lasts = ConfigPaths { config_home: Some("/x".into()), ..lasts };
        assert_eq!(lasts.podman_persistent().unwrap(), Path::new("/x/containers/auth.json"));
    }

    #[test]
    fn c18_crane_falls_back_on_podmans_files() {
        let with = ConfigPaths { registry_auth_file: Some("/a".into()), runtime: Some("/run/u".into()), ..alice() };
        let files = |client| with.files(client, System::Linux);
        let docker = PathBuf::from("/home/alice/.docker/config.json");
        assert_eq!(files(Client::Docker), std::slice::from_ref(&docker));
        assert_eq!(files(Client::DockerCredential), std::slice::from_ref(&docker));
        assert_eq!(files(Client::Podman), [PathBuf::from("/a")]);
        let all = [docker, "/a".into(), "/run/u/containers/auth.json".into()];
        assert_eq!(files(Client::GoContainerRegistry), all);
    }

    #[test]
    fn every_daemon_has_its_place() {
        use DaemonFile::*;
        assert_eq!(
            alice().daemon(System::Linux),
            [
                Rootful("/etc/docker/daemon.json".into()),
                Rootless("/home/alice/.config/docker/daemon.json".into()),
                Desktop("/home/alice/.docker/daemon.json".into())
            ]
        );
        assert_eq!(alice().daemon(System::MacOs), [Desktop("/home/alice/.docker/daemon.json".into())]);
        let windows = ConfigPaths { program_data: Some("/P".into()), ..alice() };
        assert_eq!(windows.daemon(System::Windows)[0], Rootful("/P/docker/config/daemon.json".into()));
    }
}
