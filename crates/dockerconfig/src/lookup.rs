use std::fmt;
use std::path::{Path, PathBuf};

use protocol::ServerUrl;

use crate::auth::Auth;
use crate::document::{Document, HELPERS, STORE};
use crate::helper::{Reader, is_hub};

/// A family of programs that look for credentials in the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// Docker, Buildx, Compose.
    Docker,
    /// podman, buildah, skopeo: containers/image.
    Podman,
    /// crane, ko, kaniko, cosign: go-containerregistry.
    GoContainerRegistry,
    /// testcontainers and others in Rust: the crate `docker_credential`.
    DockerCredential,
}

/// Where credentials come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// An entry of `DOCKER_AUTH_CONFIG`.
    Variable {
        /// Its key there.
        key: String,
    },
    /// A program.
    Helper {
        /// The file that names it.
        file: PathBuf,
        /// What follows `docker-credential-` in its name.
        helper: String,
        /// What it is asked for.
        asked: String,
        /// Whether it is `credsStore`, else an entry of `credHelpers`.
        is_store: bool,
    },
    /// A login in plain text.
    Entry {
        /// The file that holds it.
        file: PathBuf,
        /// Its key in `auths`.
        key: String,
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Variable { key } => write!(f, "DOCKER_AUTH_CONFIG, entry {key}"),
            Source::Helper { file, helper, asked, is_store } => {
                let member = if *is_store { STORE } else { HELPERS };
                write!(f, "docker-credential-{helper}, asked for {asked}, from {member} of {}", file.display())
            }
            Source::Entry { file, key } => write!(f, "the plain entry {key} in {}", file.display()),
        }
    }
}

/// Which source a client takes for a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Winner {
    /// Who asks.
    pub client: Client,
    /// What it asks first; `None` is an anonymous request.
    pub source: Option<Source>,
    /// What it goes on to where the first has nothing; mostly nothing: a helper that has no login ends the search.
    pub then: Vec<Source>,
}

/// What is asked for, and what there is to find it in.
#[derive(Clone, Debug)]
pub struct Search<'a> {
    /// The registry.
    pub server: &'a ServerUrl,
    /// The repository in it, as `namespace/name`, if an image is meant.
    pub repository: Option<&'a str>,
    /// The servers in `DOCKER_AUTH_CONFIG`, see [`servers_of_variable`](crate::servers_of_variable).
    pub variable: &'a [String],
    /// The files that are there, in the order in which the client reads them. All clients but
    /// podman take the first alone.
    pub files: &'a [(PathBuf, Document)],
}

/// Which source wins. It says what a client would ask, not what a helper would answer.
pub fn winner(client: Client, search: &Search<'_>) -> Winner {
    let first = || search.files.first();
    let mut sources = match client {
        Client::Docker => docker(search),
        Client::Podman => search.files.iter().filter_map(|file| podman(search, file)).collect(),
        Client::GoContainerRegistry => first().map_or_else(Vec::new, |file| go_containerregistry(search, file)),
        Client::DockerCredential => first().map_or_else(Vec::new, |file| docker_credential(search, file)),
    };
    let source = (!sources.is_empty()).then(|| sources.remove(0));
    Winner { client, source, then: sources }
}

/// The variable, a named helper, the store, and only without those the file.
fn docker(search: &Search<'_>) -> Vec<Source> {
    let key = Reader::Docker.key(search.server);
    if search.variable.contains(&key) {
        return vec![Source::Variable { key }];
    }
    search.files.first().and_then(|file| in_docker_config(file, &key)).into_iter().collect()
}

/// `GetAuthConfig` of Docker's config. An empty name in `credHelpers` means the file.
fn in_docker_config((path, document): &(PathBuf, Document), key: &str) -> Option<Source> {
    let named = document.cred_helpers().into_iter().find(|(server, _)| server == key);
    let is_store = named.is_none();
    match named.map(|(_, helper)| helper).or_else(|| document.creds_store()).filter(|helper| !helper.is_empty()) {
        Some(helper) => Some(Source::Helper { file: path.clone(), helper, asked: key.to_owned(), is_store }),
        None => {
            let auths = document.auths();
            let found = auths.iter().find(|auth| auth.server == key);
            entry(path, found.or_else(|| auths.iter().find(|auth| host_of(&auth.server) == key)))
        }
    }
}

/// In each file: a helper for exactly this registry, else the longest namespace that has an entry,
/// else one under another spelling. Never `credsStore`. What is found and empty ends the search in
/// this file.
fn podman(search: &Search<'_>, (path, document): &(PathBuf, Document)) -> Option<Source> {
    let registry = Reader::Podman.key(search.server);
    if let Some((_, helper)) = document.cred_helpers().into_iter().find(|(server, _)| *server == registry) {
        return Some(Source::Helper { file: path.clone(), helper, asked: registry, is_store: false });
    }
    let auths = document.auths();
    let mut key = search.repository.map_or_else(|| registry.clone(), |repository| format!("{registry}/{repository}"));
    loop {
        if let Some(auth) = auths.iter().find(|auth| auth.server == key) {
            return entry(path, Some(auth));
        }
        match key.rfind('/') {
            Some(slash) => key.truncate(slash),
            None => break,
        }
    }
    entry(path, auths.iter().find(|auth| podman_key(&auth.server) == hub_alias(&registry)))
}

/// Docker's rules, for `host/repository` first and then for the host.
fn go_containerregistry(search: &Search<'_>, file: &(PathBuf, Document)) -> Vec<Source> {
    let host = if is_hub(search.server) { "index.docker.io".to_owned() } else { search.server.authority() };
    let image = search.repository.map(|repository| format!("{host}/{repository}"));
    let keys = image.into_iter().chain([Reader::Docker.key(search.server)]);
    keys.filter_map(|key| in_docker_config(file, &key)).collect()
}

/// A named helper, then the file, then the store.
fn docker_credential(search: &Search<'_>, (path, document): &(PathBuf, Document)) -> Vec<Source> {
    let key = Reader::Docker.key(search.server);
    let helper = |helper, is_store| Source::Helper { file: path.clone(), helper, asked: key.clone(), is_store };
    let named = document.cred_helpers().into_iter().find(|(server, helper)| *server == key && !helper.is_empty());
    if let Some((_, name)) = named {
        return vec![helper(name, false)];
    }
    let auths = document.auths();
    let wanted = hub_alias(host_of(&key));
    let exact = auths.iter().find(|auth| auth.server == key);
    let found = exact.or_else(|| auths.iter().find(|auth| hub_alias(host_of(&auth.server)) == wanted));
    let inline = entry(path, found);
    inline.or_else(|| document.creds_store().map(|name| helper(name, true))).into_iter().collect()
}

/// A marker is no source.
fn entry(path: &Path, auth: Option<&Auth>) -> Option<Source> {
    let auth = auth.filter(|auth| !auth.is_marker())?;
    Some(Source::Entry { file: path.to_owned(), key: auth.server.clone() })
}

/// The host, without scheme and path: Docker's `ConvertToHostname`.
fn host_of(key: &str) -> &str {
    let bare = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    bare.split('/').next().unwrap_or(bare)
}

/// `normalizeAuthFileKey`: the path goes only where there was a scheme, because it may be a namespace.
fn podman_key(key: &str) -> &str {
    let bare = key.strip_prefix("http://").unwrap_or(key);
    let bare = bare.strip_prefix("https://").unwrap_or(bare);
    hub_alias(if bare != key { bare.split('/').next().unwrap_or(bare) } else { bare })
}

fn hub_alias(host: &str) -> &str {
    match host {
        "registry-1.docker.io" | "docker.io" => "index.docker.io",
        host => host,
    }
}
