//! Checks who may change a file, by the access control list of Windows.
#![allow(unsafe_code)] // Windows functions, and the data behind their pointers.

use std::fs::File;
use std::io::{self, Error};
use std::os::windows::io::AsRawHandle;
use std::ptr::null_mut;

use windows_sys::Win32::Foundation::LocalFree;
use windows_sys::Win32::Security::Authorization::{GetSecurityInfo, SE_FILE_OBJECT};
use windows_sys::Win32::Security::{
    ACCESS_ALLOWED_ACE, ACE_HEADER, ACL, DACL_SECURITY_INFORMATION, GetAce, GetSecurityDescriptorDacl,
    GetSecurityDescriptorOwner, INHERIT_ONLY_ACE, IsWellKnownSid, OWNER_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR,
    PSID, WinBuiltinAdministratorsSid, WinLocalSystemSid,
};

/// Types of an access control entry: <https://learn.microsoft.com/windows/win32/api/winnt/ns-winnt-ace_header>.
const ALLOWED: u8 = 0;
const DENIED: u8 = 1;
/// Write, append, delete, change permissions, change owner, generic write, generic all: <https://learn.microsoft.com/windows/win32/secauthz/access-mask-format>.
const CHANGES: u32 = 0x2 | 0x4 | 0x1_0000 | 0x4_0000 | 0x8_0000 | 0x1000_0000 | 0x4000_0000;

pub(super) fn only_administrators_write(file: &File) -> io::Result<()> {
    let mut descriptor: PSECURITY_DESCRIPTOR = null_mut();
    let what = OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;
    // SAFETY: the handle is open, and the descriptor is freed by its guard.
    let code = unsafe {
        GetSecurityInfo(
            file.as_raw_handle(),
            SE_FILE_OBJECT,
            what,
            null_mut(),
            null_mut(),
            null_mut(),
            null_mut(),
            &raw mut descriptor,
        )
    };
    if code != 0 {
        return Err(Error::from_raw_os_error(code.cast_signed()));
    }
    let descriptor = Descriptor(descriptor);
    descriptor.check()
}

/// A security descriptor that Windows has allocated.
struct Descriptor(PSECURITY_DESCRIPTOR);

impl Drop for Descriptor {
    fn drop(&mut self) {
        // SAFETY: it was allocated for this process, and is not used afterwards.
        unsafe { LocalFree(self.0) };
    }
}

impl Descriptor {
    fn check(&self) -> io::Result<()> {
        let (mut owner, mut defaulted): (PSID, i32) = (null_mut(), 0);
        // SAFETY: the descriptor lives as long as this, and the owner is a part of it.
        let known = unsafe { GetSecurityDescriptorOwner(self.0, &raw mut owner, &raw mut defaulted) } != 0;
        if !known || owner.is_null() || !is_administrator(owner) {
            return Err(Error::other("its owner is neither Administrators nor SYSTEM"));
        }
        let (mut present, mut list): (i32, *mut ACL) = (0, null_mut());
        // SAFETY: as above.
        let known =
            unsafe { GetSecurityDescriptorDacl(self.0, &raw mut present, &raw mut list, &raw mut defaulted) } != 0;
        // Without a list, everyone has full access.
        if !known || present == 0 || list.is_null() {
            return Err(Error::other("everyone may change it"));
        }
        // SAFETY: the list is a part of the descriptor.
        let count = unsafe { (*list).AceCount };
        for nth in 0..u32::from(count) {
            let mut entry = null_mut();
            // SAFETY: the list has this many entries, and each begins with its header.
            let (found, header) = unsafe {
                let found = GetAce(list, nth, &raw mut entry) != 0;
                (found, if found { *entry.cast::<ACE_HEADER>() } else { std::mem::zeroed() })
            };
            let inherited_only = u32::from(header.AceFlags) & INHERIT_ONLY_ACE != 0;
            if found && (header.AceType == DENIED || inherited_only) {
                continue;
            }
            // An entry of an unknown type may allow anything.
            let harmless = found && header.AceType == ALLOWED && {
                let entry = entry.cast::<ACCESS_ALLOWED_ACE>();
                // SAFETY: an entry of this type has a mask, and behind it the identifier that it is for.
                unsafe { (*entry).Mask & CHANGES == 0 || is_administrator((&raw mut (*entry).SidStart).cast()) }
            };
            if !harmless {
                return Err(Error::other("users other than administrators may change it"));
            }
        }
        Ok(())
    }
}

fn is_administrator(sid: PSID) -> bool {
    // SAFETY: it points to an identifier in a descriptor that is still allocated.
    [WinBuiltinAdministratorsSid, WinLocalSystemSid].into_iter().any(|kind| unsafe { IsWellKnownSid(sid, kind) } != 0)
}

#[cfg(test)]
mod tests {
    use windows_sys::Win32::Security::Authorization::ConvertStringSecurityDescriptorToSecurityDescriptorW;

    use super::*;

    /// <https://learn.microsoft.com/windows/win32/secauthz/security-descriptor-string-format>
    fn check(text: &str) -> io::Result<()> {
        let (wide, mut descriptor): (Vec<u16>, _) = (text.encode_utf16().chain([0]).collect(), null_mut());
        // SAFETY: the text ends with a zero, and the descriptor is freed by its guard.
        let made = unsafe {
            ConvertStringSecurityDescriptorToSecurityDescriptorW(wide.as_ptr(), 1, &raw mut descriptor, null_mut())
        };
        assert!(made != 0, "{text}: {}", Error::last_os_error());
        Descriptor(descriptor).check()
    }

    #[test]
    fn only_files_of_administrators_are_accepted() {
        for (text, accepted) in [
            // As an administrator's file in ProgramData is.
            ("O:BAG:SYD:(A;ID;FA;;;SY)(A;ID;FA;;;BA)(A;ID;0x1200a9;;;BU)", true),
            ("O:SYG:SYD:(A;;FA;;;SY)(A;;GR;;;WD)", true),
            ("O:BAG:SYD:(D;;FA;;;BU)(A;;FA;;;BA)", true),
            ("O:BAG:SYD:(A;IOOICI;FA;;;CO)(A;;FA;;;BA)", true),
            ("O:BUG:SYD:(A;;FA;;;SY)(A;;FA;;;BA)", false),
            ("O:S-1-5-21-1-2-3-1001G:SYD:(A;;FA;;;BA)", false),
            ("O:BAG:SYD:(A;;FA;;;BA)(A;;FW;;;BU)", false),
            ("O:BAG:SYD:(A;;FA;;;BA)(A;;GA;;;WD)", false),
            ("O:BAG:SYD:(A;;FA;;;BA)(A;;SD;;;AU)", false),
            ("O:BAG:SYD:(A;;FA;;;BA)(A;;WD;;;S-1-5-21-1-2-3-1001)", false),
            ("O:BAG:SY", false),
        ] {
            assert_eq!(check(text).is_ok(), accepted, "{text}");
        }
    }

    #[test]
    fn a_file_of_an_ordinary_user_is_rejected() {
        assert!(only_administrators_write(&tempfile::tempfile().unwrap()).is_err());
    }
}
