//! A desktop session of its own: a real bus and real keychains in a private home.
#![allow(dead_code)] // Each of the test programs uses a part of it.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use testing::{skip, wait_until};
use vault::{Choice, Places, Vault, VaultError};

mod daemons;
mod screen;

#[allow(unused_imports)]
pub(crate) use daemons::{ALL, Daemon};
#[allow(unused_imports)]
pub(crate) use screen::Screen;

/// The interface of signals by which a test marks a place among the messages of a bus.
const SIGN: &str = "org.credmint.Sign";

pub(crate) struct Desktop {
    home: TempDir,
    address: String,
    bus: Child,
    keyring: Option<(Daemon, Child)>,
    display: Option<String>,
}

impl Desktop {
    /// With an unlocked gnome-keyring; `None`, said aloud, where the programs are missing.
    pub(crate) fn start() -> Option<Self> {
        Self::with(Daemon::GnomeKeyring)
    }

    /// With a bus, and nothing that it could start.
    pub(crate) fn without_keyring() -> Option<Self> {
        for program in ["dbus-daemon", "gdbus", "dbus-monitor"] {
            if find(program).is_none() {
                skip("the Secret Service", &format!("{program} is not installed"));
                return None;
            }
        }
        let home = tempfile::tempdir().unwrap();
        for folder in ["run", "data", "cache", "services"] {
            DirBuilder::new().mode(0o700).create(home.path().join(folder)).unwrap();
        }
        let config = home.path().join("bus.conf");
        let services = home.path().join("services");
        let text = format!(
            "<busconfig><type>session</type><listen>unix:path={}</listen><servicedir>{}</servicedir>\
             <policy context='default'><allow send_destination='*' eavesdrop='true'/><allow eavesdrop='true'/>\
             <allow own='*'/></policy></busconfig>",
            home.path().join("run/bus").display(),
            services.display(),
        );
        fs::write(&config, text).unwrap();
        let mut bus = private("dbus-daemon", &home)
            .args(["--nofork", "--nopidfile", "--print-address=1", "--config-file"])
            .arg(&config)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut address = String::new();
        BufReader::new(bus.stdout.as_mut().unwrap()).read_line(&mut address).unwrap();
        Some(Desktop { home, address: address.trim().to_owned(), bus, keyring: None, display: None })
    }

    /// Has the bus start a program for the Secret Service, as soon as somebody asks for it.
    pub(crate) fn make_activatable(&self, program: &str) {
        let service = format!("[D-BUS Service]\nName=org.freedesktop.secrets\nExec={program}\n");
        fs::write(self.home.path().join("services/org.freedesktop.secrets.service"), service).unwrap();
        self.call(BUS, "/org/freedesktop/DBus", "org.freedesktop.DBus.ReloadConfig", &[]);
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// A program of this home's own.
    pub(crate) fn script(&self, name: &str, text: &str) -> String {
        let path = self.home.path().join(name);
        fs::write(
            &path,
            format!("#!/bin/sh\nHOME='{}' XDG_DATA_HOME=\"$HOME/data\"\n{text}\n", self.home.path().display()),
        )
        .unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        path.display().to_string()
    }

    pub(crate) fn places(&self) -> Places {
        let folder = |name: &str| Some(self.home.path().join(name).join("credmint"));
        Places {
            runtime: folder("run"),
            cache: folder("cache"),
            data: folder("data"),
            session_bus: Some(self.address.clone()),
        }
    }

    pub(crate) fn vault(&self, choice: Choice) -> Vault {
        Vault::new(choice, self.places())
    }

    /// What the keychain answers. It has two seconds, which on a machine that is busy with something else
    /// may be too few: then it is asked again.
    pub(crate) fn keychain<T>(&self, ask: impl Fn(&Vault) -> Result<T, VaultError>) -> Result<T, VaultError> {
        for _ in 0..10 {
            match ask(&self.vault(Choice::Keychain)) {
                Err(VaultError::TimedOut { .. }) => _ = fs::remove_file(self.home().join("run/credmint/keychain-hung")),
                answer => return answer,
            }
        }
        ask(&self.vault(Choice::Keychain))
    }

    /// Takes away what was kept outside of the keychain, and the note that it hung.
    pub(crate) fn forget(&self) {
        let places = self.places();
        for folder in [places.runtime, places.cache, places.data].into_iter().flatten() {
            _ = fs::remove_dir_all(folder);
        }
    }

    /// A program of this session.
    pub(crate) fn run(&self, program: &str) -> Command {
        let mut command = private(program, &self.home);
        command.env("DBUS_SESSION_BUS_ADDRESS", &self.address);
        if let Some(display) = &self.display {
            command.env("DISPLAY", display).env("QT_QPA_PLATFORM", "xcb");
        }
        command
    }

    /// A method of the Secret Service, by another client.
    pub(crate) fn secrets(&self, method: &str, arguments: &[&str]) -> String {
        self.call("org.freedesktop.secrets", "/org/freedesktop/secrets", method, arguments)
    }

    /// A method of anything, by another client.
    pub(crate) fn call(&self, name: &str, path: &str, method: &str, arguments: &[&str]) -> String {
        let mut gdbus = self.run("gdbus");
        gdbus.args(["call", "--session", "--timeout", "10", "--dest", name, "--object-path", path, "--method", method]);
        text(&gdbus.args(arguments).output().unwrap())
    }

    /// Whether somebody owns the name of the Secret Service.
    pub(crate) fn has_service(&self) -> bool {
        let method = "org.freedesktop.DBus.NameHasOwner";
        self.call(BUS, "/org/freedesktop/DBus", method, &["org.freedesktop.secrets"]).contains("true")
    }

    pub(crate) fn stop_keyring(&self) {
        signal("STOP", &self.keyring.as_ref().unwrap().1);
    }

    /// Goes on, and is asked again at once.
    pub(crate) fn continue_keyring(&self) {
        signal("CONT", &self.keyring.as_ref().unwrap().1);
        fs::remove_file(self.home.path().join("run/credmint/keychain-hung")).unwrap();
    }

    pub(crate) fn stop_bus(&self) {
        signal("STOP", &self.bus);
    }

    /// The methods that `calls` called, in order.
    pub(crate) fn methods_of(&self, calls: impl FnOnce()) -> Vec<String> {
        let path = self.home.path().join("calls");
        let mut monitor = self.run("dbus-monitor");
        let monitor = monitor.args(["--session", "--profile"]).stdout(File::create(&path).unwrap());
        let mut monitor = monitor.stderr(Stdio::null()).spawn().unwrap();
        // Messages are seen in the bus's order: what lies between these two signs is all that was called.
        let sign = |name: &str| {
            wait_until("dbus-monitor", || {
                let target = ["--object-path", "/", "--signal", &format!("{SIGN}.{name}")];
                assert!(self.run("gdbus").args(["emit", "--session"]).args(target).status().unwrap().success());
                fs::read_to_string(&path).unwrap().contains(name)
            });
        };
        sign("Begin");
        calls();
        sign("End");
        monitor.kill().unwrap();
        monitor.wait().unwrap();
        // mc, time, serial, sender, destination, path, interface, member
        let lines = fs::read_to_string(&path).unwrap();
        let lines: Vec<Vec<_>> = lines.lines().map(|line| line.split('\t').collect()).collect();
        let is_sign = |line: &Vec<&str>, name: &str| line.contains(&SIGN) && line.contains(&name);
        let begin = lines.iter().rposition(|line| is_sign(line, "Begin")).unwrap();
        let end = lines.iter().position(|line| is_sign(line, "End")).unwrap();
        // The connection that sends the second sign says hello before it does.
        let senders: Vec<_> = lines.iter().filter(|line| line.contains(&SIGN)).map(|line| line[3]).collect();
        let calls = lines[begin..end].iter().filter(|line| line[0] == "mc" && !senders.contains(&line[3]));
        let mut calls = calls.collect::<Vec<_>>().into_iter();
        let hello = calls.clone().find(|call| call[7] == "Hello").expect("a new connection says hello");
        calls.by_ref().filter(|call| call[3] == hello[3]).map(|call| call[7].to_owned()).collect()
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        self.stop_daemon();
        _ = self.bus.kill();
        _ = self.bus.wait();
    }
}

/// Docker's own helper, from `$CREDMINT_PEERS` or `$PATH`.
pub(crate) fn peer() -> Option<PathBuf> {
    let found = find("docker-credential-secretservice");
    if found.is_none() {
        skip("Docker's own helper", "docker-credential-secretservice is neither in $CREDMINT_PEERS nor in $PATH");
    }
    found
}

pub(crate) fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn private(program: &str, home: &TempDir) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", variable("PATH").unwrap_or_default()).env("HOME", home.path());
    command.env("XDG_RUNTIME_DIR", home.path().join("run")).env("XDG_DATA_HOME", home.path().join("data"));
    // Where no window is looked at, none is needed. KeePassXC is there once for each folder of this kind.
    command.env("QT_QPA_PLATFORM", "offscreen").env("TMPDIR", home.path().join("run"));
    command
}

/// Where a program lies, in `$CREDMINT_PEERS` or `$PATH`.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let folders: Vec<_> = ["CREDMINT_PEERS", "PATH"].into_iter().filter_map(variable).collect();
    let mut paths = folders.iter().flat_map(std::env::split_paths).map(|folder| folder.join(program));
    paths.find(|path| path.is_file())
}

#[allow(clippy::disallowed_methods)] // A test's own variables are no settings.
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

const BUS: &str = "org.freedesktop.DBus";

fn signal(name: &str, child: &Child) {
    assert!(Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap().success());
}
