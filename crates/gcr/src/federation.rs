use broker::{MintError, Principal};
use protocol::Secret;
use serde::Deserialize;
use serde_json::json;

use crate::credentials_file::{self, CredentialsFile};
use crate::exchange::{Exchange, Field, SCOPE};
use crate::executable::SubjectTokenRequest;
use crate::identity::Identity;
use crate::impersonation::Impersonation;
use crate::principal;
use crate::subject_token::{self, CredentialSource};
use crate::token::AccessToken;

const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

#[derive(Deserialize)]
struct Federation {
    audience: String,
    subject_token_type: String,
    token_url: String,
    credential_source: CredentialSource,
    service_account_impersonation_url: Option<String>,
    #[serde(default)]
    service_account_impersonation: Lifetime,
    client_id: Option<String>,
    #[serde(default, deserialize_with = "credentials_file::optional_secret")]
    client_secret: Option<Secret>,
    workforce_pool_user_project: Option<String>,
}

#[derive(Default, Deserialize)]
struct Lifetime {
    token_lifetime_seconds: Option<u64>,
}

/// Exchanges the token of another identity provider for one of Google's, and that, if the file has one, for a
/// service account's.
/// <https://google.aip.dev/auth/4117>
pub(crate) async fn token(
    file: &CredentialsFile,
    exchange: &Exchange<'_>,
) -> Result<(Principal, AccessToken), MintError> {
    let federation: Federation = file.fields()?;
    let principal = principal::federated(&file.path);
    let request = SubjectTokenRequest {
        audience: &federation.audience,
        token_type: &federation.subject_token_type,
        impersonation_url: federation.service_account_impersonation_url.as_deref(),
    };
    let subject = subject_token::token(&federation.credential_source, &request, &principal, exchange).await?;
    let options = federation.workforce_pool_user_project.as_ref().filter(|_| federation.client_id.is_none());
    let options = options.map(|project| json!({"userProject": project}).to_string());
    let mut form = form(&federation.audience, &federation.subject_token_type, &subject).to_vec();
    if let Some(options) = &options {
        form.push(("options", Field::Plain(options)));
    }
    let client = federation.client_id.as_deref().zip(federation.client_secret.as_ref());
    let token = exchange.token(&principal, &federation.token_url, client, &form).await?;
    let Some(url) = federation.service_account_impersonation_url else { return Ok((principal, token)) };
    let impersonation = Impersonation {
        lifetime: federation.service_account_impersonation.token_lifetime_seconds.unwrap_or(3600),
        remedy: "it grants roles/iam.workloadIdentityUser to the federated identity",
        ..Impersonation::at(url)
    };
    impersonation.token(&Identity::new(principal, token, file.universe.clone()), exchange).await
}

/// Exchanges the token of a pod's service account, as a provider of a workload identity pool.
/// <https://cloud.google.com/iam/docs/workload-identity-federation-with-kubernetes>
pub(crate) async fn of_pod(
    token: &Secret,
    provider: &str,
    universe: Option<&str>,
    exchange: &Exchange<'_>,
) -> Result<Identity, MintError> {
    let principal = principal::pod();
    let universe = universe.unwrap_or(registry::GOOGLE).to_owned();
    let service = format!("https://sts.{universe}/v1/token");
    let token = exchange.token(&principal, &service, None, &form(provider, JWT, token)).await?;
    Ok(Identity::new(principal, token, universe))
}

fn form<'a>(audience: &'a str, kind: &'a str, subject: &'a Secret) -> [(&'static str, Field<'a>); 6] {
    [
        ("grant_type", Field::Plain(GRANT)),
        ("audience", Field::Plain(audience)),
        ("scope", Field::Plain(SCOPE)),
        ("requested_token_type", Field::Plain(ACCESS_TOKEN)),
        ("subject_token_type", Field::Plain(kind)),
        ("subject_token", Field::Secret(subject)),
    ]
}
