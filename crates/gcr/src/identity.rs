use broker::Principal;
use settings::Conditions;

use crate::token::AccessToken;

/// A principal with its access token.
pub(crate) struct Identity {
    pub(crate) principal: Principal,
    pub(crate) token: AccessToken,
    /// The domain of the Google Cloud that it belongs to.
    pub(crate) universe: String,
    /// The project that the requests of a user are charged to.
    pub(crate) quota_project: Option<String>,
    /// What it depends on in addition to the token's name.
    pub(crate) conditions: Conditions,
    /// The endpoint of the IAM Credentials API, if it is not the default.
    pub(crate) iam_endpoint: Option<String>,
}

impl Identity {
    /// An identity that depends on the token's name only.
    pub(crate) fn new(principal: Principal, token: AccessToken, universe: String) -> Self {
        let conditions = Conditions::default();
        Identity { principal, token, universe, quota_project: None, conditions, iam_endpoint: None }
    }
}
