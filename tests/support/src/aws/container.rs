//! The credentials of a container: of an ECS task, or of a pod through the EKS agent, which also
//! requires the pod's token.

use hyper::Response;
use hyper::http::request::Parts;
use serde_json::json;

use super::cloud::iso;
use super::{ACCOUNT, Cloud};
use crate::behaviour::Refusal;
use crate::reply::{Body, json};

/// The `Authorization` that `/v1/credentials` (EKS) requires, from `AWS_CONTAINER_AUTHORIZATION_TOKEN`.
pub const CONTAINER_AUTHORIZATION: &str = "pretend-pod-token";

pub(super) fn credentials(cloud: &Cloud, head: &Parts) -> Result<Response<Body>, Refusal> {
    let eks = head.uri.path() == "/v1/credentials";
    if eks && head.headers.get("authorization").is_none_or(|given| given != CONTAINER_AUTHORIZATION) {
        return Err(Refusal::new(
            401,
            "AccessDeniedException",
            "Unauthorized Exception! EKS does not have permissions",
        ));
    }
    let role = if eks { "pretend-pod-role" } else { "pretend-task-role" };
    let identity = cloud.issue("CONTAINER", format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/pretend"));
    let answer = json!({
        "RoleArn": format!("arn:aws:iam::{ACCOUNT}:role/{role}"),
        "AccessKeyId": identity.access_key,
        "SecretAccessKey": identity.secret_key,
        "Token": identity.session_token,
        "Expiration": iso(identity.expires),
    });
    Ok(json(200, &answer))
}

pub(super) fn refuse(refusal: &Refusal) -> Response<Body> {
    json(refusal.status, &json!({ "code": refusal.code, "message": refusal.message }))
}
