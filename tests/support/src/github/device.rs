//! The device flow of OAuth: <https://docs.github.com/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps#device-flow>.

use std::collections::HashMap;
use std::time::SystemTime;

use hyper::Response;
use hyper::http::request::Parts;
use serde_json::{Value, json};

use super::state::State;
use crate::behaviour::Refusal;
use crate::reply::{Body, json};

/// The polling interval of a device, in seconds; a device that polls too often gets a longer one.
const INTERVAL: u64 = 1;

/// A device that waits for its user.
pub(super) struct Device {
    code: String,
    client: String,
    polls: u32,
    last: Option<SystemTime>,
}

fn fields(body: &[u8]) -> HashMap<String, String> {
    form_urlencoded::parse(body).into_owned().collect()
}

fn error(code: &str) -> Response<Body> {
    // GitHub returns these with status 200.
    json(200, &json!({ "error": code, "error_description": "told by the pretend GitHub" }))
}

pub(super) fn code(state: &State, host: &str, body: &[u8]) -> Response<Body> {
    let fields = fields(body);
    let Some(client) = fields.get("client_id").filter(|client| !client.is_empty()) else {
        return json(404, &json!({ "error": "Not Found" }));
    };
    let code = state.secret();
    state.facts().scopes.push(fields.get("scope").cloned().unwrap_or_default());
    state.facts().devices.push(Device { code: code.clone(), client: client.clone(), polls: 0, last: None });
    let answer = json!({
        "device_code": code,
        "user_code": "WDJB-MJHT",
        "verification_uri": format!("https://{host}/login/device"),
        "expires_in": 900,
        "interval": INTERVAL,
    });
    json(200, &answer)
}

pub(super) fn token(state: &State, body: &[u8]) -> Response<Body> {
    let fields = fields(body);
    let field = |name: &str| fields.get(name).map_or("", String::as_str);
    if field("grant_type") != "urn:ietf:params:oauth:grant-type:device_code" {
        return error("unsupported_grant_type");
    }
    let secret = state.secret();
    let now = state.now();
    let mut facts = state.facts();
    let (denied, wanted) = (facts.denies_devices, facts.polls_before_consent);
    let Some(place) = facts.devices.iter().position(|device| device.code == field("device_code")) else {
        return error("incorrect_device_code");
    };
    let device = &mut facts.devices[place];
    if device.client != field("client_id") {
        return error("incorrect_client_credentials");
    }
    let hurried = device
        .last
        .is_some_and(|last| now.duration_since(last).is_ok_and(|since| since.as_millis() < 900 * u128::from(INTERVAL)));
    device.last = Some(now);
    if hurried {
        let answer = json!({ "error": "slow_down", "error_description": "too fast", "interval": INTERVAL + 5 });
        return json(200, &answer);
    }
    if denied {
        return error("access_denied");
    }
    device.polls += 1;
    if device.polls <= wanted {
        return error("authorization_pending");
    }
    facts.devices.remove(place);
    let token = format!("gho_{secret}");
    facts.consents.push(token.clone());
    let answer: Value = json!({ "access_token": token, "token_type": "bearer", "scope": "read:packages" });
    json(200, &answer)
}

/// The user who agreed.
pub(super) fn user(state: &State, head: &Parts) -> Result<Response<Body>, Refusal> {
    let given = head.headers.get("authorization").and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    match given.filter(|given| state.facts().consents.iter().any(|token| token == given)) {
        Some(_) => Ok(json(200, &json!({ "login": "octocat", "id": 1 }))),
        None => Err(Refusal::new(401, "", "Bad credentials")),
    }
}
