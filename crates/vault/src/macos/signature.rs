use std::path::PathBuf;
use std::str::FromStr;

use security_framework::os::macos::code_signing::{Flags, SecCode, SecRequirement};
use security_framework::os::macos::keychain::SecKeychain;

use super::direct::Direct;
use super::tool::Tool;
use super::{Entries, PLACE};
use crate::store::Store;

/// Apple's own, whatever PATH says.
const SECURITY: &str = "/usr/bin/security";
/// By a Developer ID, which stays the same from build to build.
/// <https://developer.apple.com/documentation/technotes/tn3127-inside-code-signing-requirements>
const DEVELOPER_ID: &str = "anchor apple generic and certificate leaf[field.1.2.840.113635.100.6.1.13] exists";
/// `kSecUnlockStateStatus`.
const UNLOCKED: u32 = 1;

/// Opens the keychain as this program may.
pub(crate) fn open() -> Box<dyn Store> {
    never_ask_the_user();
    if is_signed() {
        Box::new(Entries(Direct))
    } else {
        log::debug!("{PLACE}: this build is not signed, and uses {SECURITY}");
        Box::new(Entries(Tool::new(PathBuf::from(SECURITY), is_locked)))
    }
}

fn is_signed() -> bool {
    let Ok(requirement) = SecRequirement::from_str(DEVELOPER_ID) else { return false };
    SecCode::for_self(Flags::NONE).is_ok_and(|code| code.check_validity(Flags::NONE, &requirement).is_ok())
}

/// For as long as the process lives, on which nobody is to be asked for a password or a permission.
fn never_ask_the_user() {
    match SecKeychain::disable_user_interaction() {
        Ok(lock) => std::mem::forget(lock),
        Err(error) => log::debug!("{PLACE}: it may ask the user: {error}"),
    }
}

/// The default keychain. Any program may ask for its status, and nobody is asked anything.
pub(crate) fn is_locked() -> bool {
    let mut status = 0_u32;
    // SAFETY: null stands for the default keychain; the status is written to `status`, which outlives the call.
    #[allow(unsafe_code)]
    let result = unsafe { SecKeychainGetStatus(std::ptr::null(), &raw mut status) };
    // Where there is none, what is asked next says so.
    result == 0 && status & UNLOCKED == 0
}

#[link(name = "Security", kind = "framework")]
#[allow(unsafe_code)] // Declared by Apple: <https://developer.apple.com/documentation/security/seckeychaingetstatus(_:_:)>
unsafe extern "C" {
    fn SecKeychainGetStatus(keychain: *const std::ffi::c_void, status: *mut u32) -> i32;
}
