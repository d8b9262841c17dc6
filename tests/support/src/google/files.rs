//! Credentials files of every kind, whose services are this pretend Google.

use serde_json::{Value, json};

use super::{CLIENT, CLIENT_SECRET, Google, KEY_ID, key};

impl Google {
    /// The key of a service account.
    pub fn key_file(&self, account: &str) -> Value {
        json!({
            "type": "service_account",
            "project_id": "pretend",
            "private_key_id": KEY_ID,
            "private_key": key::PRIVATE,
            "client_email": account,
            "client_id": "1",
            "token_uri": format!("{}/token", self.url()),
        })
    }

    /// The file of `gcloud auth application-default login`.
    pub fn user_file(&self, name: &str) -> Value {
        json!({
            "type": "authorized_user",
            "account": "",
            "client_id": CLIENT,
            "client_secret": CLIENT_SECRET,
            "refresh_token": format!("refresh-{name}"),
            "token_uri": format!("{}/token", self.url()),
        })
    }

    /// The same for a user of a workforce pool.
    pub fn workforce_file(&self, name: &str) -> Value {
        json!({
            "type": "external_account_authorized_user",
            "audience": "//iam.googleapis.com/locations/global/workforcePools/corp/providers/oidc",
            "client_id": CLIENT,
            "client_secret": CLIENT_SECRET,
            "refresh_token": format!("refresh-{name}"),
            "token_url": format!("{}/v1/oauthtoken", self.url()),
        })
    }

    /// Workload identity federation with subject tokens from this source.
    pub fn federation_file(&self, source: Value) -> Value {
        let kind =
            if source["environment_id"].is_null() { "oauth:token-type:jwt" } else { "aws:token-type:aws4_request" };
        json!({
            "type": "external_account",
            "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/ci/providers/job",
            "subject_token_type": format!("urn:ietf:params:{kind}"),
            "token_url": format!("{}/v1/token", self.url()),
            "credential_source": source,
        })
    }

    /// The URL for tokens of a service account.
    pub fn impersonation_url(&self, account: &str) -> String {
        format!("{}/v1/projects/-/serviceAccounts/{account}:generateAccessToken", self.url())
    }
}
