//! A Secret Service that is not running yet.

use super::desktop::find;
use super::*;

const MARKER: &str = "credmint/keychain-not-started";

#[test]
fn a_keyring_that_the_bus_can_start_is_started() {
    let Some(mut desktop) = Desktop::start() else { return };
    let kept = [token("sleeping", "secret"), login("r.example", "me", "secret")];
    for entry in &kept {
        desktop.vault(Choice::Auto).save(entry).unwrap();
    }
    desktop.stop_daemon();
    // With its password, as at login.
    let program = desktop
        .script("keyring", "printf password | exec gnome-keyring-daemon --foreground --unlock --components=secrets");
    desktop.make_activatable(&program);
    wait_until("its exit", || !desktop.has_service());
    let keys = kept.clone().map(|entry| entry.key);
    for found in desktop.vault(Choice::Auto).load_all(&keys).into_iter().zip(kept) {
        assert_eq!(found.0.unwrap().unwrap().secret, found.1.secret);
    }
    assert!(desktop.has_service());
    assert!(!desktop.home().join("run").join(MARKER).exists());
}

#[test]
fn without_a_service_the_next_store_is_used() {
    let Some(desktop) = Desktop::without_keyring() else { return };
    let kept = token("absent", "secret");
    let auto = desktop.vault(Choice::Auto);
    assert_eq!(auto.load(&kept.key), Ok(None));
    assert!(matches!(auto.save(&kept), Ok(Location::Kernel | Location::File(_))));
    assert_eq!(auto.load(&kept.key), Ok(Some(kept.clone())));
    assert!(keys(&auto).contains(&kept.key));
    auto.remove(&kept.key).unwrap();
    assert_eq!(auto.load(&kept.key), Ok(None));
    assert!(matches!(desktop.vault(Choice::Keychain).load(&kept.key), Err(VaultError::Absent { .. })));
    assert!(matches!(desktop.vault(Choice::Keychain).save(&kept), Err(VaultError::Absent { .. })));
    assert!(!desktop.has_service());
}

/// Such as on a server that has a desktop's keyring installed.
#[test]
fn a_service_that_fails_to_start_is_retried_after_a_pause() {
    let Some(desktop) = Desktop::without_keyring() else { return };
    let program = desktop.script("broken", "echo started >>\"$HOME/starts\"; exit 1");
    desktop.make_activatable(&program);
    let key = token("broken", "").key;
    let starts = || std::fs::read_to_string(desktop.home().join("starts")).unwrap_or_default().lines().count();
    for _ in 0..3 {
        assert_eq!(desktop.vault(Choice::Auto).load(&key), Ok(None));
        let alone = desktop.vault(Choice::Keychain).load(&key);
        assert!(
            matches!(&alone, Err(VaultError::Absent { why, .. }) if why.contains("it failed to start")),
            "{alone:?}"
        );
    }
    assert_eq!(starts(), 1);
    let mark = desktop.home().join("run").join(MARKER);
    let old = SystemTime::now() - Duration::from_secs(601);
    std::fs::File::options().write(true).open(mark).unwrap().set_modified(old).unwrap();
    assert_eq!(desktop.vault(Choice::Auto).load(&key), Ok(None));
    assert_eq!(starts(), 2);
}

#[test]
fn a_service_whose_start_hangs_costs_two_seconds_once() {
    let Some(desktop) = Desktop::without_keyring() else { return };
    assert!(find("sleep").is_some());
    desktop.make_activatable("/bin/sleep 300");
    let token = token("hung start", "secret");
    let began = Instant::now();
    assert_eq!(desktop.vault(Choice::Auto).load(&token.key), Err(HUNG));
    assert!((Duration::from_millis(1900)..testing::HANG).contains(&began.elapsed()), "{:?}", began.elapsed());
    // Waiting again would take two seconds.
    quick(Duration::from_millis(1900), || {
        let began = Instant::now();
        assert!(matches!(desktop.vault(Choice::Auto).save(&token), Ok(Location::Kernel | Location::File(_))));
        assert_eq!(desktop.vault(Choice::Auto).load(&token.key), Ok(Some(token.clone())));
        ((), began.elapsed())
    });
    assert!(desktop.home().join("run").join(MARKER).exists());
    assert_eq!(desktop.vault(Choice::Auto).remove(&token.key), Err(HUNG));
}
