//! Logins that are stored and removed while a real gnome-keyring cannot be reached.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::print_stderr)] // The helper functions are test code, too.

mod desktop;

use std::time::{Duration, SystemTime};

use desktop::Desktop;
use protocol::{Secret, ServerUrl};
use vault::{Choice, Entry, Key, Location, Removal, Vault, VaultError};

fn login(secret: &str) -> Entry {
    Entry {
        key: Key::Login(ServerUrl::parse("r.example").unwrap()),
        server: "r.example".to_owned(),
        username: "me".to_owned(),
        secret: Secret::new(secret.to_owned()),
        issued: SystemTime::now(),
        expires: None,
        requires: None,
    }
}

/// A state of the desktop in which its keychain cannot be reached.
struct Outage {
    name: &'static str,
    begins: fn(&Desktop),
    ends: fn(&Desktop),
    has_bus: bool,
}

const OUTAGES: [Outage; 3] = [
    Outage { name: "locked", begins: Desktop::lock, ends: Desktop::unlock, has_bus: true },
    Outage { name: "hung", begins: Desktop::stop_keyring, ends: Desktop::continue_keyring, has_bus: true },
    // Such as over ssh.
    Outage { name: "without a bus", begins: |_| {}, ends: |_| {}, has_bus: false },
];

impl Outage {
    /// The vault of a process during the outage.
    fn vault(&self, desktop: &Desktop) -> Vault {
        let mut places = desktop.places();
        places.session_bus = places.session_bus.filter(|_| self.has_bus);
        Vault::new(Choice::Auto, places)
    }
}

fn secret(vault: &Vault) -> Option<String> {
    vault.load(&login("").key).unwrap().map(|found| found.secret.expose().to_owned())
}

/// The keychain's times are whole seconds, so a later login must be in another second.
fn wait_for_the_next_second() {
    std::thread::sleep(Duration::from_millis(1100));
}

#[test]
fn the_newest_login_is_returned_after_an_outage() {
    for outage in OUTAGES {
        let Some(desktop) = Desktop::start() else { return };
        assert_eq!(desktop.vault(Choice::Auto).save(&login("old")), Ok(Location::Keychain));
        (outage.begins)(&desktop);
        assert!(matches!(outage.vault(&desktop).save(&login("new")), Ok(Location::File(_))), "{}", outage.name);
        (outage.ends)(&desktop);
        for _ in 0..2 {
            assert_eq!(secret(&desktop.vault(Choice::Auto)).as_deref(), Some("new"), "{}", outage.name);
        }
        assert_eq!(desktop.vault(Choice::Auto).names().unwrap().len(), 1);
        assert_eq!(secret(&desktop.vault(Choice::Keychain)), None, "{}: the old one is gone", outage.name);
        // A login stored after the outage replaces the record.
        assert_eq!(desktop.vault(Choice::Auto).save(&login("newest")), Ok(Location::Keychain));
        assert_eq!(secret(&desktop.vault(Choice::Auto)).as_deref(), Some("newest"));
        assert_eq!(secret(&desktop.vault(Choice::File)), None);
    }
}

#[test]
fn a_removed_login_is_not_returned_after_an_outage() {
    for outage in OUTAGES {
        let Some(desktop) = Desktop::start() else { return };
        desktop.vault(Choice::Auto).save(&login("old")).unwrap();
        (outage.begins)(&desktop);
        let removed = outage.vault(&desktop).remove(&login("").key);
        let Ok(Removal::Incomplete(error)) = removed else { panic!("{}: {removed:?}", outage.name) };
        assert_eq!(matches!(error, VaultError::Absent { .. }), !outage.has_bus, "{error}");
        (outage.ends)(&desktop);
        assert_eq!(desktop.vault(Choice::Auto).names(), Ok(Vec::new()), "{}", outage.name);
        assert_eq!(secret(&desktop.vault(Choice::Auto)), None, "{}", outage.name);
        assert_eq!(secret(&desktop.vault(Choice::Keychain)), None, "{}: it is gone", outage.name);
    }
}

#[test]
fn a_login_that_another_helper_stored_after_a_removal_is_returned() {
    let Some(desktop) = Desktop::start() else { return };
    let without_bus = &OUTAGES[2];
    without_bus.vault(&desktop).remove(&login("").key).unwrap();
    wait_for_the_next_second();
    // As another program, which does not know our records.
    assert_eq!(desktop.vault(Choice::Keychain).save(&login("theirs")), Ok(Location::Keychain));
    for _ in 0..2 {
        assert_eq!(secret(&desktop.vault(Choice::Auto)).as_deref(), Some("theirs"));
    }
}

/// A cached `get` calls the keychain in the same way, whether or not there are logins and records of others in files.
#[test]
fn other_records_cost_a_hit_no_roundtrip() {
    let Some(desktop) = Desktop::start() else { return };
    let token = Entry {
        key: Key::Token("a/b".to_owned()),
        expires: Some(SystemTime::now() + Duration::from_secs(3600)),
        ..login("token")
    };
    desktop.vault(Choice::Auto).save(&token).unwrap();
    let other = Entry { key: Key::Login(ServerUrl::parse("other.example").unwrap()), ..login("s") };
    OUTAGES[2].vault(&desktop).save(&other).unwrap();
    let keys = [token.key.clone(), login("").key];
    let methods = desktop.methods_of(|| {
        let [found, none] = desktop.vault(Choice::Auto).load_all(&keys).try_into().unwrap();
        assert_eq!((found.unwrap().unwrap().secret, none), (token.secret.clone(), Ok(None)));
    });
    assert_eq!(methods, ["Hello", "SearchItems", "SearchItems", "OpenSession", "GetSecret"]);
}
