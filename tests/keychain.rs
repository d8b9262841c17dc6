//! A real Secret Service: gnome-keyring on a session bus of its own.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pretend_cloud::{Aws, Call};

use crate::home::{Home, REGISTRY, skip};

/// A desktop session; it ends when this is dropped.
struct Session {
    bus: Child,
    keyring: Child,
}

impl Session {
    /// Starts one and lets the home know of it; `None`, said aloud, where its programs are missing.
    fn start(home: &mut Home, test: &str) -> Option<Self> {
        for program in ["dbus-daemon", "gnome-keyring-daemon"] {
            if Command::new("sh")
                .args(["-c", &format!("command -v {program}")])
                .stdout(Stdio::null())
                .status()
                .is_ok_and(|status| !status.success())
            {
                skip(test, &format!("{program} is not installed"));
                return None;
            }
        }
        let socket = format!("unix:path={}", home.path("run/bus").display());
        let mut bus = home
            .shell(&format!("exec dbus-daemon --session --nofork --nopidfile --print-address --address={socket}"))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut address = String::new();
        BufReader::new(bus.stdout.as_mut().unwrap()).read_line(&mut address).unwrap();
        home.set("DBUS_SESSION_BUS_ADDRESS", address.trim()).set("CREDMINT_VAULT", "auto");
        let mut keyring = home
            .shell("exec gnome-keyring-daemon --foreground --unlock --components=secrets")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        keyring.stdin.take().unwrap().write_all(b"password").unwrap();
        let session = Session { bus, keyring };
        let started = Instant::now();
        let owner = "dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.GetNameOwner string:org.freedesktop.secrets";
        while !home.shell(owner).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success() {
            assert!(started.elapsed() < Duration::from_secs(10), "the keyring did not come up");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(session)
    }

    fn signal(child: &Child, signal: &str) {
        let status = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        for child in [&mut self.keyring, &mut self.bus] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[test]
fn tokens_and_logins_rest_in_the_keychain() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    let Some(_session) = Session::start(&mut home, "tokens_and_logins_rest_in_the_keychain") else { return };
    let first = home.get(REGISTRY).secret();
    assert_eq!(home.get(REGISTRY).secret(), first);
    assert_eq!(aws.all_calls(), 1);
    home.store("r.example:5000", "user", "päss \"word\"\n").is_silent();
    assert_eq!(home.get("https://r.example:5000/").credentials().1, "user");
    assert_eq!(home.get("r.example:5000").secret(), "päss \"word\"\n");
    assert_eq!(home.list().len(), 2);
    let open = crate::protocol::files(&home.path("")).into_iter().find(|path| {
        let content = std::fs::read(path).unwrap_or_default();
        content.windows(first.len()).any(|window| window == first.as_bytes())
    });
    assert_eq!(open, None, "no file holds the token in the open");
    home.erase("r.example:5000").is_silent();
    home.erase(REGISTRY).is_silent();
    assert!(home.list().is_empty());
    home.get("r.example:5000").is_not_found();
}

#[test]
fn a_keychain_that_hangs_costs_two_seconds_once() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    let Some(session) = Session::start(&mut home, "a_keychain_that_hangs_costs_two_seconds_once") else { return };
    home.get(REGISTRY).credentials();
    for child in [&session.keyring, &session.bus] {
        Session::signal(child, "-STOP");
        let _ = std::fs::remove_dir_all(home.path("run/credmint"));
        let _ = std::fs::remove_dir_all(home.path("cache/credmint"));
        let outcome = home.get("123456789012.dkr.ecr.eu-west-1.amazonaws.com");
        outcome.credentials();
        assert!(outcome.took < Duration::from_secs(4), "{outcome:?}");
        let again = home.get("123456789012.dkr.ecr.eu-west-2.amazonaws.com");
        again.credentials();
        assert!(again.took < Duration::from_secs(1), "the next process does not wait again: {again:?}");
        home.get("r.example").explains(&["Secret Service"]);
        Session::signal(child, "-CONT");
        home.erase("123456789012.dkr.ecr.eu-west-1.amazonaws.com");
        home.erase("123456789012.dkr.ecr.eu-west-2.amazonaws.com");
    }
}

#[test]
fn a_locked_keychain_is_no_reason_to_wait_or_to_ask() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    let Some(_session) = Session::start(&mut home, "a_locked_keychain_is_no_reason_to_wait_or_to_ask") else { return };
    home.store("r.example", "u", "s").is_silent();
    let lock = "dbus-send --session --print-reply --dest=org.freedesktop.secrets /org/freedesktop/secrets org.freedesktop.Secret.Service.Lock array:objpath:/org/freedesktop/secrets/collection/login";
    assert!(home.shell(lock).stdout(Stdio::null()).status().unwrap().success());
    let outcome = home.get(REGISTRY);
    outcome.credentials();
    assert!(outcome.took < Duration::from_secs(4), "{outcome:?}");
    assert_eq!(home.get(REGISTRY).secret(), outcome.secret(), "the token rests elsewhere meanwhile");
    assert_eq!(aws.calls(Call::EcrToken), 1);
    home.get("r.example").explains(&["locked", "unlock"]);
}
