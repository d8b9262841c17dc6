//! Logins in Credential Manager, shared with docker-credential-wincred.
//! <https://github.com/docker/docker-credential-helpers/blob/v0.9.6/wincred/wincred.go>
#![allow(unsafe_code)] // Windows functions, and the data behind their pointers.

use std::io;
use std::ptr::{null, null_mut};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use windows_sys::Win32::Foundation::{ERROR_NO_SUCH_LOGON_SESSION, ERROR_NOT_FOUND, FILETIME};
use windows_sys::Win32::Security::Credentials::{
    CRED_MAX_CREDENTIAL_BLOB_SIZE, CRED_MAX_USERNAME_LENGTH, CRED_PERSIST_LOCAL_MACHINE, CRED_TYPE_GENERIC,
    CREDENTIAL_ATTRIBUTEW, CREDENTIALW, CredDeleteW, CredEnumerateW, CredFree, CredReadW, CredWriteW,
};
use zeroize::{Zeroize, Zeroizing};

use crate::VaultError;
use crate::docker_logins::{DockerLogins, Found, Item};

pub(crate) const PLACE: &str = "Credential Manager";

/// The attribute that marks the credentials of Docker's helper.
const KEYWORD: &str = "label";
const VALUE: &[u8] = b"Docker Credentials";
/// Marks ours if attributes are not stored (wine), and describes them in the list of credentials.
const COMMENT: &str = "Registry credentials (credmint)";

/// Generic credentials whose target is the registry's address.
pub(crate) struct Wincred;

impl DockerLogins for Wincred {
    fn read(&self, server: &str) -> Result<Option<Found>, VaultError> {
        let (target, mut found) = (wide(server), null_mut());
        // SAFETY: the text ends with a zero, and what is found is freed by its guard.
        if unsafe { CredReadW(target.as_ptr(), CRED_TYPE_GENERIC, 0, &raw mut found) } == 0 {
            return missing().map(|()| None);
        }
        let found = Credential(found);
        Ok(found.item().map(|item| (item, found.secret())))
    }

    fn write(&self, server: &str, username: &str, secret: &[u8]) -> Result<bool, VaultError> {
        let mut name = wide(username);
        if secret.len() > CRED_MAX_CREDENTIAL_BLOB_SIZE as usize || name.len() > CRED_MAX_USERNAME_LENGTH as usize {
            return Ok(false);
        }
        let (mut target, mut comment, mut keyword) = (wide(server), wide(COMMENT), wide(KEYWORD));
        let (mut value, mut secret) = (VALUE.to_vec(), Zeroizing::new(secret.to_vec()));
        let mut attribute = CREDENTIAL_ATTRIBUTEW {
            Keyword: keyword.as_mut_ptr(),
            Flags: 0,
            ValueSize: VALUE.len() as u32,
            Value: value.as_mut_ptr(),
        };
        let credential = CREDENTIALW {
            Type: CRED_TYPE_GENERIC,
            TargetName: target.as_mut_ptr(),
            Comment: comment.as_mut_ptr(),
            CredentialBlobSize: secret.len() as u32,
            CredentialBlob: secret.as_mut_ptr(),
            Persist: CRED_PERSIST_LOCAL_MACHINE,
            AttributeCount: 1,
            Attributes: &raw mut attribute,
            UserName: name.as_mut_ptr(),
            ..CREDENTIALW::default()
        };
        // SAFETY: all that it points to lives until the call is over.
        if unsafe { CredWriteW(&raw const credential, 0) } == 0 { Err(failure()) } else { Ok(true) }
    }

    fn delete(&self, server: &str) -> Result<(), VaultError> {
        // Another program may have a credential with the address of a registry.
        if self.read(server)?.is_none() {
            return Ok(());
        }
        let target = wide(server);
        // SAFETY: the text ends with a zero.
        if unsafe { CredDeleteW(target.as_ptr(), CRED_TYPE_GENERIC, 0) } == 0 { missing() } else { Ok(()) }
    }

    fn list(&self) -> Result<Vec<Item>, VaultError> {
        let (mut count, mut found) = (0, null_mut());
        // SAFETY: without a filter all are found; what is found is freed below.
        if unsafe { CredEnumerateW(null(), 0, &raw mut count, &raw mut found) } == 0 {
            return missing().map(|()| Vec::new());
        }
        let all = (0..count as usize).filter_map(|nth| {
            // SAFETY: there are as many pointers as it says. Freed with all others, and not by itself.
            std::mem::ManuallyDrop::new(Credential(unsafe { found.add(nth).read_unaligned() })).item()
        });
        let items = all.collect();
        // SAFETY: it came from CredEnumerateW and is not used any more.
        unsafe { CredFree(found.cast()) };
        Ok(items)
    }
}

/// A credential allocated by Windows, to be freed.
struct Credential(*mut CREDENTIALW);

impl Credential {
    /// Copied as a whole: in wine it may be unaligned.
    fn fields(&self) -> CREDENTIALW {
        // SAFETY: Windows gave the pointer, and it is not freed before this is dropped.
        unsafe { self.0.read_unaligned() }
    }

    /// `None` if it is not a login of Docker's helper or ours.
    fn item(&self) -> Option<Item> {
        let fields = self.fields();
        let is_login = fields.Type == CRED_TYPE_GENERIC && (text(fields.Comment) == COMMENT || is_labelled(&fields));
        is_login.then(|| Item {
            server: text(fields.TargetName),
            username: text(fields.UserName),
            changed: time(fields.LastWritten),
        })
    }

    fn secret(&self) -> Zeroizing<Vec<u8>> {
        let fields = self.fields();
        Zeroizing::new(bytes(fields.CredentialBlob, fields.CredentialBlobSize).to_vec())
    }
}

impl Drop for Credential {
    fn drop(&mut self) {
        let fields = self.fields();
        // SAFETY: Windows allocated it for this process, and it is freed after this.
        unsafe {
            if !fields.CredentialBlob.is_null() {
                std::slice::from_raw_parts_mut(fields.CredentialBlob, fields.CredentialBlobSize as usize).zeroize();
            }
            CredFree(self.0.cast());
        }
    }
}

fn is_labelled(fields: &CREDENTIALW) -> bool {
    (0..fields.AttributeCount as usize).any(|nth| {
        // SAFETY: there are as many attributes as it says.
        let attribute = unsafe { fields.Attributes.add(nth).read_unaligned() };
        text(attribute.Keyword) == KEYWORD && bytes(attribute.Value, attribute.ValueSize) == VALUE
    })
}

fn bytes<'a>(start: *const u8, size: u32) -> &'a [u8] {
    if start.is_null() || size == 0 {
        return &[];
    }
    // SAFETY: Windows says how many there are; they are used before the credential is freed.
    unsafe { std::slice::from_raw_parts(start, size as usize) }
}

fn wide(text: &str) -> Vec<u16> {
    // A zero ends the text; no address or name has one.
    text.encode_utf16().filter(|unit| *unit != 0).chain([0]).collect()
}

fn text(start: *const u16) -> String {
    if start.is_null() {
        return String::new();
    }
    // SAFETY: Windows terminates its strings with a zero.
    let units = (0..).map(|nth| unsafe { start.add(nth).read_unaligned() }).take_while(|unit| *unit != 0);
    char::decode_utf16(units).map(|sign| sign.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// In units of 100 ns since 1601.
fn time(written: FILETIME) -> SystemTime {
    const UNIX_EPOCH_IN_SECONDS: u64 = 11_644_473_600;
    let tenths = u64::from(written.dwHighDateTime) << 32 | u64::from(written.dwLowDateTime);
    let seconds = (tenths / 10_000_000).saturating_sub(UNIX_EPOCH_IN_SECONDS);
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).unwrap_or(UNIX_EPOCH)
}

/// `Ok` if the credential does not exist.
fn missing() -> Result<(), VaultError> {
    let is = |code: u32| io::Error::last_os_error().raw_os_error() == Some(code.cast_signed());
    if is(ERROR_NOT_FOUND) { Ok(()) } else { Err(failure()) }
}

fn failure() -> VaultError {
    let error = io::Error::last_os_error();
    match error.raw_os_error().map(i32::cast_unsigned) {
        // In a service, or over ssh.
        Some(ERROR_NO_SUCH_LOGON_SESSION) => VaultError::Absent { place: PLACE, why: error.to_string() },
        _ => VaultError::Failed { place: PLACE, why: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes a credential as another program does: without our comment, with or without the label.
    fn write(server: &str, labelled: bool) {
        let (mut target, mut name, mut keyword) = (wide(server), wide("them"), wide(KEYWORD));
        let (mut value, mut secret) = (VALUE.to_vec(), b"theirs".to_vec());
        let mut attribute = CREDENTIAL_ATTRIBUTEW {
            Keyword: keyword.as_mut_ptr(),
            Flags: 0,
            ValueSize: value.len() as u32,
            Value: value.as_mut_ptr(),
        };
        let credential = CREDENTIALW {
            Type: CRED_TYPE_GENERIC,
            TargetName: target.as_mut_ptr(),
            CredentialBlobSize: secret.len() as u32,
            CredentialBlob: secret.as_mut_ptr(),
            Persist: CRED_PERSIST_LOCAL_MACHINE,
            AttributeCount: u32::from(labelled),
            Attributes: if labelled { &raw mut attribute } else { null_mut() },
            UserName: name.as_mut_ptr(),
            ..CREDENTIALW::default()
        };
        // SAFETY: all that it points to lives until the call is over.
        assert_ne!(unsafe { CredWriteW(&raw const credential, 0) }, 0, "{}", io::Error::last_os_error());
    }

    fn erase(server: &str) {
        let target = wide(server);
        // SAFETY: the text ends with a zero.
        assert_ne!(unsafe { CredDeleteW(target.as_ptr(), CRED_TYPE_GENERIC, 0) }, 0);
    }

    fn is_listed(server: &str) -> bool {
        Wincred.list().unwrap().iter().any(|item| item.server == server)
    }

    #[test]
    fn a_credential_of_another_program_is_neither_listed_nor_deleted() {
        let server = format!("foreign{}.example", std::process::id());
        write(&server, false);
        assert!(Wincred.read(&server).unwrap().is_none() && !is_listed(&server));
        Wincred.delete(&server).unwrap();
        erase(&server);
    }

    #[test]
    fn a_login_of_dockers_helper_is_found_replaced_and_deleted() {
        let server = format!("https://docker{}.example", std::process::id());
        write(&server, true);
        let Some((item, secret)) = Wincred.read(&server).unwrap() else {
            testing::skip("attributes of credentials", "this Windows keeps none (wine)");
            return erase(&server);
        };
        assert_eq!((item.username.as_str(), secret.as_slice()), ("them", &b"theirs"[..]));
        assert!(is_listed(&server));
        assert!(Wincred.write(&server, "us", "päss".as_bytes()).unwrap());
        assert_eq!(Wincred.read(&server).unwrap().unwrap().1.as_slice(), "päss".as_bytes());
        Wincred.delete(&server).unwrap();
        assert!(Wincred.read(&server).unwrap().is_none() && !is_listed(&server));
    }

    #[test]
    fn times_are_converted_to_unix_time() {
        let filetime = |tenths: u64| FILETIME { dwLowDateTime: tenths as u32, dwHighDateTime: (tenths >> 32) as u32 };
        assert_eq!(time(filetime(133_500_000_000_000_000)), UNIX_EPOCH + Duration::from_secs(1_705_526_400));
        assert_eq!(time(filetime(0)), UNIX_EPOCH);
        time(filetime(u64::MAX));
    }
}
