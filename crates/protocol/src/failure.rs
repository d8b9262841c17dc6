use std::fmt;

use thiserror::Error;

/// The message that makes Docker continue without credentials, compared byte for byte.
/// Source: [`credentials/error.go`](https://github.com/docker/docker-credential-helpers/blob/master/credentials/error.go).
pub const NOT_FOUND: &str = "credentials not found in native keychain";

/// Why a helper returns no credentials. The variants differ in what Docker does next.
///
/// The text is written to standard output; it is one line and never contains a secret.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Failure {
    /// Docker continues without credentials. Only for registries without credentials, never for errors.
    #[error("{NOT_FOUND}")]
    NotFound,
    /// Docker continues without credentials, and the user sees the cause on standard error. Many clients call `get` for
    /// every registry of their configuration and stop at the first error.
    #[error("{NOT_FOUND}")]
    NotFoundBecause(ErrorMessage),
    /// Docker reports that the address was missing.
    #[error("no credentials server URL")]
    NoServer,
    /// Docker reports that the user's name was missing.
    #[error("no credentials username")]
    NoUsername,
    /// Docker stops and shows the message to the user.
    #[error("{0}")]
    Stop(ErrorMessage),
}

/// An error message for the user: what failed and the cause, and separately the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorMessage {
    /// `what failed: cause (code of the service)`: lower case, no full stop.
    pub what: String,
    /// The remedy, if there is one, in the imperative: a command or a setting.
    pub hint: Option<String>,
}

impl Failure {
    /// Stops with a message.
    pub fn stop(what: impl Into<String>) -> Self {
        Failure::Stop(ErrorMessage { what: what.into(), hint: None })
    }

    /// Stops with a message and a remedy.
    pub fn with_hint(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Failure::Stop(ErrorMessage { what: what.into(), hint: Some(hint.into()) })
    }
}

impl fmt::Display for ErrorMessage {
    /// Always one line: Docker prints it inside a message of its own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_line(f, &self.what)?;
        if let Some(hint) = &self.hint {
            f.write_str(": ")?;
            write_line(f, hint)?;
        }
        Ok(())
    }
}

fn write_line(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    for (nth, word) in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).enumerate() {
        if nth > 0 {
            f.write_str(" ")?;
        }
        f.write_str(word)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_always_one_line() {
        let failure = Failure::with_hint("no token:\r\n  the session\u{1b} has expired", "run\n`aws sso login`");
        assert_eq!(failure.to_string(), "no token: the session has expired: run `aws sso login`");
    }
}
