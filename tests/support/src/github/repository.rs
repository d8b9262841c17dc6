//! A repository's settings for its workflows: <https://docs.github.com/en/rest/actions>.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::http::request::Parts;
use hyper::{Method, Response};
use serde_json::{Value, json};

use super::packages::is_organization;
use super::state::State;
use crate::behaviour::Refusal;
use crate::reply::{Body, json, reply};

/// A point of Curve25519, for which secrets are encrypted; they are never decrypted here.
const PUBLIC_KEY: [u8; 32] = [9; 32];

/// Requests for `repos/OWNER/NAME`, for an owner, or by GraphQL.
pub(super) fn answer(state: &State, head: &Parts, asked: &[&str], body: &[u8]) -> Result<Response<Body>, Refusal> {
    let given: Value = serde_json::from_slice(body).unwrap_or_default();
    let mut facts = state.facts();
    let set = |settings: &mut BTreeSet<String>, what: String| settings.insert(what);
    match (&head.method, asked) {
        (&Method::POST, ["graphql"]) => repository(&given),
        (&Method::GET, ["users", owner]) => {
            let kind = if is_organization(owner) { "Organization" } else { "User" };
            Ok(json(200, &json!({"login": owner, "type": kind})))
        }
        (&Method::GET, ["repos", owner, name, "actions", "oidc", "customization", "sub"]) => {
            // As for a repository created since July 15, 2026.
            let prefix = format!("repo:{owner}@1001/{name}@2002");
            let answer = json!({"use_default": true, "use_immutable_subject": true, "sub_claim_prefix": prefix});
            Ok(json(200, &answer))
        }
        (&Method::PUT, ["repos", _, _, "environments", name]) => {
            set(&mut facts.settings, format!("environment {name}"));
            Ok(json(200, &json!({"name": name})))
        }
        (&Method::POST, ["repos", _, _, "actions", "variables"]) => {
            let (Some(name), Some(value)) = (given["name"].as_str(), given["value"].as_str()) else {
                return Err(Refusal::new(422, "", "Invalid request."));
            };
            let is_new = set(&mut facts.settings, format!("variable {name}={value}"));
            if is_new { Ok(reply(201, "application/json", "{}")) } else { Err(Refusal::new(409, "", "Already exists")) }
        }
        (&Method::GET, ["repos", _, _, .., "secrets", "public-key"]) => {
            Ok(json(200, &json!({"key_id": "1", "key": STANDARD.encode(PUBLIC_KEY)})))
        }
        (&Method::PUT, ["repos", _, _, "environments", environment, "secrets", name]) => {
            if !facts.settings.contains(&format!("environment {environment}")) {
                return Err(Refusal::new(404, "", "Not Found"));
            }
            if given["encrypted_value"].as_str().is_none_or(str::is_empty) || given["key_id"] != "1" {
                return Err(Refusal::new(422, "", "Invalid request."));
            }
            set(&mut facts.settings, format!("secret {environment} {name}"));
            Ok(reply(201, "application/json", "{}"))
        }
        _ => Err(Refusal::new(404, "", "Not Found")),
    }
}

/// The query of `gh repo view`.
fn repository(given: &Value) -> Result<Response<Body>, Refusal> {
    let variables = &given["variables"];
    let (Some(owner), Some(name)) = (variables["owner"].as_str(), variables["name"].as_str()) else {
        return Err(Refusal::new(400, "", "no query of the pretend GitHub"));
    };
    let repository = json!({
        "id": "R_1",
        "databaseId": 2002,
        "name": name,
        "nameWithOwner": format!("{owner}/{name}"),
        "owner": {"id": "O_1", "login": owner},
        "url": format!("https://github.com/{owner}/{name}"),
        "isPrivate": false,
        "hasIssuesEnabled": true,
        "viewerPermission": "ADMIN",
    });
    Ok(json(200, &json!({"data": {"repository": repository}})))
}
