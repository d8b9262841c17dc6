use std::fmt;

use thiserror::Error;

/// The sentence that makes Docker go on without credentials, compared byte for byte.
/// Source: [`credentials/error.go`](https://github.com/docker/docker-credential-helpers/blob/master/credentials/error.go).
pub const NOT_FOUND: &str = "credentials not found in native keychain";

/// Why a helper gives no answer, named by what Docker does next.
///
/// The text is what stands on standard output; it is one line and never holds a secret.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Failure {
    /// Docker goes on without credentials: to be said only when it is true.
    #[error("{NOT_FOUND}")]
    NotFound,
    /// Docker reports that the address was missing.
    #[error("no credentials server URL")]
    NoServer,
    /// Docker reports that the user's name was missing.
    #[error("no credentials username")]
    NoUsername,
    /// Docker stops and shows the sentence to the user.
    #[error("{0}")]
    Stop(Explained),
}

/// A sentence for the user: what failed and why, and apart from it what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// What failed, and why: lower case, no full stop.
    pub what: String,
    /// What the user can do about it, if anything: a command or a setting.
    pub hint: Option<String>,
}

impl Failure {
    /// Stops with a sentence.
    pub fn explain(what: impl Into<String>) -> Self {
        Failure::Stop(Explained { what: what.into(), hint: None })
    }

    /// Stops with a sentence and a remedy.
    pub fn with_hint(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Failure::Stop(Explained { what: what.into(), hint: Some(hint.into()) })
    }
}

impl fmt::Display for Explained {
    /// On one line whatever it was made from: Docker prints it inside a sentence of its own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_line(f, &self.what)?;
        if let Some(hint) = &self.hint {
            f.write_str(" (")?;
            write_line(f, hint)?;
            f.write_str(")")?;
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
        let failure = Failure::with_hint("no token:\r\n  the session\u{1b} ended", "run:\naws sso login");
        assert_eq!(failure.to_string(), "no token: the session ended (run: aws sso login)");
    }
}
