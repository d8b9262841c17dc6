//! Keys in the user keyring, by their descriptions.

use std::time::Duration;

use linux_keyutils::{
    Key,
    KeyError,
    KeyPermissionsBuilder,
    KeyRing,
    KeyRingIdentifier,
    KeySerialId,
    Permission, //
};
use zeroize::Zeroizing;

/// Bytes; almost every token fits. The kernel's limit is 32,767.
pub(super) const USUAL_PAYLOAD: usize = 8 << 10;

/// Adds a key atomically, with permissions for all sessions of its user and with its expiry.
///
/// A process whose session has no link to `@u` must not change the keys there, so the key is prepared
/// in the process keyring, and then replaces the old one.
pub(super) fn put(description: &str, payload: &[u8], lasts: Option<Duration>) -> Result<(), KeyError> {
    let process = KeyRing::from_special_id(KeyRingIdentifier::Process, true)?;
    let key = process.add_key(description, payload)?;
    let mine = KeyPermissionsBuilder::builder().posessor(Permission::ALL).user(Permission::ALL).build();
    let ready = || -> Result<(), KeyError> {
        key.set_perms(mine)?;
        if let Some(lasts) = lasts {
            // Zero would mean no expiry.
            key.set_timeout(lasts.as_secs().max(1) as usize)?;
        }
        user_keyring()?.link_key(key)
    };
    let done = ready();
    process.unlink_key(key)?;
    done
}

/// The payload of the key with this description.
pub(super) fn get(description: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    user_keyring()?.search(description).and_then(read)
}

/// Removes the key with this description, if any. It is revoked first, because the quota includes the
/// payload of an unlinked key until the kernel collects it, but not that of a revoked one.
pub(super) fn remove(description: &str) -> Result<(), KeyError> {
    let remove = |key: Key| {
        key.revoke()?;
        user_keyring()?.unlink_key(key)
    };
    match user_keyring()?.search(description).and_then(remove) {
        Err(error) if is_gone(&error) => Ok(()),
        done => done,
    }
}

/// Whether the key does not exist, or no longer does.
pub(super) fn is_gone(error: &KeyError) -> bool {
    matches!(error, KeyError::KeyDoesNotExist | KeyError::KeyExpired | KeyError::KeyRevoked)
}

/// The descriptions of all keys. `KeyRing::get_links` is not used: it panics at any key in the
/// keyring whose description is longer than 512 bytes.
pub(super) fn descriptions() -> Result<Vec<String>, KeyError> {
    let ring = Key::from_id(KeySerialId::new(KeyRingIdentifier::User as i32));
    let serials = read(ring)?;
    let serials = serials.chunks_exact(4).map(|raw| i32::from_ne_bytes([raw[0], raw[1], raw[2], raw[3]]));
    // `user;1000;1000;3f3f0000;credmint-…`
    let name = |text: String| Some(text.strip_prefix("user;")?.splitn(4, ';').nth(3)?.to_owned());
    Ok(serials.filter_map(|serial| name(describe(serial)?)).collect())
}

fn user_keyring() -> Result<KeyRing, KeyError> {
    KeyRing::from_special_id(KeyRingIdentifier::User, false)
}

fn read(key: Key) -> Result<Zeroizing<Vec<u8>>, KeyError> {
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

/// The description of a key; `None` if it is too long to be one of ours, deleted, or not readable for
/// this process.
fn describe(serial: i32) -> Option<String> {
    let mut text = [0_u8; 256];
    // SAFETY: the kernel writes at most `text.len()` bytes to `text`, which outlives the call. It
    // returns the length of the description.
    #[allow(unsafe_code)]
    let size = unsafe {
        libc::syscall(libc::SYS_keyctl, libc::KEYCTL_DESCRIBE, serial, text.as_mut_ptr(), text.len()) //
    };
    let size = usize::try_from(size).ok().filter(|&size| size <= text.len())?;
    std::ffi::CStr::from_bytes_until_nul(&text[..size]).ok()?.to_str().ok().map(str::to_owned)
}
