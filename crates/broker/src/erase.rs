use protocol::{ErrorMessage, Failure, ServerUrl};
use vault::{Removal, VaultError};

/// The response to `erase`, from the results of removing the login of a registry and then its tokens.
pub(crate) fn erase_result(
    server: &ServerUrl,
    removed: Vec<Result<Removal, VaultError>>,
) -> Result<Option<String>, Failure> {
    let what = |error: &VaultError| format!("cannot erase the credentials for {server}: {error}");
    if let Some(error) = removed.iter().find_map(|removed| removed.as_ref().err()) {
        return Err(Failure::Stop(ErrorMessage { what: what(error), hint: error.remedy() }));
    }
    // Removals are recorded for logins only.
    match removed.into_iter().next() {
        // Most machines without a keychain never had one, but a session that cannot reach it looks the same.
        Some(Ok(Removal::Incomplete(error @ VaultError::Absent { .. }))) => Ok(Some(format!(
            "The keychain is not available ({error}). If it holds a login for {server}, that login is no longer used, \
             and is erased once the keychain is available."
        ))),
        Some(Ok(Removal::Incomplete(error))) => Err(Failure::Stop(ErrorMessage {
            what: format!("{}; a login in it is no longer used, and is erased once that is possible", what(&error)),
            hint: error.unlock_hint().map(|unlock_hint| format!("{unlock_hint}, then run this again")),
        })),
        _ => Ok(None),
    }
}
