use protocol::{Explained, ServerUrl};

/// What Docker Hub is stored under, by every client.
/// <https://github.com/docker/cli/blob/v28.3.0/cli/config/credentials/file_store.go>
pub(crate) const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// An image by its reference, or a registry alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Image {
    /// The registry's host, with its port if it has one: `docker.io` for Docker Hub.
    pub(crate) registry: String,
    /// `library/alpine`; `None` where only a registry was named.
    pub(crate) repository: Option<String>,
    /// `1.2`, if one was named.
    pub(crate) tag: Option<String>,
    /// `sha256:…`, if one was named.
    pub(crate) digest: Option<String>,
}

impl Image {
    /// Reads what people write: an image's reference as Docker reads it, or a registry, perhaps with
    /// a scheme. A first part with a dot, a colon or an upper-case letter, or `localhost`, is a host:
    /// <https://github.com/distribution/reference/blob/v0.6.0/normalize.go>.
    ///
    /// # Errors
    /// What is neither.
    pub(crate) fn parse(text: &str) -> Result<Self, Explained> {
        let wrong = || Explained {
            what: format!("{:?} is neither a registry nor an image", text.chars().take(80).collect::<String>()),
            hint: Some("write it as for docker pull: ghcr.io/owner/app:1".to_owned()),
        };
        let bare = text.trim().strip_prefix("https://").or_else(|| text.trim().strip_prefix("http://"));
        let had_scheme = bare.is_some();
        let bare = bare.unwrap_or(text.trim()).trim_end_matches('/');
        let (first, rest) = bare.split_once('/').map_or((bare, None), |(first, rest)| (first, Some(rest)));
        let is_host = |part: &str| part.contains('.') || part.contains(':') || part == "localhost";
        // `alpine:3` alone is an image, `registry.example:5000` a registry.
        let first_is_host = match rest {
            Some(_) => is_host(first) || had_scheme,
            None => had_scheme || is_authority(first) || (first.contains('.') && !first.contains(':')),
        };
        if bare.is_empty() {
            return Err(wrong());
        }
        let (registry, rest) = if first_is_host { (first, rest) } else { ("docker.io", Some(bare)) };
        if registry.is_empty() || registry.contains('@') || ServerUrl::parse(registry).is_err() {
            return Err(wrong());
        }
        let registry = registry.to_ascii_lowercase();
        let is_hub = matches!(registry.as_str(), "docker.io" | "index.docker.io" | "registry-1.docker.io");
        let registry = if is_hub { "docker.io".to_owned() } else { registry };
        // `https://index.docker.io/v1/` is a registry, whatever it looks like.
        let rest = rest.filter(|rest| !rest.is_empty() && !matches!(*rest, "v1" | "v2"));
        let Some(rest) = rest else { return Ok(Image { registry, repository: None, tag: None, digest: None }) };
        let (rest, digest) = rest.split_once('@').map_or((rest, None), |(rest, digest)| (rest, Some(digest)));
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (rest, None),
        };
        // A part that began with a hyphen would be taken for an option by one tool or another.
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

    /// The address that Docker asks its helper for.
    pub(crate) fn server(&self) -> &str {
        if self.is_docker_hub() { DOCKER_HUB } else { &self.registry }
    }

    pub(crate) fn is_docker_hub(&self) -> bool {
        self.registry == "docker.io"
    }
}

/// A host and a port.
fn is_authority(text: &str) -> bool {
    text == "localhost"
        || text.rsplit_once(':').is_some_and(|(host, port)| {
            // `app:5000` alone could be a tag; Docker takes it for one.
            (host.contains('.') || host == "localhost" || host.starts_with('[')) && port.parse::<u16>().is_ok()
        })
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
        ] {
            assert_eq!(image(text), (registry.to_owned(), repository, tag), "{text}");
        }
        let digest = format!("ghcr.io/o/a:1@sha256:{}", "0".repeat(64));
        assert_eq!(Image::parse(&digest).unwrap().digest, Some(format!("sha256:{}", "0".repeat(64))));
        assert_eq!(Image::parse("alpine").unwrap().server(), DOCKER_HUB);
    }

    #[test]
    fn nonsense_is_refused() {
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
        ] {
            assert!(Image::parse(text).is_err(), "{text}");
        }
    }
}
