//! The metadata server, and the other services of a federation: a token service
//! and the instance metadata service of AWS.

use hyper::http::request::Parts;
use hyper::{Method, Response};
use serde_json::json;

use super::{Cloud, GoogleCall, SCOPE, sigv4};
use crate::behaviour::Refusal;
use crate::reply::{Body, json, reply, with};

const FLAVOR: &str = "metadata-flavor";

pub(super) fn answer(cloud: &Cloud, call: GoogleCall, head: &Parts) -> Result<Response<Body>, Refusal> {
    if head.headers.get(FLAVOR).is_none_or(|flavor| flavor != "Google") {
        return Err(Refusal::new(403, "Forbidden", "Missing required header: Metadata-Flavor"));
    }
    let answer = match call {
        GoogleCall::MetadataToken => cloud.oauth("machine"),
        GoogleCall::MetadataAccount => {
            let account = "machine@pretend.iam.gserviceaccount.com";
            json(200, &json!({"aliases": ["default"], "email": account, "scopes": [SCOPE]}))
        }
        GoogleCall::MetadataIdentity => reply(200, "text/html", identity(cloud, head)?),
        GoogleCall::MetadataUniverse => reply(200, "application/text", cloud.state().universe.clone()),
        _ => reply(200, "application/text", "computeMetadata/\n"),
    };
    Ok(with(answer, FLAVOR, "Google"))
}

/// It is not signed by Google: a test sets the token for each audience.
fn identity(cloud: &Cloud, head: &Parts) -> Result<String, Refusal> {
    let query: Vec<_> = form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let field = |name: &str| query.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    if field("audience").is_empty() || field("format") != "full" {
        return Err(Refusal::new(400, "BadRequest", "non-empty audience parameter required"));
    }
    let known = cloud.state().identity_token.clone().filter(|(audience, _)| audience == field("audience"));
    known.map(|(_, token)| token).ok_or_else(|| Refusal::new(404, "NotFound", "no service account"))
}

pub(super) fn refuse(refusal: &Refusal) -> Response<Body> {
    with(reply(refusal.status, "text/html", refusal.message.clone()), FLAVOR, "Google")
}

/// Returns a token in a JSON field to a caller with the right header.
pub(super) fn subject(head: &Parts) -> Result<Response<Body>, Refusal> {
    if head.headers.get("authorization").is_none_or(|given| given != "bearer of-the-job") {
        return Err(Refusal::new(401, "Unauthorized", "no"));
    }
    Ok(json(200, &json!({"value": "header.job.signature"})))
}

pub(super) fn aws(head: &Parts) -> Result<Response<Body>, Refusal> {
    const SESSION: &str = "pretend-imds-session==";
    let path = head.uri.path();
    if path == "/latest/api/token" && head.method == Method::PUT {
        return Ok(reply(200, "text/plain", SESSION));
    }
    if head.headers.get("x-aws-ec2-metadata-token").is_none_or(|token| token != SESSION) {
        return Err(Refusal::new(401, "Unauthorized", "version 1 is switched off"));
    }
    match path {
        "/latest/meta-data/placement/availability-zone" => Ok(reply(200, "text/plain", "eu-central-1b")),
        "/latest/meta-data/iam/security-credentials" => Ok(reply(200, "text/plain", "pull")),
        "/latest/meta-data/iam/security-credentials/pull" => Ok(json(
            200,
            &json!({"AccessKeyId": "ASIAROLE", "SecretAccessKey": sigv4::SECRET, "Token": "pretend-session"}),
        )),
        _ => Err(Refusal::new(404, "NotFound", "not found")),
    }
}
