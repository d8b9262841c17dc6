//! Oracle's registry, which takes requests that a user's key or a session has signed.
//!
//! From oracle-devrel/oke-credential-provider-for-ocir and oci-python-sdk, `signer.py`. Not known of the real one: the
//! bodies of its refusals, and how far its clock may differ (Oracle's documents say five minutes).

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::http::request::Parts;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::json;

use super::call::ExchangeCall;
use super::services::Answer;
use super::state::{State, refusal};
use crate::github::public_key;
use crate::reply::json;

/// The tenancy of the pretend user.
pub const OCI_TENANCY: &str = "ocid1.tenancy.oc1..aaaa";
/// The user, whose key is [`APP_KEY`](crate::APP_KEY).
pub const OCI_USER: &str = "ocid1.user.oc1..bbbb";
/// The key's fingerprint.
pub const OCI_FINGERPRINT: &str = "20:3b:97:13:55:1c:aa:66";
/// The token of a session with the same key.
pub const OCI_SESSION: &str = "eyJhbGciOiJSUzI1NiJ9.session-c4n4ry.c2ln";

const TOLERANCE: Duration = Duration::from_secs(300);

pub(super) fn token(state: &State, head: &Parts) -> Answer {
    let denied = |why: &str| refusal(401, "NotAuthenticated", why);
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let fields = header("authorization").strip_prefix("Signature ").ok_or_else(|| denied("no signature"))?;
    let field = |name: &str| {
        let found = fields.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix("=\""));
        found.and_then(|value| value.strip_suffix('"')).ok_or_else(|| denied("a field is missing"))
    };
    if (field("version")?, field("algorithm")?, field("headers")?) != ("1", "rsa-sha256", "date (request-target) host")
    {
        return Err(denied("another form of a signature"));
    }
    let user = format!("{OCI_TENANCY}/{OCI_USER}/{OCI_FINGERPRINT}");
    let whose = match field("keyId")? {
        key if key == user => OCI_USER,
        key if key == format!("ST${OCI_SESSION}") => "session",
        _ => return Err(denied("an unknown key")),
    };
    let date = httpdate::parse_http_date(header("date")).map_err(|_| denied("date"))?;
    let now = SystemTime::now();
    if date + TOLERANCE < now || now + TOLERANCE < date {
        return Err(denied("the clock differs too much"));
    }
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let signed = format!("date: {}\n(request-target): get {path}\nhost: {}", header("date"), header("host"));
    let signature = STANDARD.decode(field("signature")?).map_err(|_| denied("no base64"))?;
    let key = public_key();
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &key);
    key.verify(signed.as_bytes(), &signature).map_err(|_| denied("the signature does not fit"))?;
    state.facts().signatures.push((signed, signature));
    let life = state.facts().token_life;
    let token = state.mint(ExchangeCall::Oracle, whose.to_owned(), "BEARER_TOKEN", json!({}));
    Ok(json(200, &json!({ "token": token.token, "access_token": token.token, "expires_in": life, "scope": "" })))
}
