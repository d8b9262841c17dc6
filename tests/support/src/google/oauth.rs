//! The OAuth token endpoint and the security token service: forms in, JSON out.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hyper::Response;
use hyper::http::request::Parts;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::{Value, json};

use super::{CLIENT, CLIENT_SECRET, Cloud, KEY_ID, SCOPE, key, sigv4};
use crate::behaviour::Refusal;
use crate::reply::{Body, json};

const LATE: &str = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. \
                    Check your iat and exp values in the JWT claim.";

const REAL: &str = "https://oauth2.googleapis.com/token";

pub(super) fn token(cloud: &Cloud, head: &Parts, body: &[u8]) -> Result<Response<Body>, Refusal> {
    let form = Form::parse(head, body)?;
    match form.field("grant_type")? {
        "urn:ietf:params:oauth:grant-type:jwt-bearer" => {
            let account = service_account(cloud, head, form.field("assertion")?)?;
            Ok(cloud.oauth(account))
        }
        "refresh_token" => {
            if (form.field("client_id")?, form.field("client_secret")?) != (CLIENT, CLIENT_SECRET) {
                return Err(Refusal::new(401, "invalid_client", "The OAuth client was not found."));
            }
            Ok(cloud.oauth(format!("user {}", refreshed(form.field("refresh_token")?)?)))
        }
        _ => Err(Refusal::new(400, "unsupported_grant_type", "Invalid grant_type")),
    }
}

pub(super) fn workforce(cloud: &Cloud, head: &Parts, body: &[u8]) -> Result<Response<Body>, Refusal> {
    let form = Form::parse(head, body)?;
    let basic = format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{CLIENT_SECRET}")));
    if head.headers.get("authorization").is_none_or(|given| given != basic.as_str()) {
        return Err(Refusal::new(401, "invalid_client", "The OAuth client is not authenticated."));
    }
    form.is("grant_type", "refresh_token")?;
    Ok(cloud.oauth(format!("workforce {}", refreshed(form.field("refresh_token")?)?)))
}

/// The introspection of a token: gcloud requires it of a federated one.
pub(super) fn introspect(cloud: &Cloud, head: &Parts, body: &[u8]) -> Result<Response<Body>, Refusal> {
    let form = Form::parse(head, body)?;
    let who = cloud.bearer(form.field("token")?);
    Ok(json(200, &json!({"active": who.is_ok(), "username": who.unwrap_or_default()})))
}

/// The exchange of a token of another issuer.
pub(super) fn exchange(cloud: &Cloud, head: &Parts, body: &[u8]) -> Result<Response<Body>, Refusal> {
    let form = Form::parse(head, body)?;
    form.is("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")?;
    form.is("requested_token_type", "urn:ietf:params:oauth:token-type:access_token")?;
    if !is_enough(form.field("scope")?) {
        return Err(Refusal::new(400, "invalid_scope", "Invalid OAuth scope or ID token audience provided."));
    }
    let audience = form.field("audience")?;
    if !audience.starts_with("//iam.googleapis.com/") {
        return Err(Refusal::new(400, "invalid_target", "The target service indicated by the audience is invalid"));
    }
    let subject = form.field("subject_token")?;
    match form.field("subject_token_type")? {
        "urn:ietf:params:oauth:token-type:jwt" | "urn:ietf:params:oauth:token-type:saml2" => {
            let parts: Vec<_> = subject.split('.').collect();
            let [_, name, _] = parts[..] else {
                return Err(Refusal::new(400, "invalid_grant", "Error connecting to the given credential's issuer."));
            };
            Ok(cloud.oauth(format!("subject {name}")))
        }
        "urn:ietf:params:aws:token-type:aws4_request" => {
            let key = sigv4::caller(subject, audience, cloud.now())
                .ok_or_else(|| Refusal::new(400, "invalid_grant", "The AWS request is not properly signed."))?;
            Ok(cloud.oauth(format!("aws {key}")))
        }
        _ => Err(Refusal::new(400, "invalid_request", "Invalid subject_token_type")),
    }
}

pub(super) fn refuse(refusal: &Refusal) -> Response<Body> {
    let mut body = json!({"error": refusal.code, "error_description": refusal.message});
    // Google requires a new sign-in of the user: a kind of invalid_grant.
    if refusal.code == "invalid_rapt" {
        body["error"] = "invalid_grant".into();
        body["error_subtype"] = "invalid_rapt".into();
    }
    json(refusal.status, &body)
}

/// The account that signed this.
fn service_account(cloud: &Cloud, head: &Parts, assertion: &str) -> Result<String, Refusal> {
    let invalid = |why: &str| Refusal::new(400, "invalid_grant", why);
    let (signed, signature) = assertion.rsplit_once('.').ok_or_else(|| invalid("Bad Request"))?;
    let part = |text: &str| -> Option<Value> { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok() };
    let (header, claims) = signed.split_once('.').ok_or_else(|| invalid("Bad Request"))?;
    let (header, claims) = part(header).zip(part(claims)).ok_or_else(|| invalid("Bad Request"))?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| invalid("Invalid JWT Signature."))?;
    let verified = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key::public())
        .verify(signed.as_bytes(), &signature)
        .is_ok();
    if !verified || header["alg"] != "RS256" || header["typ"] != "JWT" || header["kid"] != KEY_ID {
        return Err(invalid("Invalid JWT Signature."));
    }
    let host = head.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
    let audience = claims["aud"].as_str().unwrap_or_default();
    // Google's library for Python names the real one, whatever its endpoint.
    let own = [format!("http://{host}/token"), format!("https://{host}/token"), REAL.to_owned()];
    if !own.iter().any(|own| own == audience) {
        return Err(invalid("Invalid JWT: Failed audience check."));
    }
    if !claims["scope"].as_str().is_some_and(is_enough) {
        return Err(Refusal::new(400, "invalid_scope", "Invalid OAuth scope or ID token audience provided."));
    }
    let moment = |name: &str| Some(SystemTime::UNIX_EPOCH + Duration::from_secs(claims[name].as_u64()?));
    let (issued, ends) = moment("iat").zip(moment("exp")).ok_or_else(|| invalid(LATE))?;
    let (now, tolerance) = (cloud.now(), Duration::from_secs(300));
    if issued > now + tolerance || ends < now || ends > issued + Duration::from_secs(3600) {
        return Err(invalid(LATE));
    }
    claims["iss"].as_str().map(str::to_owned).ok_or_else(|| invalid("Bad Request"))
}

/// Whether these scopes are sufficient for registries, or for impersonation. gcloud requests more.
fn is_enough(scopes: &str) -> bool {
    scopes.split(' ').any(|scope| [SCOPE, "https://www.googleapis.com/auth/iam"].contains(&scope))
}

/// The user of a refresh token, which contains the name.
fn refreshed(token: &str) -> Result<&str, Refusal> {
    let name = token.strip_prefix("refresh-");
    name.ok_or_else(|| Refusal::new(400, "invalid_grant", "Token has been expired or revoked."))
}

struct Form(HashMap<String, String>);

impl Form {
    fn parse(head: &Parts, body: &[u8]) -> Result<Self, Refusal> {
        if head.headers.get("content-type").is_none_or(|kind| kind != "application/x-www-form-urlencoded") {
            return Err(Refusal::new(400, "invalid_request", "Bad Request"));
        }
        Ok(Form(form_urlencoded::parse(body).into_owned().collect()))
    }

    fn field(&self, name: &str) -> Result<&str, Refusal> {
        let missing = || Refusal::new(400, "invalid_request", format!("Missing required parameter: {name}"));
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty()).ok_or_else(missing)
    }

    fn is(&self, name: &str, expected: &str) -> Result<(), Refusal> {
        let wrong = || Refusal::new(400, "invalid_request", format!("Invalid parameter: {name}"));
        (self.field(name)? == expected).then_some(()).ok_or_else(wrong)
    }
}
