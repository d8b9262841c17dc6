use std::cell::{Cell, OnceCell};
use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use dbus::Path;
use dbus::arg::{PropMap, RefArg, Variant, prop_cast};
use protocol::{Secret, ServerUrl};
use zeroize::Zeroizing;

pub(crate) use self::bus::PLACE;

use self::bus::{Bus, Items};
use crate::header::{from_seconds, to_seconds};
use crate::keychain::Way;
use crate::store::Store;
use crate::{Entry, Key, Name, Resting, VaultError};

mod address;
mod bus;
mod connection;
mod peer;

/// The schema of our tokens.
const TOKEN: &str = "io.credmint.Token";
/// The schema of Docker's own helper, under which it looks for logins and we do.
/// <https://github.com/docker/docker-credential-helpers/blob/v0.9.6/secretservice/secretservice.c>
const LOGIN: &str = "io.docker.Credentials";

/// Logins by whether they can be read, with their names where those had to be looked at.
#[derive(Default)]
struct Logins {
    unlocked: Vec<(Path<'static>, Option<Name>)>,
    locked: Vec<Path<'static>>,
}

type Attributes = BTreeMap<String, String>;

/// The keychain of a Linux desktop: gnome-keyring, KWallet, KeePassXC.
///
/// Tokens are items of our own, whose secret is an entry with its header, so that a hit needs
/// nothing but the secret; logins are items exactly as Docker's own helper makes them.
pub(crate) struct SecretService {
    address: Option<String>,
    bus: OnceCell<Bus>,
    /// All logins there are, once looked for ahead; what they say of themselves is on its way then.
    logins_ahead: Cell<Option<Result<Items, VaultError>>>,
    /// Until when answers are waited for.
    end: Instant,
}

impl SecretService {
    pub(crate) fn new(address: Option<String>) -> Self {
        SecretService { address, bus: OnceCell::new(), logins_ahead: Cell::new(None), end: Instant::now() }
    }

    /// The connection stays for all calls.
    fn connected(&self) -> Result<&Bus, VaultError> {
        if self.bus.get().is_none() {
            let absent = || VaultError::Absent { place: PLACE, why: "the session has no bus".to_owned() };
            _ = self.bus.set(Bus::connect(self.address.as_deref().ok_or_else(absent)?, self.end)?);
        }
        Ok(self.bus.get().expect("it has just been set"))
    }

    fn bus(&self) -> Result<&Bus, VaultError> {
        let bus = self.connected()?;
        bus.welcome().map(|()| bus)
    }

    /// Sends out what a load of these keys searches for, together and before the bus has even let
    /// us in, and what the first logins are asked for while the tokens are still searched for: their
    /// waits become one with others.
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
        bus.welcome()?;
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
        // Two at once, if another process has just saved its own: the newest is the last.
        for item in items.unlocked.iter().rev() {
            match bus.secret(item)?.and_then(|secret| Entry::decode(&secret, key)) {
                Some(entry) => return Ok(Some(entry)),
                None => log::debug!("{PLACE}: a damaged token is passed over"),
            }
        }
        items.none_unless_locked()
    }

    fn load_login(&self, key: &Key, server: &ServerUrl) -> Result<Option<Entry>, VaultError> {
        let bus = self.bus()?;
        let logins = self.logins(server)?;
        // Docker's helper leaves one item a user, and answers with the last.
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
            }));
        }
        Items { unlocked: Vec::new(), locked: logins.locked }.none_unless_locked()
    }

    /// The logins of a registry under all of its spellings, the best last.
    fn logins(&self, server: &ServerUrl) -> Result<Logins, VaultError> {
        let bus = self.bus()?;
        // Most machines have no login at all, and this one question tells.
        let all = self.logins_ahead.take().unwrap_or_else(|| self.all_logins())?;
        let mut found = Logins::default();
        if all.are_few() {
            // To look at each of them is quicker than to ask for every spelling.
            for (item, described) in bus.describe(all.unlocked)? {
                let name = described.login().filter(|name| name.key == Key::Login(server.clone()));
                found.unlocked.extend(name.map(|name| (item, Some(name))));
            }
            let best = server.key();
            found.unlocked.sort_by_key(|(_, name)| name.as_ref().is_some_and(|name| name.server == best));
            return Ok(found);
        }
        let spellings = server.spellings();
        let queries = || spellings.iter().rev().map(|server| attributes([("docker_cli", "1"), ("server", server)]));
        queries().for_each(|query| bus.search_ahead(query));
        for query in queries() {
            let items = bus.search(&query)?;
            found.unlocked.extend(items.unlocked.into_iter().map(|item| (item, None)));
            found.locked.extend(items.locked);
        }
        Ok(found)
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

/// Every wait for the bus has a limit of its own.
impl Way for SecretService {
    fn ask<T: Send + 'static>(
        &mut self,
        question: impl FnOnce(&dyn Store) -> Result<T, VaultError> + Send + 'static,
        limit: Duration,
    ) -> Result<T, VaultError> {
        self.end = Instant::now() + limit;
        if let Some(bus) = self.bus.get() {
            bus.wait_until(self.end);
        }
        question(self)
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

    fn save(&self, entry: &Entry) -> Result<Resting, VaultError> {
        let bus = self.bus()?;
        let collection = bus.default_collection()?;
        let (label, attributes, secret) = match &entry.key {
            Key::Token(id) => (format!("Registry token for {}", entry.server), token_item(id, entry), entry.encode()),
            Key::Login(server) => {
                let server = server.key();
                let secret = Zeroizing::new(entry.secret.expose().as_bytes().to_vec());
                (format!("Registry credentials for {server}"), login_item(&server, &entry.username), secret)
            }
        };
        // The new one first: whatever happens then, one of them is there.
        let new = bus.create(&collection, &label, attributes, &secret)?;
        for old in self.items(&entry.key)?.unlocked.iter().filter(|item| **item != new) {
            bus.delete(old)?;
        }
        Ok(Resting::Keychain)
    }

    fn remove(&self, key: &Key) -> Result<(), VaultError> {
        let items = self.items(key)?;
        for item in &items.unlocked {
            self.bus()?.delete(item)?;
        }
        items.none_unless_locked::<()>().map(|_| ())
    }

    fn names(&self) -> Result<Vec<Name>, VaultError> {
        let bus = self.connected()?;
        bus.search_ahead(logins_query());
        bus.search_ahead(tokens_query());
        bus.welcome()?;
        // What is locked cannot be got, and so is not named.
        let (logins, tokens) = (bus.search(&logins_query())?.unlocked, bus.search(&tokens_query())?.unlocked);
        let logins = bus.describe(logins)?.into_iter().filter_map(|(_, item)| item.login());
        let tokens = bus.describe(tokens)?.into_iter().filter_map(|(_, item)| item.token());
        Ok(logins.chain(tokens).collect())
    }
}

impl Items {
    fn are_few(&self) -> bool {
        self.locked.is_empty() && self.unlocked.len() <= 8
    }
}

fn logins_query() -> Attributes {
    attributes([("docker_cli", "1")])
}

fn tokens_query() -> Attributes {
    attributes([("xdg:schema", TOKEN)])
}

fn token_query(id: &str) -> Attributes {
    attributes([("xdg:schema", TOKEN), ("credmint", id)])
}

fn token_item(id: &str, entry: &Entry) -> Attributes {
    let seconds = |time: SystemTime| to_seconds(time).to_string();
    let mut item = token_query(id);
    item.extend(attributes([("server", &*entry.server), ("username", &*entry.username)]));
    item.insert("issued".to_owned(), seconds(entry.issued));
    item.extend(entry.expires.map(|end| ("expires".to_owned(), seconds(end))));
    item
}

fn login_item(server: &str, username: &str) -> Attributes {
    attributes([
        ("xdg:schema", LOGIN),
        ("label", "Docker Credentials"),
        ("docker_cli", "1"),
        ("server", server),
        ("username", username),
    ])
}

fn attributes<const N: usize>(pairs: [(&str, &str); N]) -> Attributes {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// What an item says of itself without its secret.
struct Described {
    attributes: Attributes,
    modified: SystemTime,
}

impl Described {
    fn of(properties: &PropMap) -> Option<Self> {
        let attributes = properties.get("Attributes").and_then(|Variant(value)| {
            let mut texts = value.as_iter()?.map(|text| text.as_str().map(str::to_owned));
            let mut attributes = Attributes::new();
            while let Some(name) = texts.next() {
                attributes.insert(name?, texts.next()??);
            }
            Some(attributes)
        })?;
        let modified = from_seconds(*prop_cast::<u64>(properties, "Modified").unwrap_or(&0))?;
        Some(Described { attributes, modified })
    }

    /// Keyed by the attribute and not by the label, which was the address once and now is a sentence.
    fn login(&self) -> Option<Name> {
        let server = self.attributes.get("server")?;
        Some(Name {
            key: Key::Login(ServerUrl::parse(server).ok()?),
            server: server.clone(),
            username: self.attributes.get("username").cloned().unwrap_or_default(),
            issued: self.modified,
            expires: None,
        })
    }

    fn token(&self) -> Option<Name> {
        let text = |name| self.attributes.get(name).cloned();
        let time = |name| from_seconds(self.attributes.get(name)?.parse().ok()?);
        Some(Name {
            key: Key::Token(text("credmint")?),
            server: text("server")?,
            username: text("username")?,
            issued: time("issued")?,
            expires: time("expires"),
        })
    }
}
