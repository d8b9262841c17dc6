use rustix::net::SocketAddrUnix;

/// The sockets of a bus address, in the order in which they are tried.
///
/// Transports that start a program (`autolaunch:`, `unixexec:`) are skipped, and so are those over a
/// network, which would carry secrets unencrypted.
/// <https://dbus.freedesktop.org/doc/dbus-specification.html#addresses>
pub(super) fn sockets(address: &str) -> impl Iterator<Item = SocketAddrUnix> {
    address.split(';').filter_map(|transport| transport.strip_prefix("unix:")?.split(',').find_map(socket))
}

fn socket(pair: &str) -> Option<SocketAddrUnix> {
    let (key, value) = pair.split_once('=')?;
    match key {
        "path" => SocketAddrUnix::new(unescaped(value)?).ok(),
        "abstract" => SocketAddrUnix::new_abstract_name(&unescaped(value)?).ok(),
        _ => None,
    }
}

/// `%20` for a space.
fn unescaped(value: &str) -> Option<Vec<u8>> {
    let mut parts = value.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(address: &str) -> Vec<String> {
        let name = |socket: SocketAddrUnix| match (socket.path(), socket.abstract_name()) {
            (Some(path), _) => path.to_str().unwrap().to_owned(),
            (_, Some(name)) => format!("@{}", std::str::from_utf8(name).unwrap()),
            _ => panic!("{address} names nothing"),
        };
        sockets(address).map(name).collect()
    }

    #[test]
    fn sockets_of_this_machine_are_found_and_nothing_is_started() {
        let many = format!("unix:path=/{}", "x".repeat(200));
        for (address, sockets) in [
            ("unix:path=/run/user/1000/bus", &["/run/user/1000/bus"][..]),
            ("unix:path=/tmp/dbus-Ab,guid=0123456789abcdef", &["/tmp/dbus-Ab"]),
            ("unix:guid=0123456789abcdef,path=/tmp/dbus-Ab", &["/tmp/dbus-Ab"]),
            ("unix:abstract=/tmp/dbus-Ab,guid=00", &["@/tmp/dbus-Ab"]),
            ("unix:path=/tmp/a%20b%2c%C3%A9", &["/tmp/a b,é"]),
            ("tcp:host=localhost,port=1;unix:path=/a;unix:abstract=b", &["/a", "@b"]),
            ("unix:path=/tmp/%2", &[]),
            ("unix:path=/tmp/%zz", &[]),
            ("unix:path=/tmp/%00", &[]),
            ("unix:path=/tmp/%é", &[]),
            (&many, &[]),
            ("unix:tmpdir=/tmp", &[]),
            ("unix:", &[]),
            ("autolaunch:", &[]),
            ("unixexec:path=/bin/sleep,argv1=9", &[]),
            ("nonce-tcp:host=localhost,port=1,noncefile=/x", &[]),
            ("", &[]),
            ("?", &[]),
        ] {
            assert_eq!(named(address), sockets, "{address}");
        }
    }
}
