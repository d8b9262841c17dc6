use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// An address that accepts connections and never responds, like a firewall that drops packets.
///
/// There is no accept: the kernel completes the handshake and buffers what the client sends.
pub struct SilentAddress {
    listener: TcpListener,
}

impl SilentAddress {
    /// On 127.0.0.1, at a free port.
    #[expect(clippy::new_without_default, reason = "it takes a port")]
    pub fn new() -> Self {
        SilentAddress::at((Ipv4Addr::LOCALHOST, 0).into())
    }

    /// At this address.
    ///
    /// # Panics
    /// If the address cannot be bound.
    pub fn at(addr: SocketAddr) -> Self {
        let listener = TcpListener::bind(addr).unwrap_or_else(|error| panic!("cannot listen on {addr}: {error}"));
        SilentAddress { listener }
    }

    /// The address.
    pub fn addr(&self) -> SocketAddr {
        self.listener.local_addr().expect("a bound listener has an address")
    }

    /// The same as `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read, Write};
    use std::net::TcpStream;
    use std::time::Duration;

    use super::*;

    #[test]
    fn connects_and_says_nothing() {
        let silent = SilentAddress::new();
        let mut client = TcpStream::connect(silent.addr()).unwrap();
        client.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
        client.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let error = client.read(&mut [0]).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
    }
}
