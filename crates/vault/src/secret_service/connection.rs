use std::cell::{Cell, OnceCell, RefCell};
use std::fmt::Write as _;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use dbus::arg::AppendAll;
use dbus::{Error, Message, MessageType};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use zeroize::Zeroizing;

use super::address::sockets;
use super::incoming::Incoming;
use super::peer::peer_user;

/// The bus itself, whose `Hello` must be the first call.
/// <https://dbus.freedesktop.org/doc/dbus-specification.html#bus-messages-hello>
const BUS: &str = "org.freedesktop.DBus";
const BUS_PATH: &str = "/org/freedesktop/DBus";
/// The name of our own error for a timeout.
pub(super) const TIMEOUT: &str = "org.freedesktop.DBus.Error.Timeout";
/// Bytes; almost every reply fits.
const USUAL: usize = 4096;
/// Bytes; every reply of a keychain is much smaller.
const LARGEST: usize = 16 << 20;

/// A connection to a bus with pipelining, because the cost of a call is the wait for its reply, and
/// with a timeout on every wait.
///
/// libdbus serializes the messages; its own connection is not used, because it has no timeout for
/// connecting, needs one more roundtrip to authenticate, and would need a thread.
pub(super) struct Connection {
    stream: UnixStream,
    end: Cell<Instant>,
    last: Cell<u32>,
    /// Sent with the next wait.
    outgoing: RefCell<Zeroizing<Vec<u8>>>,
    incoming: RefCell<Incoming>,
    authenticated: OnceCell<()>,
    hello: OnceCell<PendingReply>,
    hello_reply: OnceCell<Result<(), Error>>,
    /// Replies and signals that arrived while another one was waited for.
    early: RefCell<Vec<Message>>,
}

/// The serial number of a call whose reply is expected.
#[derive(Clone, Copy)]
pub(super) struct PendingReply(u32);

impl Connection {
    /// Waits until the bus accepts the connection, and for no reply: [`Connection::check_hello`] returns
    /// the error of a bus that rejects this user.
    pub(super) fn open(address: &str, end: Instant) -> Result<Self, Error> {
        let mut stream = open_first(address, end)?;
        // The first byte carries the credentials on systems where the socket itself does not.
        // <https://dbus.freedesktop.org/doc/dbus-specification.html#auth-protocol>
        let mut greeting = "\0AUTH EXTERNAL ".to_owned();
        for digit in rustix::process::geteuid().as_raw().to_string().bytes() {
            write!(greeting, "{digit:02x}").expect("writing to a string cannot fail");
        }
        greeting.push_str("\r\n");
        stream.write_all(greeting.as_bytes()).map_err(|error| cut(&error))?;
        let connection = Connection {
            stream,
            end: Cell::new(end),
            last: Cell::new(0),
            outgoing: RefCell::new(Zeroizing::new(b"BEGIN\r\n".to_vec())),
            incoming: RefCell::new(Incoming::with_capacity(USUAL)),
            authenticated: OnceCell::new(),
            hello: OnceCell::new(),
            hello_reply: OnceCell::new(),
            early: RefCell::default(),
        };
        _ = connection.hello.set(connection.ask_bus("Hello", ()));
        Ok(connection)
    }

    /// Sets the deadline of all replies.
    pub(super) fn wait_until(&self, end: Instant) {
        self.end.set(end);
    }

    /// Whether the bus has accepted this user.
    pub(super) fn check_hello(&self) -> Result<(), &Error> {
        let hello = *self.hello.get().expect("it is sent by `open`");
        self.hello_reply.get_or_init(|| self.answer(hello).map(drop)).as_ref().copied()
    }

    /// Queues a call.
    pub(super) fn ask(&self, mut question: Message) -> PendingReply {
        let number = self.last.get() + 1;
        self.last.set(number);
        question.set_serial(number);
        let keep = |bytes: &[u8]| {
            self.outgoing.borrow_mut().extend_from_slice(bytes);
            Ok::<(), std::convert::Infallible>(())
        };
        let Ok(()) = question.marshal(keep);
        PendingReply(number)
    }

    /// Sends calls whose replies are not needed, even after the deadline.
    pub(super) fn flush(&self) {
        let end = self.end.replace(Instant::now() + Duration::from_millis(50));
        if let Err(error) = self.send() {
            log::debug!("not sent: {}", text(&error));
        }
        self.end.set(end);
    }

    /// Queues a call of the bus itself.
    pub(super) fn ask_bus(&self, method: &str, arguments: impl AppendAll) -> PendingReply {
        self.ask(Message::call_with_args(BUS, BUS_PATH, BUS, method, arguments))
    }

    /// Waits for the reply to a call, once.
    pub(super) fn answer(&self, PendingReply(number): PendingReply) -> Result<Message, Error> {
        self.send()?;
        let mut early = self.early.borrow_mut();
        loop {
            if let Some(place) = early.iter().position(|answer| answer.get_reply_serial() == Some(number)) {
                let mut answer = early.swap_remove(place);
                answer.as_result()?;
                return Ok(answer);
            }
            self.receive_into(&mut early)?;
        }
    }

    /// Waits for a signal of an object, which may have arrived already.
    pub(super) fn signal(&self, path: &str, member: &str) -> Result<Message, Error> {
        self.send()?;
        let mut early = self.early.borrow_mut();
        let is_it = |message: &Message| {
            message.msg_type() == MessageType::Signal
                && message.path().is_some_and(|of| &*of == path)
                && message.member().is_some_and(|name| &*name == member)
        };
        loop {
            if let Some(place) = early.iter().position(is_it) {
                return Ok(early.swap_remove(place));
            }
            self.receive_into(&mut early)?;
        }
    }

    /// Ignores method calls from other clients.
    fn receive_into(&self, early: &mut Vec<Message>) -> Result<(), Error> {
        let message = self.receive()?;
        early.extend((message.msg_type() != MessageType::MethodCall).then_some(message));
        Ok(())
    }

    fn send(&self) -> Result<(), Error> {
        self.authenticate()?;
        let mut outgoing = self.outgoing.borrow_mut();
        if !outgoing.is_empty() {
            let left = self.left()?;
            self.stream.set_write_timeout(Some(left)).map_err(|error| cut(&error))?;
            (&self.stream).write_all(&outgoing).map_err(|error| cut(&error))?;
            *outgoing = Zeroizing::default();
        }
        Ok(())
    }

    /// File descriptors are not negotiated: that would be another roundtrip.
    fn authenticate(&self) -> Result<(), Error> {
        if self.authenticated.get().is_some() {
            return Ok(());
        }
        let line = |bytes: &[u8]| match bytes.iter().position(|byte| *byte == b'\n') {
            Some(end) => Ok(end + 1),
            None if bytes.len() < USUAL => Ok(bytes.len() + 1),
            None => Err(()),
        };
        let answer = self.read(line)?;
        if !answer.starts_with(b"OK ") {
            return Err(of_another());
        }
        _ = self.authenticated.set(());
        Ok(())
    }

    fn receive(&self) -> Result<Message, Error> {
        let message = self.read(Message::demarshal_bytes_needed)?;
        Message::demarshal(&message)
    }

    /// Reads until one message or line is complete; `needed` computes its length from its first bytes.
    fn read(&self, needed: impl Fn(&[u8]) -> Result<usize, ()>) -> Result<Zeroizing<Vec<u8>>, Error> {
        let mut incoming = self.incoming.borrow_mut();
        loop {
            let needed = needed(incoming.bytes()).ok().filter(|&needed| needed <= LARGEST).ok_or_else(malformed)?;
            if let Some(whole) = incoming.take(needed) {
                return Ok(whole);
            }
            let left = self.left()?;
            self.stream.set_read_timeout(Some(left)).map_err(|error| cut(&error))?;
            match (&self.stream).read(incoming.spare(needed)) {
                Ok(0) => return Err(cut(&ErrorKind::UnexpectedEof.into())),
                Ok(more) => incoming.add(more),
                Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => {}
                Err(error) => return Err(cut(&error)),
            }
        }
    }

    /// Never zero, which means no timeout for a socket.
    fn left(&self) -> Result<Duration, Error> {
        left_until(self.end.get())
    }
}

fn open_first(address: &str, end: Instant) -> Result<UnixStream, Error> {
    let none =
        || Error::new_custom("org.freedesktop.DBus.Error.NoServer", "the address of the bus names no local socket");
    let mut opened = Err(none());
    for socket in sockets(address) {
        opened = open(&socket, end);
        if opened.is_ok() {
            break;
        }
    }
    opened
}

/// The send timeout also applies to connecting, if the backlog of the bus is full.
/// <https://man7.org/linux/man-pages/man7/socket.7.html>
fn open(address: &SocketAddrUnix, end: Instant) -> Result<UnixStream, Error> {
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None);
    let socket = socket.map_err(|error| cut(&error.into()))?;
    loop {
        set_socket_timeout(&socket, Timeout::Send, Some(left_until(end)?)).map_err(|error| cut(&error.into()))?;
        match connect(&socket, address) {
            Ok(()) => {
                // Another user may have taken the address of a bus that has ended, and would receive secrets.
                // Root can read them anyway.
                let user = peer_user(&socket).map_err(|error| cut(&error))?;
                let is_ours = user == 0 || user == rustix::process::geteuid().as_raw();
                return if is_ours { Ok(UnixStream::from(socket)) } else { Err(of_another()) };
            }
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            Err(error) => return Err(cut(&error.into())),
        }
    }
}

fn left_until(end: Instant) -> Result<Duration, Error> {
    let left = end.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(Error::new_custom(TIMEOUT, "timed out")) } else { Ok(left) }
}

fn cut(error: &std::io::Error) -> Error {
    let why = match error.kind() {
        ErrorKind::WouldBlock => return Error::new_custom(TIMEOUT, "timed out while sending"),
        ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => {
            "the bus closed the connection".to_owned()
        }
        _ => error.to_string(),
    };
    Error::new_custom("org.freedesktop.DBus.Error.Disconnected", &why)
}

fn of_another() -> Error {
    Error::new_custom("org.freedesktop.DBus.Error.AuthFailed", "the bus belongs to another user")
}

pub(super) fn malformed() -> Error {
    Error::new_custom("org.freedesktop.DBus.Error.InvalidArgs", "malformed message from the bus")
}

/// The message of the service on one line.
pub(super) fn text(error: &Error) -> String {
    let text = error.message().or(error.name()).unwrap_or("unknown error");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
