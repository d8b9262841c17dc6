//! A private desktop session: a bus, and a real Secret Service that is unlocked.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use testing::{skip, wait_until};

use crate::home::Home;

/// A desktop session; it ends when this is dropped.
pub(crate) struct Session {
    pub(crate) bus: Child,
    pub(crate) keyring: Child,
}

impl Session {
    /// Starts one for the home; `None` and a skipped test if its programs are not installed.
    pub(crate) fn start(home: &mut Home, test: &str) -> Option<Self> {
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
        let session = Session { bus, keyring: keyring(home) };
        session.wait_for_keyring(home);
        Some(session)
    }

    /// Ends the keyring and starts it again, unlocked.
    pub(crate) fn restart_keyring(&mut self, home: &Home) {
        self.keyring.kill().unwrap();
        self.keyring.wait().unwrap();
        wait_until("the end of the keyring", || !self.has_keyring(home));
        self.keyring = keyring(home);
        self.wait_for_keyring(home);
    }

    /// Locks what is in it.
    pub(crate) fn lock(home: &Home) {
        let lock = "dbus-send --session --print-reply --dest=org.freedesktop.secrets /org/freedesktop/secrets org.freedesktop.Secret.Service.Lock array:objpath:/org/freedesktop/secrets/collection/login";
        assert!(home.shell(lock).stdout(Stdio::null()).status().unwrap().success());
    }

    fn wait_for_keyring(&self, home: &Home) {
        wait_until("a keyring on the bus", || self.has_keyring(home));
    }

    fn has_keyring(&self, home: &Home) -> bool {
        let owner = "dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.GetNameOwner string:org.freedesktop.secrets";
        home.shell(owner).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
    }

    pub(crate) fn signal(child: &Child, signal: &str) {
        let status = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }
}

fn keyring(home: &Home) -> Child {
    let mut keyring = home
        .shell("exec gnome-keyring-daemon --foreground --unlock --components=secrets")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    keyring.stdin.take().unwrap().write_all(b"password").unwrap();
    keyring
}

impl Drop for Session {
    fn drop(&mut self) {
        for child in [&mut self.keyring, &mut self.bus] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
