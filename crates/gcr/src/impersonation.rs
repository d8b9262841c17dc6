use broker::MintError;
use serde_json::json;

use crate::exchange::{Exchange, SCOPE};
use crate::failure::Who;
use crate::identity::Identity;
use crate::token::AccessToken;

/// The right that impersonation needs.
pub(crate) const CREATOR: &str = "it grants roles/iam.serviceAccountTokenCreator to whom it is to serve";

/// How another service account's token is asked for.
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

    /// The account of this name.
    pub(crate) fn of(account: &str, universe: &str) -> Self {
        Self::at(format!(
            "https://iamcredentials.{universe}/v1/projects/-/serviceAccounts/{account}:generateAccessToken"
        ))
    }

    /// The account's own token, by the right of another.
    /// <https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken>
    pub(crate) async fn token(&self, by: &Identity, exchange: &Exchange<'_>) -> Result<(Who, AccessToken), MintError> {
        let account = self.url.rsplit('/').next().and_then(|last| last.strip_suffix(":generateAccessToken"));
        let who = Who::impersonated(account.unwrap_or_default(), self.remedy);
        let body = json!({
            "scope": [SCOPE],
            "lifetime": format!("{}s", self.lifetime),
            "delegates": self.delegates,
        });
        let token = exchange.call(&who, &self.url, &by.token, by.quota_project.as_deref(), &body).await?;
        Ok((who, token))
    }
}
