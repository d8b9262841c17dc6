use std::cell::{Cell, OnceCell};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use dbus::Path;
use protocol::{Secret, ServerUrl};

pub(crate) use self::bus::PLACE;

use self::bus::{Bus, Items};
use self::items::{ItemAttributes, login_item, login_query, logins_query, token_item, token_query, tokens_query};
use self::prompt::PromptPolicy;
use crate::keychain::{CallReport, KeychainClient};
use crate::store::Store;
use crate::{Entry, Key, Location, Name, VaultError};

mod address;
mod bus;
mod connection;
mod errors;
mod incoming;
mod items;
mod key_exchange;
mod peer;
mod prompt;
mod session;
mod start;

/// How long the user is waited for, to confirm that a login is stored or erased.
const USER_TIMEOUT: Duration = Duration::from_secs(60);

/// Logins by whether they can be read, with their names if the attributes were read.
#[derive(Default)]
struct Logins {
    unlocked: Vec<(Path<'static>, Option<Name>)>,
    locked: Vec<Path<'static>>,
}

/// The keychain of a Linux desktop: gnome-keyring, KWallet, KeePassXC.
///
/// Tokens are items in our format, whose secret is an entry with its header, so that a hit reads
/// only the secret. Logins are items in the format of Docker's own helper.
pub(crate) struct SecretService {
    address: Option<String>,
    /// The folder of the marker of a service that cannot be started.
    folder: Option<PathBuf>,
    bus: OnceCell<Bus>,
    /// All logins, once they were searched ahead; their attributes have been requested then.
    logins_ahead: Cell<Option<Result<Items, VaultError>>>,
    /// The deadline of all replies.
    end: Instant,
}

impl SecretService {
    pub(crate) fn new(address: Option<String>, folder: Option<PathBuf>) -> Self {
        SecretService { address, folder, bus: OnceCell::new(), logins_ahead: Cell::new(None), end: Instant::now() }
    }

    /// One connection serves all calls.
    fn connected(&self) -> Result<&Bus, VaultError> {
        if self.bus.get().is_none() {
            let absent =
                || VaultError::Absent { place: PLACE, why: "this session has no D-Bus session bus".to_owned() };
            _ = self.bus.set(Bus::connect(self.address.as_deref().ok_or_else(absent)?, self.folder.clone(), self.end)?);
        }
        Ok(self.bus.get().expect("it has just been set"))
    }

    fn bus(&self) -> Result<&Bus, VaultError> {
        let bus = self.connected()?;
        bus.check_hello().map(|()| bus)
    }

    /// Sends the searches for these keys together, before the authentication is complete, and the
    /// requests for the attributes of the logins while the tokens are still being searched: one wait
    /// instead of several.
    fn ask_ahead(&self, keys: &[Key]) -> Result<(), VaultError> {
        let bus = self.connected()?;
        let of_login = keys.iter().any(|key| matches!(key, Key::Login(_)));
        if of_login {
            bus.search_ahead(logins_query());
        }
        for key in keys {
            if let Key::Token(id) = key {
                bus.search_ahead(token_query(id));
                bus.session_ahead();
            }
        }
        bus.check_hello()?;
        if of_login {
            self.logins_ahead.set(Some(self.all_logins()));
        }
        Ok(())
    }

    fn all_logins(&self) -> Result<Items, VaultError> {
        let bus = self.bus()?;
        let all = bus.search(&logins_query())?;
        if !all.unlocked.is_empty() {
            bus.session_ahead();
        }
        if all.are_few() {
            bus.describe_ahead(&all.unlocked);
        }
        Ok(all)
    }

    fn load_token(&self, key: &Key, id: &str) -> Result<Option<Entry>, VaultError> {
        let bus = self.bus()?;
        let items = bus.search(&token_query(id))?;
        // There are two if another process has just saved its own; the newest is the last.
        for item in items.unlocked.iter().rev() {
            // Minting another token is better than a prompt.
            if bus.is_guarded(item) {
                return Err(bus.unconfirmed());
            }
            match bus.secret(item)?.and_then(|secret| Entry::decode(&secret, key)) {
                Some(entry) => return Ok(Some(entry)),
                None => log::debug!("{PLACE}: a damaged token is skipped"),
            }
        }
        bus.none_unless_locked(&items)
    }

    fn load_login(&self, key: &Key, server: &ServerUrl) -> Result<Option<Entry>, VaultError> {
        let bus = self.bus()?;
        let logins = self.logins(server)?;
        // Docker's helper leaves one item per user, and returns the last.
        for (item, name) in logins.unlocked.into_iter().rev() {
            let name = match name {
                Some(name) => Some(name),
                None => bus.describe(vec![item.clone()])?.first().and_then(|(_, described)| described.login()),
            };
            let (Some(name), Some(secret)) = (name, bus.secret(&item)?) else { continue };
            let Ok(secret) = std::str::from_utf8(&secret) else { continue };
            return Ok(Some(Entry {
                key: key.clone(),
                server: name.server,
                username: name.username,
                secret: Secret::new(secret.to_owned()),
                issued: name.issued,
                expires: None,
                requires: None,
            }));
        }
        bus.none_unless_locked(&Items { unlocked: Vec::new(), locked: logins.locked })
    }

    /// The logins of a registry under all of its spellings, the preferred one last.
    fn logins(&self, server: &ServerUrl) -> Result<Logins, VaultError> {
        let bus = self.bus()?;
        // Most machines have no login, which this one search shows.
        let all = self.logins_ahead.take().unwrap_or_else(|| self.all_logins())?;
        let mut found = Logins::default();
        if all.are_few() {
            // Reading the attributes of each is faster than a search for every spelling.
            for (item, described) in bus.describe(all.unlocked)? {
                let name = described.login().filter(|name| name.key == Key::Login(server.clone()));
                found.unlocked.extend(name.map(|name| (item, Some(name))));
            }
            let best = server.key();
            found.unlocked.sort_by_key(|(_, name)| name.as_ref().is_some_and(|name| name.server == best));
            return Ok(found);
        }
        let spellings = server.spellings();
        let queries = || spellings.iter().rev().map(|server| login_query(server));
        queries().for_each(|query| bus.search_ahead(query));
        for query in queries() {
            let items = bus.search(&query)?;
            found.unlocked.extend(items.unlocked.into_iter().map(|item| (item, None)));
            found.locked.extend(items.locked);
        }
        Ok(found)
    }

    /// An existing item is updated, not replaced: KeePassXC prompts before it deletes an item, and before
    /// it replaces one even if its prompts are off.
    fn save_token(&self, id: &str, entry: &Entry) -> Result<(), VaultError> {
        let bus = self.bus()?;
        let collection = bus.default_collection()?;
        let old = bus.search(&token_query(id))?;
        bus.none_unless_locked::<()>(&old)?;
        if old.unlocked.iter().any(|item| bus.is_guarded(item)) {
            return Err(bus.unconfirmed());
        }
        let (attributes, secret) = (token_item(id, entry), entry.encode());
        match old.unlocked.split_last() {
            None => {
                _ = bus.create(&collection, &format!("Registry token for {}", entry.server), attributes, &secret)?
            }
            Some((last, others)) => {
                bus.update(last, attributes, &secret)?;
                others.iter().try_for_each(|item| bus.delete(item))?;
            }
        }
        Ok(())
    }

    fn save_login(&self, server: &ServerUrl, entry: &Entry) -> Result<(), VaultError> {
        let bus = self.bus()?;
        bus.prompting.set(PromptPolicy::WaitForUser(USER_TIMEOUT));
        let collection = bus.default_collection()?;
        let secret = entry.secret.expose().as_bytes();
        let old = self.items(&entry.key)?.unlocked;
        let same = |(item, named): (Path<'static>, ItemAttributes)| {
            named.attributes.get("username").is_some_and(|user| *user == entry.username).then_some(item)
        };
        let same = bus.describe(old.clone())?.into_iter().filter_map(same).next_back();
        let server = server.key();
        let attributes = login_item(&server, &entry.username);
        // The new one first, so that one of them exists even if this is interrupted.
        let new = match same {
            Some(item) => bus.update(&item, attributes, secret).map(|()| Some(item))?,
            None => bus.create(&collection, &format!("Registry credentials for {server}"), attributes, secret)?,
        };
        old.iter().filter(|item| Some(*item) != new.as_ref()).try_for_each(|item| bus.delete(item))
    }

    fn delete_all(&self, key: &Key, policy: PromptPolicy) -> Result<(), VaultError> {
        let bus = self.bus()?;
        bus.prompting.set(policy);
        let items = self.items(key)?;
        for item in &items.unlocked {
            bus.delete(item)?;
        }
        bus.none_unless_locked::<()>(&items).map(|_| ())
    }

    fn items(&self, key: &Key) -> Result<Items, VaultError> {
        match key {
            Key::Token(id) => self.bus()?.search(&token_query(id)),
            Key::Login(server) => {
                let logins = self.logins(server)?;
                let unlocked = logins.unlocked.into_iter().map(|(item, _)| item).collect();
                Ok(Items { unlocked, locked: logins.locked })
            }
        }
    }
}

/// Every wait for the bus has its own timeout, so no thread is needed.
impl KeychainClient for SecretService {
    fn ask<T: Send + 'static>(
        &mut self,
        question: impl FnOnce(&dyn Store) -> Result<T, VaultError> + Send + 'static,
        limit: Duration,
    ) -> Result<T, VaultError> {
        self.end = Instant::now() + limit;
        if let Some(bus) = self.bus.get() {
            bus.wait_until(self.end);
            bus.prompting.set(PromptPolicy::IfQuick);
        }
        question(self)
    }

    fn report(&mut self) -> CallReport {
        let report = |bus: &Bus| CallReport { user_time: bus.prompting.take(), blocked: bus.blocked.take() };
        self.bus.get().map_or(CallReport::default(), report)
    }
}

impl Store for SecretService {
    fn place(&self) -> String {
        PLACE.to_owned()
    }

    fn load(&self, key: &Key) -> Result<Option<Entry>, VaultError> {
        match key {
            Key::Token(id) => self.load_token(key, id),
            Key::Login(server) => self.load_login(key, server),
        }
    }

    fn load_all(&self, keys: &[Key]) -> Vec<Result<Option<Entry>, VaultError>> {
        match self.ask_ahead(keys) {
            Ok(()) => keys.iter().map(|key| self.load(key)).collect(),
            Err(error) => vec![Err(error); keys.len()],
        }
    }

    fn save(&self, entry: &Entry) -> Result<Location, VaultError> {
        match &entry.key {
            Key::Token(id) => self.save_token(id, entry)?,
            Key::Login(server) => self.save_login(server, entry)?,
        }
        Ok(Location::Keychain)
    }

    fn remove(&self, key: &Key) -> Result<(), VaultError> {
        self.delete_all(key, PromptPolicy::WaitForUser(USER_TIMEOUT))
    }

    fn remove_copy(&self, key: &Key) -> Result<(), VaultError> {
        self.delete_all(key, PromptPolicy::Never)
    }

    fn ready(&self) -> Result<(), VaultError> {
        self.bus()?.default_collection().map(drop)
    }

    fn names(&self) -> Result<Vec<Name>, VaultError> {
        let bus = self.connected()?;
        bus.search_ahead(logins_query());
        bus.search_ahead(tokens_query());
        bus.check_hello()?;
        // A locked login cannot be read, so it is not listed.
        let (logins, tokens) = (bus.search(&logins_query())?.unlocked, bus.search(&tokens_query())?.unlocked);
        let logins = bus.describe(logins)?.into_iter().filter_map(|(_, item)| item.login());
        let tokens = bus.describe(tokens)?.into_iter().filter_map(|(_, item)| item.token());
        let names: Vec<_> = logins.chain(tokens).collect();
        if names.is_empty() {
            self.condition()?;
        }
        Ok(names)
    }

    fn condition(&self) -> Result<(), VaultError> {
        let bus = self.bus()?;
        bus.default_collection()?;
        for items in [bus.search(&logins_query())?, bus.search(&tokens_query())?] {
            bus.none_unless_locked::<()>(&items)?;
            if items.unlocked.iter().any(|item| bus.is_guarded(item)) {
                return Err(bus.unconfirmed());
            }
        }
        Ok(())
    }
}
