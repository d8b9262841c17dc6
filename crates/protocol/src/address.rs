use std::fmt;

use thiserror::Error;

/// The key under which Docker keeps a Docker Hub login, and the one that stands for all of Hub's names.
const HUB: &str = "https://index.docker.io/v1/";
const HUB_HOSTS: [&str; 4] = ["index.docker.io", "docker.io", "registry-1.docker.io", "registry.hub.docker.com"];

/// A registry's address, parsed once, at the door.
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
    asked: String,
    https: bool,
    host: String,
    port: Option<u16>,
    path: String,
}

/// Why a text is no registry address.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum AddressError {
    /// Nothing but white space.
    #[error("no credentials server URL")]
    Empty,
    /// Neither `http` nor `https`.
    #[error("a registry address starts with https://, http:// or the host")]
    Scheme,
    /// No host, or one that is no host name: user information, a space, a letter outside ASCII.
    #[error("a registry address has a host name in it and nothing before that")]
    Host,
    /// A port that is no number from 1 to 65535.
    #[error("a registry address has a port from 1 to 65535")]
    Port,
    /// A path with a control character or one outside ASCII.
    #[error("a registry address has a path of printable ASCII")]
    Path,
}

impl ServerUrl {
    /// Reads an address as Docker's family writes it: `host`, `host:port`, `https://host/v1/`,
    /// `host/namespace/repository`, `[::1]:5000`. White space around it and a query are dropped.
    ///
    /// # Errors
    /// [`AddressError`] says what is wrong; an address that cannot be parsed belongs to nobody.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let asked = text.trim_start_matches('\u{feff}').trim();
        if asked.is_empty() {
            return Err(AddressError::Empty);
        }
        // Behind the host it is a part of the path or the query.
        let (https, rest) = match asked.split_once("://").filter(|(scheme, _)| !scheme.contains(['/', '?', '#'])) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (true, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (false, rest),
            Some(_) => return Err(AddressError::Scheme),
            None => (true, asked.strip_prefix("//").unwrap_or(asked)),
        };
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = split_port(authority)?;
        let host = host_of(host).ok_or(AddressError::Host)?;
        if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(AddressError::Path);
        }
        let path = match path.trim_end_matches('/') {
            "/v1" | "/v2" => "",
            path => path,
        };
        Ok(ServerUrl {
            asked: asked.to_owned(),
            https,
            host,
            port: port.filter(|&port| port != if https { 443 } else { 80 }),
            path: path.to_owned(),
        })
    }

    /// The text that was asked for, without the white space around it: what a reply echoes.
    pub fn asked(&self) -> &str {
        &self.asked
    }

    /// Whether the registry is reached over TLS; so is one without a scheme.
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// The host in lower case; an IPv6 address in its shortest form and in brackets.
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

    /// One text for all equal addresses, in the spelling in which Docker itself asks: the bare
    /// host, `http://host` where TLS is off, and the index address for Docker Hub.
    pub fn key(&self) -> String {
        match (self.is_hub(), self.https) {
            (true, _) if self.path.is_empty() => HUB.to_owned(),
            (true, _) => format!("https://index.docker.io{}", self.path),
            (false, true) => self.authority() + &self.path,
            (false, false) => format!("http://{}{}", self.authority(), self.path),
        }
    }

    /// The texts under which another helper may keep an equal address, the likeliest first: most
    /// keychain helpers find only the exact text that was stored.
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

fn split_port(authority: &str) -> Result<(&str, Option<u16>), AddressError> {
    let end_of_host = if authority.starts_with('[') {
        authority.find(']').ok_or(AddressError::Host)? + 1
    } else {
        authority.find(':').unwrap_or(authority.len())
    };
    let (host, rest) = authority.split_at(end_of_host);
    match rest.strip_prefix(':') {
        None if rest.is_empty() => Ok((host, None)),
        None => Err(AddressError::Host),
        // `parse` alone would take a plus sign.
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => match digits.parse() {
            Ok(0) | Err(_) => Err(AddressError::Port),
            Ok(port) => Ok((host, Some(port))),
        },
        Some(_) => Err(AddressError::Port),
    }
}

fn host_of(host: &str) -> Option<String> {
    if let Some(inside) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return inside.parse::<std::net::Ipv6Addr>().ok().map(|address| format!("[{address}]"));
    }
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    (host.len() <= 253 && host.split('.').all(is_label)).then(|| host.to_ascii_lowercase())
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
    fn key_is_what_docker_asks_for() {
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
    fn the_asked_text_is_kept() {
        assert_eq!(parse(" https://R.example/v2/ \n").asked(), "https://R.example/v2/");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        use AddressError::*;
        for (text, error) in [
            ("", Empty),
            (" \r\n\t", Empty),
            ("\u{feff}", Empty),
            ("ftp://r.example", Scheme),
            ("://r.example", Scheme),
            ("https://", Host),
            ("/v2/", Host),
            ("user@r.example", Host),
            ("https://u:p@r.example/", Port),
            ("r..example", Host),
            ("r.example.", Host),
            ("r example", Host),
            ("régistre.example", Host),
            ("r.example\0", Host),
            ("[::1", Host),
            ("[nonsense]", Host),
            ("[::1]x", Host),
            ("::1:6555", Port),
            ("\\\\r.example", Host),
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
    fn a_very_long_host_is_refused() {
        assert!(ServerUrl::parse(&"a".repeat(64)).is_err());
        assert!(ServerUrl::parse(&"a.".repeat(200)).is_err());
    }
}
