//! The sources of managed identities.

use std::collections::HashMap;

use hyper::Response;
use hyper::http::request::Parts;

use super::AzureCall;
use super::cloud::Cloud;
use crate::behaviour::Refusal;
use crate::reply::{Body, json, reply, with};

pub(super) fn token(cloud: &Cloud, call: AzureCall, head: &Parts, body: &[u8]) -> Result<Response<Body>, Refusal> {
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let asked = if call == AzureCall::ShellToken { body } else { head.uri.query().unwrap_or_default().as_bytes() };
    let asked: HashMap<_, _> = form_urlencoded::parse(asked).into_owned().collect();
    let field = |name: &str| asked.get(name).map(String::as_str).unwrap_or_default();
    let is_metadata = header("metadata") == "true";
    let (place, proven, version) = match call {
        AzureCall::MachineToken => ("machine", is_metadata, "2018-02-01"),
        AzureCall::AppToken => ("app service", header("x-identity-header") == "pretend-header", "2019-08-01"),
        AzureCall::ArcToken => ("arc", is_metadata, "2020-06-01"),
        AzureCall::LearningToken => ("learning", header("secret") == "pretend-secret", "2017-09-01"),
        AzureCall::ShellToken => ("shell", is_metadata, ""),
        _ => ("", false, ""),
    };
    if !proven || field("api-version") != version {
        return Err(Refusal::new(400, "invalid_request", "Required metadata header not specified"));
    }
    if call == AzureCall::ArcToken && header("authorization") != "Basic pretend-key" {
        let challenge = format!("Basic realm={}", cloud.state().arc_key);
        return Ok(with(reply(401, "text/plain", ""), "www-authenticate", &challenge));
    }
    let id = if call == AzureCall::LearningToken { field("clientid") } else { field("client_id") };
    let identity = format!("{place} {id}").trim_end().to_owned();
    let mut answer = cloud.access(identity, "", field("resource"))?;
    answer["resource"] = field("resource").into();
    if !id.is_empty() {
        answer["client_id"] = id.into();
    }
    Ok(json(200, &answer))
}

/// The cloud that a machine is in.
pub(super) fn cloud(cloud: &Cloud, head: &Parts) -> Result<Response<Body>, Refusal> {
    let proven = head.headers.get("metadata").is_some_and(|value| value == "true");
    let in_text = head.uri.query().is_some_and(|query| query.contains("api-version=") && query.contains("format=text"));
    if !proven || !in_text {
        return Err(Refusal::new(400, "Bad request", "Required metadata header not specified"));
    }
    Ok(reply(200, "text/plain", cloud.state().machine_cloud.clone()))
}
