use std::time::{Duration, SystemTime};

use linux_keyutils::{
    Key as KernelKey, KeyError, KeyPermissionsBuilder, KeyRing, KeyRingIdentifier, KeySerialId, Permission,
};
use zeroize::Zeroizing;

use crate::header::{Header, label};
use crate::store::Store;
use crate::{Entry, Key, Name, Resting, VaultError};

const PLACE: &str = "kernel keyring";
/// In front of the label of a token's key: its payload is a header and the secret.
const TOKEN: &str = "credmint:";
/// In front of the label of the key beside it, whose payload is the header alone.
const NAME: &str = "credmint-name:";
/// Bytes; the kernel takes 32,767 at most, and nearly every token fits in this.
const USUAL_PAYLOAD: usize = 8 << 10;

/// Tokens as keys in the user's keyring (`@u`), which all processes of the user share, in memory,
/// until their time-out.
pub(crate) struct KernelStore;

impl Store for KernelStore {
    fn place(&self) -> String {
        PLACE.to_owned()
    }

    fn load(&self, key: &Key) -> Result<Option<Entry>, VaultError> {
        if let Key::Login(_) = key {
            return Ok(None);
        }
        let payload = found(find(TOKEN, key).and_then(read))?;
        Ok(payload.and_then(|payload| Entry::decode(&payload, key)))
    }

    fn save(&self, entry: &Entry) -> Result<Resting, VaultError> {
        if let Key::Login(_) = entry.key {
            return Err(VaultError::Absent { place: PLACE, why: "it forgets, and a login is to last".to_owned() });
        }
        let label = label(&entry.key);
        let (token, name) = (entry.encode(), Header::of(entry).line());
        let lasts = entry.expires.map(|end| end.duration_since(SystemTime::now()).unwrap_or_default());
        with_room(|| put(&format!("{TOKEN}{label}"), &token, lasts)).map_err(failure)?;
        // Without its name a token still serves; it is only not listed and not the first to make room.
        if let Err(error) = with_room(|| put(&format!("{NAME}{label}"), &name, lasts)) {
            log::debug!("{PLACE}: a token lies there without its name: {error}");
        }
        Ok(Resting::Kernel)
    }

    fn remove(&self, key: &Key) -> Result<(), VaultError> {
        if let Key::Login(_) = key {
            return Ok(());
        }
        for kind in [TOKEN, NAME] {
            found(find(kind, key).and_then(drop_key))?;
        }
        Ok(())
    }

    fn names(&self) -> Result<Vec<Name>, VaultError> {
        let labels = labels().map_err(failure)?;
        Ok(labels.iter().filter_map(|label| header(label)?.into_name()).collect())
    }
}

/// Adds a key in one step: whole, open to its user from any session, and with its time-out.
///
/// A process whose session has no link to `@u` may not change what it added there, so the key is
/// made ready in the keyring of the process, and then takes the place of the old one.
fn put(description: &str, payload: &[u8], lasts: Option<Duration>) -> Result<(), KeyError> {
    let process = KeyRing::from_special_id(KeyRingIdentifier::Process, true)?;
    let key = process.add_key(description, payload)?;
    let mine = KeyPermissionsBuilder::builder().posessor(Permission::ALL).user(Permission::ALL).build();
    let ready = || -> Result<(), KeyError> {
        key.set_perms(mine)?;
        if let Some(lasts) = lasts {
            // Zero would mean for ever.
            key.set_timeout(lasts.as_secs().max(1) as usize)?;
        }
        user_keyring()?.link_key(key)
    };
    let done = ready();
    process.unlink_key(key)?;
    done
}

/// Tries again for as long as an older token of ours can make room.
fn with_room(mut put: impl FnMut() -> Result<(), KeyError>) -> Result<(), KeyError> {
    loop {
        match put() {
            Err(KeyError::QuotaExceeded) if evict_oldest()? => {}
            done => return done,
        }
    }
}

/// Whether there was one.
fn evict_oldest() -> Result<bool, KeyError> {
    let names = labels()?.into_iter().map(|label| {
        let issued = header(&label).and_then(Header::into_name).map(|name| name.issued);
        (issued, label)
    });
    let Some((_, oldest)) = names.min() else { return Ok(false) };
    log::debug!("{PLACE}: the oldest token makes room");
    for kind in [TOKEN, NAME] {
        match user_keyring()?.search(&format!("{kind}{oldest}")).and_then(drop_key) {
            Ok(()) | Err(KeyError::KeyDoesNotExist | KeyError::KeyExpired | KeyError::KeyRevoked) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// The kernel counts an unlinked key until it gets round to it, a revoked one's payload no longer.
fn drop_key(key: KernelKey) -> Result<(), KeyError> {
    key.revoke()?;
    user_keyring()?.unlink_key(key)
}

fn user_keyring() -> Result<KeyRing, KeyError> {
    KeyRing::from_special_id(KeyRingIdentifier::User, false)
}

fn find(kind: &str, key: &Key) -> Result<KernelKey, KeyError> {
    user_keyring()?.search(&format!("{kind}{}", label(key)))
}

fn header(label: &str) -> Option<Header> {
    let line = user_keyring().and_then(|ring| ring.search(&format!("{NAME}{label}"))).and_then(read).ok()?;
    Header::parse(&line)
}

fn read(key: KernelKey) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let mut bytes = Zeroizing::new(vec![0; USUAL_PAYLOAD]);
    loop {
        let size = key.read(&mut &mut bytes[..])?;
        if size <= bytes.len() {
            bytes.truncate(size);
            return Ok(bytes);
        }
        bytes = Zeroizing::new(vec![0; size]);
    }
}

/// The labels of the tokens that have a name. `KeyRing::get_links` is not used: it panics at any
/// key in the keyring whose description is longer than 512 bytes.
fn labels() -> Result<Vec<String>, KeyError> {
    let ring = KernelKey::from_id(KeySerialId::new(KeyRingIdentifier::User as i32));
    let serials = read(ring)?;
    let serials = serials.chunks_exact(4).map(|raw| i32::from_ne_bytes([raw[0], raw[1], raw[2], raw[3]]));
    // `user;1000;1000;3f3f0000;credmint-name:…`
    let label = |description: &str| {
        let name = description.strip_prefix("user;")?.splitn(4, ';').nth(3)?;
        Some(name.strip_prefix(NAME)?.to_owned())
    };
    Ok(serials.filter_map(|serial| label(&describe(serial)?)).collect())
}

/// What a key is, without reading it; `None` where ours cannot be told from it: it is too long,
/// gone, or not for us to see.
fn describe(serial: i32) -> Option<String> {
    let mut text = [0_u8; 256];
    // SAFETY: the kernel writes at most `text.len()` bytes to `text`, which outlives the call. It
    // returns how many the description would take.
    #[allow(unsafe_code)]
    let size = unsafe {
        libc::syscall(libc::SYS_keyctl, libc::KEYCTL_DESCRIBE, serial, text.as_mut_ptr(), text.len()) //
    };
    let size = usize::try_from(size).ok().filter(|&size| size <= text.len())?;
    std::ffi::CStr::from_bytes_until_nul(&text[..size]).ok()?.to_str().ok().map(str::to_owned)
}

/// A key that is not there is no error.
fn found<T>(result: Result<T, KeyError>) -> Result<Option<T>, VaultError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(KeyError::KeyDoesNotExist | KeyError::KeyExpired | KeyError::KeyRevoked) => Ok(None),
        Err(error) => Err(failure(error)),
    }
}

fn failure(error: KeyError) -> VaultError {
    let absent = |why: &str| VaultError::Absent { place: PLACE, why: why.to_owned() };
    match error {
        // Containers forbid it by seccomp.
        KeyError::AccessDenied | KeyError::PermissionDenied => absent("it is forbidden here"),
        KeyError::OperationNotSupported | KeyError::Unknown(libc::ENOSYS) => absent("the kernel has none"),
        KeyError::QuotaExceeded => VaultError::Broken { place: PLACE, why: "the user's quota is full".to_owned() },
        error => VaultError::Broken { place: PLACE, why: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::testing::{login, now, skip, token, variable};

    const INSIDE: &str = "CREDMINT_TEST_KEYRING";

    /// Runs one of these tests again in another process; tells whether this is that process.
    fn elsewhere(test: &str, command: &[&str]) -> bool {
        if variable(INSIDE).is_some_and(|inside| inside == test) {
            return true;
        }
        // Where another user can run it, too.
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
            Err(error) => skip(&format!("{}: {error}", command[0])),
        }
        false
    }

    fn is_there() -> bool {
        match KernelStore.names() {
            Err(VaultError::Absent { why, .. }) => {
                skip(&format!("no kernel keyring: {why}"));
                false
            }
            _ => true,
        }
    }

    fn unique(name: &str) -> String {
        format!("test:{name}:{}", std::process::id())
    }

    #[test]
    fn a_token_comes_back_is_replaced_and_named() {
        if !is_there() {
            return;
        }
        let id = unique("round");
        for secret in ["", "a", "é\n\0", &"x".repeat(5_000), &"y".repeat(USUAL_PAYLOAD)] {
            let entry = token(&id, secret);
            assert_eq!(KernelStore.save(&entry), Ok(Resting::Kernel));
            assert_eq!(KernelStore.load(&entry.key), Ok(Some(entry.clone())));
            let names = KernelStore.names().unwrap();
            let named: Vec<_> = names.iter().filter(|name| name.key == entry.key).collect();
            assert_eq!(named.len(), 1);
            assert_eq!((named[0].issued, named[0].expires), (entry.issued, entry.expires));
        }
        let key = token(&id, "").key;
        KernelStore.remove(&key).unwrap();
        KernelStore.remove(&key).unwrap();
        assert_eq!(KernelStore.load(&key), Ok(None));
        assert!(KernelStore.names().unwrap().iter().all(|name| name.key != key));
        assert!(KernelStore.save(&token(&id, &"z".repeat(40_000))).is_err(), "the kernel takes 32,767 bytes");
        assert!(KernelStore.save(&login("r.example", "")).is_err());
        assert_eq!(KernelStore.load(&login("r.example", "").key), Ok(None));
    }

    #[test]
    fn a_token_goes_by_itself_and_can_come_again() {
        if !is_there() {
            return;
        }
        let mut entry = token(&unique("ends"), "s");
        entry.expires = Some(now() + Duration::from_secs(2));
        KernelStore.save(&entry).unwrap();
        std::thread::sleep(Duration::from_millis(2500));
        assert_eq!(KernelStore.load(&entry.key), Ok(None));
        assert!(KernelStore.names().unwrap().iter().all(|name| name.key != entry.key));
        entry.expires = Some(now() + Duration::from_secs(60));
        KernelStore.save(&entry).unwrap();
        assert_eq!(KernelStore.load(&entry.key), Ok(Some(entry.clone())));
        KernelStore.remove(&entry.key).unwrap();
    }

    #[test]
    fn a_session_without_a_link_to_the_users_keyring_serves_too() {
        if !is_there() {
            return;
        }
        let test = "a_session_without_a_link_to_the_users_keyring_serves_too";
        let key = token("test:session", "").key;
        if elsewhere(test, &["env"]) {
            // SAFETY: joins a new session keyring; a null name is allowed and means an anonymous one.
            #[allow(unsafe_code)]
            let joined =
                unsafe { libc::syscall(libc::SYS_keyctl, libc::KEYCTL_JOIN_SESSION_KEYRING, std::ptr::null::<u8>()) };
            assert!(joined > 0);
            for secret in ["first", "second"] {
                let entry = token("test:session", secret);
                assert_eq!(KernelStore.save(&entry), Ok(Resting::Kernel));
                assert_eq!(KernelStore.load(&entry.key), Ok(Some(entry)));
            }
            assert!(KernelStore.names().unwrap().iter().any(|name| name.key == key));
        } else {
            let found = KernelStore.load(&key).unwrap();
            assert_eq!(found.unwrap().secret.expose(), "second", "seen from another session");
            KernelStore.remove(&key).unwrap();
        }
    }

    #[test]
    fn the_oldest_makes_room_when_the_quota_is_full() {
        if !is_there() {
            return;
        }
        let test = "the_oldest_makes_room_when_the_quota_is_full";
        if variable(INSIDE).is_none() && !rustix::process::geteuid().is_root() {
            return skip("only root can become a user with an empty quota");
        }
        // 200 keys and 20,000 bytes.
        let nobody = ["setpriv", "--reuid=64123", "--regid=64123", "--clear-groups"];
        if !elsewhere(test, &nobody) {
            return;
        }
        let secret = "s".repeat(4_000);
        for nth in 0..12 {
            let mut entry = token(&format!("test:{nth}"), &secret);
            entry.issued = now() - Duration::from_secs(1000 - nth);
            assert_eq!(KernelStore.save(&entry), Ok(Resting::Kernel), "{nth}");
            assert_eq!(KernelStore.load(&entry.key), Ok(Some(entry)));
        }
        assert_eq!(KernelStore.load(&token("test:0", "").key), Ok(None));
        let names = KernelStore.names().unwrap();
        assert!((2..=4).contains(&names.len()), "{}", names.len());
        for name in names {
            assert!(KernelStore.load(&name.key).unwrap().is_some(), "what is named is there");
            KernelStore.remove(&name.key).unwrap();
        }
        // More than the user may have at all.
        assert!(matches!(KernelStore.save(&token("test:x", &"s".repeat(25_000))), Err(VaultError::Broken { .. })));
    }
}
