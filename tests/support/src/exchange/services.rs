//! The registries' exchanges, one function each.
//!
//! | service | known from | not known |
//! |---|---|---|
//! | Docker Hub | docker/login-action, docker/oidc-action | the bodies of its errors; whether it has `expires_in`: here it has not |
//! | Quay | quay/quay, its server | its response for a robot that does not exist |
//! | JFrog | setup-jfrog-cli, jfrog-client-go | its status for each mistake |
//! | Cloudsmith | cloudsmith-cli, its API reference | its status for each mistake |
//! | Chainguard | chainguard-dev/sdk, its protocol buffers | whether it has `expiry` |
//! | Oracle | see `oracle.rs` | see there |
//! | Alibaba Cloud | see `alibaba.rs` | see there |
//! | DigitalOcean | its API reference, godo | the form of its tokens |
//! | GitLab | glab | which projects a job's token is for |
//! | gateway | RFC 8693 | – |

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::Response;
use hyper::http::request::Parts;
use serde_json::{Value, json};

use super::call::ExchangeCall as Call;
use super::state::{State, refusal};
use super::{form, header, query};
use crate::behaviour::Refusal;
use crate::reply::{Body, json};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";

/// The connection that Docker Hub knows, of the organisation `octo-org`.
pub const CONNECTION: &str = "0b6a4b0e-8a0c-4d5e-9f1a-000000000001";
/// The API token that DigitalOcean knows.
pub const API_TOKEN: &str = "dop_v1_c4n4ry";

pub(super) type Answer = Result<Response<Body>, Refusal>;

pub(super) fn docker_hub(state: &State, _: &Parts, body: &[u8]) -> Answer {
    let fields = form(body);
    let field = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    if (field("grant_type"), field("subject_token_type")) != (GRANT, ID_TOKEN) {
        return Err(refusal(400, "", "bad request"));
    }
    if field("connection_id") != CONNECTION {
        return Err(refusal(404, "", "connection not found"));
    }
    let seconds: u64 = field("expires_in").parse().map_err(|_| refusal(400, "", "expires_in"))?;
    if !(300..=3600).contains(&seconds) {
        return Err(refusal(400, "", "expires_in"));
    }
    let audience = state.audience("dockerhub", "https://identity.docker.com");
    let subject =
        state.admit(field("subject_token"), &audience).map_err(|_| refusal(401, "", "operation not permitted"))?;
    state.facts().token_life = seconds;
    let token = state.mint(Call::DockerHub, subject, "octo-org", json!({}));
    Ok(json(200, &json!({ "access_token": token.token })))
}

pub(super) fn quay(state: &State, head: &Parts, _: &[u8]) -> Answer {
    let pair = header(head, "authorization");
    let pair = pair.strip_prefix("Basic ").and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default();
    let pair = String::from_utf8(pair).unwrap_or_default();
    let (robot, token) = pair.split_once(':').ok_or_else(|| refusal(401, "", "No auth header"))?;
    if !["octo-org+puller", "octo-org+pusher"].contains(&robot) {
        return Err(refusal(401, "", "Invalid robot"));
    }
    let audience = state.audience("quay", &format!("https://{}", header(head, "host")));
    let subject = state.admit(token, &audience).map_err(|why| refusal(401, "", why))?;
    let end = super::issuer::now() + state.facts().token_life;
    let token = state.mint(Call::Quay, subject, robot, json!({ "exp": end }));
    Ok(json(200, &json!({ "token": token.token })))
}

pub(super) fn jfrog(state: &State, _: &Parts, body: &[u8]) -> Answer {
    let asked: Value = serde_json::from_slice(body).map_err(|_| refusal(400, "", "no JSON"))?;
    if asked["grant_type"] != GRANT || asked["subject_token_type"] != ID_TOKEN || asked["provider_name"] != "github" {
        return Err(refusal(400, "", "no such provider"));
    }
    let audience = state.audience("jfrog", "jfrog-github");
    let token = asked["subject_token"].as_str().unwrap_or_default();
    let subject = state.admit(token, &audience).map_err(|why| refusal(401, "", why))?;
    let of_user = json!({ "sub": "jfac@01h/users/ci-puller" });
    let token = state.mint(Call::JFrog, subject, "ci-puller", of_user);
    let life = state.facts().token_life;
    let type_ = "urn:ietf:params:oauth:token-type:access_token";
    Ok(json(
        200,
        &json!({ "access_token": token.token, "token_type": "Bearer", "expires_in": life, "issued_token_type": type_ }),
    ))
}

pub(super) fn cloudsmith(state: &State, head: &Parts, body: &[u8]) -> Answer {
    let asked: Value = serde_json::from_slice(body).map_err(|_| refusal(400, "", "no JSON"))?;
    if head.uri.path() != "/openid/octo-org/" || asked["service_slug"] != "ci" {
        return Err(refusal(404, "", "Not found."));
    }
    let audience = state.audience("cloudsmith", "cloudsmith");
    let token = asked["oidc_token"].as_str().unwrap_or_default();
    let subject = state.admit(token, &audience).map_err(|why| refusal(401, "", why))?;
    let end = super::issuer::now() + state.facts().token_life;
    let token = state.mint(Call::Cloudsmith, subject, "token", json!({ "exp": end }));
    Ok(json(201, &json!({ "token": token.token })))
}

pub(super) fn chainguard(state: &State, head: &Parts, body: &[u8]) -> Answer {
    let is_right = query(head, "aud").as_deref() == Some("cgr.dev")
        && query(head, "identity").as_deref() == Some("0475f6baca584a8964a6bce6b74dbe78dd8805b6/b74dbe78dd8805b6");
    if !is_right || !body.is_empty() {
        return Err(refusal(404, "", "identity not found"));
    }
    let audience = state.audience("chainguard", "https://issuer.enforce.dev");
    let pair = header(head, "authorization");
    let subject = state.admit(pair.trim_start_matches("Bearer "), &audience).map_err(|why| refusal(401, "", why))?;
    let token = state.mint(Call::Chainguard, subject, "user", json!({}));
    let end = time::OffsetDateTime::from_unix_timestamp(token.expires as i64).expect("it is a time");
    let end = end.format(&time::format_description::well_known::Rfc3339).expect("it has this form");
    Ok(json(200, &json!({ "token": token.token, "refresh_token": "", "expiry": end })))
}

pub(super) fn digital_ocean(state: &State, head: &Parts, _: &[u8]) -> Answer {
    if header(head, "authorization") != format!("Bearer {API_TOKEN}") {
        return Err(refusal(401, "Unauthorized", "Unable to authenticate you"));
    }
    if head.uri.path() != "/v2/registries/corp/docker-credentials" {
        return Err(refusal(404, "not_found", "registry does not exist"));
    }
    // Without it the real one issues a token that never expires.
    let seconds = query(head, "expiry_seconds").and_then(|text| text.parse().ok());
    state.facts().token_life = seconds.ok_or_else(|| refusal(400, "bad_request", "expiry_seconds"))?;
    let right = if query(head, "read_write").as_deref() == Some("true") { "write" } else { "read" };
    let token = state.mint(Call::DigitalOcean, right.to_owned(), "me@corp.example", json!({}));
    let auth = STANDARD.encode(format!("me@corp.example:{}", token.token));
    Ok(json(200, &json!({ "auths": { "registry.digitalocean.com": { "auth": auth } } })))
}

pub(super) fn gitlab(state: &State, head: &Parts, body: &[u8]) -> Answer {
    let asked: Value = serde_json::from_slice(body).map_err(|_| refusal(400, "", "no JSON"))?;
    if header(head, "job-token") != "glcbt-c4n4ry" {
        return Err(refusal(401, "", "401 Unauthorized"));
    }
    let seconds = asked["expires_in"].as_u64().filter(|seconds| (1..=43_200).contains(seconds));
    if asked["audience"] != "gitlab-artifact-registry" || seconds.is_none() {
        return Err(refusal(400, "", "audience does not have a valid value"));
    }
    state.facts().token_life = seconds.unwrap_or_default();
    let token = state.mint(Call::GitLab, "job".to_owned(), "__token__", json!({}));
    Ok(json(201, &json!({ "token": token.token })))
}

/// In two formats: RFC 8693, and a proprietary one: `{"jwt": …}`.
pub(super) fn gateway(state: &State, _: &Parts, body: &[u8]) -> Answer {
    let own: Option<Value> = serde_json::from_slice(body).ok();
    let fields = form(body);
    let token = match &own {
        Some(own) if own["team"] == "a" => own["jwt"].as_str().unwrap_or_default().to_owned(),
        None if fields.get("grant_type").is_some_and(|grant| grant == GRANT) => fields["subject_token"].clone(),
        _ => return Err(refusal(400, "invalid_request", "")),
    };
    let audience = state.audience("gateway", "https://sts.corp.example");
    let subject = state.admit(&token, &audience).map_err(|_| refusal(400, "invalid_grant", ""))?;
    let token = state.mint(Call::Gateway, subject, "robot", json!({}));
    let life = state.facts().token_life;
    Ok(json(
        200,
        &match own {
            Some(_) => json!({ "result": token.token, "seconds": life.to_string(), "name": "robot" }),
            None => json!({ "access_token": token.token, "expires_in": life, "username": "robot" }),
        },
    ))
}
