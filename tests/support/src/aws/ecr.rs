//! `GetAuthorizationToken` of ECR and of ECR Public: JSON RPC.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::Response;
use hyper::http::request::Parts;
use serde_json::{Value, json};

use super::cloud::epoch;
use super::identity::Signer;
use super::{ACCOUNT, Cloud, MintedToken};
use crate::behaviour::Refusal;
use crate::reply::{Body, reply, with};

pub(super) fn private_token(cloud: &Cloud, head: &Parts) -> Result<Response<Body>, Refusal> {
    let signer = cloud.signer(head, "ecr")?;
    let proxy = format!("https://{ACCOUNT}.dkr.ecr.{}.amazonaws.com", signer.region);
    let mut token = mint(cloud, head, signer);
    token["proxyEndpoint"] = proxy.into();
    Ok(amz_json(200, &json!({ "authorizationData": [token] })))
}

pub(super) fn public_token(cloud: &Cloud, head: &Parts) -> Result<Response<Body>, Refusal> {
    let signer = cloud.signer(head, "ecr-public")?;
    if signer.region != "us-east-1" {
        let message = format!("Credential should be scoped to a valid region, not '{}'.", signer.region);
        return Err(Refusal::new(400, "InvalidSignatureException", message));
    }
    Ok(amz_json(200, &json!({ "authorizationData": mint(cloud, head, signer) })))
}

pub(super) fn refuse(refusal: &Refusal) -> Response<Body> {
    let body = json!({ "__type": refusal.code, "message": refusal.message });
    with(amz_json(refusal.status, &body), "x-amzn-errortype", refusal.code)
}

fn mint(cloud: &Cloud, head: &Parts, signer: Signer) -> Value {
    let length = cloud.state().password_length;
    let (_, password) = cloud.secret(length);
    let expires = cloud.now() + cloud.state().token_life;
    let authorization = STANDARD.encode(format!("AWS:{password}"));
    let host = head.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default().to_owned();
    cloud.state().minted.push(MintedToken {
        password,
        access_key: signer.access_key,
        identity: signer.arn,
        region: signer.region,
        service: signer.service,
        host,
        expires,
    });
    // Milliseconds, as AWS writes them.
    let expires = (epoch(expires).as_secs_f64() * 1000.0).trunc() / 1000.0;
    json!({ "authorizationToken": authorization, "expiresAt": expires })
}

pub(super) fn amz_json(status: u16, body: &Value) -> Response<Body> {
    reply(status, "application/x-amz-json-1.1", body.to_string())
}
