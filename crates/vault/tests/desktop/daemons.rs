//! The implementations of the Secret Service, and how each is started, locked and unlocked.

use std::io::Read;
use std::os::unix::net::UnixStream;

use std::time::Instant;

use super::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Daemon {
    GnomeKeyring,
    KWallet,
    KeePassXc,
    /// With its default settings: each read and each deletion must be confirmed.
    KeePassXcConfirming,
}

/// The daemons that all tests of `matrix` use.
pub(crate) const ALL: [Daemon; 3] = [Daemon::GnomeKeyring, Daemon::KWallet, Daemon::KeePassXc];

/// Stands for the 56 bytes that pam_kwallet derives from a password.
const HASH: &str = concat!(
    "[byte 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,",
    "29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56]",
);
const KWALLET: [&str; 2] = ["org.kde.kwalletd5", "/modules/kwalletd5"];
const KEEPASSXC: [&str; 2] = ["org.keepassxc.KeePassXC.MainWindow", "/keepassxc"];
/// A KeePassXC database before encryption, with an exposed group.
const DATABASE: &str = "<?xml version='1.0' encoding='UTF-8'?><KeePassFile><Meta><RecycleBinEnabled>False</RecycleBinEnabled>\
    <CustomData><Item><Key>FDO_SECRETS_EXPOSED_GROUP</Key><Value>{01234567-89ab-cdef-0123-456789abcdef}</Value></Item>\
    </CustomData></Meta><Root><Group><UUID>ASNFZ4mrze8BI0VniavN7w==</UUID><Name>Root</Name></Group></Root></KeePassFile>";

impl Daemon {
    /// Its name in the vault's errors.
    pub(crate) fn place(self) -> &'static str {
        match self {
            Daemon::GnomeKeyring => "Secret Service (GNOME Keyring)",
            Daemon::KWallet => "Secret Service (KWallet)",
            Daemon::KeePassXc | Daemon::KeePassXcConfirming => "Secret Service (KeePassXC)",
        }
    }

    fn programs(self) -> &'static [&'static str] {
        match self {
            Daemon::GnomeKeyring => &["gnome-keyring-daemon"],
            Daemon::KWallet => &["kwalletd5"],
            Daemon::KeePassXc | Daemon::KeePassXcConfirming => &["keepassxc", "keepassxc-cli"],
        }
    }
}

impl Desktop {
    /// A desktop with an unlocked daemon; `None` and a skipped test if it is not installed.
    pub(crate) fn with(daemon: Daemon) -> Option<Self> {
        Self::of(daemon, None)
    }

    /// A desktop with a daemon whose windows are on a screen.
    pub(crate) fn on_screen(daemon: Daemon, screen: &Screen) -> Option<Self> {
        Self::of(daemon, Some(screen.display().to_owned()))
    }

    fn of(daemon: Daemon, display: Option<String>) -> Option<Self> {
        if let Some(missing) = daemon.programs().iter().find(|program| find(program).is_none()) {
            skip(&format!("{daemon:?}"), &format!("{missing} is not installed"));
            return None;
        }
        let mut desktop = Self::without_keyring()?;
        desktop.display = display;
        desktop.prepare(daemon);
        desktop.start_daemon(daemon);
        Some(desktop)
    }

    /// Creates the files that a daemon reads at its start.
    fn prepare(&mut self, daemon: Daemon) {
        let home = self.home.path().to_owned();
        match daemon {
            Daemon::GnomeKeyring => {}
            Daemon::KWallet => {
                let config = "[Wallet]\nEnabled=true\nFirst Use=false\nDefault Wallet=kdewallet\nPrompt on Open=false\n\
                    Leave Open=true\nClose When Idle=false\n[org.freedesktop.secrets]\napiEnabled=true\n";
                write(&home.join(".config/kwalletrc"), config);
                // It creates a wallet, but exposes only wallets that existed at its start as collections.
                self.spawn(daemon);
                wait_until("KWallet", || self.has_service());
                self.unlock();
                wait_until("the wallet", || home.join("data/kwalletd/kdewallet.kwl").is_file());
                self.stop_daemon();
            }
            Daemon::KeePassXc | Daemon::KeePassXcConfirming => {
                let confirms = daemon == Daemon::KeePassXcConfirming;
                // It saves on another thread, and crashes (2.7.4) when an entry is changed or deleted meanwhile.
                let config = format!(
                    "[General]\nUpdateCheckMessageShown=true\nAutoSaveAfterEveryChange=false\n[FdoSecrets]\nEnabled=true\n\
                     ConfirmAccessItem={confirms}\nConfirmDeleteItem={confirms}\n"
                );
                write(&home.join(".config/keepassxc/keepassxc.ini"), &config);
                write(&home.join("database.xml"), DATABASE);
                let mut import = self.run("keepassxc-cli");
                let import = import.args(["import", "-p"]).arg(home.join("database.xml")).arg(self.database());
                let import = import.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
                let mut import = import.spawn().unwrap();
                import.stdin.take().unwrap().write_all(b"password\npassword\n").unwrap();
                assert!(import.wait().unwrap().success());
            }
        }
    }

    /// Starts it, unlocked.
    fn start_daemon(&mut self, daemon: Daemon) {
        self.spawn(daemon);
        // Calling it before it is running would start it by the bus.
        wait_until("the daemon", || self.has_service());
        if daemon == Daemon::KWallet {
            self.unlock();
        }
        wait_until("the collection", || {
            self.secrets("org.freedesktop.Secret.Service.ReadAlias", &["default"]).contains("collection")
        });
        if daemon != Daemon::KWallet {
            wait_until("the unlocking", || self.default_is_locked() == Some(false));
        }
    }

    fn spawn(&mut self, daemon: Daemon) {
        let mut command = self.run(daemon.programs()[0]);
        match daemon {
            Daemon::GnomeKeyring => _ = command.args(["--foreground", "--unlock", "--components=secrets"]),
            Daemon::KWallet => {}
            Daemon::KeePassXc | Daemon::KeePassXcConfirming => _ = command.arg("--pw-stdin").arg(self.database()),
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let password: &[u8] = if daemon == Daemon::GnomeKeyring { b"password" } else { b"password\n" };
        child.stdin.take().unwrap().write_all(password).unwrap();
        self.keyring = Some((daemon, child));
    }

    pub(crate) fn stop_daemon(&mut self) {
        if matches!(self.keyring, Some((Daemon::KWallet, _))) {
            // It writes changes every five seconds, and when it closes a wallet.
            self.kwallet("closeAllWallets", &[]);
        }
        let Some((_, mut child)) = self.keyring.take() else { return };
        // SIGTERM, so that it writes its changes.
        signal("TERM", &child);
        signal("CONT", &child);
        let began = Instant::now();
        while child.try_wait().unwrap().is_none() {
            if began.elapsed() > testing::HANG {
                _ = child.kill();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn restart(&mut self) {
        let daemon = self.daemon();
        self.stop_daemon();
        wait_until("its exit", || !self.has_service());
        self.start_daemon(daemon);
    }

    pub(crate) fn lock(&self) {
        match self.daemon() {
            Daemon::GnomeKeyring => {
                let collection = "/org/freedesktop/secrets/collection/login";
                let answer = self.secrets("org.freedesktop.Secret.Service.Lock", &[&format!("['{collection}']")]);
                assert!(answer.contains(collection), "{answer}");
            }
            Daemon::KWallet => _ = self.kwallet("closeAllWallets", &[]),
            Daemon::KeePassXc | Daemon::KeePassXcConfirming => {
                let method = format!("{}.lockAllDatabases", KEEPASSXC[0]);
                self.call(KEEPASSXC[0], KEEPASSXC[1], &method, &[]);
            }
        }
        wait_until("the locking", || self.default_is_locked() == Some(true));
    }

    pub(crate) fn unlock(&self) {
        match self.daemon() {
            Daemon::GnomeKeyring => {
                // As pam_gnome_keyring does: a byte for the credentials, then an operation with a string.
                let mut control = UnixStream::connect(self.home.path().join("run/keyring/control")).unwrap();
                let packet = [&b"\0\0\0\0\x14\0\0\0\x01\0\0\0\x08"[..], b"password"].concat();
                control.write_all(&packet).unwrap();
                let mut answer = [0; 8];
                control.read_exact(&mut answer).unwrap();
                assert_eq!(answer, *b"\0\0\0\x08\0\0\0\0");
            }
            Daemon::KWallet => {
                self.kwallet("pamOpen", &["kdewallet", HASH, "0"]);
                wait_until("the wallet", || self.kwallet("isOpen", &["kdewallet"]).contains("true"));
            }
            Daemon::KeePassXc | Daemon::KeePassXcConfirming => {
                let method = format!("{}.openDatabase", KEEPASSXC[0]);
                let path = self.database().display().to_string();
                self.call(KEEPASSXC[0], KEEPASSXC[1], &method, &[&path, "password"]);
            }
        }
    }

    /// `None` without a reply.
    fn default_is_locked(&self) -> Option<bool> {
        let alias = "/org/freedesktop/secrets/aliases/default";
        let arguments = ["org.freedesktop.Secret.Collection", "Locked"];
        let answer = self.call("org.freedesktop.secrets", alias, "org.freedesktop.DBus.Properties.Get", &arguments);
        ["false", "true"].iter().position(|word| answer.contains(&format!("<{word}>"))).map(|nth| nth == 1)
    }

    fn kwallet(&self, method: &str, arguments: &[&str]) -> String {
        self.call(KWALLET[0], KWALLET[1], &format!("org.kde.KWallet.{method}"), arguments)
    }

    fn daemon(&self) -> Daemon {
        self.keyring.as_ref().unwrap().0
    }

    fn database(&self) -> PathBuf {
        self.home.path().join("database.kdbx")
    }
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}
