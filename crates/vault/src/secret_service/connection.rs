use std::cell::{OnceCell, RefCell};
use std::time::{Duration, Instant};

use dbus::channel::Channel;
use dbus::{Error, Message};

/// Longer than the vault waits, so that it is the vault that gives up.
const PATIENCE: Duration = Duration::from_secs(10);
/// The bus itself, which wants to be greeted first.
/// <https://dbus.freedesktop.org/doc/dbus-specification.html#bus-messages-hello>
const BUS: &str = "org.freedesktop.DBus";

/// A connection to a bus on which a question can go out before the earlier ones are answered,
/// since what a question costs is the wait. All of what goes over the wire is libdbus's own.
pub(super) struct Connection {
    /// Shared with nobody: libdbus ends the process when a shared one is cut.
    channel: Channel,
    hello: Asked,
    welcome: OnceCell<Result<(), String>>,
    /// Answers that came while another one was waited for.
    early: RefCell<Vec<Message>>,
}

/// A question that has gone out, by the number that its answer will name.
#[derive(Clone, Copy)]
pub(super) struct Asked(u32);

impl Connection {
    /// Waits for nothing: a bus that does not want us says so in [`Connection::welcome`].
    pub(super) fn open(address: &str) -> Result<Self, Error> {
        let channel = Channel::open_private(address)?;
        let hello = Message::call_with_args(BUS, "/org/freedesktop/DBus", BUS, "Hello", ());
        let hello = send(&channel, hello)?;
        Ok(Connection { channel, hello, welcome: OnceCell::new(), early: RefCell::default() })
    }

    /// Whether the bus has let us in; if not, why.
    pub(super) fn welcome(&self) -> Result<(), String> {
        let answer = || self.answer(self.hello).map(drop).map_err(|error| text(&error));
        self.welcome.get_or_init(answer).clone()
    }

    pub(super) fn ask(&self, question: Message) -> Result<Asked, Error> {
        send(&self.channel, question)
    }

    /// Waits for the answer of a question, once.
    pub(super) fn answer(&self, Asked(number): Asked) -> Result<Message, Error> {
        let end = Instant::now() + PATIENCE;
        let mut early = self.early.borrow_mut();
        loop {
            // Signals and what others ask of us are passed over.
            early
                .extend(std::iter::from_fn(|| self.channel.pop_message()).filter(|it| it.get_reply_serial().is_some()));
            if let Some(place) = early.iter().position(|answer| answer.get_reply_serial() == Some(number)) {
                let mut answer = early.swap_remove(place);
                answer.as_result()?;
                return Ok(answer);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Error::new_custom("org.freedesktop.DBus.Error.NoReply", "no answer came"));
            }
            if self.channel.read_write(Some(left)).is_err() {
                return Err(Error::new_custom("org.freedesktop.DBus.Error.Disconnected", "the bus hung up"));
            }
        }
    }
}

fn send(channel: &Channel, message: Message) -> Result<Asked, Error> {
    let no_memory = |()| Error::new_custom("org.freedesktop.DBus.Error.NoMemory", "there is no memory for a message");
    channel.send(message).map(Asked).map_err(no_memory)
}

/// On one line, as somebody else wrote it.
pub(super) fn text(error: &Error) -> String {
    let text = error.message().or(error.name()).unwrap_or("no reason was given");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
