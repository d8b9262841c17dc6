//! A desktop session of its own: a bus, and a real Secret Service that is unlocked.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::home::{Home, skip};

/// A desktop session; it ends when this is dropped.
pub(crate) struct Session {
    pub(crate) bus: Child,
    pub(crate) keyring: Child,
}

impl Session {
    /// Starts one and lets the home know of it; `None`, said aloud, where its programs are missing.
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

    pub(crate) fn signal(child: &Child, signal: &str) {
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
