//! The sign-in service behind `aws login`: refreshes its session and gives credentials at once.

use hyper::Response;
use serde_json::{Value, json};

use super::{ACCOUNT, Cloud};
use crate::behaviour::Refusal;
use crate::reply::{Body, json, with};

pub(super) fn token(cloud: &Cloud, body: &[u8]) -> Result<Response<Body>, Refusal> {
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    let given = |name: &str| request[name].as_str().is_some_and(|text| !text.is_empty());
    if request["grantType"] != "refresh_token" || !given("clientId") || !given("refreshToken") {
        return Err(Refusal::new(400, "ValidationException", "only a refresh_token of a client is supported here"));
    }
    let identity = cloud.issue("SIGNIN", format!("arn:aws:iam::{ACCOUNT}:user/pretend"));
    let life = cloud.state().identity_life.as_secs();
    let answer = json!({
        "accessToken": {
            "accessKeyId": identity.access_key,
            "secretAccessKey": identity.secret_key,
            "sessionToken": identity.session_token,
        },
        "tokenType": "aws_sigv4",
        "expiresIn": life,
        "refreshToken": "pretend-signin-refresh-token",
    });
    Ok(json(200, &answer))
}

pub(super) fn refuse(refusal: &Refusal) -> Response<Body> {
    // `error` distinguishes an expired session (`TOKEN_EXPIRED`) from other causes.
    let body = json!({ "error": refusal.code, "message": refusal.message });
    let kind = if refusal.status >= 500 { "InternalServerException" } else { "AccessDeniedException" };
    with(json(refusal.status, &body), "x-amzn-errortype", kind)
}
