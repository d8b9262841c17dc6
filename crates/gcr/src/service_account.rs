use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use broker::MintError;
use gcp_auth::CustomServiceAccount;
use protocol::Secret;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::exchange::{Exchange, Field, SCOPE};
use crate::failure::{Who, no_token};
use crate::file::CredentialsFile;
use crate::token::AccessToken;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// The longest that Google takes.
const LIFE: Duration = Duration::from_secs(3600);

#[derive(Deserialize)]
struct Fields {
    client_email: String,
    private_key_id: Option<String>,
    token_uri: String,
}

/// A service account signs for itself and gets a token for it.
/// <https://developers.google.com/identity/protocols/oauth2/service-account>
pub(crate) async fn token(file: &CredentialsFile, exchange: &Exchange<'_>) -> Result<(Who, AccessToken), MintError> {
    let fields: Fields = file.fields()?;
    let who = Who::service_account(&fields.client_email, &file.path);
    let now = SystemTime::now();
    // Other universes have no token endpoint: there what is signed is itself the token.
    // https://google.aip.dev/auth/4111
    if file.universe != registry::GOOGLE {
        let signed = assertion(file, &fields, &who, json!({"sub": fields.client_email}), now)?;
        return Ok((who, AccessToken { secret: signed, expires: now + LIFE }));
    }
    let signed = assertion(file, &fields, &who, json!({"aud": fields.token_uri}), now)?;
    let form = [("grant_type", Field::Plain(GRANT)), ("assertion", Field::Secret(&signed))];
    let token = exchange.token(&who, &fields.token_uri, None, &form).await?;
    Ok((who, token))
}

fn assertion(
    file: &CredentialsFile,
    fields: &Fields,
    who: &Who,
    mut claims: Value,
    now: SystemTime,
) -> Result<Secret, MintError> {
    let issued = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    claims["iss"] = fields.client_email.as_str().into();
    claims["scope"] = SCOPE.into();
    claims["iat"] = issued.into();
    claims["exp"] = (issued + LIFE.as_secs()).into();
    let mut header = json!({"alg": "RS256", "typ": "JWT"});
    if let Some(id) = &fields.private_key_id {
        header["kid"] = id.as_str().into();
    }
    let unusable = |_| no_token(who, "its private key cannot be used", "create a new key file");
    let account = CustomServiceAccount::from_json(file.text()).map_err(unusable)?;
    let mut jwt = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
    let signature = account.signer().sign(jwt.as_bytes()).map_err(unusable)?;
    jwt.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut jwt);
    Ok(Secret::new(jwt))
}
