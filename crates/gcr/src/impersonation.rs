use broker::{MintError, Principal};
use serde_json::json;

use crate::exchange::{Exchange, SCOPE};
use crate::identity::Identity;
use crate::principal;
use crate::token::AccessToken;

/// The right that impersonation needs.
pub(crate) const CREATOR: &str =
    "grant roles/iam.serviceAccountTokenCreator on it to the identity that impersonates it";

/// How the token of another service account is requested.
pub(crate) struct Impersonation {
    pub(crate) url: String,
    pub(crate) delegates: Vec<String>,
    pub(crate) lifetime: u64,
    pub(crate) remedy: &'static str,
}

impl Impersonation {
    /// The account that a file names by its address: `…/serviceAccounts/EMAIL:generateAccessToken`.
    pub(crate) fn at(url: String) -> Self {
        Impersonation { url, delegates: Vec::new(), lifetime: 3600, remedy: CREATOR }
    }

    /// The account of this name, for this identity.
    pub(crate) fn of(account: &str, by: &Identity) -> Self {
        let service = match &by.iam_endpoint {
            Some(address) => address.trim_end_matches('/').to_owned(),
            None => format!("https://iamcredentials.{}", by.universe),
        };
        Self::at(format!("{service}/v1/projects/-/serviceAccounts/{account}:generateAccessToken"))
    }

    /// The account's own token, by the right of another.
    /// <https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken>
    pub(crate) async fn token(
        &self,
        by: &Identity,
        exchange: &Exchange<'_>,
    ) -> Result<(Principal, AccessToken), MintError> {
        let account = self.url.rsplit('/').next().and_then(|last| last.strip_suffix(":generateAccessToken"));
        let principal = principal::impersonated(account.unwrap_or_default(), self.remedy);
        let body = json!({
            "scope": [SCOPE],
            "lifetime": format!("{}s", self.lifetime),
            "delegates": self.delegates,
        });
        let token = exchange.call(&principal, &self.url, &by.token, by.quota_project.as_deref(), &body).await?;
        Ok((principal, token))
    }
}
