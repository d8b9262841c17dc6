use std::fmt;

use protocol::ErrorMessage;
use settings::Environment;

/// The first variable that is not empty is used; an empty one counts as unset, as in Go.
/// <https://pkg.go.dev/golang.org/x/net/http/httpproxy#FromEnvironment>
const HTTPS: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
const HTTP: [&str; 4] = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
const EXCLUDED: [&str; 2] = ["NO_PROXY", "no_proxy"];
/// In a CGI process, `HTTP_PROXY` is a header of a remote request. <https://httpoxy.org>
const CGI: &str = "REQUEST_METHOD";

/// With the port of each.
const SCHEMES: [(&str, u16); 4] = [("http", 80), ("https", 443), ("socks5", 1080), ("socks5h", 1080)];

/// The proxies of the environment.
#[derive(Clone, Debug)]
pub struct Proxies {
    /// For `https://` addresses.
    pub https: Option<Proxy>,
    /// For `http://` addresses.
    pub http: Option<Proxy>,
    /// The variable that excludes hosts, and its value.
    pub excluded: Option<(&'static str, String)>,
}

/// One proxy.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    /// The variable that it is set in.
    pub variable: &'static str,
    /// `http`, `https`, `socks5` or `socks5h`.
    pub scheme: String,
    /// Its host and port.
    pub authority: String,
    /// Whether it has a user name, with or without a password.
    pub has_user: bool,
    url: String,
}

impl Proxies {
    /// Reads the variables.
    ///
    /// # Errors
    /// A variable is not the address of a proxy, or its scheme is not supported.
    pub fn of(environment: &Environment) -> Result<Self, ErrorMessage> {
        let first = |names: &[&'static str]| names.iter().find_map(|name| Some((*name, environment.text(name)?)));
        let named = |names: &[&'static str]| first(names).map(|(name, text)| Proxy::parse(name, &text)).transpose();
        // CGI sets only the upper case variable from a header.
        let http = if environment.raw(CGI).is_some() { &HTTP[1..] } else { &HTTP[..] };
        Ok(Proxies { https: named(&HTTPS)?, http: named(http)?, excluded: first(&EXCLUDED) })
    }
}

impl Proxy {
    fn parse(variable: &'static str, text: &str) -> Result<Self, ErrorMessage> {
        // A bare host and port means http, as in all clients.
        let url = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let (scheme, rest) = url.split_once("://").expect("it was put there");
        let scheme = scheme.to_ascii_lowercase();
        let Some((_, port)) = SCHEMES.iter().find(|(known, _)| *known == scheme) else {
            let shown: String = scheme.chars().filter(char::is_ascii_alphanumeric).take(16).collect();
            return Err(ErrorMessage {
                what: format!("unsupported proxy scheme {shown} in {variable}"),
                hint: Some(format!("use http://, https://, socks5:// or socks5h:// in {variable}")),
            });
        };
        let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (user, host) = rest.rsplit_once('@').map_or((None, rest), |(user, host)| (Some(user), host));
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let name = if has_port { host.rsplit_once(':').map_or(host, |(name, _)| name) } else { host };
        let is_bracketed = name.starts_with('[') && name.ends_with(']');
        if name.is_empty() || name.contains(char::is_whitespace) || (name.contains(':') && !is_bracketed) {
            return Err(ErrorMessage {
                what: format!("{variable} is not the address of a proxy"),
                hint: Some(format!("write it as http://proxy.example:3128, or unset {variable}")),
            });
        }
        // With either scheme, Go's clients such as Docker let the proxy resolve names.
        let url = if scheme == "socks5" { format!("socks5h://{}", &url["socks5://".len()..]) } else { url.clone() };
        let authority = if has_port { host.to_owned() } else { format!("{host}:{port}") };
        Ok(Proxy { variable, scheme, authority, has_user: user.is_some_and(|user| !user.is_empty()), url })
    }

    /// The URL with the user name and password; never to be shown.
    pub fn expose_url(&self) -> &str {
        &self.url
    }
}

impl fmt::Display for Proxy {
    /// Without the user name and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{} of {}", self.scheme, self.authority, self.variable)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Result<Proxies, ErrorMessage> {
        Proxies::of(&Environment::of(variables.iter().copied()))
    }

    #[test]
    fn the_first_variable_that_is_not_empty_counts() {
        for (variables, https, http) in [
            (&[][..], "", ""),
            (&[("HTTPS_PROXY", ""), ("https_proxy", "http://low:1")], "http://low:1 of https_proxy", ""),
            (&[("HTTPS_PROXY", "up:1"), ("https_proxy", "low:1")], "http://up:1 of HTTPS_PROXY", ""),
            (&[("all_proxy", "socks5h://s")], "socks5h://s:1080 of all_proxy", "socks5h://s:1080 of all_proxy"),
            (
                &[("ALL_PROXY", "a"), ("HTTP_PROXY", "HTTPS://b/x")],
                "http://a:80 of ALL_PROXY",
                "https://b:443 of HTTP_PROXY",
            ),
            (&[("HTTP_PROXY", "b"), ("REQUEST_METHOD", "GET")], "", ""),
            (&[("HTTPS_PROXY", "http://[::1]:3128")], "http://[::1]:3128 of HTTPS_PROXY", ""),
        ] {
            let proxies = of(variables).unwrap();
            let shown = |proxy: Option<Proxy>| proxy.map(|proxy| proxy.to_string()).unwrap_or_default();
            assert_eq!((shown(proxies.https), shown(proxies.http)), (https.into(), http.into()), "{variables:?}");
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        let proxy = of(&[("HTTPS_PROXY", "http://me:c4n4ry@proxy.example:3128")]).unwrap().https.unwrap();
        assert!(proxy.has_user && proxy.expose_url().contains("c4n4ry"));
        assert_eq!(format!("{proxy:?}"), "Proxy(http://proxy.example:3128 of HTTPS_PROXY)");
        for text in ["ftp://me:c4n4ry@proxy", "http://me:c4n4ry@", "http://c4n4ry here", "::1:8080", "https://"] {
            let why = of(&[("HTTPS_PROXY", text)]).unwrap_err().to_string();
            assert!(why.contains("HTTPS_PROXY") && !why.contains("c4n4ry"), "{why}");
        }
    }
}
