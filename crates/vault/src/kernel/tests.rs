use std::path::Path;
use std::process::Command;
use std::time::Duration;

use ::testing::skip;

use super::*;
use crate::testing::{login, now, token, variable};

const FOLDER: &str = "CREDMINT_TEST_KEYRING_FOLDER";
const INSIDE: &str = "CREDMINT_TEST_KEYRING";

/// In a folder without the key files of other tests.
fn store() -> (tempfile::TempDir, KernelStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = in_folder(folder.path());
    (folder, store)
}

fn in_folder(folder: &Path) -> KernelStore {
    KernelStore::new([folder.join("credmint")])
}

/// Runs one of these tests again in another process; returns whether this is that process.
fn elsewhere(test: &str, command: &[&str]) -> bool {
    if variable(INSIDE).is_some_and(|inside| inside == test) {
        return true;
    }
    // In a folder where another user can run it.
    let folder = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .tempdir_in("/tmp")
        .unwrap();
    let program = folder.path().join("test");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let run = Command::new(command[0])
        .args(&command[1..])
        .arg(&program)
        .args(["--exact", "--nocapture", &format!("kernel::tests::{test}")])
        .env(INSIDE, test)
        .output();
    match run {
        Ok(output) => {
            assert!(output.status.success(), "{output:?}");
            assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{output:?}");
        }
        Err(error) => skip(test, &format!("{}: {error}", command[0])),
    }
    false
}

fn is_there() -> bool {
    match store().1.names() {
        Err(VaultError::Absent { why, .. }) => {
            skip("kernel keyring", &why);
            false
        }
        _ => true,
    }
}

fn unique(name: &str) -> String {
    format!("test:{name}:{}", std::process::id())
}

#[test]
fn a_token_is_loaded_replaced_and_listed() {
    if !is_there() {
        return;
    }
    let (id, (_folder, store)) = (unique("round"), store());
    for secret in ["", "a", "é\n\0", &"x".repeat(5_000), &"y".repeat(keyctl::USUAL_PAYLOAD)] {
        let entry = token(&id, secret);
        assert_eq!(store.save(&entry), Ok(Location::Kernel));
        assert_eq!(store.load(&entry.key), Ok(Some(entry.clone())));
        let names = store.names().unwrap();
        let named: Vec<_> = names.iter().filter(|name| name.key == entry.key).collect();
        assert_eq!(named.len(), 1);
        assert_eq!((named[0].issued, named[0].expires), (entry.issued, entry.expires));
    }
    let key = token(&id, "").key;
    store.remove(&key).unwrap();
    store.remove(&key).unwrap();
    assert_eq!(store.load(&key), Ok(None));
    assert!(store.names().unwrap().iter().all(|name| name.key != key));
    assert!(store.save(&token(&id, &"z".repeat(40_000))).is_err(), "the kernel takes 32,767 bytes");
    assert!(store.save(&login("r.example", "")).is_err());
    assert_eq!(store.load(&login("r.example", "").key), Ok(None));
}

#[test]
fn a_token_expires_and_can_be_saved_again() {
    if !is_there() {
        return;
    }
    let (_folder, store) = store();
    let mut entry = token(&unique("ends"), "s");
    entry.expires = Some(now() + Duration::from_secs(2));
    store.save(&entry).unwrap();
    ::testing::wait_until("its expiry", || store.load(&entry.key) == Ok(None));
    assert!(store.names().unwrap().iter().all(|name| name.key != entry.key));
    entry.expires = Some(now() + Duration::from_secs(60));
    store.save(&entry).unwrap();
    assert_eq!(store.load(&entry.key), Ok(Some(entry.clone())));
    store.remove(&entry.key).unwrap();
}

#[test]
fn a_session_without_a_link_to_the_user_keyring_works_too() {
    if !is_there() {
        return;
    }
    let test = "a_session_without_a_link_to_the_user_keyring_works_too";
    let key = token("test:session", "").key;
    let folder = tempfile::tempdir().unwrap();
    let folder = variable(FOLDER).map_or(folder.path().to_owned(), PathBuf::from);
    let store = in_folder(&folder);
    if elsewhere(test, &["env", &format!("{FOLDER}={}", folder.display())]) {
        // SAFETY: joins a new session keyring; a null name is allowed and means an anonymous one.
        #[allow(unsafe_code)]
        let joined =
            unsafe { libc::syscall(libc::SYS_keyctl, libc::KEYCTL_JOIN_SESSION_KEYRING, std::ptr::null::<u8>()) };
        assert!(joined > 0);
        for secret in ["first", "second"] {
            let entry = token("test:session", secret);
            assert_eq!(store.save(&entry), Ok(Location::Kernel));
            assert_eq!(store.load(&entry.key), Ok(Some(entry)));
        }
        assert!(store.names().unwrap().iter().any(|name| name.key == key));
    } else {
        let found = store.load(&key).unwrap();
        assert_eq!(found.unwrap().secret.expose(), "second", "seen from another session");
        store.remove(&key).unwrap();
    }
}

/// The descriptions and payloads that every process of this user id can read.
fn readable() -> Vec<(String, Vec<u8>)> {
    let descriptions = keyctl::descriptions().unwrap();
    descriptions.into_iter().filter_map(|text| Some((text.clone(), keyctl::get(&text).ok()?.to_vec()))).collect()
}

#[test]
fn without_the_key_file_nothing_is_found_listed_or_readable() {
    if !is_there() {
        return;
    }
    let (folder, store) = store();
    let (_other_folder, other) = self::store();
    let mut entry = token(&unique("canary-identity"), "canary-secret");
    entry.server = "canary.example".to_owned();
    store.save(&entry).unwrap();
    assert_eq!(other.load(&entry.key), Ok(None), "no key file");
    other.save(&token(&unique("other"), "s")).unwrap();
    assert_eq!(other.load(&entry.key), Ok(None), "another key file");
    assert!(other.names().unwrap().iter().all(|name| name.key != entry.key));
    other.save(&Entry { secret: protocol::Secret::new("other".to_owned()), ..entry.clone() }).unwrap();
    assert_eq!(store.load(&entry.key), Ok(Some(entry.clone())), "the same name is another token");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    for (description, payload) in readable() {
        assert!(!description.contains("canary") && !text(&payload).contains("canary"), "{description}");
    }
    other.remove(&entry.key).unwrap();
    assert_eq!(store.load(&entry.key), Ok(Some(entry.clone())));
    std::fs::remove_file(folder.path().join("credmint/keyring.key")).unwrap();
    assert_eq!(store.load(&entry.key), Ok(None));
}

#[test]
fn a_payload_is_valid_under_its_own_description_only() {
    if !is_there() {
        return;
    }
    let (folder, store) = store();
    let (mine, other) = (token(&unique("mine"), "mine"), token(&unique("other"), "other"));
    for entry in [&mine, &other] {
        store.save(entry).unwrap();
    }
    let cipher = KeyFiles::new([folder.path().join("credmint")]).find().unwrap();
    let of = |entry: &Entry| description(TOKEN, &cipher.label(&key_text(&entry.key)));
    let mut sealed = keyctl::get(&of(&other)).unwrap().to_vec();
    keyctl::put(&of(&mine), &sealed, None).unwrap();
    assert_eq!(store.load(&mine.key), Ok(None), "moved");
    sealed[40] ^= 1;
    keyctl::put(&of(&other), &sealed, None).unwrap();
    assert_eq!(store.load(&other.key), Ok(None), "changed");
    for entry in [&mine, &other] {
        store.remove(&entry.key).unwrap();
    }
}

#[test]
fn keys_of_an_earlier_version_are_not_read_and_removed() {
    if !is_there() {
        return;
    }
    let (_folder, store) = store();
    let entry = token(&unique("unsealed"), "secret");
    let unsealed = UNSEALED.map(|kind| description(kind, &crate::header::label(&entry.key)));
    for description in &unsealed {
        keyctl::put(description, &entry.encode(), None).unwrap();
    }
    assert_eq!(store.load(&entry.key), Ok(None));
    assert!(store.names().unwrap().iter().all(|name| name.key != entry.key));
    let other = token(&unique("other"), "");
    store.save(&other).unwrap();
    store.remove(&other.key).unwrap();
    let left = keyctl::descriptions().unwrap();
    assert!(unsealed.iter().all(|description| !left.contains(description)), "{left:?}");
}

#[test]
fn without_a_key_file_nothing_is_saved() {
    if !is_there() {
        return;
    }
    let entry = token(&unique("no-key"), "s");
    for store in [KernelStore::new([]), KernelStore::new([PathBuf::from("/proc/nowhere")])] {
        assert!(matches!(store.save(&entry), Err(VaultError::Absent { .. })));
        assert_eq!((store.load(&entry.key), store.names()), (Ok(None), Ok(Vec::new())));
        assert_eq!(store.remove(&entry.key), Ok(()));
    }
}

#[test]
fn the_oldest_token_is_evicted_when_the_quota_is_full() {
    if !is_there() {
        return;
    }
    let test = "the_oldest_token_is_evicted_when_the_quota_is_full";
    if variable(INSIDE).is_none() && !rustix::process::geteuid().is_root() {
        return skip(test, "only root can become a user with an empty quota");
    }
    // 200 keys and 20,000 bytes.
    let other_user = ["setpriv", "--reuid=64123", "--regid=64123", "--clear-groups"];
    if !elsewhere(test, &other_user) {
        return;
    }
    let (_folder, store) = store();
    let secret = "s".repeat(4_000);
    for nth in 0..12 {
        let mut entry = token(&format!("test:{nth}"), &secret);
        entry.issued = now() - Duration::from_secs(1000 - nth);
        assert_eq!(store.save(&entry), Ok(Location::Kernel), "{nth}");
        assert_eq!(store.load(&entry.key), Ok(Some(entry)));
    }
    assert_eq!(store.load(&token("test:0", "").key), Ok(None));
    let names = store.names().unwrap();
    assert!((2..=4).contains(&names.len()), "{}", names.len());
    for name in names {
        assert!(store.load(&name.key).unwrap().is_some(), "a listed token exists");
        store.remove(&name.key).unwrap();
    }
    // More than the user's quota.
    assert!(matches!(store.save(&token("test:x", &"s".repeat(25_000))), Err(VaultError::Failed { .. })));
}
