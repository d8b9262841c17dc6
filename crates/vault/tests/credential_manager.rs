//! The vault in Windows' Credential Manager.
#![cfg(windows)]
#![allow(clippy::unwrap_used)]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use protocol::{Secret, ServerUrl};
use vault::{Choice, Entry, Key, Location, Places, Vault, VaultError};

/// The result of a call of the Credential Manager. On a busy machine it may exceed the timeout of two seconds,
/// above all in wine: then it is called again.
fn vault<T>(call: impl Fn(&Vault) -> Result<T, VaultError>) -> Result<T, VaultError> {
    let vault = || Vault::new(Choice::Keychain, Places::default());
    for _ in 0..10 {
        match call(&vault()) {
            Err(VaultError::TimedOut { .. }) => {}
            result => return result,
        }
    }
    call(&vault())
}

fn entry(key: Key, secret: &str) -> Entry {
    let issued = UNIX_EPOCH + Duration::from_secs(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs());
    // A login is returned with the address that Docker uses.
    let server = match &key {
        Key::Login(server) => server.key(),
        Key::Token(_) => "r.example".to_owned(),
    };
    Entry {
        key,
        server,
        username: "me".to_owned(),
        secret: Secret::new(secret.to_owned()),
        issued,
        expires: None,
        requires: None,
    }
}

#[test]
fn entries_are_loaded_replaced_and_removed() {
    let keys = [
        Key::Token(format!("ecr:aws:us-east-1/{}", std::process::id())),
        Key::Login(ServerUrl::parse(&format!("r{}.example", std::process::id())).unwrap()),
    ];
    // An item has at most 2,560 bytes; longer values are split.
    for length in [0, 5, 2_560, 2_561, 5_120, 70 << 10, 12] {
        let secret = "é".repeat(length / 2) + &"x".repeat(length % 2);
        for key in &keys {
            let stored = entry(key.clone(), &secret);
            assert_eq!(vault(|vault| vault.save(&stored)), Ok(Location::Keychain));
            let found = vault(|vault| vault.load(key)).unwrap().unwrap();
            assert_eq!(
                (found.secret, found.username, found.server),
                (stored.secret, stored.username, stored.server),
                "{length}"
            );
            assert!(vault(|vault| vault.names()).unwrap().iter().any(|name| name.key == *key), "{length}");
        }
    }
    for key in &keys {
        vault(|vault| vault.remove(key)).unwrap();
        vault(|vault| vault.remove(key)).unwrap();
        assert_eq!(vault(|vault| vault.load(key)), Ok(None));
        assert!(vault(|vault| vault.names()).unwrap().iter().all(|name| name.key != *key));
    }
}

/// A login that fits is stored where Docker's own helper finds it.
#[test]
fn a_login_moves_between_dockers_format_and_ours_with_its_length() {
    let (id, server) = (std::process::id(), |id| format!("https://moves{id}.example:5000"));
    let key = Key::Login(ServerUrl::parse(&server(id)).unwrap());
    for length in [2_560, 2_561, 10] {
        vault(|vault| vault.save(&entry(key.clone(), &"x".repeat(length)))).unwrap();
        assert_eq!(vault(|vault| vault.load(&key)).unwrap().unwrap().secret.len(), length);
        assert_eq!(vault(|vault| vault.names()).unwrap().iter().filter(|name| name.key == key).count(), 1, "{length}");
    }
    vault(|vault| vault.remove(&key)).unwrap();
    assert_eq!(vault(|vault| vault.load(&key)), Ok(None));
}
