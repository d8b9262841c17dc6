use std::path::PathBuf;
use std::str::FromStr;

use security_framework::os::macos::code_signing::{Flags, SecCode, SecRequirement};
use security_framework::os::macos::keychain::SecKeychain;

use super::direct::Direct;
use super::tool::Tool;
use super::{Entries, PLACE};
use crate::store::Store;

/// Apple's own, independent of PATH.
const SECURITY: &str = "/usr/bin/security";
/// Signed by a Developer ID, which is the same for every build.
/// <https://developer.apple.com/documentation/technotes/tn3127-inside-code-signing-requirements>
const DEVELOPER_ID: &str = "anchor apple generic and certificate leaf[field.1.2.840.113635.100.6.1.13] exists";
/// `kSecUnlockStateStatus`.
const UNLOCKED: u32 = 1;

/// Opens the keychain directly if this program is signed, else by `security`.
pub(crate) fn open() -> Box<dyn Store> {
    disable_prompts();
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

/// Disables all prompts for the lifetime of the process.
fn disable_prompts() {
    match SecKeychain::disable_user_interaction() {
        Ok(lock) => std::mem::forget(lock),
        Err(error) => log::debug!("{PLACE}: prompts are not disabled: {error}"),
    }
}

/// Whether the default keychain is locked. Reading the status shows no prompt.
pub(crate) fn is_locked() -> bool {
    let mut status = 0_u32;
    // SAFETY: null stands for the default keychain; the status is written to `status`, which outlives the call.
    #[allow(unsafe_code)]
    let result = unsafe { SecKeychainGetStatus(std::ptr::null(), &raw mut status) };
    // If there is none, the next call returns that error.
    result == 0 && status & UNLOCKED == 0
}

#[link(name = "Security", kind = "framework")]
#[allow(unsafe_code)] // Declared by Apple: <https://developer.apple.com/documentation/security/seckeychaingetstatus(_:_:)>
unsafe extern "C" {
    fn SecKeychainGetStatus(keychain: *const std::ffi::c_void, status: *mut u32) -> i32;
}
