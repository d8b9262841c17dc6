//! The instance metadata service, version 2: a session first, credentials with it.

use hyper::http::request::Parts;
use hyper::{Method, Response};
use serde_json::json;

use super::cloud::iso;
use super::{ACCOUNT, Cloud};
use crate::behaviour::Refusal;
use crate::reply::{Body, json, reply, with};

/// The name of the role that the instance has.
pub const IMDS_ROLE: &str = "pretend-instance-role";

const SESSION: &str = "pretend-imds-session==";
const TTL: &str = "x-aws-ec2-metadata-token-ttl-seconds";

pub(super) fn token(head: &Parts) -> Result<Response<Body>, Refusal> {
    if head.method != Method::PUT {
        return Err(Refusal::new(405, "MethodNotAllowed", "a session begins with a PUT"));
    }
    let ttl = head.headers.get(TTL).and_then(|ttl| ttl.to_str().ok());
    let Some(ttl) = ttl.filter(|ttl| ttl.parse().is_ok_and(|ttl: u32| (1..=21600).contains(&ttl))) else {
        return Err(Refusal::new(400, "BadRequest", "a session has a life of 1 to 21600 seconds"));
    };
    Ok(with(reply(200, "text/plain", SESSION), TTL, ttl))
}

pub(super) fn credentials(cloud: &Cloud, head: &Parts) -> Result<Response<Body>, Refusal> {
    if head.headers.get("x-aws-ec2-metadata-token").is_none_or(|token| token != SESSION) {
        return Err(Refusal::new(401, "Unauthorized", "version 1 is switched off"));
    }
    let role = head.uri.path().rsplit('/').next().unwrap_or_default();
    if role.is_empty() {
        return Ok(reply(200, "text/plain", IMDS_ROLE));
    }
    if role != IMDS_ROLE {
        return Err(Refusal::new(404, "NotFound", "the instance has no such role"));
    }
    let arn = format!("arn:aws:sts::{ACCOUNT}:assumed-role/{IMDS_ROLE}/i-0123456789abcdef0");
    let identity = cloud.issue("IMDS", arn);
    let answer = json!({
        "Code": "Success",
        "Type": "AWS-HMAC",
        "LastUpdated": iso(cloud.now()),
        "AccessKeyId": identity.access_key,
        "SecretAccessKey": identity.secret_key,
        "Token": identity.session_token,
        "Expiration": iso(identity.expires),
    });
    Ok(json(200, &answer))
}

pub(super) fn refuse(refusal: &Refusal) -> Response<Body> {
    reply(refusal.status, "text/plain", refusal.message.clone())
}
