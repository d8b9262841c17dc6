//! KeePassXC with its default settings: each read and each deletion must be confirmed.

use super::desktop::{Daemon, Screen};
use super::*;

const UNCONFIRMED: VaultError = VaultError::Unconfirmed { place: "Secret Service (KeePassXC)" };

fn remove_marker(desktop: &Desktop) {
    _ = std::fs::remove_file(desktop.home().join("run/credmint/keychain-hung"));
}

#[test]
fn a_missing_confirmation_is_reported_and_does_not_delay_a_token() {
    let Some(desktop) = Desktop::with(Daemon::KeePassXcConfirming) else { return };
    let (kept, login) = (token("confirm", "secret"), login("r.example", "me", "secret"));
    for entry in [&kept, &login] {
        assert_eq!(desktop.vault(Choice::Keychain).save(entry), Ok(Location::Keychain));
    }
    // There is no prompt for a token; one would take two seconds.
    quick(Duration::from_secs(1), || {
        let began = Instant::now();
        assert_eq!(desktop.vault(Choice::Auto).load(&kept.key), Err(UNCONFIRMED));
        ((), began.elapsed())
    });
    assert!(matches!(desktop.vault(Choice::Auto).save(&kept), Ok(Location::Kernel | Location::File(_))));
    assert_eq!(desktop.vault(Choice::Auto).load(&kept.key), Ok(Some(kept)));

    let survey = desktop.vault(Choice::Keychain).survey();
    assert_eq!((survey[0].names.as_ref().unwrap().len(), survey[0].error.clone()), (2, Some(UNCONFIRMED)));

    let began = Instant::now();
    assert_eq!(desktop.vault(Choice::Auto).load(&login.key), Err(UNCONFIRMED));
    assert!((Duration::from_millis(1500)..testing::HANG).contains(&began.elapsed()), "{:?}", began.elapsed());
    assert_eq!(desktop.vault(Choice::Auto).load(&login.key), Err(HUNG), "the next call does not wait again");
}

#[test]
fn confirmed_logins_are_read_and_erased() {
    let Some(screen) = Screen::start() else { return };
    let Some(desktop) = Desktop::on_screen(Daemon::KeePassXcConfirming, &screen) else { return };
    let login = login("r.example", "me", "secret");
    desktop.vault(Choice::Keychain).save(&login).unwrap();
    let vault = || desktop.vault(Choice::Keychain);

    remove_marker(&desktop);
    let found = screen.confirming("Access Request", "Return", || vault().load(&login.key));
    assert_eq!(found.unwrap().unwrap().secret.expose(), "secret");

    let kept = screen.confirming("Delete", "Escape", || vault().remove(&login.key));
    assert_eq!(kept, Err(UNCONFIRMED), "declined");
    assert_eq!(keys(&vault()), std::slice::from_ref(&login.key));

    let removed = screen.confirming("Delete", "Tab Return", || vault().remove(&login.key));
    assert!(removed.is_ok(), "{removed:?}");
    wait_until("the deletion", || keys(&vault()).is_empty());
}
