//! The login server of every registry.

use hyper::Response;
use hyper::http::request::Parts;
use serde_json::json;

use super::cloud::{Cloud, TENANT};
use super::entra::{Form, host};
use crate::behaviour::Refusal;
use crate::reply::{Body, json, with};

const ELSEWHERE: &str = "https://fabrikam.azurecr.io/oauth2/exchange";

pub(super) fn refresh_token(cloud: &Cloud, head: &Parts, body: &[u8]) -> Result<Response<Body>, Refusal> {
    let form = Form::parse(head, body)?;
    form.is("grant_type", "access_token")?;
    form.is("service", &host(head))?;
    let tenant = form.0.get("tenant");
    let access = cloud.known(form.field("access_token")?).filter(|_| tenant.is_none_or(|tenant| tenant == TENANT));
    let access = access.ok_or_else(|| Refusal::new(401, "UNAUTHORIZED", "authentication required"))?;
    Ok(json(200, &json!({"refresh_token": cloud.refresh(access, &host(head), tenant)})))
}

pub(super) fn refuse(refusal: &Refusal) -> Response<Body> {
    let error = json!({"code": refusal.code, "message": refusal.message});
    let answer = json(refusal.status, &json!({"errors": [error]}));
    // Whoever follows it shows the access token to another registry.
    if (300..400).contains(&refusal.status) { with(answer, "location", ELSEWHERE) } else { answer }
}
