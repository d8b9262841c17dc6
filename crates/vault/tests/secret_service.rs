//! The vault with real keychains on a real bus, including failures.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::print_stderr)] // The helper functions are test code, too.

mod activation;
mod confirmation;
mod desktop;
mod matrix;
mod services;

use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use desktop::Desktop;
use protocol::{Secret, ServerUrl};
use testing::{accepts, quick, skip, wait_until};
use vault::{Choice, Entry, Key, Location, Places, Vault, VaultError};

const LOCKED: VaultError = VaultError::Locked { place: "Secret Service (GNOME Keyring)" };
const HUNG: VaultError = VaultError::TimedOut { place: "Secret Service" };

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs())
}

fn token(id: &str, secret: &str) -> Entry {
    Entry {
        key: Key::Token(format!("{id}/{}", std::process::id())),
        server: "1.dkr.ecr.us-east-1.amazonaws.com".to_owned(),
        username: "AWS".to_owned(),
        secret: Secret::new(secret.to_owned()),
        issued: now(),
        expires: Some(now() + Duration::from_secs(3600)),
        requires: None,
    }
}

fn login(server: &str, username: &str, secret: &str) -> Entry {
    let key = Key::Login(ServerUrl::parse(server).unwrap());
    Entry { key, server: server.to_owned(), username: username.to_owned(), expires: None, ..token("", secret) }
}

/// Used with the keychain only: the kernel keyring may have entries of this user.
fn keys(vault: &Vault) -> Vec<Key> {
    vault.names().unwrap().into_iter().map(|name| name.key).collect()
}

#[test]
fn entries_are_loaded_replaced_and_removed() {
    let Some(desktop) = Desktop::start() else { return };
    for secret in ["", "short", "é ñ 漢字 \n\t\"", &"x".repeat(5_000), &"y".repeat(70 << 10)] {
        let vault = desktop.vault(Choice::Keychain);
        let (token, login) = (token("ecr:aws:us-east-1", secret), login("r.example:5000", "me", secret));
        for entry in [&token, &login] {
            assert_eq!(vault.save(entry), Ok(Location::Keychain));
            let found = desktop.vault(Choice::Auto).load(&entry.key).unwrap().unwrap();
            assert_eq!((&found.secret, &found.username), (&entry.secret, &entry.username));
            assert_eq!((&found.server, found.expires), (&entry.server, entry.expires));
            assert!(found.issued >= entry.issued && found.issued <= now(), "{:?}", found.issued);
        }
        assert_eq!(keys(&vault), [login.key.clone(), token.key.clone()], "logins first, and one of each");
    }
    let vault = desktop.vault(Choice::Keychain);
    for key in keys(&vault) {
        vault.remove(&key).unwrap();
        vault.remove(&key).unwrap();
        assert_eq!(vault.load(&key), Ok(None));
    }
    assert_eq!(keys(&vault), []);
}

#[test]
fn a_hit_takes_four_roundtrips_and_listing_reads_no_secret() {
    let Some(desktop) = Desktop::start() else { return };
    let (kept, other) = (token("a", "secret"), login("r.example", "me", "secret"));
    desktop.vault(Choice::Auto).save(&kept).unwrap();
    let load =
        |entry: &Entry| desktop.methods_of(|| _ = desktop.vault(Choice::Auto).load(&entry.key).unwrap().unwrap());
    assert_eq!(load(&kept), ["Hello", "SearchItems", "OpenSession", "GetSecret"]);
    let miss = desktop.methods_of(|| assert_eq!(desktop.vault(Choice::Auto).load(&other.key), Ok(None)));
    assert_eq!(miss, ["Hello", "SearchItems"]);
    desktop.vault(Choice::Auto).save(&other).unwrap();
    let found = load(&other);
    assert_eq!(found.iter().filter(|method| *method == "GetAll").count(), 1, "{found:?}");
    let names = desktop.methods_of(|| assert_eq!(keys(&desktop.vault(Choice::Keychain)).len(), 2));
    assert_eq!(names, ["Hello", "SearchItems", "SearchItems", "GetAll", "GetAll"]);
}

/// The output of Docker's helper.
fn ask(desktop: &Desktop, peer: &std::path::Path, action: &str, input: &str) -> (bool, String) {
    let mut peer = desktop.run(peer.to_str().unwrap());
    let mut peer = peer.arg(action).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    peer.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = peer.wait_with_output().unwrap();
    (output.status.success(), desktop::text(&output))
}

#[test]
fn logins_are_shared_with_dockers_own_helper() {
    let (Some(desktop), Some(peer)) = (Desktop::start(), desktop::peer()) else { return };
    let save = |entry: &Entry| desktop.keychain(|vault| vault.save(entry)).unwrap();
    let load = |server: &str| desktop.keychain(|vault| vault.load(&login(server, "", "").key)).unwrap();
    let hub = "https://index.docker.io/v1/";
    for server in ["r.example:5000", hub] {
        save(&login(server, "ours", "our secret"));
        let (done, answer) = ask(&desktop, &peer, "get", server);
        assert!(done && answer.contains("our secret") && answer.contains("ours"), "{answer}");
    }
    // Logins of Docker's helper, under several spellings, of two users.
    for (spelling, server) in [("https://q.example", "q.example"), ("q.example", "q.example"), ("docker.io", hub)] {
        for user in ["first", "second"] {
            let json = format!(r#"{{"ServerURL":"{spelling}","Username":"{user}","Secret":"their secret"}}"#);
            assert!(ask(&desktop, &peer, "store", &json).0);
        }
        let found = load(server).unwrap();
        let expected = if spelling == "docker.io" { "our secret" } else { "their secret" };
        assert_eq!(found.secret.expose(), expected, "{spelling}");
        let ours = login(server, "ours", "newer");
        save(&ours);
        assert_eq!(load(server).unwrap().secret.expose(), "newer");
        assert!(!ask(&desktop, &peer, "get", spelling).1.contains("their secret"), "all others were replaced");
        desktop.keychain(|vault| vault.remove(&ours.key)).unwrap();
        assert!(!ask(&desktop, &peer, "get", server).0);
    }
    save(&login("z.example", "ours", "s"));
    assert!(ask(&desktop, &peer, "erase", "z.example").0);
    assert_eq!(load("z.example"), None);
}

#[test]
fn an_item_with_an_old_label_is_listed_by_its_attribute() {
    let Some(desktop) = Desktop::start() else { return };
    let mut tool = desktop.run("secret-tool");
    let tool = tool.args(["store", "--label=https://old.example", "docker_cli", "1", "label", "Docker Credentials"]);
    let tool = tool.args(["server", "old.example", "username", "me"]).stdin(Stdio::piped()).spawn();
    let Ok(mut tool) = tool else { return skip("secret-tool", "it is not installed") };
    tool.stdin.take().unwrap().write_all(b"old").unwrap();
    assert!(tool.wait().unwrap().success());
    let vault = desktop.vault(Choice::Keychain);
    let key = login("https://old.example", "", "").key;
    assert_eq!(keys(&vault), std::slice::from_ref(&key));
    assert_eq!(vault.load(&key).unwrap().unwrap().secret.expose(), "old");
}

#[test]
fn a_locked_keyring_stays_locked() {
    let Some(desktop) = Desktop::start() else { return };
    let (token, login) = (token("locked", "old"), login("r.example", "me", "old"));
    for entry in [&token, &login] {
        desktop.vault(Choice::Keychain).save(entry).unwrap();
    }
    desktop.lock();
    let keychain = desktop.vault(Choice::Keychain);
    for entry in [&token, &login] {
        assert_eq!(keychain.load(&entry.key), Err(LOCKED));
        assert_eq!(keychain.save(entry), Err(LOCKED));
        assert_eq!(keychain.remove(&entry.key), Err(LOCKED));
    }
    assert_eq!(keychain.names(), Err(LOCKED), "unreadable entries are not listed");
    let auto = desktop.vault(Choice::Auto);
    assert!(matches!(auto.save(&token), Ok(Location::Kernel | Location::File(_))));
    assert_eq!(auto.load(&token.key), Ok(Some(token.clone())));
    assert!(matches!(auto.save(&login), Ok(Location::File(_))));
    assert_eq!(auto.load(&login.key), Ok(Some(login)));
    assert_eq!(auto.remove(&token.key), Err(LOCKED));
}

#[test]
fn a_keychain_or_bus_that_hangs_costs_two_seconds_once() {
    let stops: [fn(&Desktop); 2] = [Desktop::stop_keyring, Desktop::stop_bus];
    for stop in stops {
        let Some(desktop) = Desktop::start() else { return };
        stop(&desktop);
        let token = token("hung", "secret");
        // Waiting twice would take four seconds.
        let vault = quick(Duration::from_millis(3900), || {
            desktop.forget();
            let vault = desktop.vault(Choice::Auto);
            let began = Instant::now();
            assert_eq!(vault.load(&token.key), Err(HUNG));
            assert!(began.elapsed() >= Duration::from_millis(1900), "{:?}", began.elapsed());
            (vault, began.elapsed())
        });
        // Waiting again would take two seconds.
        quick(Duration::from_millis(1900), || {
            let began = Instant::now();
            assert!(matches!(vault.save(&token), Ok(Location::Kernel | Location::File(_))));
            for vault in [&vault, &desktop.vault(Choice::Auto)] {
                assert_eq!(vault.load(&token.key), Ok(Some(token.clone())));
                assert!(keys(vault).contains(&token.key));
            }
            assert_eq!(desktop.vault(Choice::Keychain).load(&token.key), Err(HUNG));
            ((), began.elapsed())
        });
        assert_eq!(desktop.vault(Choice::Auto).remove(&token.key), Err(HUNG));
    }
}

/// Flatpak's proxy once failed with clients that pipeline the authentication.
#[test]
fn a_proxy_in_front_of_the_bus_works() {
    let Some(desktop) = Desktop::start() else { return };
    if desktop::find("xdg-dbus-proxy").is_none() {
        return skip("xdg-dbus-proxy", "it is not installed");
    }
    let mut places = desktop.places();
    let socket = places.runtime.as_ref().unwrap().with_file_name("proxy");
    let mut proxy = desktop.run("xdg-dbus-proxy");
    let proxy = proxy.arg(places.session_bus.as_ref().unwrap()).arg(&socket);
    let mut proxy = proxy.args(["--filter", "--talk=org.freedesktop.secrets"]).spawn().unwrap();
    wait_until("the proxy", || accepts(&socket));
    places.session_bus = Some(format!("unix:path={}", socket.display()));
    let (token, login) = (token("a", &"x".repeat(5_000)), login("r.example", "me", "secret"));
    for entry in [&token, &login] {
        assert_eq!(Vault::new(Choice::Keychain, places.clone()).save(entry), Ok(Location::Keychain));
    }
    let keys = [token.key.clone(), login.key.clone()];
    for found in Vault::new(Choice::Keychain, places).load_all(&keys).into_iter().zip([token, login]) {
        assert_eq!(found.0.unwrap().unwrap().secret, found.1.secret);
    }
    proxy.kill().unwrap();
    proxy.wait().unwrap();
}

#[test]
fn without_a_bus_the_next_store_is_used() {
    let home = tempfile::tempdir().unwrap();
    let dead = format!("unix:path={}", home.path().join("nothing").display());
    for address in [None, Some(dead.as_str()), Some("autolaunch:"), Some("unixexec:path=/bin/sleep,argv1=9"), Some("?")]
    {
        let folder = |name: &str| Some(home.path().join(name));
        let session_bus = address.map(str::to_owned);
        let places = Places { runtime: folder("runtime"), cache: folder("cache"), data: folder("data"), session_bus };
        // Whoever waited would do so for two seconds.
        quick(Duration::from_millis(1900), || {
            let began = Instant::now();
            let auto = Vault::new(Choice::Auto, places.clone());
            for entry in [token("no-bus", "secret"), login("r.example", "me", "secret")] {
                assert_eq!(auto.load(&entry.key), Ok(None), "{address:?}");
                assert!(!matches!(auto.save(&entry), Err(_) | Ok(Location::Keychain)), "{address:?}");
                assert_eq!(auto.load(&entry.key), Ok(Some(entry.clone())), "{address:?}");
                auto.remove(&entry.key).unwrap();
                let keychain = Vault::new(Choice::Keychain, places.clone());
                assert!(matches!(keychain.save(&entry), Err(VaultError::Absent { .. })), "{address:?}");
            }
            ((), began.elapsed())
        });
    }
}
