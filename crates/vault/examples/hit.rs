//! Saves a token and loads it again, to count and time what a hit costs:
//! `hit save|load auto|keychain|kernel|file FOLDER [BUS ADDRESS]`.

use std::time::{Duration, SystemTime};

use protocol::Secret;
use vault::{Choice, Entry, Key, Places, Vault};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let argument = |nth: usize| arguments.get(nth).cloned();
    let choice = match argument(2).as_deref() {
        Some("keychain") => Choice::Keychain,
        Some("kernel") => Choice::Kernel,
        Some("file") => Choice::File,
        _ => Choice::Auto,
    };
    let runtime = argument(3).map(Into::into);
    let vault = Vault::new(choice, Places { runtime, session_bus: argument(4), ..Places::default() });
    let key = Key::Token("example:hit/1".to_owned());
    if argument(1).as_deref() == Some("save") {
        let now = SystemTime::now();
        vault.save(&Entry {
            key,
            server: "registry.example".to_owned(),
            username: "AWS".to_owned(),
            secret: Secret::new("s".repeat(2000)),
            issued: now,
            expires: Some(now + Duration::from_secs(3600)),
            requires: None,
        })?;
    } else {
        vault.load(&key)?.ok_or("a miss")?;
    }
    Ok(())
}
