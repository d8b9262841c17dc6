//! ECR Public: bearer tokens for everyone.

use hyper::Response;
use serde_json::json;

use super::private::password_of;
use super::refuse;
use crate::aws::Cloud;
use crate::behaviour::Refusal;
use crate::reply::{Body, json, with};

/// The header of the token that `/token/` issues to everyone.
pub(super) const BEARER: &str = "Bearer pretend-public-token";

pub(super) fn is_public(host: &str) -> bool {
    matches!(host, "public.ecr.aws" | "ecr-public.aws.com")
}

pub(super) fn challenge(scheme: &str, host: &str) -> Response<Body> {
    let realm = format!("Bearer realm=\"{scheme}://{host}/token/\",service=\"{host}\",scope=\"aws\"");
    with(refuse(&Refusal::new(401, "UNAUTHORIZED", "Not Authorized")), "www-authenticate", &realm)
}

/// A token for everyone: without a login, or with a valid one.
pub(super) fn token(cloud: &Cloud, authorization: Option<&str>) -> Response<Body> {
    if let Some(login) = authorization {
        let admitted = password_of(login).ok_or("Not Authorized").and_then(|it| cloud.admits(&it, "ecr-public", None));
        if let Err(reason) = admitted {
            return refuse(&Refusal::new(401, "UNAUTHORIZED", reason));
        }
    }
    json(200, &json!({ "token": BEARER.strip_prefix("Bearer ") }))
}
