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

/// As the documents have it. Unknown: the response of the real one for a repository that the identity may not
/// read; reportedly the token does not have that permission.
pub(super) fn access_token(cloud: &Cloud, head: &Parts, body: &[u8]) -> Result<Response<Body>, Refusal> {
    let form = Form::parse(head, body)?;
    form.is("grant_type", "refresh_token")?;
    form.is("service", &host(head))?;
    let scopes = form_urlencoded::parse(body).filter(|(name, _)| name == "scope").map(|(_, scope)| scope.into_owned());
    let token = cloud.repositories(form.field("refresh_token")?, &host(head), scopes.collect());
    let token = token.ok_or_else(|| Refusal::new(401, "UNAUTHORIZED", "authentication required"))?;
    Ok(json(200, &json!({"access_token": token})))
}

pub(super) fn refuse(refusal: &Refusal) -> Response<Body> {
    let error = json!({"code": refusal.code, "message": refusal.message});
    let answer = json(refusal.status, &json!({"errors": [error]}));
    // A client that follows it sends the access token to another registry.
    if (300..400).contains(&refusal.status) { with(answer, "location", ELSEWHERE) } else { answer }
}
