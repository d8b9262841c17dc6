use super::PLACE;
use crate::VaultError;

/// An OSStatus that is not success.
/// <https://developer.apple.com/documentation/security/security-framework-result-codes>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status(pub(crate) i32);

impl Status {
    pub(crate) const NOT_FOUND: Status = Status(-25300);
    pub(crate) const DUPLICATE: Status = Status(-25299);
    /// The item to change or delete belongs to another program.
    pub(crate) const INVALID_OWNER_EDIT: Status = Status(-25244);
    /// The item to read belongs to another program, and prompts are disabled; or the password was wrong.
    pub(crate) const AUTH_FAILED: Status = Status(-25293);
    /// A prompt would be required, and prompts are disabled.
    pub(crate) const INTERACTION_NOT_ALLOWED: Status = Status(-25308);
    pub(crate) const NO_DEFAULT_KEYCHAIN: Status = Status(-25307);
    pub(crate) const NO_SUCH_KEYCHAIN: Status = Status(-25294);
    pub(crate) const NOT_AVAILABLE: Status = Status(-25291);
    /// The user declined a prompt.
    pub(crate) const USER_CANCELED: Status = Status(-128);
    /// `security` could not be run, or its output was malformed.
    pub(crate) const NO_ANSWER: Status = Status(i32::MIN);

    pub(crate) fn is_not_found(self) -> bool {
        self == Status::NOT_FOUND
    }

    /// The keychain itself is unlocked.
    pub(crate) fn explained(self) -> VaultError {
        let place = PLACE;
        match self {
            Status::AUTH_FAILED | Status::DUPLICATE | Status::INVALID_OWNER_EDIT | Status::INTERACTION_NOT_ALLOWED => {
                VaultError::Foreign { place }
            }
            Status::NO_DEFAULT_KEYCHAIN => VaultError::NoCollection { place },
            Status::USER_CANCELED => VaultError::Unconfirmed { place },
            Status::NO_SUCH_KEYCHAIN | Status::NOT_AVAILABLE => {
                VaultError::Absent { place, why: format!("not in this session (OSStatus {})", self.0) }
            }
            Status::NO_ANSWER => VaultError::Failed { place, why: "cannot run /usr/bin/security".to_owned() },
            Status(code) => VaultError::Failed { place, why: format!("OSStatus {code}") },
        }
    }
}
