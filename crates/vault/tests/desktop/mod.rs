//! A desktop session: a real bus and real keychains in a temporary home.
#![allow(dead_code)] // Each test program uses a part of it.

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

/// The interface of the signals with which a test marks a position among the messages of a bus.
const MARK: &str = "org.credmint.Mark";

pub(crate) struct Desktop {
    home: TempDir,
    address: String,
    bus: Child,
    keyring: Option<(Daemon, Child)>,
    display: Option<String>,
}

impl Desktop {
    /// A desktop with an unlocked gnome-keyring; `None` and a skipped test if the programs are not installed.
    pub(crate) fn start() -> Option<Self> {
        Self::with(Daemon::GnomeKeyring)
    }

    /// A desktop with a bus and no service that it could start.
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

    /// Makes the bus start a program for the Secret Service at the first call.
    pub(crate) fn make_activatable(&self, program: &str) {
        let service = format!("[D-BUS Service]\nName=org.freedesktop.secrets\nExec={program}\n");
        fs::write(self.home.path().join("services/org.freedesktop.secrets.service"), service).unwrap();
        self.call(BUS, "/org/freedesktop/DBus", "org.freedesktop.DBus.ReloadConfig", &[]);
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Creates a shell script in this home.
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

    /// The result of a call of the keychain. On a busy machine it may exceed the timeout of two seconds, or leave
    /// no time to ask which program it is: then it is called again.
    pub(crate) fn keychain<T>(&self, call: impl Fn(&Vault) -> Result<T, VaultError>) -> Result<T, VaultError> {
        for _ in 0..10 {
            match call(&self.vault(Choice::Keychain)) {
                Err(VaultError::TimedOut { .. } | VaultError::Locked { place: "Secret Service" }) => {
                    _ = fs::remove_file(self.home().join("run/credmint/keychain-hung"));
                }
                answer => return answer,
            }
        }
        call(&self.vault(Choice::Keychain))
    }

    /// Removes what is stored outside of the keychain, and the marker of a keychain that timed out.
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

    /// Calls a method of the Secret Service as another client.
    pub(crate) fn secrets(&self, method: &str, arguments: &[&str]) -> String {
        self.call("org.freedesktop.secrets", "/org/freedesktop/secrets", method, arguments)
    }

    /// Calls any method as another client.
    pub(crate) fn call(&self, name: &str, path: &str, method: &str, arguments: &[&str]) -> String {
        let mut gdbus = self.run("gdbus");
        gdbus.args(["call", "--session", "--timeout", "10", "--dest", name, "--object-path", path, "--method", method]);
        text(&gdbus.args(arguments).output().unwrap())
    }

    /// Whether a Secret Service is running.
    pub(crate) fn has_service(&self) -> bool {
        let method = "org.freedesktop.DBus.NameHasOwner";
        self.call(BUS, "/org/freedesktop/DBus", method, &["org.freedesktop.secrets"]).contains("true")
    }

    pub(crate) fn stop_keyring(&self) {
        signal("STOP", &self.keyring.as_ref().unwrap().1);
    }

    /// Continues it, and removes the marker, so that it is called again at once.
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
        // Messages arrive in the order of the bus, so these two marks enclose all calls.
        let mark = |name: &str| {
            wait_until("dbus-monitor", || {
                let target = ["--object-path", "/", "--signal", &format!("{MARK}.{name}")];
                assert!(self.run("gdbus").args(["emit", "--session"]).args(target).status().unwrap().success());
                fs::read_to_string(&path).unwrap().contains(name)
            });
        };
        mark("Begin");
        calls();
        mark("End");
        monitor.kill().unwrap();
        monitor.wait().unwrap();
        // mc, time, serial, sender, destination, path, interface, member
        let lines = fs::read_to_string(&path).unwrap();
        let lines: Vec<Vec<_>> = lines.lines().map(|line| line.split('\t').collect()).collect();
        let is_mark = |line: &Vec<&str>, name: &str| line.contains(&MARK) && line.contains(&name);
        let begin = lines.iter().rposition(|line| is_mark(line, "Begin")).unwrap();
        let end = lines.iter().position(|line| is_mark(line, "End")).unwrap();
        // The connections that send the marks also call Hello.
        let senders: Vec<_> = lines.iter().filter(|line| line.contains(&MARK)).map(|line| line[3]).collect();
        let calls = lines[begin..end].iter().filter(|line| line[0] == "mc" && !senders.contains(&line[3]));
        let mut calls = calls.collect::<Vec<_>>().into_iter();
        let hello = calls.clone().find(|call| call[7] == "Hello").expect("a new connection calls Hello");
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
    // No windows without a screen. KeePassXC runs once per temporary folder.
    command.env("QT_QPA_PLATFORM", "offscreen").env("TMPDIR", home.path().join("run"));
    command
}

/// The path of a program, from `$CREDMINT_PEERS` or `$PATH`.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let folders: Vec<_> = ["CREDMINT_PEERS", "PATH"].into_iter().filter_map(variable).collect();
    let mut paths = folders.iter().flat_map(std::env::split_paths).map(|folder| folder.join(program));
    paths.find(|path| path.is_file())
}

#[allow(clippy::disallowed_methods)] // Variables of tests are not settings.
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

const BUS: &str = "org.freedesktop.DBus";

fn signal(name: &str, child: &Child) {
    assert!(Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap().success());
}
