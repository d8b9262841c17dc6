mod error;
mod host;
mod international;

use std::fmt;

pub use error::AddressError;
use host::{host_of, split_port, without_user};

/// The key under which Docker stores a Docker Hub login; it means all of Hub's names.
const HUB: &str = "https://index.docker.io/v1/";
const HUB_HOSTS: [&str; 4] = ["index.docker.io", "docker.io", "registry-1.docker.io", "registry.hub.docker.com"];

/// A registry's address, parsed once, when it is read.
///
/// Clients spell one registry in many ways, so two addresses are equal when they differ only in
/// `https://` or no scheme, `:443`, a trailing `/`, `/v1/` or `/v2/`, the letter case of the host,
/// or the aliases of Docker Hub. `http://` and any other port are another registry, any other path
/// is another entry: `https://index.docker.io/v1/access-token`, where `docker login` keeps a token
/// of its web login, is only itself.
///
/// ```
/// let registry = |text| protocol::ServerUrl::parse(text).unwrap();
/// assert_eq!(registry("https://Reg.Example:443/v2/"), registry("reg.example"));
/// assert_ne!(registry("reg.example:5000"), registry("reg.example"));
/// assert_eq!(registry("docker.io").key(), "https://index.docker.io/v1/");
/// ```
#[derive(Clone, Debug)]
pub struct ServerUrl {
    original: String,
    https: bool,
    host: String,
    port: Option<u16>,
    path: String,
    plain: bool,
}

impl ServerUrl {
    /// Parses an address as clients write it: `host`, `host:port`, `https://host/v1/`,
    /// `host/namespace/repository`, `[::1]:5000`. White space around it, a query, a user before the host and
    /// a dot at its end are dropped; a host outside of ASCII is converted to its ASCII form.
    ///
    /// # Errors
    /// See [`AddressError`]; an address that cannot be parsed belongs to no cloud.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let original = text.trim_start_matches('\u{feff}').trim();
        if original.is_empty() {
            return Err(AddressError::Empty);
        }
        // After the host, `://` is a part of the path or the query.
        let (https, rest) = match original.split_once("://").filter(|(scheme, _)| !scheme.contains(['/', '?', '#'])) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (true, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (false, rest),
            Some(_) => return Err(AddressError::Scheme),
            None => (true, original.strip_prefix("//").unwrap_or(original)),
        };
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = split_port(without_user(authority)?)?;
        let plain = !authority.contains('@') && !host.ends_with('.');
        let host = host_of(host)?;
        if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(AddressError::Path);
        }
        let path = match path.trim_end_matches('/') {
            "/v1" | "/v2" => "",
            path => path,
        };
        Ok(ServerUrl {
            original: original.to_owned(),
            https,
            host,
            port: port.filter(|&port| port != if https { 443 } else { 80 }),
            path: path.to_owned(),
            plain,
        })
    }

    /// The text that the client sent, without the white space around it: what a response repeats.
    pub fn original(&self) -> &str {
        &self.original
    }

    /// Whether the registry is reached over TLS; the default without a scheme.
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// Whether the host has no user before it and no dot after it. With them, clients connect to different
    /// hosts, so no cloud's token is sent there.
    pub fn is_plain(&self) -> bool {
        self.plain
    }

    /// The host in lower case and in ASCII; an IPv6 address in its shortest form and in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, unless it is the scheme's own.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The path without a trailing slash; empty for none and for `/v1/` and `/v2/`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// `host` or `host:port`: how a client names the registry in an image reference.
    pub fn authority(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }

    /// The other names of this host: Docker Hub has several.
    pub fn aliases(&self) -> &'static [&'static str] {
        let is_hub = self.https && self.port.is_none() && HUB_HOSTS.contains(&self.host.as_str());
        if is_hub { &HUB_HOSTS } else { &[] }
    }

    /// One text for all equal addresses, in the spelling that Docker itself uses: the bare host, `http://host`
    /// without TLS, and the index address for Docker Hub.
    pub fn key(&self) -> String {
        match (self.is_hub(), self.https) {
            (true, _) if self.path.is_empty() => HUB.to_owned(),
            (true, _) => format!("https://index.docker.io{}", self.path),
            (false, true) => self.authority() + &self.path,
            (false, false) => format!("http://{}{}", self.authority(), self.path),
        }
    }

    /// The texts under which another helper may have stored an equal address, the likeliest first: most keychain
    /// helpers find only the exact text that was stored.
    pub fn spellings(&self) -> Vec<String> {
        let mut spellings = vec![self.key()];
        if self.is_hub() && self.path.is_empty() {
            for host in HUB_HOSTS {
                spellings.extend([host.to_owned(), format!("https://{host}")]);
            }
        } else if !self.is_hub() {
            let scheme = if self.https { "https" } else { "http" };
            let full = format!("{scheme}://{}{}", self.authority(), self.path);
            spellings.extend([format!("{full}/"), full]);
        }
        spellings.retain({
            let key = self.key();
            let mut first = true;
            move |text| *text != key || std::mem::take(&mut first)
        });
        spellings
    }

    /// Docker Hub under any of its names, with whatever path.
    fn is_hub(&self) -> bool {
        let token = self.path.starts_with("/v1/");
        self.https && self.port.is_none() && (self.path.is_empty() || token) && HUB_HOSTS.contains(&self.host.as_str())
    }
}

impl PartialEq for ServerUrl {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for ServerUrl {}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> ServerUrl {
        ServerUrl::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn spellings_of_one_registry_are_equal() {
        let rows: &[&[&str]] = &[
            &[
                "r.example",
                "https://r.example",
                "R.Example:443",
                "https://r.example/",
                "//r.example",
                " r.example\r\n",
                "r.example/v1/",
                "https://r.example/v2",
                "HTTPS://r.example/v2/",
                "\u{feff}r.example",
                "r.example?x=1",
            ],
            &["http://r.example", "http://r.example:80/", "http://r.example/v2/"],
            &["r.example:5000", "https://r.example:5000/v2/"],
            &["http://r.example:443", "http://r.example:443/v1/"],
            &["https://r.example:80"],
            &["r.example/ns/repo", "https://r.example/ns/repo/"],
            &["[::1]:5000", "https://[::1]:5000/v2/", "[0:0::0001]:5000"],
            &[
                "docker.io",
                "index.docker.io",
                "https://index.docker.io/v1/",
                "registry-1.docker.io",
                "https://registry.hub.docker.com/v2/",
                "index.docker.io/v1",
            ],
            &["https://index.docker.io/v1/access-token"],
            &["https://index.docker.io/v1/refresh-token"],
            &["index.docker.io/library/ubuntu"],
            &["docker.io:5000"],
            &["http://docker.io"],
            &["r.example/v1/access-token"],
            &["r.example/a://b", "https://r.example/a://b/"],
            &["b\u{fc}cher.example", "https://B\u{dc}CHER.example./v2/", "XN--Bcher-KVA.example."],
            &["a.example", "a.example.", "https://bob@a.example", "bob:secret@a.example/"],
            &["[fe80::1%25eth0]:5000", "https://[FE80:0::1%eth0]:5000/v2/"],
            &["[fe80::1%25eth1]:5000"],
            &["[fe80::1]:5000"],
        ];
        for (nth, row) in rows.iter().enumerate() {
            for text in *row {
                for (other, row) in rows.iter().enumerate() {
                    for against in *row {
                        assert_eq!(parse(text) == parse(against), nth == other, "{text} and {against}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_key_is_the_address_that_docker_sends() {
        for (text, key) in [
            ("https://r.example/", "r.example"),
            ("https://R.example:5000/v2/", "r.example:5000"),
            ("http://r.example/v2/", "http://r.example"),
            ("registry-1.docker.io", "https://index.docker.io/v1/"),
            ("https://index.docker.io/v1/refresh-token", "https://index.docker.io/v1/refresh-token"),
        ] {
            assert_eq!(parse(text).key(), key);
            assert_eq!(parse(key).key(), key, "a key parses to itself");
        }
    }

    #[test]
    fn every_spelling_is_equal_to_the_address() {
        for text in [
            "r.example",
            "http://r.example:5000",
            "docker.io",
            "r.example/ns",
            "https://index.docker.io/v1/access-token",
        ] {
            let address = parse(text);
            let spellings = address.spellings();
            assert_eq!(spellings[0], address.key());
            assert!(spellings.iter().all(|spelling| parse(spelling) == address), "{spellings:?}");
            assert_eq!(
                spellings.iter().collect::<std::collections::HashSet<_>>().len(),
                spellings.len(),
                "{spellings:?}"
            );
        }
    }

    #[test]
    fn the_original_text_is_kept() {
        assert_eq!(parse(" https://R.example/v2/ \n").original(), "https://R.example/v2/");
    }

    #[test]
    fn an_invalid_address_is_an_error() {
        use AddressError::*;
        for (text, error) in [
            ("", Empty),
            (" \r\n\t", Empty),
            ("\u{feff}", Empty),
            ("ftp://r.example", Scheme),
            ("://r.example", Scheme),
            ("https://", NoHost),
            ("/v2/", NoHost),
            ("user@", NoHost),
            (".", NoHost),
            ("a@b@r.example", User),
            ("evil.example\\@r.example", User),
            ("r..example", EmptyLabel),
            (".r.example", EmptyLabel),
            ("r.example..", EmptyLabel),
            ("r example", Character),
            ("r.example\0", Character),
            ("\\\\r.example", Character),
            ("cafe\u{301}.example", NotConvertible),
            ("\u{ff47}cr.io", NotConvertible),
            ("\u{fc}\u{2009}.example", NotConvertible),
            ("\u{fc} .example", NotConvertible),
            ("[::1", Bracket),
            ("[malformed]", Bracket),
            ("[::1]x", Bracket),
            ("[::1%25]", Bracket),
            ("[::1%25a b]", Bracket),
            ("::1:6555", NoBrackets),
            ("https://::1:8080//x", NoBrackets),
            ("fe80::1", NoBrackets),
            ("r.example:", Port),
            ("r.example:0", Port),
            ("r.example:65536", Port),
            ("r.example:+80", Port),
            ("r.example:80:80", Port),
            ("r.example/a\u{7f}", Path),
            ("r.example/é", Path),
            ("r.example/a b", Path),
        ] {
            assert_eq!(ServerUrl::parse(text).unwrap_err(), error, "{text:?}");
        }
    }

    #[test]
    fn a_very_long_host_is_rejected() {
        for text in ["a".repeat(64), "a.".repeat(200), "\u{fc}".repeat(63)] {
            assert_eq!(ServerUrl::parse(&text).unwrap_err(), AddressError::TooLong);
        }
    }
}
