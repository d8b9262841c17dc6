use std::fmt::Display;

use protocol::ErrorMessage;

use crate::MintError;

/// The cause in every error of an expired session.
pub(crate) const SESSION_EXPIRED: &str = "the session has expired";

/// Who a token is minted for, in words that a user knows it by, and what to check if that fails.
///
/// Every cloud's errors are made here, so all have one form: `no token for PRINCIPAL: CAUSE: REMEDY`.
///
/// ```
/// use broker::{MintError, Principal};
/// let jane = Principal::user("the account of the Azure CLI", "run `az login`");
/// let MintError::Failed(message) = jane.no_token("conditional access denied it (AADSTS53003)") else { panic!() };
/// assert_eq!(
///     message.to_string(),
///     "no token for the account of the Azure CLI: conditional access denied it (AADSTS53003): run `az login`"
/// );
/// ```
#[derive(Clone, Debug)]
pub struct Principal {
    name: String,
    remedy: String,
    is_user: bool,
}

impl Principal {
    /// A machine, an application or a service account. `remedy` is an imperative.
    pub fn new(name: impl Into<String>, remedy: impl Into<String>) -> Self {
        Principal { name: name.into(), remedy: remedy.into(), is_user: false }
    }

    /// A person who signs in; `remedy` is the command for it.
    pub fn user(name: impl Into<String>, remedy: impl Into<String>) -> Self {
        Principal { is_user: true, ..Principal::new(name, remedy) }
    }

    /// The same principal with another remedy.
    pub fn with_remedy(self, remedy: impl Into<String>) -> Self {
        Principal { remedy: remedy.into(), ..self }
    }

    /// Whether it is a person, whose session can expire.
    pub fn is_user(&self) -> bool {
        self.is_user
    }

    /// The principal's own remedy.
    pub fn remedy(&self) -> &str {
        &self.remedy
    }

    /// The error with the principal's own remedy.
    pub fn no_token(&self, cause: impl Display) -> MintError {
        self.no_token_but(cause, self.remedy.as_str())
    }

    /// The error with a remedy that fits the cause better; an empty one is the principal's own.
    pub fn no_token_but(&self, cause: impl Display, remedy: impl Into<String>) -> MintError {
        let remedy = Some(remedy.into()).filter(|remedy| !remedy.is_empty());
        self.no_token_because(ErrorMessage { what: cause.to_string(), hint: remedy.or(Some(self.remedy.clone())) })
    }

    /// The error with the cause and the remedy, if any, of what a service or a program has met.
    pub fn no_token_because(&self, cause: ErrorMessage) -> MintError {
        MintError::Failed(self.explain(cause))
    }

    /// The message that names the principal in front of the cause.
    pub fn explain(&self, cause: ErrorMessage) -> ErrorMessage {
        ErrorMessage { what: format!("no token for {}: {}", self.name, cause.what), ..cause }
    }

    /// The response of `host` holds no token, or is not of its format.
    pub fn malformed_response(&self, host: &str) -> MintError {
        self.no_token_because(ErrorMessage { what: format!("{host} sent a malformed response"), hint: None })
    }

    /// The token had already expired when it was received: this machine's clock is ahead, or the service's is behind.
    pub fn expired_token(&self) -> MintError {
        self.no_token_but("the token received has already expired", "set this machine's clock")
    }

    /// The time limit of the request is over.
    pub fn timed_out(&self) -> MintError {
        self.no_token_but("timed out", "raise `timeout` in credmint's settings")
    }

    /// The user has to sign in again; `code` is the service's, in parentheses, or empty.
    pub fn session_expired(&self, code: &str) -> MintError {
        let space = if code.is_empty() { "" } else { " " };
        self.no_token(format!("{SESSION_EXPIRED}{space}{code}"))
    }
}
