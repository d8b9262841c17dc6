use std::cell::OnceCell;
use std::time::Duration;

use dbus::arg::{AppendAll, PropMap, ReadAll, Variant};
use dbus::channel::Channel;
use dbus::{Error, Message, Path};
use zeroize::Zeroizing;

use super::{Attributes, Described};
use crate::VaultError;

pub(crate) const PLACE: &str = "Secret Service";
const SERVICE: &str = "org.freedesktop.secrets";
const ROOT: &str = "/org/freedesktop/secrets";
const COLLECTION: &str = "org.freedesktop.Secret.Collection";
const ITEM: &str = "org.freedesktop.Secret.Item";
/// What a method answers that has nothing to show, no prompt among others.
const NOTHING: &str = "/";
/// Longer than the vault waits, so that it is the vault that gives up.
const PATIENCE: Duration = Duration::from_secs(10);

/// The calls of the Secret Service that are needed, one roundtrip each.
/// <https://specifications.freedesktop.org/secret-service-spec/latest/>
pub(super) struct Bus {
    /// A connection of its own: libdbus ends the process when a shared one is cut.
    channel: Channel,
    session: OnceCell<Path<'static>>,
}

/// Items by whether they can be read.
#[derive(Default)]
pub(super) struct Items {
    pub(super) unlocked: Vec<Path<'static>>,
    pub(super) locked: Vec<Path<'static>>,
}

impl Items {
    /// Nobody is asked to unlock anything.
    pub(super) fn none_unless_locked<T>(&self) -> Result<Option<T>, VaultError> {
        if self.locked.is_empty() { Ok(None) } else { Err(locked()) }
    }
}

impl Bus {
    pub(super) fn connect(address: &str) -> Result<Self, VaultError> {
        let absent = |why: String| VaultError::Absent { place: PLACE, why };
        // Both start a program, and the first one opens a window of its own bus that nobody else has.
        let starts_a_program = |part: &str| part.starts_with("autolaunch:") || part.starts_with("unixexec:");
        if address.split(';').any(starts_a_program) {
            return Err(absent("a bus would have to be started for it".to_owned()));
        }
        let connect = || -> Result<Channel, Error> {
            let mut channel = Channel::open_private(address)?;
            channel.register()?;
            Ok(channel)
        };
        let channel = connect().map_err(|error| absent(message(&error)))?;
        Ok(Bus { channel, session: OnceCell::new() })
    }

    pub(super) fn search(&self, attributes: &Attributes) -> Result<Items, VaultError> {
        let (unlocked, locked) = self.call(ROOT, "org.freedesktop.Secret.Service", "SearchItems", (attributes,))?;
        Ok(Items { unlocked, locked })
    }

    /// `None` when it has gone in the meantime.
    pub(super) fn secret(&self, item: &Path<'static>) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
        type Answer = ((Path<'static>, Vec<u8>, Vec<u8>, String),);
        let answer = self.ask::<Answer>(item, ITEM, "GetSecret", (self.session()?,));
        let secret = unless_gone(answer)?;
        Ok(secret.map(|((_, _, value, _),)| Zeroizing::new(value)))
    }

    /// `None` when it has gone in the meantime.
    pub(super) fn describe(&self, item: &Path<'static>) -> Result<Option<Described>, VaultError> {
        let answer = self.ask::<(PropMap,)>(item, PROPERTIES, "GetAll", (ITEM,));
        Ok(unless_gone(answer)?.and_then(|(properties,)| Described::of(&properties)))
    }

    pub(super) fn default_collection(&self) -> Result<Path<'static>, VaultError> {
        let absent = || VaultError::Absent { place: PLACE, why: "it has no default collection".to_owned() };
        let (path,): (Path<'static>,) = self.call(ROOT, "org.freedesktop.Secret.Service", "ReadAlias", ("default",))?;
        if &*path == NOTHING {
            return Err(absent());
        }
        let answer = self.ask::<(Variant<bool>,)>(&path, PROPERTIES, "Get", (COLLECTION, "Locked"));
        match unless_gone(answer)?.ok_or_else(absent)? {
            (Variant(true),) => Err(locked()),
            (Variant(false),) => Ok(path),
        }
    }

    /// In place of one with equal attributes.
    pub(super) fn create(
        &self,
        collection: &Path<'static>,
        label: &str,
        attributes: Attributes,
        secret: &[u8],
    ) -> Result<Path<'static>, VaultError> {
        let mut properties = PropMap::new();
        properties.insert(format!("{ITEM}.Label"), Variant(Box::new(label.to_owned())));
        properties.insert(format!("{ITEM}.Attributes"), Variant(Box::new(attributes)));
        let secret = (self.session()?, &[][..] as &[u8], secret, "text/plain");
        let (item, prompt): (Path<'static>, Path<'static>) =
            self.call(collection, COLLECTION, "CreateItem", (properties, secret, true))?;
        if &*prompt == NOTHING { Ok(item) } else { Err(locked()) }
    }

    pub(super) fn delete(&self, item: &Path<'static>) -> Result<(), VaultError> {
        match unless_gone(self.ask::<(Path<'static>,)>(item, ITEM, "Delete", ()))? {
            Some((prompt,)) if &*prompt != NOTHING => Err(locked()),
            _ => Ok(()),
        }
    }

    /// Secrets cross the bus as they are. Encryption on the way is part of the specification, and
    /// would take 5 ms on every `get` for two modular exponentiations; it keeps nothing from anybody:
    /// a process that can watch this user's bus can ask the service for the secret itself, and the
    /// bus is a socket in memory that no other user can read.
    fn session(&self) -> Result<&Path<'static>, VaultError> {
        if self.session.get().is_none() {
            let (_, session): (Variant<String>, Path<'static>) =
                self.call(ROOT, "org.freedesktop.Secret.Service", "OpenSession", ("plain", Variant("")))?;
            _ = self.session.set(session);
        }
        Ok(self.session.get().expect("it has just been set"))
    }

    fn call<R: ReadAll>(
        &self,
        path: &str,
        interface: &str,
        method: &str,
        arguments: impl AppendAll,
    ) -> Result<R, VaultError> {
        self.ask(path, interface, method, arguments).map_err(|error| failure(&error))
    }

    fn ask<R: ReadAll>(
        &self,
        path: &str,
        interface: &str,
        method: &str,
        arguments: impl AppendAll,
    ) -> Result<R, Error> {
        let mut message = Message::call_with_args(SERVICE, path, interface, method, arguments);
        // The bus itself then answers for a service that does not run. Started by the bus it would
        // be locked, and to ask beforehand who owns the name is a roundtrip more and can be outrun.
        message.set_auto_start(false);
        self.channel.send_with_reply_and_block(message, PATIENCE)?.read_all()
    }
}

const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

fn locked() -> VaultError {
    VaultError::Locked { place: PLACE }
}

fn unless_gone<T>(answer: Result<T, Error>) -> Result<Option<T>, VaultError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) => match error.name() {
            Some(
                "org.freedesktop.Secret.Error.NoSuchObject"
                | "org.freedesktop.DBus.Error.UnknownObject"
                | "org.freedesktop.DBus.Error.UnknownMethod",
            ) => Ok(None),
            _ => Err(failure(&error)),
        },
    }
}

fn failure(error: &Error) -> VaultError {
    match error.name() {
        Some("org.freedesktop.Secret.Error.IsLocked") => locked(),
        Some("org.freedesktop.DBus.Error.NoReply" | "org.freedesktop.DBus.Error.Timeout") => {
            VaultError::Hung { place: PLACE }
        }
        Some("org.freedesktop.DBus.Error.ServiceUnknown" | "org.freedesktop.DBus.Error.NameHasNoOwner") => {
            VaultError::Absent { place: PLACE, why: "none runs in this session".to_owned() }
        }
        _ => VaultError::Broken { place: PLACE, why: message(error) },
    }
}

/// On one line, as somebody else wrote it.
fn message(error: &Error) -> String {
    let text = error.message().or(error.name()).unwrap_or("no reason was given");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
