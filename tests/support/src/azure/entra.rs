//! Entra ID's token endpoint, and the tokens of Azure Pipelines for it: forms in, JSON out.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::Response;
use hyper::http::request::Parts;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm};
use serde_json::{Value, json};

use super::certificate::{encoded, older_thumbprint, public_key, thumbprint};
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
    let client = form.field("client_id")?;
    if form.0.get("grant_type").is_some_and(|grant| grant == "password") {
        let user = form.field("username")?;
        let mut answer = cloud.access(format!("user {user}"), &host(head), super::cloud::REGISTRIES)?;
        let issuer = format!("https://{}/{TENANT}/v2.0", host(head));
        let claims = json!({
            "aud": client, "iss": issuer, "sub": user, "oid": user, "tid": TENANT, "preferred_username": user,
            "exp": 4_102_444_800_u64,
        });
        answer["id_token"] = unsigned(&claims).into();
        answer["client_info"] = URL_SAFE_NO_PAD.encode(json!({"uid": user, "utid": TENANT}).to_string()).into();
        return Ok(json(200, &answer));
    }
    form.is("grant_type", "client_credentials")?;
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

fn unsigned(claims: &Value) -> String {
    let [header, claims] = [&json!({"alg": "none"}), claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    format!("{header}.{claims}.")
}

/// Microsoft's library first requests the endpoints of a host, and whether a host that it does not
/// know is one of Entra ID's.
pub(super) fn discovery(head: &Parts) -> Result<Response<Body>, Refusal> {
    let query = head.uri.query().unwrap_or_default();
    let query: HashMap<_, _> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    if let Some(endpoint) = query.get("authorization_endpoint") {
        let host = endpoint.split('/').nth(2).unwrap_or_default();
        let configuration = format!("https://{host}/{TENANT}/v2.0/.well-known/openid-configuration");
        return Ok(json(
            200,
            &json!({"api-version": "1.1", "tenant_discovery_endpoint": configuration, "metadata": []}),
        ));
    }
    let tenant = head.uri.path().trim_start_matches('/').split('/').next().unwrap_or_default();
    if ![TENANT, "common", "organizations"].contains(&tenant) {
        return Err(refusal("invalid_tenant", "AADSTS90002: Tenant not found."));
    }
    let at = format!("https://{}/{tenant}", host(head));
    Ok(json(
        200,
        &json!({
            "issuer": format!("{at}/v2.0"),
            "authorization_endpoint": format!("{at}/oauth2/v2.0/authorize"),
            "token_endpoint": format!("{at}/oauth2/v2.0/token"),
            "device_authorization_endpoint": format!("{at}/oauth2/v2.0/devicecode"),
        }),
    ))
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

/// The proof of the application: its certificate, or a federated token.
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
    // As our program signs, and as Microsoft's library does.
    let (algorithm, known): (&dyn VerificationAlgorithm, _) = match header["alg"].as_str() {
        Some("PS256") => (&RSA_PSS_2048_8192_SHA256, header["x5t#S256"] == thumbprint().as_str()),
        _ => {
            let thumbprint = header["x5t"].as_str().unwrap_or_default();
            (&RSA_PKCS1_2048_8192_SHA256, thumbprint.trim_end_matches('=') == older_thumbprint())
        }
    };
    let key = UnparsedPublicKey::new(algorithm, public_key());
    let verified = key.verify(signed.as_bytes(), &decoded(signature)).is_ok();
    let audience = format!("https://{host}/{TENANT}/oauth2/v2.0/token");
    if !verified || !known || claims["aud"] != audience.as_str() || claims["iss"] != client || claims["sub"] != client {
        return Err(refusal("invalid_client", "AADSTS700027: The certificate is not registered on the application."));
    }
    // Microsoft's library writes fractions of seconds.
    let moment =
        |name: &str| SystemTime::UNIX_EPOCH + Duration::from_secs(claims[name].as_f64().unwrap_or_default() as u64);
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
