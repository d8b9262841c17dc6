use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::time::Instant;

use dbus::arg::{AppendAll, Dict, PropMap, ReadAll, Variant};
use dbus::{Error, Message, Path};
use zeroize::Zeroizing;

use super::connection::{Asked, Connection, TIMEOUT, text};
use super::{Attributes, Described};
use crate::VaultError;

pub(crate) const PLACE: &str = "Secret Service";
const SERVICE: &str = "org.freedesktop.secrets";
const ROOT: &str = "/org/freedesktop/secrets";
const ROOT_INTERFACE: &str = "org.freedesktop.Secret.Service";
const COLLECTION: &str = "org.freedesktop.Secret.Collection";
const ITEM: &str = "org.freedesktop.Secret.Item";
/// What a method answers that has nothing to show, no prompt among others.
const NOTHING: &str = "/";

/// The calls of the Secret Service that are needed, one roundtrip each unless they went out ahead.
/// <https://specifications.freedesktop.org/secret-service-spec/latest/>
pub(super) struct Bus {
    connection: Connection,
    session: OnceCell<Path<'static>>,
    session_wanted: Cell<bool>,
    /// Whether the service knows us, by an answer of its own.
    known: Cell<bool>,
    session_asked: Cell<Option<Asked>>,
    searches_ahead: RefCell<Vec<(Attributes, Asked)>>,
    described_ahead: RefCell<Vec<(Path<'static>, Asked)>>,
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
    /// Waits for no answer yet.
    pub(super) fn connect(address: &str, end: Instant) -> Result<Self, VaultError> {
        let connection = Connection::open(address, end).map_err(|error| unwelcome(&error))?;
        Ok(Bus {
            connection,
            session: OnceCell::new(),
            session_wanted: Cell::new(false),
            session_asked: Cell::new(None),
            known: Cell::new(false),
            searches_ahead: RefCell::default(),
            described_ahead: RefCell::default(),
        })
    }

    /// That the bus lets us in; without it, no other call does any good.
    pub(super) fn welcome(&self) -> Result<(), VaultError> {
        self.connection.welcome().map_err(unwelcome)
    }

    /// Sets until when answers are waited for.
    pub(super) fn wait_until(&self, end: Instant) {
        self.connection.wait_until(end);
    }

    /// Sends out a search that will be made, which then waits for less.
    pub(super) fn search_ahead(&self, attributes: Attributes) {
        let asked = self.send_search(&attributes);
        self.searches_ahead.borrow_mut().push((attributes, asked));
    }

    /// Sends out what the first secret will need, as soon as the service knows us: gnome-keyring
    /// dies of a session for a client that it does not know yet.
    pub(super) fn session_ahead(&self) {
        if self.session.get().is_some() || self.session_asked.get().is_some() {
            return;
        }
        if self.known.get() {
            self.session_asked.set(Some(self.send_session()));
        } else {
            self.session_wanted.set(true);
        }
    }

    pub(super) fn search(&self, attributes: &Attributes) -> Result<Items, VaultError> {
        let (unlocked, locked) =
            self.once_known(sent(&self.searches_ahead, attributes), || self.send_search(attributes))?;
        Ok(Items { unlocked, locked })
    }

    /// `None` when it has gone in the meantime.
    pub(super) fn secret(&self, item: &Path<'static>) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
        let asked = self.send(item, ITEM, "GetSecret", (self.session()?,));
        unless_gone(self.connection.answer(asked).and_then(|answer| value_of_secret(&answer)))
    }

    /// Sends out what [`Bus::describe`] will ask, which then waits for less.
    pub(super) fn describe_ahead(&self, items: &[Path<'static>]) {
        let asked = items.iter().map(|item| (item.clone(), self.send_describe(item)));
        self.described_ahead.borrow_mut().extend(asked);
    }

    /// Those that have not gone in the meantime, in one wait for all of them.
    pub(super) fn describe(&self, items: Vec<Path<'static>>) -> Result<Vec<(Path<'static>, Described)>, VaultError> {
        let ask = |item| (sent(&self.described_ahead, &item).unwrap_or_else(|| self.send_describe(&item)), item);
        let asked: Vec<_> = items.into_iter().map(ask).collect();
        let mut described = Vec::new();
        for (asked, item) in asked {
            let properties = unless_gone(self.read::<(PropMap,)>(asked))?;
            let answer = properties.and_then(|(properties,)| Described::of(&properties));
            described.extend(answer.map(|described| (item, described)));
        }
        Ok(described)
    }

    pub(super) fn default_collection(&self) -> Result<Path<'static>, VaultError> {
        let none = || absent("it has no default collection".to_owned());
        let read = || self.send(ROOT, ROOT_INTERFACE, "ReadAlias", ("default",));
        let (mut path,): (Path<'static>,) = self.once_known(None, read)?;
        if &*path == NOTHING {
            // Also what a service says that does not know us yet.
            (path,) = self.once_known(None, read)?;
        }
        if &*path == NOTHING {
            return Err(none());
        }
        let answer = self.ask::<(Variant<bool>,)>(&path, PROPERTIES, "Get", (COLLECTION, "Locked"));
        match unless_gone(answer)?.ok_or_else(none)? {
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
        let attributes: HashMap<_, _> = attributes.into_iter().collect();
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
                self.once_known(self.session_asked.take(), || self.send_session())?;
            _ = self.session.set(session);
        }
        Ok(self.session.get().expect("it has just been set"))
    }

    /// The answer to a question that may have gone out ahead. gnome-keyring takes note of a new
    /// client beside its queue of calls, and the first of them may be served too early: then it has
    /// no such method. It happens to one in thousands, when many ask at once; by the time of the
    /// answer we are known.
    /// <https://gitlab.gnome.org/GNOME/gnome-keyring/-/blob/42.1/daemon/dbus/gkd-secret-service.c>
    fn once_known<R: ReadAll>(&self, ahead: Option<Asked>, send: impl Fn() -> Asked) -> Result<R, VaultError> {
        let mut answer = self.read(ahead.unwrap_or_else(&send));
        for _ in 0..2 {
            if !matches!(&answer, Err(error) if error.name() == Some(UNKNOWN_METHOD)) {
                break;
            }
            log::debug!("{PLACE}: it did not know us yet and is asked again");
            answer = self.read(send());
        }
        self.known.set(self.known.get() || answer.is_ok());
        if self.known.get() && self.session_wanted.take() {
            self.session_ahead();
        }
        answer.map_err(|error| failure(&error))
    }

    fn send_search(&self, attributes: &Attributes) -> Asked {
        let attributes = Dict::new(attributes.iter().map(|(name, value)| (&**name, &**value)));
        self.send(ROOT, ROOT_INTERFACE, "SearchItems", (attributes,))
    }

    fn send_describe(&self, item: &Path<'static>) -> Asked {
        self.send(item, PROPERTIES, "GetAll", (ITEM,))
    }

    fn send_session(&self) -> Asked {
        self.send(ROOT, ROOT_INTERFACE, "OpenSession", ("plain", Variant("")))
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
        self.read(self.send(path, interface, method, arguments))
    }

    fn send(&self, path: &str, interface: &str, method: &str, arguments: impl AppendAll) -> Asked {
        let mut message = Message::call_with_args(SERVICE, path, interface, method, arguments);
        // The bus itself then answers for a service that does not run. Started by the bus it would
        // be locked, and to ask beforehand who owns the name is a roundtrip more and can be outrun.
        message.set_auto_start(false);
        self.connection.ask(message)
    }

    fn read<R: ReadAll>(&self, asked: Asked) -> Result<R, Error> {
        self.connection.answer(asked)?.read_all()
    }
}

/// As a slice of the message: a vector of bytes is read byte by byte, which for a token takes as
/// long as half a roundtrip.
/// <https://specifications.freedesktop.org/secret-service-spec/latest/types.html>
fn value_of_secret(answer: &Message) -> Result<Zeroizing<Vec<u8>>, Error> {
    let (_, _, value, _) = answer.read1::<(Path<'_>, &[u8], &[u8], &str)>()?;
    Ok(Zeroizing::new(value.to_vec()))
}

/// The question about something that has gone out ahead, once.
fn sent<T: PartialEq>(ahead: &RefCell<Vec<(T, Asked)>>, about: &T) -> Option<Asked> {
    let mut ahead = ahead.borrow_mut();
    let place = ahead.iter().position(|(sent, _)| sent == about)?;
    Some(ahead.swap_remove(place).1)
}

const UNKNOWN_METHOD: &str = "org.freedesktop.DBus.Error.UnknownMethod";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

fn absent(why: String) -> VaultError {
    VaultError::Absent { place: PLACE, why }
}

fn unwelcome(error: &Error) -> VaultError {
    if error.name() == Some(TIMEOUT) { VaultError::Hung { place: PLACE } } else { absent(text(error)) }
}

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
                | UNKNOWN_METHOD,
            ) => Ok(None),
            _ => Err(failure(&error)),
        },
    }
}

fn failure(error: &Error) -> VaultError {
    match error.name() {
        Some("org.freedesktop.Secret.Error.IsLocked") => locked(),
        Some("org.freedesktop.DBus.Error.NoReply" | TIMEOUT) => VaultError::Hung { place: PLACE },
        Some("org.freedesktop.DBus.Error.ServiceUnknown" | "org.freedesktop.DBus.Error.NameHasNoOwner") => {
            absent("none runs in this session".to_owned())
        }
        _ => VaultError::Broken { place: PLACE, why: text(error) },
    }
}
