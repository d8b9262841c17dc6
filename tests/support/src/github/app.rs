//! Apps: their signatures, installations and tokens.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::Response;
use hyper::http::request::Parts;
use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde_json::{Value, json};
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use super::state::{Installation, InstallationToken, State};
use crate::behaviour::Refusal;
use crate::reply::{Body, json};

/// The only App of the pretend GitHub.
pub const APP: &str = "123456";
/// The App's client id, which works like its id.
pub const APP_CLIENT: &str = "Iv23liPretendClient1";
/// The App's private key, in the format of GitHub (PKCS #1). It is used nowhere else.
pub const APP_KEY: &str = include_str!("app.pem");
/// A key that is not the App's, in the format of other tools (PKCS #8).
pub const OTHER_KEY: &str = include_str!("other-app.pem");

/// Whether the request is signed by the App, as GitHub checks it.
pub(super) fn admit(state: &State, head: &Parts) -> Result<(), Refusal> {
    let refuse = |message: &str| Refusal::new(401, "", message);
    let undecoded = || refuse("A JSON web token could not be decoded");
    let bearer = head.headers.get("authorization").and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let token = bearer.ok_or_else(|| refuse("A JSON web token is required"))?;
    if head.headers.get("user-agent").is_none() {
        return Err(Refusal::new(
            403,
            "",
            "Request forbidden by administrative rules. Please make sure your request has a User-Agent header",
        ));
    }
    let (signed, signature) = token.rsplit_once('.').ok_or_else(undecoded)?;
    let part = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| undecoded());
    let (header, claims) = signed.split_once('.').ok_or_else(undecoded)?;
    let header: Value = serde_json::from_slice(&part(header)?).map_err(|_| undecoded())?;
    let claims: Value = serde_json::from_slice(&part(claims)?).map_err(|_| undecoded())?;
    if header["alg"] != "RS256" {
        return Err(undecoded());
    }
    if claims["iss"] != APP && claims["iss"] != APP_CLIENT {
        return Err(Refusal::new(404, "", "Integration not found"));
    }
    let key = public_key();
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &key);
    key.verify(signed.as_bytes(), &part(signature)?).map_err(|_| undecoded())?;
    let now = state.now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs();
    let (Some(issued), Some(ends)) = (claims["iat"].as_u64(), claims["exp"].as_u64()) else {
        return Err(refuse("'Issued at' claim ('iat') and 'Expiration time' claim ('exp') must be Integers"));
    };
    if issued > now {
        return Err(refuse(
            "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
        ));
    }
    if ends <= now {
        return Err(refuse(
            "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
        ));
    }
    if ends > now + 600 {
        return Err(refuse("'Expiration time' claim ('exp') is too far in the future"));
    }
    Ok(())
}

/// That of [`APP_KEY`].
pub(crate) fn public_key() -> Vec<u8> {
    let PrivateKeyDer::Pkcs1(key) = PrivateKeyDer::from_pem_slice(APP_KEY.as_bytes()).expect("it is in PEM") else {
        panic!("GitHub's keys are in PKCS #1");
    };
    let pair = RsaKeyPair::from_der(key.secret_pkcs1_der()).expect("it is a key");
    pair.public_key().as_ref().to_vec()
}

pub(super) fn installations(state: &State, head: &Parts) -> Response<Body> {
    let query = form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes());
    let limit =
        query.into_iter().find_map(|(name, value)| (name == "per_page").then(|| value.parse().ok())?).unwrap_or(30);
    let facts = state.facts();
    json(200, &facts.installations.iter().take(limit).map(described).collect())
}

pub(super) fn installation_of(state: &State, account: &str, is_org: bool) -> Result<Response<Body>, Refusal> {
    let facts = state.facts();
    let found =
        facts.installations.iter().find(|one| one.account.eq_ignore_ascii_case(account) && one.is_org == is_org);
    found.map(|one| json(200, &described(one))).ok_or_else(not_found)
}

/// The repositories of an installation that can be named.
const REPOSITORIES: [&str; 2] = ["app", "tools"];

/// <https://docs.github.com/rest/apps/apps#create-an-installation-access-token-for-an-app>
pub(super) fn token(state: &State, id: &str, head: &Parts, body: &[u8]) -> Result<Response<Body>, Refusal> {
    let wanted: Value = if body.is_empty() { json!({}) } else { serde_json::from_slice(body).unwrap_or_default() };
    let repositories: Vec<String> = serde_json::from_value(wanted["repositories"].clone()).unwrap_or_default();
    if !repositories.iter().all(|name| REPOSITORIES.contains(&name.as_str())) {
        let message =
            "There is at least one repository that does not exist or is not accessible to the parent installation.";
        return Err(Refusal::new(422, "", message));
    }
    let access = wanted["permissions"]["packages"].as_str().unwrap_or("write").to_owned();
    let secret = state.secret();
    let now = state.now();
    let mut facts = state.facts();
    let found = facts.installations.iter().find(|one| one.id.to_string() == id).ok_or_else(not_found)?;
    if found.is_suspended {
        return Err(Refusal::new(403, "", "This installation has been suspended"));
    }
    let (installation, account) = (found.id, found.account.clone());
    let token = format!("ghs_{APP}_{secret}{}", "0".repeat(460));
    let expires = now + facts.token_life;
    let host = head.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default().to_owned();
    facts.minted.push(InstallationToken {
        token: token.clone(),
        app: APP.into(),
        installation,
        account,
        host,
        access: access.clone(),
        repositories,
        expires,
    });
    let permissions: serde_json::Map<_, _> =
        facts.permissions.iter().map(|name| (name.clone(), Value::from(access.as_str()))).collect();
    let answer = json!({
        "token": token,
        "expires_at": rfc3339(expires),
        "permissions": permissions,
        "repository_selection": "all",
    });
    Ok(json(201, &answer))
}

fn described(one: &Installation) -> Value {
    let kind = if one.is_org { "Organization" } else { "User" };
    let suspended = one.is_suspended.then_some("2026-01-01T00:00:00Z");
    json!({ "id": one.id, "account": { "login": one.account, "type": kind }, "suspended_at": suspended })
}

fn not_found() -> Refusal {
    Refusal::new(404, "", "Not Found")
}

fn rfc3339(time: SystemTime) -> String {
    // Whole seconds, as GitHub writes them.
    let seconds = time.duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs();
    let time = time::OffsetDateTime::from(UNIX_EPOCH + Duration::from_secs(seconds));
    time.format(&time::format_description::well_known::Rfc3339).expect("a time of this age has that form")
}
