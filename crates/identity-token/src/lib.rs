//! The identity tokens (OpenID Connect ID tokens) of a job: which source has one, and how to get it.
//!
//! ```text
//! settings, environment ──▶ Source::detect ──▶ fingerprint of the job     instant, on every `get`
//!                                         └──▶ token(audience)            slow, in `credmint-mint`
//! ```
//!
//! A token is requested for one audience, sent to one address and dropped: it is never stored, printed or logged.
//! What no table of the settings names is taken only from the CI that runs this job. The token of a pod's
//! service account and that of a machine are for other services unless the settings name them.

mod claims;
mod error;
mod fetch;
mod platform;
mod source;

pub use claims::Claims;
pub use error::{no_identity, not_granted};
pub use fetch::Fetch;
pub use source::{Detected, Source};

use protocol::Secret;

/// An identity token with its claims.
#[derive(Clone, Debug)]
pub struct IdentityToken {
    /// The token.
    pub secret: Secret,
    /// Its claims; not verified, because the recipient does that. `None` if it is not a JSON Web
    /// Token.
    pub claims: Option<Claims>,
    /// What has to be as it is now for what it is exchanged for to serve again, see [`broker::Minted::requires`].
    pub requires: Option<String>,
}

impl IdentityToken {
    pub(crate) fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        // What goes into a header and a form is one word.
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        plain.then(|| IdentityToken { claims: Claims::of(text), secret: Secret::new(text.to_owned()), requires: None })
    }
}
