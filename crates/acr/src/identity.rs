use broker::{MintError, Principal};
use protocol::Secret;

/// A principal, and the access token that proves it.
pub(crate) struct Identity {
    pub(crate) principal: Principal,
    pub(crate) token: Secret,
    /// The tenant that the token was requested from, if one was named.
    pub(crate) tenant: Option<String>,
}

/// What a source of the credential chain gives.
pub(crate) enum Found {
    Identity(Identity),
    None,
    /// An identity without a token, of a kind that the Azure SDKs skip. It is the error if there is no
    /// other identity.
    Unusable(MintError),
}

impl From<Option<Identity>> for Found {
    fn from(identity: Option<Identity>) -> Self {
        identity.map_or(Found::None, Found::Identity)
    }
}
