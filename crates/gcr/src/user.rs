use broker::{MintError, Principal};
use protocol::Secret;
use serde::Deserialize;

use crate::credentials_file::{self, CredentialsFile};
use crate::exchange::{Exchange, Field};
use crate::principal;
use crate::token::AccessToken;

const TOKEN: &str = "https://oauth2.googleapis.com/token";
const GRANT: (&str, Field<'static>) = ("grant_type", Field::Plain("refresh_token"));

#[derive(Deserialize)]
struct User {
    client_id: String,
    #[serde(deserialize_with = "credentials_file::secret")]
    client_secret: Secret,
    #[serde(deserialize_with = "credentials_file::secret")]
    refresh_token: Secret,
    token_uri: Option<String>,
}

/// A user principal has signed in with `gcloud auth application-default login`.
/// <https://google.aip.dev/auth/4113>
pub(crate) async fn token(
    file: &CredentialsFile,
    exchange: &Exchange<'_>,
) -> Result<(Principal, AccessToken), MintError> {
    let user: User = file.fields()?;
    let principal = principal::user(&file.path);
    // The scopes are those that the user agreed to.
    let form = [
        GRANT,
        ("client_id", Field::Plain(&user.client_id)),
        ("client_secret", Field::Secret(&user.client_secret)),
        ("refresh_token", Field::Secret(&user.refresh_token)),
    ];
    let token = exchange.token(&principal, user.token_uri.as_deref().unwrap_or(TOKEN), None, &form).await?;
    Ok((principal, token))
}

#[derive(Deserialize)]
struct Workforce {
    client_id: String,
    #[serde(deserialize_with = "credentials_file::secret")]
    client_secret: Secret,
    #[serde(deserialize_with = "credentials_file::secret")]
    refresh_token: Secret,
    token_url: String,
}

/// A user of a workforce pool principal has signed in the same way.
/// <https://cloud.google.com/iam/docs/workforce-obtaining-short-lived-credentials>
pub(crate) async fn workforce_token(
    file: &CredentialsFile,
    exchange: &Exchange<'_>,
) -> Result<(Principal, AccessToken), MintError> {
    let user: Workforce = file.fields()?;
    let principal = principal::user(&file.path);
    let form = [GRANT, ("refresh_token", Field::Secret(&user.refresh_token))];
    let client = Some((user.client_id.as_str(), &user.client_secret));
    let token = exchange.token(&principal, &user.token_url, client, &form).await?;
    Ok((principal, token))
}
