//! The IAM credentials service: JSON in and out.

use std::time::Duration;

use hyper::Response;
use hyper::http::request::Parts;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Cloud, SCOPE};
use crate::behaviour::Refusal;
use crate::reply::{Body, json};

pub(super) fn generate_access_token(cloud: &Cloud, head: &Parts, body: &[u8]) -> Result<Response<Body>, Refusal> {
    let invalid = |why: &str| Refusal::new(400, "INVALID_ARGUMENT", why);
    let name = head.uri.path().rsplit('/').next().unwrap_or_default();
    let account = name.strip_suffix(":generateAccessToken").ok_or_else(|| invalid("Unknown method"))?;
    let token = head.headers.get("authorization").and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let by = cloud.bearer(token.unwrap_or_default())?;
    if !account.ends_with(".iam.gserviceaccount.com") {
        return Err(Refusal::new(404, "NOT_FOUND", "Unknown service account"));
    }
    let asked: Value = serde_json::from_slice(body).map_err(|_| invalid("Invalid JSON payload received."))?;
    // The second one reads images of Container Registry, and a file may ask for it.
    let enough = [SCOPE, "https://www.googleapis.com/auth/devstorage.read_only"];
    let mut scopes = asked["scope"].as_array().into_iter().flatten().filter_map(Value::as_str);
    if !scopes.any(|scope| enough.contains(&scope)) {
        return Err(invalid("Scope required."));
    }
    let life = asked["lifetime"].as_str().and_then(|life| life.strip_suffix('s')?.parse().ok());
    let life = life.filter(|life| (1..=43_200).contains(life)).ok_or_else(|| invalid("Invalid lifetime"))?;
    let through: String = asked["delegates"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let through = if through.is_empty() { through } else { format!(" through {through}") };
    let minted = cloud.mint(format!("{account} by {by}{through}"), Duration::from_secs(life));
    let end = OffsetDateTime::from(minted.expires).replace_nanosecond(0).expect("zero is a nanosecond");
    let end = end.format(&Rfc3339).expect("a time of this age has that form");
    Ok(json(200, &json!({"accessToken": minted.token, "expireTime": end})))
}

pub(super) fn refuse(refusal: &Refusal) -> Response<Body> {
    let error = json!({"code": refusal.status, "message": refusal.message, "status": refusal.code});
    json(refusal.status, &json!({"error": error}))
}
