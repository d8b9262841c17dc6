use std::fmt;
use std::path::{Path, PathBuf};

use protocol::ServerUrl;

use crate::auth::Auth;
use crate::document::{Document, HELPERS, STORE};
use crate::keys::{HUB, KeyFormat, host_of};

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

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Client::Docker => "docker",
            Client::Podman => "podman",
            Client::GoContainerRegistry => "crane",
            Client::DockerCredential => "testcontainers for Rust",
        })
    }
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
        /// The address that is sent to it.
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
                write!(f, "docker-credential-{helper} for {asked} ({member} in {})", file.display())
            }
            Source::Entry { file, key } => write!(f, "plaintext login {key} in {}", file.display()),
        }
    }
}

/// Which source a client takes for a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupResult {
    /// The client.
    pub client: Client,
    /// The first source that it uses; `None` is an anonymous request.
    pub source: Option<Source>,
    /// What it goes on to where the first has nothing; mostly nothing: a helper that has no login ends the search.
    pub then: Vec<Source>,
}

/// The registry or repository, and the sources.
#[derive(Clone, Debug)]
pub struct LookupQuery<'a> {
    /// The registry.
    pub server: &'a ServerUrl,
    /// The repository in it, as `namespace/name`, if an image is meant.
    pub repository: Option<&'a str>,
    /// The servers in `DOCKER_AUTH_CONFIG`, see [`servers_of_variable`](crate::servers_of_variable).
    pub variable: &'a [String],
    /// The existing files, in the order in which the client reads them. All clients but
    /// podman take the first alone.
    pub files: &'a [(PathBuf, Document)],
}

/// The source that takes precedence. It is the one that a client would use, whatever a helper would return.
pub fn lookup(client: Client, search: &LookupQuery<'_>) -> LookupResult {
    let asked = ImageQuery { host: &KeyFormat::Podman.key(search.server), repository: search.repository };
    let of = |(path, document): &(PathBuf, Document)| sources(client, asked, path, &Logins::of(document));
    let variable = KeyFormat::Docker.key(search.server);
    let mut sources = match client {
        Client::Docker if search.variable.contains(&variable) => vec![Source::Variable { key: variable }],
        Client::Podman => search.files.iter().flat_map(of).collect(),
        _ => search.files.first().map_or_else(Vec::new, of),
    };
    let source = (!sources.is_empty()).then(|| sources.remove(0));
    LookupResult { client, source, then: sources }
}

/// An image as a client looks it up: the host as written, `docker.io` for Docker Hub.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ImageQuery<'a> {
    pub(crate) host: &'a str,
    pub(crate) repository: Option<&'a str>,
}

impl ImageQuery<'_> {
    /// The key of the two families: of containers/image, and of all others.
    pub(crate) fn key(self, client: Client) -> String {
        match client {
            Client::Podman => self.host.to_owned(),
            _ if self.host == "docker.io" => HUB.to_owned(),
            _ => self.host.to_owned(),
        }
    }
}

/// What of a document counts when a login is looked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Logins {
    pub(crate) store: Option<String>,
    pub(crate) helpers: Vec<(String, String)>,
    pub(crate) auths: Vec<Auth>,
}

impl Logins {
    pub(crate) fn of(document: &Document) -> Self {
        Logins { store: document.creds_store(), helpers: document.cred_helpers(), auths: document.auths() }
    }

    fn helper(&self, key: &str) -> Option<&str> {
        self.helpers.iter().find(|(server, _)| server == key).map(|(_, helper)| helper.as_str())
    }

    fn auth(&self, key: &str) -> Option<&Auth> {
        self.auths.iter().find(|auth| auth.server == key)
    }
}

/// The sources in one file, in the order in which a client uses them.
pub(crate) fn sources(client: Client, asked: ImageQuery<'_>, file: &Path, logins: &Logins) -> Vec<Source> {
    let key = asked.key(client);
    match client {
        Client::Docker => in_docker_config(file, logins, &key).into_iter().collect(),
        Client::Podman => podman(asked, file, logins).into_iter().collect(),
        Client::GoContainerRegistry => {
            // `host/repository` first, and then the host.
            let host = if key == HUB { "index.docker.io" } else { asked.host };
            let image = asked.repository.map(|repository| format!("{host}/{repository}"));
            image.into_iter().chain([key]).filter_map(|key| in_docker_config(file, logins, &key)).collect()
        }
        Client::DockerCredential => docker_credential(&key, file, logins).into_iter().collect(),
    }
}

/// `GetAuthConfig` of Docker's config: a named helper, the store, and only without those the file. An
/// empty name in `credHelpers` means the file.
fn in_docker_config(file: &Path, logins: &Logins, key: &str) -> Option<Source> {
    let named = logins.helper(key);
    match named.or(logins.store.as_deref()).filter(|helper| !helper.is_empty()) {
        Some(helper) => Some(helper_of(file, helper, key, named.is_none())),
        None => {
            let other = || logins.auths.iter().find(|auth| host_of(&auth.server) == key);
            entry(file, logins.auth(key).or_else(other))
        }
    }
}

/// In each file: a helper for exactly this registry, else the longest namespace that has an entry,
/// else one under another spelling. Never `credsStore`. What is found and empty ends the search in
/// this file.
fn podman(asked: ImageQuery<'_>, file: &Path, logins: &Logins) -> Option<Source> {
    let registry = asked.host;
    if let Some(helper) = logins.helper(registry) {
        return Some(helper_of(file, helper, registry, false));
    }
    let mut key = asked.repository.map_or_else(|| registry.to_owned(), |repository| format!("{registry}/{repository}"));
    loop {
        if let Some(auth) = logins.auth(&key) {
            return entry(file, Some(auth));
        }
        match key.rfind('/') {
            Some(slash) => key.truncate(slash),
            None => break,
        }
    }
    entry(file, logins.auths.iter().find(|auth| podman_key(&auth.server) == hub_alias(registry)))
}

/// A named helper, then the file, then the store.
fn docker_credential(key: &str, file: &Path, logins: &Logins) -> Option<Source> {
    if let Some(name) = logins.helper(key).filter(|helper| !helper.is_empty()) {
        return Some(helper_of(file, name, key, false));
    }
    let wanted = hub_alias(host_of(key));
    let other = || logins.auths.iter().find(|auth| hub_alias(host_of(&auth.server)) == wanted);
    let inline = entry(file, logins.auth(key).or_else(other));
    inline.or_else(|| logins.store.as_ref().map(|name| helper_of(file, name, key, true)))
}

fn helper_of(file: &Path, helper: &str, asked: &str, is_store: bool) -> Source {
    Source::Helper { file: file.to_owned(), helper: helper.to_owned(), asked: asked.to_owned(), is_store }
}

/// A marker is not a source.
fn entry(path: &Path, auth: Option<&Auth>) -> Option<Source> {
    let auth = auth.filter(|auth| !auth.is_marker())?;
    Some(Source::Entry { file: path.to_owned(), key: auth.server.clone() })
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
