use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use web::{Proxies, Proxy, Url};
use zeroize::Zeroizing;

use super::finding::{Remedy, Section};
use crate::context::Context;
use crate::image::Image;

/// How long a proxy may take for one step.
const LIMIT: Duration = Duration::from_secs(5);

/// Which proxies are in force, and whether they do what is wanted of them. Their user and password are never shown.
pub(super) fn check(image: Option<&Image>, offline: bool, context: &Context<'_>) -> Section {
    let mut section = Section::about("Proxies");
    let Proxies { https, http, excluded } = match Proxies::of(&context.setup.environment) {
        Ok(proxies) => proxies,
        Err(why) => {
            section.broken(why.what, Remedy::advice(why.hint.unwrap_or_default()));
            return section;
        }
    };
    for proxy in https.iter().chain(http.iter().filter(|http| Some(*http) != https.as_ref())) {
        let host = image.map(Image::host).filter(|host| !is_local(host));
        let host = host.filter(|host| excluded.as_ref().is_none_or(|(_, list)| !is_excluded(host, list)));
        one(proxy, host, offline, &mut section);
    }
    if let Some((name, list)) = excluded.filter(|_| !section.findings.is_empty()) {
        section.note(format!("{name} excludes {list}"), None);
    }
    section
}

fn one(proxy: &Proxy, host: Option<&str>, offline: bool, section: &mut Section) {
    let Proxy { variable: name, scheme, authority, .. } = proxy;
    let unset = || Remedy::advice(format!("fix {name}")).or_run(format!("unset {name}"));
    let Ok(url) = Url::parse(proxy.expose_url()) else {
        return section.broken(format!("{name} is not a proxy URL"), unset());
    };
    let shown = format!("{scheme}://{authority}");
    let with = if proxy.has_user { ", with user and password" } else { "" };
    if offline {
        return section.note(format!("{name} is set: using the proxy {shown}{with}"), None);
    }
    let mut stream = match connect(authority) {
        Ok(stream) => stream,
        Err(error) => {
            return section.broken(format!("{name}: cannot reach the proxy {shown}: {error}"), unset());
        }
    };
    let is_https = !name.eq_ignore_ascii_case("HTTP_PROXY");
    let status = host.filter(|_| url.scheme() == "http" && is_https).map(|host| tunnel(&mut stream, &url, host));
    match status {
        None => section.note(format!("{name} is set: using the proxy {shown}{with}"), None),
        Some(Ok(200..=299)) => {
            section.note(format!("{name} is set: the proxy {shown}{with} works"), None);
        }
        Some(Ok(407)) => {
            let text = if with.is_empty() {
                "requires a user and password (HTTP 407)"
            } else {
                "rejected the user and password (HTTP 407)"
            };
            let advice = format!("set {name} to http://USER:PASSWORD@{authority}");
            section.broken(format!("{name}: the proxy {shown} {text}"), Remedy::advice(advice));
        }
        Some(Ok(status)) => {
            let host = host.unwrap_or_default();
            section.broken(format!("{name}: the proxy {shown} denied access to {host} (HTTP {status})"), unset());
        }
        Some(Err(error)) => {
            section.broken(format!("{name}: {shown} is not an HTTP proxy: {error}"), unset());
        }
    }
}

fn connect(authority: &str) -> std::io::Result<TcpStream> {
    let mut last = std::io::Error::other("cannot resolve its name");
    for address in authority.to_socket_addrs().map_err(|_| std::io::Error::other("cannot resolve its name"))? {
        match TcpStream::connect_timeout(&address, LIMIT) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// The status of a proxy's response to CONNECT: <https://www.rfc-editor.org/rfc/rfc9110#CONNECT>.
fn tunnel(stream: &mut TcpStream, proxy: &Url, host: &str) -> std::io::Result<u16> {
    let target = if host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) {
        host.to_owned()
    } else {
        format!("{host}:443")
    };
    let mut request = Zeroizing::new(format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n"));
    if !proxy.username().is_empty() {
        let decoded = |text: &str| percent_decoded(text);
        let pair = Zeroizing::new(
            [&decoded(proxy.username())[..], b":", &decoded(proxy.password().unwrap_or_default())].concat(),
        );
        request.push_str("Proxy-Authorization: Basic ");
        request.push_str(&Zeroizing::new(STANDARD.encode(&*pair)));
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    let mut piece = [0; 64];
    while answer.len() < 16 {
        match stream.read(&mut piece)? {
            0 => break,
            count => answer.extend_from_slice(&piece[..count]),
        }
    }
    let line = String::from_utf8_lossy(&answer);
    let status = line.strip_prefix("HTTP/1.").and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok());
    status.ok_or_else(|| std::io::Error::other("malformed HTTP response"))
}

fn percent_decoded(text: &str) -> Zeroizing<Vec<u8>> {
    let mut decoded = Zeroizing::new(Vec::with_capacity(text.len()));
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let hex = text.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (bytes[at], hex) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                at += 3;
            }
            (byte, _) => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    decoded
}

fn is_local(host: &str) -> bool {
    ["localhost", "127.", "[::1]"].iter().any(|here| host.starts_with(here))
}

/// A name in NO_PROXY matches itself and all its subdomains.
fn is_excluded(host: &str, list: &str) -> bool {
    let bare = host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(host, |(host, _)| host);
    list.split(',').map(|entry| entry.trim().trim_start_matches("*.").trim_start_matches('.')).any(|entry| {
        !entry.is_empty() && (entry == "*" || entry == host || entry == bare || bare.ends_with(&format!(".{entry}")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_not_requested() {
        for (host, list, expected) in [
            ("ghcr.io", "localhost,ghcr.io", true),
            ("r.corp.example:5000", ".corp.example", true),
            ("r.corp.example", "*.corp.example", true),
            ("r.corp.example", "corp.example", true),
            ("evilcorp.example", "corp.example", false),
            ("ghcr.io", "*", true),
            ("ghcr.io", "", false),
        ] {
            assert_eq!(is_excluded(host, list), expected, "{host} in {list}");
        }
    }

    #[test]
    fn a_password_is_sent_as_it_is_meant() {
        assert_eq!(*percent_decoded("p%40ss%zz%"), b"p@ss%zz%".to_vec());
    }
}
