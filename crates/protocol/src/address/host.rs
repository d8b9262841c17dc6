use std::net::Ipv6Addr;

use super::AddressError;
use super::international::ascii_form;

/// What is left without a user: clients send their own, and what follows the `@` is the host to all of them.
pub(super) fn without_user(authority: &str) -> Result<&str, AddressError> {
    let Some((user, rest)) = authority.split_once('@') else { return Ok(authority) };
    // Some readers take the first of two, others the last, and some take a backslash for a slash.
    let is_of_user = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:".contains(&byte);
    if rest.contains('@') || !user.bytes().all(is_of_user) {
        return Err(AddressError::User);
    }
    Ok(rest)
}

pub(super) fn split_port(authority: &str) -> Result<(&str, Option<u16>), AddressError> {
    let end_of_host = if authority.starts_with('[') {
        authority.find(']').ok_or(AddressError::Bracket)? + 1
    } else {
        authority.find(':').unwrap_or(authority.len())
    };
    let (host, rest) = authority.split_at(end_of_host);
    match rest.strip_prefix(':') {
        None if rest.is_empty() => Ok((host, None)),
        None => Err(AddressError::Bracket),
        // `parse` alone would take a plus sign.
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => match digits.parse() {
            Ok(0) | Err(_) => Err(AddressError::Port),
            Ok(port) => Ok((host, Some(port))),
        },
        Some(_) if is_ipv6(authority) => Err(AddressError::NoBrackets),
        Some(_) => Err(AddressError::Port),
    }
}

/// With or without a port behind it.
fn is_ipv6(text: &str) -> bool {
    let parses = |text: &str| text.parse::<Ipv6Addr>().is_ok();
    parses(text) || text.rsplit_once(':').is_some_and(|(address, _)| parses(address))
}

/// The normalized host: in lower case, in ASCII, without a trailing dot.
pub(super) fn host_of(host: &str) -> Result<String, AddressError> {
    if let Some(inside) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return bracketed(inside).ok_or(AddressError::Bracket);
    }
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.is_empty() {
        return Err(AddressError::NoHost);
    }
    let host = if host.is_ascii() { host.to_ascii_lowercase() } else { ascii_form(host)? };
    if host.split('.').any(str::is_empty) {
        return Err(AddressError::EmptyLabel);
    }
    if !host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte)) {
        return Err(AddressError::Character);
    }
    match host.len() <= 253 && host.split('.').all(|label| label.len() <= 63) {
        true => Ok(host),
        false => Err(AddressError::TooLong),
    }
}

/// An IPv6 address, and the zone of one that counts on one of this machine's links alone. In a URL the
/// percent sign before a zone is `%25`: <https://datatracker.ietf.org/doc/html/rfc6874>.
fn bracketed(inside: &str) -> Option<String> {
    let Some((address, zone)) = inside.split_once('%') else {
        return inside.parse::<Ipv6Addr>().ok().map(|address| format!("[{address}]"));
    };
    let zone = zone.strip_prefix("25").unwrap_or(zone);
    let is_zone = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let address: Ipv6Addr = address.parse().ok()?;
    (!zone.is_empty() && zone.bytes().all(is_zone)).then(|| format!("[{address}%25{zone}]"))
}
