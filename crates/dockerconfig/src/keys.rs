use protocol::ServerUrl;

/// How clients write the key of a registry: `credHelpers` is looked up by the exact text, and the two
/// families of clients use different names for Docker Hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFormat {
    /// Docker, BuildKit, Compose, crane: `https://index.docker.io/v1/`.
    Docker,
    /// podman, buildah, skopeo: `docker.io`.
    Podman,
}

impl KeyFormat {
    /// The key under which these clients look a server up: never with a scheme or a path, but for
    /// Docker's name of Docker Hub.
    pub fn key(self, server: &ServerUrl) -> String {
        let hub = is_hub(server);
        match self {
            KeyFormat::Docker if hub => server.key(),
            KeyFormat::Podman if hub => "docker.io".to_owned(),
            _ => server.authority(),
        }
    }
}

/// The address that Docker sends for Docker Hub.
pub(crate) const HUB: &str = "https://index.docker.io/v1/";

/// Docker Hub itself, not one of the tokens of its web login.
pub(crate) fn is_hub(server: &ServerUrl) -> bool {
    server.key() == HUB
}

/// The registry that a key means to clients: its host alone, since they send no scheme and no path.
pub(crate) fn registry_of(key: &str) -> Option<ServerUrl> {
    ServerUrl::parse(host_of(key)).ok()
}

/// Whether a key is for some images of its registry alone, as podman writes it: `quay.io/namespace`.
pub(crate) fn is_namespace(key: &str) -> bool {
    !key.contains("://") && ServerUrl::parse(key).is_ok_and(|server| !server.path().is_empty())
}

/// The addresses under which `docker login` stores the tokens of its web login; only Docker uses them.
pub(crate) fn is_hub_token(key: &str) -> bool {
    ServerUrl::parse(key).is_ok_and(|server| server.key().starts_with(HUB) && server.key() != HUB)
}

/// The host, without scheme and path: Docker's `ConvertToHostname`.
pub(crate) fn host_of(key: &str) -> &str {
    let bare = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    bare.split('/').next().unwrap_or(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_has_its_key() {
        let key = |format: KeyFormat, text| format.key(&ServerUrl::parse(text).unwrap());
        for hub in ["docker.io", "https://index.docker.io/v1/", "registry-1.docker.io"] {
            assert_eq!(key(KeyFormat::Docker, hub), "https://index.docker.io/v1/");
            assert_eq!(key(KeyFormat::Podman, hub), "docker.io");
        }
        for (text, expected) in [("https://r.example/v2/", "r.example"), ("http://r.example:5000/ns", "r.example:5000")]
        {
            assert_eq!(
                (key(KeyFormat::Docker, text), key(KeyFormat::Podman, text)),
                (expected.into(), expected.into())
            );
        }
    }
}
