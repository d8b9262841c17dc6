use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use dbus::arg::{AppendAll, Dict, PropMap, ReadAll, Variant};
use dbus::{Error, Message, Path};
use zeroize::Zeroizing;

use super::connection::{Connection, PendingReply, TIMEOUT};
use super::errors::{UNKNOWN_METHOD, connect_error, is_missing, unless_gone};
use super::items::{Attributes, ItemAttributes};
use super::prompt::Prompting;
use super::session::Session;
use crate::VaultError;

pub(crate) const PLACE: &str = "Secret Service";
pub(super) const SERVICE: &str = "org.freedesktop.secrets";
pub(super) const ROOT: &str = "/org/freedesktop/secrets";
pub(super) const ROOT_INTERFACE: &str = "org.freedesktop.Secret.Service";
pub(super) const COLLECTION: &str = "org.freedesktop.Secret.Collection";
pub(super) const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
const ITEM: &str = "org.freedesktop.Secret.Item";
/// The path that stands for no object, such as no prompt.
pub(super) const NOTHING: &str = "/";
/// The part of the time that is reserved to find out whether a service that replies to no search is locked.
const LAST_LOOK: Duration = Duration::from_millis(250);

/// The calls of the Secret Service that the vault needs, one roundtrip each unless they were sent ahead.
/// <https://specifications.freedesktop.org/secret-service-spec/latest/>
pub(super) struct Bus {
    pub(super) connection: Connection,
    /// The deadline of all calls.
    pub(super) end: Cell<Instant>,
    pub(super) session: OnceCell<Session>,
    session_wanted: Cell<bool>,
    /// Whether the service has replied, and so has registered this client.
    known: Cell<bool>,
    pub(super) session_asked: Cell<Option<PendingReply>>,
    /// The program of the service, once determined.
    pub(super) program: OnceCell<String>,
    /// The result of starting it, once tried.
    pub(super) started: OnceCell<Result<(), VaultError>>,
    /// The folder of the marker of a service that cannot be started.
    pub(super) folder: Option<PathBuf>,
    /// The collections that were checked, and whether they are unlocked.
    pub(super) collections: RefCell<Vec<(Path<'static>, bool)>>,
    /// Items of unlocked collections that require a confirmation.
    pub(super) guarded: RefCell<Vec<Path<'static>>>,
    pub(super) prompting: Prompting,
    /// Whether it replies to no search because it waits until the user unlocks it.
    pub(super) blocked: Cell<bool>,
    searches_ahead: RefCell<Vec<(Attributes, PendingReply)>>,
    described_ahead: RefCell<Vec<(Path<'static>, PendingReply)>>,
}

/// Items by whether their collection is unlocked.
#[derive(Default)]
pub(super) struct Items {
    pub(super) unlocked: Vec<Path<'static>>,
    pub(super) locked: Vec<Path<'static>>,
}

impl Bus {
    /// Connects without waiting for a reply.
    pub(super) fn connect(address: &str, folder: Option<PathBuf>, end: Instant) -> Result<Self, VaultError> {
        let connection = Connection::open(address, end).map_err(|error| connect_error(&error))?;
        Ok(Bus {
            connection,
            end: Cell::new(end),
            session: OnceCell::new(),
            session_wanted: Cell::new(false),
            session_asked: Cell::new(None),
            known: Cell::new(false),
            program: OnceCell::new(),
            started: OnceCell::new(),
            folder,
            collections: RefCell::default(),
            guarded: RefCell::default(),
            prompting: Prompting::default(),
            blocked: Cell::new(false),
            searches_ahead: RefCell::default(),
            described_ahead: RefCell::default(),
        })
    }

    /// Whether the bus has accepted the connection; otherwise no other call is useful.
    pub(super) fn check_hello(&self) -> Result<(), VaultError> {
        self.connection.check_hello().map_err(connect_error)
    }

    /// Sets the deadline of all replies.
    pub(super) fn wait_until(&self, end: Instant) {
        self.end.set(end);
        self.connection.wait_until(end);
    }

    /// Sends a search that will be needed, which shortens its wait.
    pub(super) fn search_ahead(&self, attributes: Attributes) {
        let asked = self.send_search(&attributes);
        self.searches_ahead.borrow_mut().push((attributes, asked));
    }

    /// Opens the session that the first secret will need, as soon as the service has registered this
    /// client: gnome-keyring crashes if an unregistered client opens a session.
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
        let ahead = sent(&self.searches_ahead, attributes);
        let found = self.search_once(ahead, attributes)?;
        if found.locked.is_empty() {
            return Ok(found);
        }
        // Unlocks collections that need no prompt.
        self.open_collections_of(&found.locked)?;
        let mut found = self.search_once(None, attributes)?;
        let (guarded, locked) =
            found.locked.into_iter().partition::<Vec<_>, _>(|item| self.is_in_open_collection(item));
        self.guarded.borrow_mut().extend(guarded.iter().cloned());
        found.unlocked.extend(guarded);
        Ok(Items { unlocked: found.unlocked, locked })
    }

    fn search_once(&self, ahead: Option<PendingReply>, attributes: &Attributes) -> Result<Items, VaultError> {
        let end = self.end.get();
        self.connection.wait_until(end.checked_sub(LAST_LOOK).unwrap_or(end));
        let answer = self.once_known(ahead, || self.send_search(attributes));
        self.connection.wait_until(end);
        if let Err(error) = &answer
            && error.name() == Some(TIMEOUT)
            && self.known_to_be_locked()
        {
            // KeePassXC prompts the user to unlock it, and replies once that is done.
            self.blocked.set(true);
            return Err(self.locked());
        }
        let (unlocked, locked) = answer.map_err(|error| self.failure(&error))?;
        Ok(Items { unlocked, locked })
    }

    /// `None`, or the error that items are locked; the user is not prompted.
    pub(super) fn none_unless_locked<T>(&self, items: &Items) -> Result<Option<T>, VaultError> {
        if items.locked.is_empty() { Ok(None) } else { Err(self.locked()) }
    }

    /// `None` if it has been deleted meanwhile.
    pub(super) fn secret(&self, item: &Path<'static>) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
        let session = self.session()?;
        if self.is_guarded(item) {
            self.confirm(item)?;
        }
        let asked = self.send(item, ITEM, "GetSecret", (session.path(),));
        let answer = self.connection.answer(asked).and_then(|answer| session.unwrap(&answer));
        unless_gone(answer).map_err(|error| self.failure(&error))
    }

    /// Sends the calls of [`Bus::describe`], which shortens its wait.
    pub(super) fn describe_ahead(&self, items: &[Path<'static>]) {
        let asked = items.iter().map(|item| (item.clone(), self.send_describe(item)));
        self.described_ahead.borrow_mut().extend(asked);
    }

    /// The attributes of the items that still exist, with one wait for all of them.
    pub(super) fn describe(
        &self,
        items: Vec<Path<'static>>,
    ) -> Result<Vec<(Path<'static>, ItemAttributes)>, VaultError> {
        let ask = |item| (sent(&self.described_ahead, &item).unwrap_or_else(|| self.send_describe(&item)), item);
        let asked: Vec<_> = items.into_iter().map(ask).collect();
        let mut described = Vec::new();
        for (asked, item) in asked {
            let properties = unless_gone(self.read::<(PropMap,)>(asked)).map_err(|error| self.failure(&error))?;
            let answer = properties.and_then(|(properties,)| ItemAttributes::of(&properties));
            described.extend(answer.map(|described| (item, described)));
        }
        Ok(described)
    }

    /// The default collection, unlocked.
    pub(super) fn default_collection(&self) -> Result<Path<'static>, VaultError> {
        let path = self.read_default_alias().map_err(|error| self.failure(&error))?;
        if &*path == NOTHING {
            return Err(VaultError::NoCollection { place: self.place() });
        }
        if self.open_collection(&path)? { Ok(path) } else { Err(self.locked()) }
    }

    pub(super) fn read_default_alias(&self) -> Result<Path<'static>, Error> {
        let read = || self.send(ROOT, ROOT_INTERFACE, "ReadAlias", ("default",));
        let (path,): (Path<'static>,) = self.once_known(None, read)?;
        if &*path != NOTHING {
            return Ok(path);
        }
        // A service that has not registered this client yet replies the same.
        self.once_known(None, read).map(|(path,)| path)
    }

    /// Creates an item, or replaces one with equal attributes. `None` if the service does not return its path.
    pub(super) fn create(
        &self,
        collection: &Path<'static>,
        label: &str,
        attributes: Attributes,
        secret: &[u8],
    ) -> Result<Option<Path<'static>>, VaultError> {
        let mut properties = PropMap::new();
        properties.insert(format!("{ITEM}.Label"), Variant(Box::new(label.to_owned())));
        let attributes: HashMap<_, _> = attributes.into_iter().collect();
        properties.insert(format!("{ITEM}.Attributes"), Variant(Box::new(attributes)));
        let secret = self.session()?.wrap(secret).map_err(|error| self.failure(&error))?;
        let (item, prompt): (Path<'static>, Path<'static>) =
            self.call(collection, COLLECTION, "CreateItem", (properties, secret, true))?;
        let item = if &*prompt == NOTHING { item } else { self.carry_out(&prompt)?.unwrap_or(item) };
        Ok(Some(item).filter(|item| &**item != NOTHING))
    }

    /// Replaces the secret and the attributes of an item.
    pub(super) fn update(&self, item: &Path<'static>, attributes: Attributes, secret: &[u8]) -> Result<(), VaultError> {
        let secret = self.session()?.wrap(secret).map_err(|error| self.failure(&error))?;
        if self.is_guarded(item) {
            self.confirm(item)?;
        }
        self.call::<()>(item, ITEM, "SetSecret", (secret,))?;
        let attributes: HashMap<_, _> = attributes.into_iter().collect();
        self.call::<()>(item, PROPERTIES, "Set", (ITEM, "Attributes", Variant(attributes)))
    }

    /// Succeeds if it has been deleted meanwhile.
    pub(super) fn delete(&self, item: &Path<'static>) -> Result<(), VaultError> {
        let answer = self.ask::<(Path<'static>,)>(item, ITEM, "Delete", ());
        match unless_gone(answer).map_err(|error| self.failure(&error))? {
            Some((prompt,)) if &*prompt != NOTHING => self.carry_out(&prompt).map(drop),
            _ => Ok(()),
        }
    }

    /// The reply to a call that may have been sent ahead, repeated until the service has registered this
    /// client. gnome-keyring registers a client outside its queue of calls, and may serve the first call
    /// too early: then it reports an unknown method. This happens to one in thousands, if many clients
    /// connect at once; by the time of the reply the client is registered.
    /// <https://gitlab.gnome.org/GNOME/gnome-keyring/-/blob/42.1/daemon/dbus/gkd-secret-service.c>
    pub(super) fn once_known<R: ReadAll>(
        &self,
        ahead: Option<PendingReply>,
        send: impl Fn() -> PendingReply,
    ) -> Result<R, Error> {
        let mut answer = self.read(ahead.unwrap_or_else(&send));
        if answer.as_ref().is_err_and(is_missing) && self.start_service().is_ok() {
            answer = self.read(send());
        }
        for _ in 0..2 {
            if !matches!(&answer, Err(error) if error.name() == Some(UNKNOWN_METHOD)) {
                break;
            }
            log::debug!("{PLACE}: it had not registered this client yet: calling again");
            answer = self.read(send());
        }
        self.known.set(self.known.get() || answer.is_ok());
        if self.known.get() && self.session_wanted.take() {
            self.session_ahead();
        }
        answer
    }

    fn send_search(&self, attributes: &Attributes) -> PendingReply {
        let attributes = Dict::new(attributes.iter().map(|(name, value)| (&**name, &**value)));
        self.send(ROOT, ROOT_INTERFACE, "SearchItems", (attributes,))
    }

    fn send_describe(&self, item: &Path<'static>) -> PendingReply {
        self.send(item, PROPERTIES, "GetAll", (ITEM,))
    }

    pub(super) fn call<R: ReadAll>(
        &self,
        path: &str,
        interface: &str,
        method: &str,
        arguments: impl AppendAll,
    ) -> Result<R, VaultError> {
        self.ask(path, interface, method, arguments).map_err(|error| self.failure(&error))
    }

    pub(super) fn ask<R: ReadAll>(
        &self,
        path: &str,
        interface: &str,
        method: &str,
        arguments: impl AppendAll,
    ) -> Result<R, Error> {
        self.read(self.send(path, interface, method, arguments))
    }

    pub(super) fn send(&self, path: &str, interface: &str, method: &str, arguments: impl AppendAll) -> PendingReply {
        let mut message = Message::call_with_args(SERVICE, path, interface, method, arguments);
        // The bus then replies itself if the service is not running, and the service is started explicitly:
        // the error of a search that waited for the start would not say why it failed.
        message.set_auto_start(false);
        self.connection.ask(message)
    }

    pub(super) fn read<R: ReadAll>(&self, asked: PendingReply) -> Result<R, Error> {
        self.connection.answer(asked)?.read_all()
    }
}

/// The pending reply to a call that was sent ahead, once.
fn sent<T: PartialEq>(ahead: &RefCell<Vec<(T, PendingReply)>>, about: &T) -> Option<PendingReply> {
    let mut ahead = ahead.borrow_mut();
    let place = ahead.iter().position(|(sent, _)| sent == about)?;
    Some(ahead.swap_remove(place).1)
}
