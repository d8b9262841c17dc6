//! Entra ID's token endpoint, and what Azure Pipelines has for it: forms in, JSON out.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::Response;
use hyper::http::request::Parts;
use ring::signature::{RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::{Value, json};

use super::certificate::{encoded, public_key, thumbprint};
use super::cloud::{Cloud, TENANT};
use crate::behaviour::Refusal;
use crate::reply::{Body, json};

const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

pub(super) fn token(cloud: &Cloud, head: &Parts, body: &[u8]) -> Result<Response<Body>, Refusal> {
    let form = Form::parse(head, body)?;
    let tenant = head.uri.path().trim_start_matches('/').split('/').next().unwrap_or_default();
    if tenant != TENANT {
        return Err(refusal("invalid_request", "AADSTS90002: Tenant not found."));
    }
    form.is("grant_type", "client_credentials")?;
    let client = form.field("client_id")?;
    if client == "unknown" {
        return Err(refusal("unauthorized_client", "AADSTS700016: Application was not found in the directory."));
    }
    let by = match form.0.get("client_secret") {
        Some(secret) if *secret == format!("secret-of-{client}") => "secret".to_owned(),
        Some(_) => return Err(refusal("invalid_client", "AADSTS7000215: Invalid client secret provided.")),
        None => {
            form.is("client_assertion_type", ASSERTION)?;
            asserted(cloud, &host(head), client, form.field("client_assertion")?)?
        }
    };
    let resource = form.field("scope")?.strip_suffix("/.default");
    let resource = resource.ok_or_else(|| refusal("invalid_scope", "AADSTS1002012: The scope is not valid."))?;
    Ok(json(200, &cloud.access(format!("app {client} by {by}"), &host(head), resource)?))
}

/// The token of a job, for a service connection.
pub(super) fn pipeline(head: &Parts) -> Result<Response<Body>, Refusal> {
    let bearer = head.headers.get("authorization").and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    if bearer != Some("token-of-the-job") || head.headers.get("x-tfs-fedauthredirect").is_none() {
        return Err(Refusal::new(401, "", "Access denied"));
    }
    let query = head.uri.query().unwrap_or_default();
    let query: HashMap<_, _> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    match query.get("serviceConnectionId") {
        Some(connection) if query.contains_key("api-version") => {
            Ok(json(200, &json!({"oidcToken": format!("federated.{connection}.signature")})))
        }
        _ => Err(Refusal::new(404, "", "There is no such service connection")),
    }
}

pub(super) fn refuse(refusal: &Refusal) -> Response<Body> {
    json(refusal.status, &json!({"error": refusal.code, "error_description": refusal.message}))
}

pub(super) fn host(head: &Parts) -> String {
    head.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default().to_owned()
}

fn refusal(code: &'static str, message: &str) -> Refusal {
    Refusal::new(400, code, message)
}

/// What has vouched for the application: its certificate, or somebody whom it trusts.
fn asserted(cloud: &Cloud, host: &str, client: &str, assertion: &str) -> Result<String, Refusal> {
    let parts: Vec<_> = assertion.split('.').collect();
    if let ["federated", subject, "signature"] = parts[..] {
        return Ok(subject.to_owned());
    }
    let [header, claims, signature] = parts[..] else {
        return Err(refusal("invalid_client", "AADSTS70021: No matching federated identity record found."));
    };
    let decoded = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
    let part = |text: &str| -> Value { serde_json::from_slice(&decoded(text)).unwrap_or_default() };
    let (signed, header, claims) = (format!("{header}.{claims}"), part(header), part(claims));
    let key = UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, public_key());
    let verified = key.verify(signed.as_bytes(), &decoded(signature)).is_ok();
    let known = header["x5t#S256"] == thumbprint().as_str() && header["alg"] == "PS256";
    let audience = format!("https://{host}/{TENANT}/oauth2/v2.0/token");
    if !verified || !known || claims["aud"] != audience.as_str() || claims["iss"] != client || claims["sub"] != client {
        return Err(refusal("invalid_client", "AADSTS700027: The certificate is not registered on the application."));
    }
    let moment = |name: &str| SystemTime::UNIX_EPOCH + Duration::from_secs(claims[name].as_u64().unwrap_or_default());
    let (now, tolerance) = (cloud.now(), Duration::from_secs(300));
    if moment("nbf") > now + tolerance || moment("exp") < now || claims["jti"].as_str().is_none() {
        return Err(refusal("invalid_client", "AADSTS700024: Client assertion is not within its valid time range."));
    }
    let with_chain = header["x5c"] == json!([encoded()]);
    Ok(if with_chain { "certificate with its chain" } else { "certificate" }.to_owned())
}

pub(super) struct Form(pub(super) HashMap<String, String>);

impl Form {
    pub(super) fn parse(head: &Parts, body: &[u8]) -> Result<Self, Refusal> {
        if head.headers.get("content-type").is_none_or(|kind| kind != "application/x-www-form-urlencoded") {
            return Err(refusal("invalid_request", "AADSTS900144: The request body must be a form."));
        }
        Ok(Form(form_urlencoded::parse(body).into_owned().collect()))
    }

    pub(super) fn field(&self, name: &str) -> Result<&str, Refusal> {
        let missing = || refusal("invalid_request", &format!("AADSTS900144: The request body must contain: {name}"));
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty()).ok_or_else(missing)
    }

    pub(super) fn is(&self, name: &str, expected: &str) -> Result<(), Refusal> {
        let wrong = || refusal("invalid_request", &format!("AADSTS900144: The request body has a wrong: {name}"));
        (self.field(name)? == expected).then_some(()).ok_or_else(wrong)
    }
}
