use crate::VaultError;
use crate::file::PLACE as FILES;

/// The remedy for files that cannot be written. The variable exists on Linux only.
const UNWRITABLE: &str = if cfg!(target_os = "linux") {
    "make that folder writable and free some space, or set XDG_DATA_HOME to another folder"
} else {
    "make that folder writable and free some space"
};

/// The last remedy.
const IN_FILES: &str = "set vault = \"file\" in credmint's settings";

impl VaultError {
    /// The remedy, in the imperative; `None` if there is none.
    pub fn remedy(&self) -> Option<String> {
        match self {
            VaultError::Absent { .. } => Some("set vault = \"auto\" or \"file\" in credmint's settings".to_owned()),
            VaultError::Unconfirmed { .. } | VaultError::Foreign { .. } => self.unlock_hint(),
            VaultError::Failed { place: FILES, .. } => Some(UNWRITABLE.to_owned()),
            error => error.unlock_hint().map(|unlock_hint| format!("{unlock_hint}, or {IN_FILES}")),
        }
    }

    /// How to make the store itself usable.
    pub fn unlock_hint(&self) -> Option<String> {
        let (place, no_collection) = match self {
            VaultError::Locked { place } => (place, false),
            VaultError::NoCollection { place } => (place, true),
            VaultError::Unconfirmed { .. } => return Some(CONFIRMATION.to_owned()),
            VaultError::Foreign { .. } => return Some(FOREIGN.to_owned()),
            VaultError::TimedOut { .. } => return Some("restart it".to_owned()),
            VaultError::Absent { .. } | VaultError::Failed { .. } => return None,
        };
        let unlock_hint = match PROGRAMS.iter().find(|(name, ..)| place.contains(name)) {
            Some((_, unlock, create)) => {
                if no_collection {
                    create
                } else {
                    unlock
                }
            }
            None if no_collection => "run `secret-tool store --label=credmint credmint test`, which offers to make one",
            None => "unlock it",
        };
        Some(unlock_hint.to_owned())
    }
}

/// KeePassXC's names for its settings; no other service asks.
/// <https://keepassxc.org/docs/KeePassXC_UserGuide#_secret_service_integration>
const CONFIRMATION: &str = "confirm it in the keychain's window; in KeePassXC, Settings > Secret Service Integration > \"Confirm when passwords are retrieved by clients\" and \"Confirm when clients request entry deletion\" switch this off";

/// Items lie under this name in Keychain Access too.
const FOREIGN: &str = "delete the items named credmint in Keychain Access, and log in again";

/// By a word of a store's name: how to unlock it, and how to create a default collection.
const PROGRAMS: [(&str, &str, &str); 4] = [
    // Over ssh and in CI nobody has signed in at a window.
    ("Keychain", "run `security unlock-keychain`", "run `security default-keychain -s login.keychain`"),
    (
        "GNOME Keyring",
        "unlock it in Passwords and Keys (`seahorse`), or run `secret-tool store --label=credmint credmint test`, which asks for its password",
        "run `secret-tool store --label=credmint credmint test`, which offers to make one, or make one in Passwords and Keys (`seahorse`)",
    ),
    (
        "KWallet",
        "open the wallet in KWalletManager",
        "make a wallet in KWalletManager and choose it in System Settings > KDE Wallet",
    ),
    (
        "KeePassXC",
        "unlock the database in KeePassXC",
        "open a database in KeePassXC and expose a group of it in Database > Database Settings > Secret Service Integration",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remedy_names_the_program_that_helps() {
        let of = |error: VaultError| error.remedy().unwrap_or_default();
        for (place, unlock, create) in [
            ("Secret Service (GNOME Keyring)", "seahorse", "secret-tool"),
            ("Secret Service (KWallet)", "KWalletManager", "KWalletManager"),
            ("Secret Service (KeePassXC)", "unlock the database", "expose a group"),
            ("Secret Service", "unlock it,", "secret-tool"),
            ("Keychain", "security unlock-keychain", "security default-keychain"),
        ] {
            let (locked, none) = (of(VaultError::Locked { place }), of(VaultError::NoCollection { place }));
            assert!(locked.contains(unlock) && locked.contains("vault = \"file\""), "{locked}");
            assert!(none.contains(create) && none.contains("vault = \"file\""), "{none}");
        }
        let files = of(VaultError::Failed { place: FILES, why: "/h/credmint: Read-only file system".to_owned() });
        assert!(files.contains("writable"), "{files}");
        let place = "Secret Service (KeePassXC)";
        assert!(of(VaultError::Unconfirmed { place }).contains("Confirm when passwords are retrieved by clients"));
    }
}
