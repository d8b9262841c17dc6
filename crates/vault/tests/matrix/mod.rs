//! Every Secret Service that people have, through the same tests.

use super::desktop::{Daemon, peer};
use super::*;

fn each(test: impl Fn(Daemon, Desktop)) {
    for daemon in desktop::ALL {
        if let Some(desktop) = Desktop::with(daemon) {
            test(daemon, desktop);
        }
    }
}

fn found(desktop: &Desktop, key: &Key) -> Option<(String, String)> {
    let found = desktop.keychain(|vault| vault.load(key)).unwrap()?;
    Some((found.username, found.secret.expose().to_owned()))
}

fn listed(desktop: &Desktop) -> Vec<Key> {
    desktop.keychain(|vault| vault.names()).unwrap().into_iter().map(|name| name.key).collect()
}

#[test]
fn entries_are_stored_read_listed_and_erased() {
    each(|daemon, desktop| {
        let token_of = |secret: &str| token("ecr:aws:eu-west-1", secret);
        let login_of = |secret: &str| login("r.example:5000", "me", secret);
        for secret in ["first", "é ñ 漢字 \"", &"x".repeat(5_000), "last"] {
            for entry in [token_of(secret), login_of(secret)] {
                let saved = desktop.keychain(|vault| vault.save(&entry));
                assert_eq!(saved, Ok(Location::Keychain), "{daemon:?}");
                assert_eq!(found(&desktop, &entry.key), Some((entry.username, secret.to_owned())), "{daemon:?}");
            }
            let listed = listed(&desktop);
            assert_eq!(listed, [login_of("").key, token_of("").key], "{daemon:?}: logins first, and one of each");
        }
        let both = [token_of("").key, login_of("").key];
        let loaded = desktop.keychain(|vault| vault.load_all(&both).into_iter().collect::<Result<Vec<_>, _>>());
        assert!(loaded.as_ref().unwrap().iter().all(Option::is_some), "{daemon:?}: {loaded:?}");
        // Another user takes the place of the first.
        desktop.keychain(|vault| vault.save(&login("r.example:5000", "you", "new"))).unwrap();
        assert_eq!(found(&desktop, &both[1]), Some(("you".to_owned(), "new".to_owned())), "{daemon:?}");
        let survey = desktop.vault(Choice::Keychain).survey();
        assert_eq!((survey[0].names.as_ref().unwrap().len(), survey[0].error.clone()), (2, None), "{daemon:?}");
        for key in &both {
            for _ in 0..2 {
                desktop.keychain(|vault| vault.remove(key)).unwrap();
            }
            assert_eq!(found(&desktop, key), None, "{daemon:?}");
        }
        assert_eq!(listed(&desktop), [], "{daemon:?}");
    });
}

#[test]
fn logins_are_shared_with_dockers_own_helper_both_ways() {
    let Some(peer) = peer() else { return };
    each(|daemon, desktop| {
        let (ours, theirs) = (login("ours.example", "we", "our secret"), login("theirs.example", "", "").key);
        desktop.keychain(|vault| vault.save(&ours)).unwrap();
        let (done, answer) = ask(&desktop, &peer, "get", "ours.example");
        assert!(done && answer.contains("our secret") && answer.contains("we"), "{daemon:?}: {answer}");
        let json = r#"{"ServerURL":"https://theirs.example","Username":"they","Secret":"their secret"}"#;
        assert!(ask(&desktop, &peer, "store", json).0, "{daemon:?}");
        assert_eq!(found(&desktop, &theirs), Some(("they".to_owned(), "their secret".to_owned())), "{daemon:?}");
        assert_eq!(listed(&desktop).len(), 2, "{daemon:?}");
        assert!(ask(&desktop, &peer, "erase", "ours.example").0, "{daemon:?}");
        assert_eq!(found(&desktop, &ours.key), None, "{daemon:?}");
        desktop.keychain(|vault| vault.remove(&theirs)).unwrap();
        assert!(!ask(&desktop, &peer, "get", "https://theirs.example").0, "{daemon:?}");
    });
}

#[test]
fn what_is_locked_is_called_so_and_serves_again_once_it_is_unlocked() {
    each(|daemon, desktop| {
        let kept = [token("locked", "secret"), login("r.example", "me", "secret")];
        for entry in &kept {
            desktop.keychain(|vault| vault.save(entry)).unwrap();
        }
        desktop.lock();
        // KeePassXC waits for somebody to unlock it, and is passed over then; each look is a first one.
        let vault = || {
            _ = std::fs::remove_file(desktop.home().join("run/credmint/keychain-hung"));
            desktop.vault(Choice::Keychain)
        };
        let locked = VaultError::Locked { place: daemon.place() };
        for entry in &kept {
            assert_eq!(vault().load(&entry.key), Err(locked.clone()), "{daemon:?}");
            assert_eq!(vault().save(entry), Err(locked.clone()), "{daemon:?}");
            assert_eq!(vault().remove(&entry.key), Err(locked.clone()), "{daemon:?}");
        }
        assert_eq!(vault().names(), Err(locked.clone()), "{daemon:?}");
        assert_eq!(vault().survey()[0].names, Err(locked.clone()), "{daemon:?}");
        _ = vault();
        let (location, reason) =
            desktop.vault(Choice::Auto).save_with_keychain_error(&login("n.example", "me", "s")).unwrap();
        assert!(matches!(location, Location::File(_)), "{daemon:?}: {location:?}");
        assert_eq!(reason, Some(locked), "{daemon:?}");
        desktop.unlock();
        for entry in &kept {
            wait_until(&format!("{daemon:?}'s unlocking"), || matches!(vault().load(&entry.key), Ok(Some(_))));
        }
        assert_eq!(keys(&vault()).len(), 2, "{daemon:?}");
    });
}

#[test]
fn what_is_kept_outlives_the_daemon() {
    each(|daemon, mut desktop| {
        let kept = [token("restart", "secret"), login("r.example", "me", "secret")];
        for entry in &kept {
            desktop.keychain(|vault| vault.save(entry)).unwrap();
        }
        desktop.restart();
        for entry in &kept {
            let expected = Some((entry.username.clone(), "secret".to_owned()));
            assert_eq!(found(&desktop, &entry.key), expected, "{daemon:?}");
        }
    });
}

#[test]
fn another_collection_that_is_locked_hides_nothing_and_is_told() {
    let Some(desktop) = Desktop::start() else { return };
    let (kept, hidden) = (login("kept.example", "me", "secret"), login("hidden.example", "me", "secret"));
    desktop.vault(Choice::Keychain).save(&hidden).unwrap();
    desktop.lock();
    // The one that is never locked, made the default.
    let session = "/org/freedesktop/secrets/collection/session";
    desktop.secrets("org.freedesktop.Secret.Service.SetAlias", &["default", session]);
    let keychain = || desktop.vault(Choice::Keychain);
    keychain().save(&kept).unwrap();
    assert_eq!(keys(&keychain()), std::slice::from_ref(&kept.key));
    assert_eq!(keychain().load(&kept.key).unwrap().unwrap().secret.expose(), "secret");
    assert_eq!(keychain().load(&hidden.key), Err(LOCKED));
    let survey = keychain().survey();
    assert_eq!((survey[0].names.as_ref().unwrap().len(), survey[0].error.clone()), (1, Some(LOCKED)));
}
