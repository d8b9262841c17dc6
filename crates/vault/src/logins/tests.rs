use std::cell::RefCell;
use std::sync::{Arc, Mutex};

use super::*;
use crate::store::Store;
use crate::testing::{login, now, token};
use crate::{Choice, has_expired};

const LOCKED: VaultError = VaultError::Locked { place: "keychain" };

/// A keychain that a test locks.
#[derive(Clone, Default)]
struct Keychain(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    error: Option<VaultError>,
    entries: Vec<Entry>,
    removals: usize,
}

impl Keychain {
    fn state(&self) -> Result<std::sync::MutexGuard<'_, State>, VaultError> {
        let state = self.0.lock().unwrap();
        state.error.clone().map_or(Ok(state), Err)
    }

    fn fails(&self, error: Option<VaultError>) {
        self.0.lock().unwrap().error = error;
    }

    fn secrets(&self) -> Vec<String> {
        self.0.lock().unwrap().entries.iter().map(|entry| entry.secret.expose().to_owned()).collect()
    }
}

impl Store for Keychain {
    fn place(&self) -> String {
        "keychain".to_owned()
    }
    fn load(&self, key: &Key) -> Result<Option<Entry>, VaultError> {
        Ok(self.state()?.entries.iter().find(|entry| entry.key == *key).cloned())
    }
    fn save(&self, entry: &Entry) -> Result<Location, VaultError> {
        let mut state = self.state()?;
        state.entries.retain(|known| known.key != entry.key);
        state.entries.push(entry.clone());
        Ok(Location::Keychain)
    }
    fn remove(&self, key: &Key) -> Result<(), VaultError> {
        let mut state = self.state()?;
        state.removals += 1;
        state.entries.retain(|entry| entry.key != *key);
        Ok(())
    }
    fn names(&self) -> Result<Vec<Name>, VaultError> {
        let name = |entry: &Entry| Name {
            key: entry.key.clone(),
            server: entry.server.clone(),
            username: entry.username.clone(),
            issued: entry.issued,
            expires: entry.expires,
        };
        Ok(self.state()?.entries.iter().map(name).collect())
    }
}

struct Machine {
    keychain: Keychain,
    folder: tempfile::TempDir,
    bus: RefCell<bool>,
}

impl Machine {
    fn new() -> Self {
        let (keychain, folder) = (Keychain::default(), tempfile::tempdir().unwrap());
        Machine { keychain, folder, bus: RefCell::new(true) }
    }

    /// The vault of a new process.
    fn vault(&self) -> Vault {
        let bus = *self.bus.borrow();
        let unreachable = (!bus).then(|| VaultError::Absent { place: "keychain", why: "no bus".to_owned() });
        let mut stores: Vec<Box<dyn Store + Send + Sync>> = Vec::new();
        if bus {
            stores.push(Box::new(self.keychain.clone()));
        }
        let logins = Some(LoginRecords::new(self.folder.path().join("credmint")));
        Vault { choice: Choice::Auto, stores, logins, unreachable }
    }

    fn secret(&self) -> Result<Option<String>, VaultError> {
        let found = self.vault().load(&key())?;
        Ok(found.map(|entry| entry.secret.expose().to_owned()))
    }

    fn record(&self) -> Option<Record> {
        self.vault().logins.unwrap().record(&key()).unwrap()
    }
}

fn key() -> Key {
    login("r.example", "").key
}

fn of_age(seconds: u64, secret: &str) -> Entry {
    Entry { issued: now() - Duration::from_secs(seconds), ..login("r.example", secret) }
}

/// Its name, how it begins, and how it ends.
type Outage = (&'static str, fn(&Machine), fn(&Machine));

/// The states in which a keychain cannot be reached.
fn outages() -> Vec<Outage> {
    vec![
        ("locked", |machine| machine.keychain.fails(Some(LOCKED)), |machine| machine.keychain.fails(None)),
        (
            "hung",
            |machine| machine.keychain.fails(Some(VaultError::TimedOut { place: "keychain" })),
            |machine| machine.keychain.fails(None),
        ),
        (
            "no service",
            |machine| machine.keychain.fails(Some(VaultError::Absent { place: "keychain", why: String::new() })),
            |machine| machine.keychain.fails(None),
        ),
        ("no bus", |machine| *machine.bus.borrow_mut() = false, |machine| *machine.bus.borrow_mut() = true),
    ]
}

#[test]
fn a_login_that_was_replaced_during_an_outage_is_never_returned() {
    for (outage, begins, ends) in outages() {
        let machine = Machine::new();
        machine.vault().save(&of_age(60, "old")).unwrap();
        let new = of_age(30, "new");
        begins(&machine);
        assert!(matches!(machine.vault().save(&new), Ok(Location::File(_))), "{outage}");
        assert_eq!(machine.secret(), Ok(Some("new".to_owned())), "{outage}");
        assert!(machine.record().unwrap().copies.is_some(), "{outage}");
        ends(&machine);
        let names = machine.vault().names().unwrap();
        assert_eq!((names.len(), names[0].issued), (1, new.issued), "{outage}");
        assert_eq!(machine.secret(), Ok(Some("new".to_owned())), "{outage}");
        assert_eq!(machine.keychain.secrets(), Vec::<String>::new(), "{outage}: the old one is removed");
        assert_eq!(machine.record().unwrap().copies, None, "{outage}: no copy is left");
        machine.vault().save(&of_age(10, "newest")).unwrap();
        assert_eq!((machine.record(), machine.keychain.secrets()), (None, vec!["newest".to_owned()]));
    }
}

#[test]
fn a_login_that_was_removed_during_an_outage_is_never_returned() {
    for (outage, begins, ends) in outages() {
        let machine = Machine::new();
        machine.vault().save(&of_age(60, "old")).unwrap();
        begins(&machine);
        assert!(matches!(machine.vault().remove(&key()), Ok(Removal::Incomplete(_))), "{outage}");
        ends(&machine);
        assert_eq!(machine.vault().names(), Ok(Vec::new()), "{outage}");
        assert_eq!(machine.secret(), Ok(None), "{outage}");
        assert_eq!((machine.record(), machine.keychain.secrets()), (None, Vec::new()), "{outage}");
        assert_eq!(machine.vault().remove(&key()), Ok(Removal::Complete), "{outage}");
    }
}

#[test]
fn a_login_that_another_program_stored_later_is_returned() {
    for (outage, begins, ends) in outages() {
        for removed in [true, false] {
            let machine = Machine::new();
            begins(&machine);
            if removed {
                machine.vault().logins.unwrap().save(&of_age(60, ""), None).unwrap();
                machine.vault().remove(&key()).unwrap();
            } else {
                machine.vault().save(&of_age(60, "ours")).unwrap();
            }
            ends(&machine);
            let later = Entry { issued: now() + Duration::from_secs(5), ..login("r.example", "theirs") };
            machine.keychain.save(&later).unwrap();
            assert_eq!(machine.vault().names().unwrap().len(), 1, "{outage}");
            assert_eq!(machine.secret(), Ok(Some("theirs".to_owned())), "{outage}");
            // A process that another test is starting may inherit the lock for a moment.
            testing::wait_until("the removal of the outdated record", || {
                machine.secret().is_ok() && machine.record().is_none()
            });
        }
    }
}

#[test]
fn the_newest_login_takes_precedence_even_if_it_has_expired() {
    let machine = Machine::new();
    let expired = |age, secret| Entry { expires: Some(now() - Duration::from_secs(1)), ..of_age(age, secret) };
    machine.keychain.save(&expired(60, "expired")).unwrap();
    machine.vault().logins.unwrap().save(&of_age(30, "valid"), None).unwrap();
    assert_eq!(machine.secret(), Ok(Some("valid".to_owned())), "it hides no newer one");
    machine.keychain.save(&of_age(60, "replaced")).unwrap();
    machine.vault().logins.unwrap().save(&expired(30, "expired"), None).unwrap();
    assert_eq!((machine.secret(), machine.vault().names()), (Ok(None), Ok(Vec::new())));
    assert!(has_expired(machine.record().unwrap().login.unwrap().expires, now()));
}

#[test]
fn removing_a_copy_is_retried_only_after_a_pause() {
    let machine = Machine::new();
    machine.keychain.save(&of_age(60, "old")).unwrap();
    *machine.bus.borrow_mut() = false;
    machine.vault().save(&of_age(30, "new")).unwrap();
    *machine.bus.borrow_mut() = true;
    let vault = Vault { stores: vec![Box::new(Stubborn(machine.keychain.clone()))], ..machine.vault() };
    for _ in 0..3 {
        assert_eq!(vault.load(&key()).unwrap().unwrap().secret.expose(), "new");
    }
    assert_eq!(machine.keychain.0.lock().unwrap().removals, 1);
    let tried = machine.record().unwrap().copies.unwrap().tried;
    assert!(to_seconds(now()) - tried < 60);
    let files = machine.vault().logins.unwrap();
    let long_ago = StaleCopies { tried: tried - RETRY.as_secs() - 1 };
    files.save(&of_age(30, "new"), Some(long_ago)).unwrap();
    assert_eq!(machine.secret(), Ok(Some("new".to_owned())));
    assert_eq!((machine.keychain.secrets(), machine.record().unwrap().copies), (Vec::new(), None));
}

/// Removes nothing.
struct Stubborn(Keychain);

impl Store for Stubborn {
    fn place(&self) -> String {
        self.0.place()
    }
    fn load(&self, key: &Key) -> Result<Option<Entry>, VaultError> {
        self.0.load(key)
    }
    fn save(&self, entry: &Entry) -> Result<Location, VaultError> {
        self.0.save(entry)
    }
    fn remove(&self, _: &Key) -> Result<(), VaultError> {
        self.0.state()?.removals += 1;
        Err(LOCKED)
    }
    fn names(&self) -> Result<Vec<Name>, VaultError> {
        self.0.names()
    }
}

#[test]
fn removing_fails_if_no_record_can_be_written() {
    let machine = Machine::new();
    machine.keychain.fails(Some(LOCKED));
    let vault = Vault { logins: None, ..machine.vault() };
    assert_eq!(vault.remove(&key()), Err(LOCKED));
    let nowhere = Some(LoginRecords::new("/proc/nowhere".into()));
    let vault = Vault { logins: nowhere, ..machine.vault() };
    assert!(matches!(vault.remove(&key()), Err(VaultError::Failed { .. })));
}

/// One process removes an old login while others store.
#[test]
fn a_login_stored_while_an_old_one_is_removed_is_kept() {
    for round in 0..20 {
        let machine = Machine::new();
        machine.keychain.save(&of_age(60, "old")).unwrap();
        machine.keychain.fails(Some(LOCKED));
        machine.vault().save(&of_age(30, "new")).unwrap();
        machine.keychain.fails(None);
        let (first, second) = (machine.vault(), machine.vault());
        std::thread::scope(|threads| {
            threads.spawn(|| first.load(&key()).unwrap());
            threads.spawn(|| second.save(&of_age(10, "newest")).unwrap());
        });
        assert_eq!(machine.secret(), Ok(Some("newest".to_owned())), "{round}");
    }
}

#[test]
fn a_token_leaves_no_record() {
    let machine = Machine::new();
    machine.keychain.fails(Some(LOCKED));
    assert_eq!(machine.vault().remove(&token("a", "").key), Err(LOCKED));
    assert!(machine.vault().logins.unwrap().removed().is_empty());
}
