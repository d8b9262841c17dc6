//! A desktop session of its own: a real bus and a real gnome-keyring in a private home.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use vault::{Choice, Places, Vault};

pub(crate) struct Desktop {
    home: TempDir,
    address: String,
    bus: Child,
    keyring: Option<Child>,
}

impl Desktop {
    /// With an unlocked keyring; `None`, said aloud, where the programs are missing.
    pub(crate) fn start() -> Option<Self> {
        let mut desktop = Self::without_keyring()?;
        let mut keyring = desktop.run("gnome-keyring-daemon");
        let keyring = keyring.args(["--foreground", "--unlock", "--components=secrets"]);
        let mut keyring = keyring.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        keyring.stdin.take().unwrap().write_all(b"password").unwrap();
        desktop.keyring = Some(keyring);
        let began = Instant::now();
        // To ask for it before it is there would make the bus start another one, which is locked.
        while !desktop.has_service()
            || !desktop.secrets("org.freedesktop.Secret.Service.ReadAlias", &["default"]).contains("collection")
        {
            assert!(began.elapsed() < Duration::from_secs(10), "gnome-keyring did not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(desktop)
    }

    /// With a bus that could start a keyring, and is not to.
    pub(crate) fn without_keyring() -> Option<Self> {
        for program in ["dbus-daemon", "gnome-keyring-daemon", "gdbus", "dbus-monitor"] {
            if find(program).is_none() {
                skip(&format!("{program} is not installed"));
                return None;
            }
        }
        let home = tempfile::tempdir().unwrap();
        for folder in ["run", "data", "cache"] {
            DirBuilder::new().mode(0o700).create(home.path().join(folder)).unwrap();
        }
        let mut bus = private("dbus-daemon", &home)
            .args(["--session", "--nofork", "--nopidfile", "--print-address=1"])
            .arg(format!("--address=unix:path={}", home.path().join("run/bus").display()))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut address = String::new();
        BufReader::new(bus.stdout.as_mut().unwrap()).read_line(&mut address).unwrap();
        Some(Desktop { home, address: address.trim().to_owned(), bus, keyring: None })
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

    /// A program of this session.
    pub(crate) fn run(&self, program: &str) -> Command {
        let mut command = private(program, &self.home);
        command.env("DBUS_SESSION_BUS_ADDRESS", &self.address);
        command
    }

    /// A method of the Secret Service, by another client.
    pub(crate) fn secrets(&self, method: &str, arguments: &[&str]) -> String {
        let target = ["--dest", "org.freedesktop.secrets", "--object-path", "/org/freedesktop/secrets"];
        let mut gdbus = self.run("gdbus");
        let output = gdbus.args(["call", "--session"]).args(target).args(["--method", method]).args(arguments).output();
        text(&output.unwrap())
    }

    pub(crate) fn lock(&self) {
        let collection = "/org/freedesktop/secrets/collection/login";
        let answer = self.secrets("org.freedesktop.Secret.Service.Lock", &[&format!("['{collection}']")]);
        assert!(answer.contains(collection), "{answer}");
    }

    /// Whether somebody owns the name of the Secret Service.
    pub(crate) fn has_service(&self) -> bool {
        let target = ["--dest", "org.freedesktop.DBus", "--object-path", "/org/freedesktop/DBus"];
        let method = ["--method", "org.freedesktop.DBus.NameHasOwner", "org.freedesktop.secrets"];
        let output = self.run("gdbus").args(["call", "--session"]).args(target).args(method).output().unwrap();
        text(&output).contains("true")
    }

    pub(crate) fn stop_keyring(&self) {
        signal("STOP", self.keyring.as_ref().unwrap());
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
        let began = Instant::now();
        while fs::metadata(&path).unwrap().len() == 0 {
            assert!(began.elapsed() < Duration::from_secs(5), "dbus-monitor says nothing");
            std::thread::sleep(Duration::from_millis(20));
        }
        std::thread::sleep(Duration::from_millis(200));
        let before = fs::read_to_string(&path).unwrap().len();
        calls();
        std::thread::sleep(Duration::from_millis(300));
        monitor.kill().unwrap();
        monitor.wait().unwrap();
        // mc, time, serial, sender, destination, path, interface, member
        let lines = fs::read_to_string(&path).unwrap();
        let calls: Vec<Vec<_>> = lines[before..].lines().map(|line| line.split('\t').collect()).collect();
        let mut calls = calls.iter().filter(|call| call[0] == "mc");
        let hello = calls.clone().find(|call| call[7] == "Hello").expect("a new connection says hello");
        calls.by_ref().filter(|call| call[3] == hello[3]).map(|call| call[7].to_owned()).collect()
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        for child in self.keyring.iter_mut().chain([&mut self.bus]) {
            _ = child.kill();
            _ = child.wait();
        }
    }
}

/// Docker's own helper, from `$CREDMINT_PEERS` or `$PATH`.
pub(crate) fn peer() -> Option<PathBuf> {
    let found = find("docker-credential-secretservice");
    if found.is_none() {
        skip("docker-credential-secretservice is neither in $CREDMINT_PEERS nor in $PATH");
    }
    found
}

pub(crate) fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Aloud: the test harness keeps to itself what a passing test prints, but not what it writes.
pub(crate) fn skip(why: &str) {
    assert!(variable("CREDMINT_TESTS").is_none_or(|which| which != "all"), "cannot be tested: {why}");
    std::io::stderr().write_all(format!("skipped: {why}\n").as_bytes()).unwrap();
}

fn private(program: &str, home: &TempDir) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", variable("PATH").unwrap_or_default()).env("HOME", home.path());
    command.env("XDG_RUNTIME_DIR", home.path().join("run")).env("XDG_DATA_HOME", home.path().join("data"));
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

fn signal(name: &str, child: &Child) {
    assert!(Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap().success());
}
