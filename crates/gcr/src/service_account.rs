use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use broker::{MintError, Principal};
use protocol::Secret;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::credentials_file::{CredentialsFile, CredentialsType};
use crate::exchange::{Exchange, ExchangeError, Field, SCOPE};
use crate::key::{self, Key};
use crate::principal;
use crate::token::AccessToken;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// The longest that Google takes.
const LIFE: Duration = Duration::from_secs(3600);

#[derive(Deserialize)]
struct Fields {
    client_email: String,
    private_key_id: Option<String>,
    #[serde(rename = "private_key", deserialize_with = "key::field")]
    key: Option<Key>,
    token_uri: String,
}

/// A self-signed JWT, if that is the token of this file: no request is needed for it. `None` if it is not, or if the
/// key cannot be used, which [`token`] reports.
pub(crate) fn self_signed(file: &CredentialsFile, self_signed_jwt: bool) -> Option<AccessToken> {
    let is_self_signed = file.kind == CredentialsType::ServiceAccount && signs_itself(file, self_signed_jwt);
    let fields: Fields = is_self_signed.then(|| file.fields().ok())??;
    let principal = principal::service_account(&fields.client_email, &file.path);
    fields.self_signed(&principal, SystemTime::now(), true).ok()
}

/// Other universes have no token endpoint.
fn signs_itself(file: &CredentialsFile, self_signed_jwt: bool) -> bool {
    self_signed_jwt || file.universe != registry::GOOGLE
}

/// Signs an assertion, and exchanges it for an access token.
/// <https://developers.google.com/identity/protocols/oauth2/service-account>
pub(crate) async fn token(
    file: &CredentialsFile,
    exchange: &Exchange<'_>,
) -> Result<(Principal, AccessToken), MintError> {
    let fields: Fields = file.fields()?;
    let principal = principal::service_account(&fields.client_email, &file.path);
    let now = SystemTime::now();
    if signs_itself(file, exchange.self_signed_jwt) {
        let token = fields.self_signed(&principal, now, true)?;
        return Ok((principal, token));
    }
    let sign = |key: &Key, text: &[u8]| key.sign_assertion(file.text(), text);
    let signed = jwt(&fields, &principal, json!({"aud": fields.token_uri}), now, sign)?;
    let form = [("grant_type", Field::Plain(GRANT)), ("assertion", Field::Secret(&signed))];
    let token = match exchange.token(&principal, &fields.token_uri, None, &form).await {
        // A firewall or a service perimeter may block this service and not the registry. It is not documented that
        // registries accept such a token, so it is not cached: the service is called the next time.
        Err(ExchangeError::Unreachable(_)) => {
            let Fields { token_uri, client_email, .. } = &fields;
            log::warn!("cannot reach {token_uri}: the token is a JWT that {client_email} signed");
            fields.self_signed(&principal, now, false)?
        }
        token => token?,
    };
    Ok((principal, token))
}

impl Fields {
    /// What is signed for no audience but for a scope is itself a token: <https://google.aip.dev/auth/4111>.
    fn self_signed(
        &self,
        principal: &Principal,
        now: SystemTime,
        is_cacheable: bool,
    ) -> Result<AccessToken, MintError> {
        let secret = jwt(self, principal, json!({"sub": self.client_email}), now, Key::sign)?;
        Ok(AccessToken { secret, expires: now + LIFE, is_cacheable })
    }
}

fn jwt(
    fields: &Fields,
    principal: &Principal,
    mut claims: Value,
    now: SystemTime,
    sign: impl Fn(&Key, &[u8]) -> Option<Vec<u8>>,
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
    let mut jwt = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
    let signature = fields.key.as_ref().and_then(|key| sign(key, jwt.as_bytes()));
    let signature =
        signature.ok_or_else(|| principal.no_token_but("its private key is malformed", "create a new key"))?;
    jwt.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut jwt);
    Ok(Secret::new(jwt))
}
