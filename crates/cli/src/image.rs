use broker::ProvideRequest;
use protocol::{ErrorMessage, ServerUrl};

/// What Docker Hub is stored under, by every client.
/// <https://github.com/docker/cli/blob/v28.3.0/cli/config/credentials/file_store.go>
pub(crate) const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// An image by its reference, or a registry alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Image {
    /// The registry's host, with its port if it has one: `docker.io` for Docker Hub.
    pub(crate) registry: String,
    /// `library/alpine`; `None` if only a registry was named.
    pub(crate) repository: Option<String>,
    /// `1.2`, if one was named.
    pub(crate) tag: Option<String>,
    /// `sha256:…`, if one was named.
    pub(crate) digest: Option<String>,
}

impl Image {
    /// Parses an image reference as Docker does, or a registry with an optional scheme. A name without a
    /// host is an image on Docker Hub.
    ///
    /// # Errors
    /// What is neither.
    pub(crate) fn parse(text: &str) -> Result<Self, ErrorMessage> {
        Self::read(text, true)
    }

    /// Parses a registry, or an image for its registry. Docker Hub is meant only by its own names: with a
    /// mistyped host, the login for Docker Hub must be neither printed nor changed.
    ///
    /// # Errors
    /// What is neither, and what names no host.
    pub(crate) fn with_host(text: &str) -> Result<Self, ErrorMessage> {
        Self::read(text, false)
    }

    /// Reads a registry. An image is none.
    ///
    /// # Errors
    /// It is not a registry; for an image, the remedy is `command` with its registry.
    pub(crate) fn registry(text: &str, command: &str) -> Result<Self, ErrorMessage> {
        let image = Self::with_host(text)?;
        match image.repository {
            None => Ok(image),
            Some(_) => Err(ErrorMessage {
                what: format!("{} is an image: expected a registry", text.trim()),
                hint: Some(format!("run `credmint {command} {}`", image.registry)),
            }),
        }
    }

    fn read(text: &str, hub_by_default: bool) -> Result<Self, ErrorMessage> {
        let quoted = || format!("{:?}", text.chars().take(80).collect::<String>());
        let wrong = || ErrorMessage {
            what: format!("{} is neither a registry nor an image", quoted()),
            hint: Some("write it as for docker pull, such as ghcr.io/owner/app:1".to_owned()),
        };
        let bare = text.trim().strip_prefix("https://").or_else(|| text.trim().strip_prefix("http://"));
        let had_scheme = bare.is_some();
        let bare = bare.unwrap_or(text.trim()).trim_end_matches('/');
        let (first, rest) = bare.split_once('/').map_or((bare, None), |(first, rest)| (first, Some(rest)));
        if bare.is_empty() {
            return Err(wrong());
        }
        let (registry, rest) = match had_scheme || is_host(first, rest.is_none()) {
            true => (first, rest),
            false if hub_by_default => ("docker.io", Some(bare)),
            false => {
                return Err(ErrorMessage {
                    what: format!("{} is not a registry: no host name", quoted()),
                    hint: Some(
                        "write a host, such as ghcr.io or registry:5000, or docker.io for Docker Hub".to_owned(),
                    ),
                });
            }
        };
        let server = ServerUrl::parse(registry).map_err(|error| ErrorMessage {
            what: format!("{}: {error}", quoted()),
            hint: Some("write the host as for docker pull, such as ghcr.io or registry:5000".to_owned()),
        })?;
        let is_hub = server.key() == DOCKER_HUB;
        let registry = if is_hub { "docker.io".to_owned() } else { registry.to_ascii_lowercase() };
        // `https://index.docker.io/v1/` is a registry, whatever it looks like.
        let rest = rest.filter(|rest| !rest.is_empty() && !matches!(*rest, "v1" | "v2"));
        let Some(rest) = rest else { return Ok(Image { registry, repository: None, tag: None, digest: None }) };
        let (rest, digest) = rest.split_once('@').map_or((rest, None), |(rest, digest)| (rest, Some(digest)));
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (rest, None),
        };
        // Some tools would treat a part that begins with a hyphen as an option.
        let is_part = |part: &str| {
            part.starts_with(|first: char| first.is_ascii_alphanumeric())
                && part.ends_with(|last: char| last.is_ascii_alphanumeric())
        };
        let of_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-/".contains(&byte);
        let of_tag = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let of_kind = |byte: u8| byte.is_ascii_alphanumeric() || b"+._-".contains(&byte);
        let is_digest = |text: &str| {
            text.split_once(':').is_some_and(|(kind, hex)| {
                !kind.is_empty()
                    && kind.bytes().all(of_kind)
                    && hex.len() >= 32
                    && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
            })
        };
        if !name.bytes().all(of_name)
            || !name.split('/').all(is_part)
            || tag.is_some_and(|tag| {
                tag.is_empty() || tag.starts_with(['.', '-']) || tag.len() > 128 || !tag.bytes().all(of_tag)
            })
            || digest.is_some_and(|digest| !is_digest(digest))
        {
            return Err(wrong());
        }
        let name = if is_hub && !name.contains('/') { format!("library/{name}") } else { name.to_owned() };
        Ok(Image { registry, repository: Some(name), tag: tag.map(str::to_owned), digest: digest.map(str::to_owned) })
    }

    /// The address that Docker sends to its helper.
    pub(crate) fn server(&self) -> &str {
        if self.is_docker_hub() { DOCKER_HUB } else { &self.registry }
    }

    /// The request of a client that names the image, not only its registry.
    ///
    /// # Errors
    /// The registry has no address.
    pub(crate) fn question(&self) -> Result<ProvideRequest, ErrorMessage> {
        let question = ProvideRequest::for_registry(self.server())?;
        Ok(ProvideRequest { repository: self.repository.clone(), ..question })
    }

    /// The registry, with the repository if there is one.
    pub(crate) fn name(&self) -> String {
        match &self.repository {
            Some(repository) => format!("{}/{repository}", self.registry),
            None => self.server().to_owned(),
        }
    }

    /// The host of the registry itself, which for Docker Hub differs from that of its images.
    pub(crate) fn host(&self) -> &str {
        if self.is_docker_hub() { "registry-1.docker.io" } else { &self.registry }
    }

    pub(crate) fn is_docker_hub(&self) -> bool {
        self.registry == "docker.io"
    }

    /// Whether it is one of Docker's official images, which users cannot push.
    pub(crate) fn is_official(&self) -> bool {
        self.is_docker_hub() && self.repository.as_deref().is_some_and(|name| name.starts_with("library/"))
    }
}

/// Whether the first part of a reference is a host: it is with a dot, a colon or an upper-case letter,
/// and `localhost` is one: <https://github.com/distribution/reference/blob/v0.6.0/normalize.go>.
///
/// Docker treats `registry:5000` alone as an image; but a user who means an image of Docker Hub by its
/// number writes a version, which is below 80, and no registry listens there.
fn is_host(first: &str, is_alone: bool) -> bool {
    let first = first.split('@').next().unwrap_or(first);
    let (name, port) = first.split_once(':').unwrap_or((first, ""));
    let may_be_port = port.parse::<u16>().is_ok_and(|port| port >= 80);
    let has_port = first.contains(':') && (!is_alone || may_be_port);
    let is_unlike_a_name = name.bytes().any(|byte| byte == b'.' || byte.is_ascii_uppercase());
    first.starts_with('[') || is_unlike_a_name || has_port || name == "localhost"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(text: &str) -> (String, Option<String>, Option<String>) {
        let image = Image::parse(text).unwrap();
        (image.registry, image.repository, image.tag)
    }

    #[test]
    fn images_and_registries_as_people_write_them() {
        let some = |text: &str| Some(text.to_owned());
        for (text, registry, repository, tag) in [
            ("alpine", "docker.io", some("library/alpine"), None),
            ("alpine:3.20", "docker.io", some("library/alpine"), some("3.20")),
            ("owner/app:1", "docker.io", some("owner/app"), some("1")),
            ("docker.io/owner/app", "docker.io", some("owner/app"), None),
            ("https://index.docker.io/v1/", "docker.io", None, None),
            ("docker.io", "docker.io", None, None),
            ("ghcr.io", "ghcr.io", None, None),
            ("GHCR.io/owner/app:1", "ghcr.io", some("owner/app"), some("1")),
            ("https://ghcr.io/v2/", "ghcr.io", None, None),
            ("localhost:5000", "localhost:5000", None, None),
            ("localhost:5000/app:1", "localhost:5000", some("app"), some("1")),
            ("registry.example:5000/a/b/c", "registry.example:5000", some("a/b/c"), None),
            ("http://registry", "registry", None, None),
            ("registry:5000", "registry:5000", None, None),
            ("Registry/app", "registry", some("app"), None),
            ("[::1]:5000", "[::1]:5000", None, None),
            ("registry:2", "docker.io", some("library/registry"), some("2")),
            ("app:20240101", "docker.io", some("library/app"), some("20240101")),
            ("registry.hub.docker.com", "docker.io", None, None),
        ] {
            assert_eq!(image(text), (registry.to_owned(), repository, tag), "{text}");
        }
        let digest = format!("ghcr.io/o/a:1@sha256:{}", "0".repeat(64));
        assert_eq!(Image::parse(&digest).unwrap().digest, Some(format!("sha256:{}", "0".repeat(64))));
        assert_eq!(Image::parse("alpine").unwrap().server(), DOCKER_HUB);
    }

    #[test]
    fn invalid_names_are_rejected() {
        for text in [
            "",
            "/",
            "user@host.example/app",
            "ghcr.io/UPPER",
            "ghcr.io/a:",
            "ghcr.io/a:-b",
            "ghcr.io/-a",
            "ghcr.io//a",
            "ghcr.io/a@sha256:1",
            "ghcr.io/a@sha256:0123456789abcdef0123456789abcdef;reboot",
            "a b",
            "ghcr.io/a:b c",
            "ghcr.io:99999",
            "ghcr.io:0",
            "ghcr.io:",
            "ghcr.io:latest",
            "localhost:x",
            "[::1",
        ] {
            assert!(Image::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn docker_hub_is_meant_by_its_own_names_alone() {
        for text in ["docker.io", "index.docker.io", "registry-1.docker.io", "https://index.docker.io/v1/"] {
            assert_eq!(Image::registry(text, "login").unwrap().server(), DOCKER_HUB, "{text}");
        }
        for (text, registry) in [("registry:5000", "registry:5000"), ("localhost", "localhost"), ("ghcr.io", "ghcr.io")]
        {
            assert_eq!(Image::registry(text, "login").unwrap().server(), registry);
        }
        assert_eq!(Image::with_host("docker.io/alpine").unwrap().server(), DOCKER_HUB);
        for text in ["alpine", "alpine:3", "registry", "owner/app", "registry:99999", "ghcr.io:99999", "", "docker"] {
            assert!(Image::with_host(text).is_err(), "{text}");
        }
        let error = Image::registry("ghcr.io/owner/app", "logout").unwrap_err();
        assert_eq!(error.hint.as_deref(), Some("run `credmint logout ghcr.io`"));
        let error = Image::with_host("ghcr.io:99999").unwrap_err();
        assert!(error.what.contains("from 1 to 65535"), "{}", error.what);
    }
}
