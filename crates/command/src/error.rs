use std::io::Error;
use std::process::ExitStatus;

use broker::MintError;
use protocol::ErrorMessage;

use crate::Target;

/// An error of the program that the settings name for a registry.
fn message(target: &Target, cause: &str, hint: Option<String>) -> ErrorMessage {
    let (server, program) = (&target.server, &target.command[0]);
    ErrorMessage { what: format!("no credentials for {server}: {program} (set in credmint's settings) {cause}"), hint }
}

/// The command that shows the error, if its arguments can be pasted as they are.
fn by_hand(target: &Target) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/:@%+=,\\".contains(&byte);
    let words = target.command.iter().map(String::as_str).chain([target.server.original()]);
    words.clone().all(|word| !word.is_empty() && word.bytes().all(plain)).then(|| {
        let server = target.server.original();
        format!("run `echo {server} | {}`", target.command.join(" "))
    })
}

pub(crate) fn missing(target: &Target) -> MintError {
    let hint = "install it, or change command or helper in the settings";
    MintError::Failed(message(target, "was not found", Some(hint.to_owned())))
}

pub(crate) fn not_started(target: &Target, error: &Error) -> MintError {
    MintError::Failed(message(target, &format!("failed to start: {error}"), by_hand(target)))
}

pub(crate) fn timed_out(target: &Target) -> MintError {
    MintError::Failed(message(target, "timed out", by_hand(target)))
}

pub(crate) fn failed(target: &Target, status: ExitStatus) -> MintError {
    MintError::Failed(message(target, &format!("failed ({status})"), by_hand(target)))
}

pub(crate) fn malformed(target: &Target, cause: &str) -> MintError {
    let cause = format!("returned a malformed response to Docker's get: {cause}");
    MintError::Failed(message(target, &cause, by_hand(target)))
}

pub(crate) fn not_found(target: &Target) -> MintError {
    MintError::NoIdentity(message(target, "has none", None))
}

pub(crate) fn recursion(target: &Target) -> MintError {
    let hint = "make it return credentials of its own, or remove it from the settings";
    MintError::Failed(message(target, "called credmint for the same credentials", Some(hint.to_owned())))
}
