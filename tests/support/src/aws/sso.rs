//! IAM Identity Center: the portal that gives a role's credentials for an access token, and the
//! OIDC service that refreshes the access token.

use std::collections::HashMap;

use hyper::Response;
use hyper::http::request::Parts;
use serde_json::{Value, json};

use super::Cloud;
use super::cloud::epoch;
use crate::behaviour::Refusal;
use crate::reply::{Body, json, with};

pub(super) fn credentials(cloud: &Cloud, head: &Parts) -> Result<Response<Body>, Refusal> {
    let bearer = head.headers.get("x-amz-sso_bearer_token");
    if bearer.is_none_or(|token| token.is_empty()) {
        return Err(Refusal::new(401, "UnauthorizedException", "Session token not found or invalid"));
    }
    let query: HashMap<_, _> = form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes()).collect();
    let (Some(role), Some(account)) = (query.get("role_name"), query.get("account_id")) else {
        return Err(Refusal::new(400, "InvalidRequestException", "role_name and account_id are required"));
    };
    let arn = format!("arn:aws:sts::{account}:assumed-role/AWSReservedSSO_{role}/pretend");
    let identity = cloud.issue("SSO", arn);
    Ok(json(
        200,
        &json!({ "roleCredentials": {
            "accessKeyId": identity.access_key,
            "secretAccessKey": identity.secret_key,
            "sessionToken": identity.session_token,
            "expiration": u64::try_from(epoch(identity.expires).as_millis()).expect("it is before the year 500,000,000"),
        }}),
    ))
}

pub(super) fn token(body: &[u8]) -> Result<Response<Body>, Refusal> {
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    if request["grantType"] != "refresh_token" {
        return Err(Refusal::new(400, "UnsupportedGrantTypeException", "only refresh_token is supported here"));
    }
    let given = |name: &str| request[name].as_str().is_some_and(|text| !text.is_empty());
    if !(given("clientId") && given("clientSecret") && given("refreshToken")) {
        return Err(Refusal::new(400, "InvalidGrantException", "Invalid refresh token provided"));
    }
    let answer = json!({
        "accessToken": "pretend-sso-access-token",
        "refreshToken": "pretend-sso-refresh-token",
        "tokenType": "Bearer",
        "expiresIn": 28800,
    });
    Ok(json(200, &answer))
}

pub(super) fn refuse(refusal: &Refusal) -> Response<Body> {
    with(json(refusal.status, &json!({ "message": refusal.message })), "x-amzn-errortype", refusal.code)
}

pub(super) fn refuse_token(refusal: &Refusal) -> Response<Body> {
    // OAuth's name of the error is included, next to AWS's.
    let error = match refusal.code {
        "InvalidGrantException" => "invalid_grant",
        "ExpiredTokenException" => "expired_token",
        "UnsupportedGrantTypeException" => "unsupported_grant_type",
        "AccessDeniedException" => "access_denied",
        _ => "invalid_request",
    };
    let body = json!({ "error": error, "error_description": refusal.message });
    with(json(refusal.status, &body), "x-amzn-errortype", refusal.code)
}
