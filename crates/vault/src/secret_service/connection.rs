use std::cell::{Cell, OnceCell, RefCell};
use std::fmt::Write as _;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use dbus::{Error, Message};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use zeroize::Zeroizing;

use super::address::sockets;
use super::peer::user_behind;

/// The bus itself, which wants to be greeted first.
/// <https://dbus.freedesktop.org/doc/dbus-specification.html#bus-messages-hello>
const BUS: &str = "org.freedesktop.DBus";
/// Of an error that is ours: the time is over.
pub(super) const TIMEOUT: &str = "org.freedesktop.DBus.Error.Timeout";
/// Nearly every answer fits.
const USUAL: usize = 4096;
/// No answer of a keychain comes near it.
const LARGEST: usize = 16 << 20;

/// A connection to a bus on which a question can go out before the earlier ones are answered,
/// since what a question costs is the wait, and on which no wait is longer than it may be.
///
/// Messages are written and read by libdbus; its own connection is not used. That one has no time
/// limit for connecting, waits once more to sign on, and wants a thread around it.
pub(super) struct Connection {
    stream: UnixStream,
    end: Cell<Instant>,
    last: Cell<u32>,
    /// What goes out as soon as something is waited for.
    outgoing: RefCell<Zeroizing<Vec<u8>>>,
    incoming: RefCell<Incoming>,
    signed_on: OnceCell<()>,
    hello: OnceCell<Asked>,
    welcome: OnceCell<Result<(), Error>>,
    /// Answers that came while another one was waited for.
    early: RefCell<Vec<Message>>,
}

/// A question that goes out, by the number that its answer will name.
#[derive(Clone, Copy)]
pub(super) struct Asked(u32);

impl Connection {
    /// Waits for a bus that takes nobody, and no answer: a bus that does not want us says so in
    /// [`Connection::welcome`].
    pub(super) fn open(address: &str, end: Instant) -> Result<Self, Error> {
        let mut stream = open_first(address, end)?;
        // The first byte carries the credentials on systems where the socket itself does not.
        // <https://dbus.freedesktop.org/doc/dbus-specification.html#auth-protocol>
        let mut greeting = "\0AUTH EXTERNAL ".to_owned();
        for digit in rustix::process::geteuid().as_raw().to_string().bytes() {
            write!(greeting, "{digit:02x}").expect("a string always has room");
        }
        greeting.push_str("\r\n");
        stream.write_all(greeting.as_bytes()).map_err(|error| cut(&error))?;
        let connection = Connection {
            stream,
            end: Cell::new(end),
            last: Cell::new(0),
            outgoing: RefCell::new(Zeroizing::new(b"BEGIN\r\n".to_vec())),
            incoming: RefCell::new(Incoming { bytes: Zeroizing::new(vec![0; USUAL]), length: 0 }),
            signed_on: OnceCell::new(),
            hello: OnceCell::new(),
            welcome: OnceCell::new(),
            early: RefCell::default(),
        };
        let hello = connection.ask(Message::call_with_args(BUS, "/org/freedesktop/DBus", BUS, "Hello", ()));
        _ = connection.hello.set(hello);
        Ok(connection)
    }

    /// Sets until when answers are waited for.
    pub(super) fn wait_until(&self, end: Instant) {
        self.end.set(end);
    }

    /// Whether the bus has let us in; if not, why.
    pub(super) fn welcome(&self) -> Result<(), &Error> {
        let hello = *self.hello.get().expect("it was said at the beginning");
        self.welcome.get_or_init(|| self.answer(hello).map(drop)).as_ref().copied()
    }

    /// Makes a question ready to go out.
    pub(super) fn ask(&self, mut question: Message) -> Asked {
        let number = self.last.get() + 1;
        self.last.set(number);
        question.set_serial(number);
        let keep = |bytes: &[u8]| {
            self.outgoing.borrow_mut().extend_from_slice(bytes);
            Ok::<(), std::convert::Infallible>(())
        };
        let Ok(()) = question.marshal(keep);
        Asked(number)
    }

    /// Waits for the answer of a question, once.
    pub(super) fn answer(&self, Asked(number): Asked) -> Result<Message, Error> {
        self.send()?;
        let mut early = self.early.borrow_mut();
        loop {
            if let Some(place) = early.iter().position(|answer| answer.get_reply_serial() == Some(number)) {
                let mut answer = early.swap_remove(place);
                answer.as_result()?;
                return Ok(answer);
            }
            let message = self.receive()?;
            // Signals and what others ask of us are passed over.
            early.extend(message.get_reply_serial().is_some().then_some(message));
        }
    }

    fn send(&self) -> Result<(), Error> {
        self.sign_on()?;
        let mut outgoing = self.outgoing.borrow_mut();
        if !outgoing.is_empty() {
            let left = self.left()?;
            self.stream.set_write_timeout(Some(left)).map_err(|error| cut(&error))?;
            (&self.stream).write_all(&outgoing).map_err(|error| cut(&error))?;
            *outgoing = Zeroizing::default();
        }
        Ok(())
    }

    /// To negotiate that descriptors may be passed would be another wait, for nothing.
    fn sign_on(&self) -> Result<(), Error> {
        if self.signed_on.get().is_some() {
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
        _ = self.signed_on.set(());
        Ok(())
    }

    fn receive(&self) -> Result<Message, Error> {
        let message = self.read(Message::demarshal_bytes_needed)?;
        Message::demarshal(&message)
    }

    /// Reads until as many bytes are there as are needed for one thing, by the bytes that are there.
    fn read(&self, needed: impl Fn(&[u8]) -> Result<usize, ()>) -> Result<Zeroizing<Vec<u8>>, Error> {
        let mut incoming = self.incoming.borrow_mut();
        loop {
            let needed = needed(incoming.bytes()).ok().filter(|&needed| needed <= LARGEST).ok_or_else(nonsense)?;
            if let Some(whole) = incoming.take(needed) {
                return Ok(whole);
            }
            let left = self.left()?;
            self.stream.set_read_timeout(Some(left)).map_err(|error| cut(&error))?;
            match (&self.stream).read(incoming.room(needed)) {
                Ok(0) => return Err(cut(&ErrorKind::UnexpectedEof.into())),
                Ok(more) => incoming.length += more,
                Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => {}
                Err(error) => return Err(cut(&error)),
            }
        }
    }

    /// Never zero, which a socket takes for ever.
    fn left(&self) -> Result<Duration, Error> {
        left_until(self.end.get())
    }
}

/// What has been read and not been used yet.
struct Incoming {
    bytes: Zeroizing<Vec<u8>>,
    length: usize,
}

impl Incoming {
    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    fn take(&mut self, count: usize) -> Option<Zeroizing<Vec<u8>>> {
        let taken = Zeroizing::new(self.bytes().get(..count)?.to_vec());
        self.bytes.copy_within(count..self.length, 0);
        self.length -= count;
        Some(taken)
    }

    /// Where to read to; what is outgrown is wiped.
    fn room(&mut self, needed: usize) -> &mut [u8] {
        if needed > self.bytes.len() {
            let mut larger = Zeroizing::new(vec![0; needed]);
            larger[..self.length].copy_from_slice(&self.bytes[..self.length]);
            self.bytes = larger;
        }
        &mut self.bytes[self.length..]
    }
}

fn open_first(address: &str, end: Instant) -> Result<UnixStream, Error> {
    let none = || {
        Error::new_custom(
            "org.freedesktop.DBus.Error.NoServer",
            "the address of its bus names no socket of this machine",
        )
    };
    let mut opened = Err(none());
    for socket in sockets(address) {
        opened = open(&socket, end);
        if opened.is_ok() {
            break;
        }
    }
    opened
}

/// The time limit for writing is one for connecting, too: to a bus that takes nobody for the moment.
/// <https://man7.org/linux/man-pages/man7/socket.7.html>
fn open(address: &SocketAddrUnix, end: Instant) -> Result<UnixStream, Error> {
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None);
    let socket = socket.map_err(|error| cut(&error.into()))?;
    loop {
        set_socket_timeout(&socket, Timeout::Send, Some(left_until(end)?)).map_err(|error| cut(&error.into()))?;
        match connect(&socket, address) {
            Ok(()) => {
                // Whoever took the place of a bus that has gone would be sent secrets. Root may have them.
                let user = user_behind(&socket).map_err(|error| cut(&error))?;
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
    if left.is_zero() { Err(Error::new_custom(TIMEOUT, "no answer came")) } else { Ok(left) }
}

fn cut(error: &std::io::Error) -> Error {
    let why = match error.kind() {
        ErrorKind::WouldBlock => return Error::new_custom(TIMEOUT, "nothing was taken"),
        ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => "the bus hung up".to_owned(),
        _ => error.to_string(),
    };
    Error::new_custom("org.freedesktop.DBus.Error.Disconnected", &why)
}

fn of_another() -> Error {
    Error::new_custom("org.freedesktop.DBus.Error.AuthFailed", "the bus is another user's")
}

fn nonsense() -> Error {
    Error::new_custom("org.freedesktop.DBus.Error.InvalidArgs", "the bus talks nonsense")
}

/// On one line, as somebody else wrote it.
pub(super) fn text(error: &Error) -> String {
    let text = error.message().or(error.name()).unwrap_or("no reason was given");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::thread;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(300)
    }

    /// What a client says of a bus that answers with these texts, each after it has heard something.
    fn heard(answers: &'static [&'static [u8]]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a bus");
        let listener = UnixListener::bind(&path).unwrap();
        let bus = thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            for answer in answers {
                let mut asked = [0; 4096];
                if client.read(&mut asked).is_ok_and(|length| length > 0) {
                    // It may have given up on us.
                    _ = client.write_all(answer);
                }
            }
        });
        let address = format!("unix:path={}", path.display().to_string().replace(' ', "%20"));
        let connection = Connection::open(&address, soon()).unwrap();
        let said = connection.welcome().map_or_else(text, |()| "welcome".to_owned());
        drop(connection);
        bus.join().unwrap();
        said
    }

    #[test]
    fn a_bus_that_does_not_want_us_is_understood() {
        let rows: [(&[&[u8]], &str); 8] = [
            (&[b"REJECTED EXTERNAL\r\n"], "the bus is another user's"),
            (&[b"OK"], "the bus hung up"),
            (&[], "the bus hung up"),
            (&[&[b'x'; 20_000]], "the bus talks nonsense"),
            (&[b"OK 00\r\n", b""], "the bus hung up"),
            (&[b"OK 00\r\n", &[b'x'; 32]], "the bus talks nonsense"),
            // A body of 64 MiB.
            (&[b"OK 00\r\n", b"l\x02\x01\x01\0\0\0\x04\x01\0\0\0\0\0\0\0"], "the bus talks nonsense"),
            (&[b"OK 00\r\n", b"l\x02\x01\x01\0\0\0\0\x01\0\0\0\0\0\0\0"], "Message is corrupted"),
        ];
        for (answers, expected) in rows {
            let said = heard(answers);
            assert!(said.starts_with(expected), "{answers:?}: {said}");
        }
    }

    #[test]
    fn nothing_is_waited_for_longer_than_it_may_be() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bus");
        let address = format!("unix:path={}", path.display());
        let listener = UnixListener::bind(&path).unwrap();
        let is_over = |began: Instant| (300..600).contains(&began.elapsed().as_millis());

        // It takes us, and says nothing.
        let began = Instant::now();
        let connection = Connection::open(&address, soon()).unwrap();
        assert_eq!(connection.welcome().unwrap_err().name(), Some(TIMEOUT));
        assert!(is_over(began), "{:?}", began.elapsed());

        // It takes nobody any more.
        rustix::net::listen(&listener, 0).unwrap();
        let began = Instant::now();
        assert_eq!(Connection::open(&address, soon()).err().unwrap().name(), Some(TIMEOUT));
        assert!(is_over(began), "{:?}", began.elapsed());
    }

    #[test]
    fn what_comes_in_pieces_is_put_together() {
        let mut incoming = Incoming { bytes: Zeroizing::new(vec![0; 4]), length: 0 };
        incoming.room(3)[..4].copy_from_slice(b"abcd");
        incoming.length = 4;
        assert_eq!(incoming.take(6), None);
        incoming.room(6)[..2].copy_from_slice(b"ef");
        incoming.length = 6;
        assert_eq!(incoming.take(5).unwrap().as_slice(), b"abcde");
        assert_eq!(incoming.bytes(), b"f");
    }
}
