//! The services of CIs that give a job its identity token.
//!
//! Known from the clients of their vendors: requests, fields, audiences. Unknown:
//! their errors, and the TTL of a token, which is five minutes here.

use hyper::Response;
use hyper::http::request::Parts;
use serde_json::{Value, json};

use super::state::{State, refusal};
use super::{header, query};
use crate::behaviour::Refusal;
use crate::reply::{Body, json};

/// The URL and the credential of a job for its identity token; both contain its number.
pub const JOB_TOKEN: &str = "c4n4ry-of-job-";

/// `GET /idtoken/JOB?api-version=2.0&audience=A`; the subject names the job.
pub(super) fn github(state: &State, head: &Parts) -> Result<Response<Body>, Refusal> {
    let job = head.uri.path().trim_start_matches("/idtoken/");
    if header(head, "authorization") != format!("Bearer {JOB_TOKEN}{job}") {
        return Err(refusal(401, "Unauthorized", "the token is not this job's"));
    }
    if !header(head, "accept").contains("api-version=2.0") {
        return Err(refusal(400, "BadRequest", "which version"));
    }
    let audience = query(head, "audience").map_or_else(|| json!("https://github.com/octo-org"), Value::from);
    let subject = format!("repo:octo-org/app:ref:refs/heads/{job}");
    Ok(json(200, &json!({"count": 1, "value": state.identity(&subject, &audience)})))
}

/// Always for the same audience.
pub(super) fn azure(state: &State, head: &Parts) -> Result<Response<Body>, Refusal> {
    if query(head, "api-version").is_none() {
        return Err(refusal(400, "VssVersionNotSpecifiedException", "no api-version was supplied"));
    }
    if header(head, "authorization") != format!("Bearer {JOB_TOKEN}1") {
        return Err(refusal(401, "Unauthorized", ""));
    }
    let token = state.identity("repo:octo-org/app:azure", &json!("api://AzureADTokenExchange"));
    Ok(json(200, &json!({ "oidcToken": token })))
}

/// `POST /v3/jobs/JOB/oidc/tokens` with an audience and a lifetime.
pub(super) fn buildkite(state: &State, head: &Parts, body: &[u8]) -> Result<Response<Body>, Refusal> {
    let job = head.uri.path().trim_start_matches("/v3/jobs/").trim_end_matches("/oidc/tokens");
    if header(head, "authorization") != format!("Token {JOB_TOKEN}{job}") {
        return Err(refusal(401, "Unauthorized", ""));
    }
    let asked: Value = serde_json::from_slice(body).map_err(|_| refusal(400, "BadRequest", "no JSON"))?;
    if asked["lifetime"].as_u64().is_some_and(|seconds| seconds > 300) {
        return Err(refusal(422, "Unprocessable", "lifetime"));
    }
    Ok(json(200, &json!({ "token": state.identity("repo:octo-org/app:buildkite", &asked["audience"]) })))
}
