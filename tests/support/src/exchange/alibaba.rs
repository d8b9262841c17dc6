//! Alibaba Cloud's API for its registry, which takes requests that an AccessKey has signed.
//!
//! From its documentation (the signature's version 3, `GetAuthorizationToken`) and docker-credential-acr-helper. Not
//! known of the real one: the HTTP status of each error, the code for an instance that does not exist, and whether the
//! Personal Edition's answer has more members.

use std::time::{Duration, SystemTime};

use hyper::http::request::Parts;
use ring::{digest, hmac};
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::call::ExchangeCall;
use super::query;
use super::services::Answer;
use super::state::State;
use crate::reply::json;

/// The AccessKey of the pretend user.
pub const ALIBABA_KEY: &str = "LTAI-c4n4ry";
/// Its secret.
pub const ALIBABA_SECRET: &str = "alibaba-secret-c4n4ry";
/// A temporary key with the same secret.
pub const ALIBABA_STS: &str = "STS.c4n4ry";
/// Its security token.
pub const ALIBABA_TOKEN: &str = "CAIS+sts/c4n4ry=";
/// The instance of the Enterprise Edition.
pub const ALIBABA_INSTANCE: &str = "cri-c4n4ry";

const TOLERANCE: Duration = Duration::from_secs(900);

pub(super) fn token(state: &State, head: &Parts) -> Answer {
    let denied = |status: u16, code: &str| {
        let body =
            json!({ "Code": code, "Message": "c4n4ry", "RequestId": "0", "HostId": "cr.cn-hangzhou.aliyuncs.com" });
        Ok(json(status, &body))
    };
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Some(fields) = header("authorization").strip_prefix("ACS3-HMAC-SHA256 ") else {
        return denied(400, "IncompleteSignature");
    };
    let field = |name: &str| fields.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
    let (Some(key), Some(names), Some(signature)) = (field("Credential"), field("SignedHeaders"), field("Signature"))
    else {
        return denied(400, "IncompleteSignature");
    };
    let is_temporary = key == ALIBABA_STS;
    if key != ALIBABA_KEY && !is_temporary {
        return denied(404, "InvalidAccessKeyId.NotFound");
    }
    let required =
        ["host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce", "x-acs-version"];
    if required.iter().any(|name| !names.split(';').any(|it| it == *name) || header(name).is_empty()) {
        return denied(400, "IncompleteSignature");
    }
    let Ok(date) = OffsetDateTime::parse(header("x-acs-date"), &Rfc3339) else {
        return denied(400, "InvalidTimeStamp.Format");
    };
    let (date, now) = (SystemTime::from(date), SystemTime::now() + Duration::from_secs(state.facts().clock_ahead));
    if date + TOLERANCE < now || now + TOLERANCE < date {
        return denied(400, "InvalidTimeStamp.Expired");
    }
    let lines: String = names.split(';').map(|name| format!("{name}:{}\n", header(name))).collect();
    let (path, query_of) = (head.uri.path(), head.uri.query().unwrap_or_default());
    let body = header("x-acs-content-sha256");
    let request = format!("{}\n{path}\n{query_of}\n{lines}\n{names}\n{body}", head.method);
    let hash = digest::digest(&digest::SHA256, request.as_bytes());
    let text = format!("ACS3-HMAC-SHA256\n{}", hexadecimal(hash.as_ref()));
    let expected = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, ALIBABA_SECRET.as_bytes()), text.as_bytes());
    if hexadecimal(expected.as_ref()) != signature {
        return denied(400, "SignatureDoesNotMatch");
    }
    if is_temporary && header("x-acs-security-token") != ALIBABA_TOKEN {
        return denied(400, "InvalidSecurityToken.Expired");
    }
    let seen: String = head.headers.keys().map(|name| format!("{name}: {}\n", header(name.as_str()))).collect();
    state
        .facts()
        .signatures
        .push((format!("{} {path}?{query_of}\n{seen}", head.method), signature.as_bytes().to_vec()));
    let mint = || {
        let token = state.mint(ExchangeCall::Alibaba, key.to_owned(), "cr_temp_user", json!({}));
        (token.token, token.expires * 1000)
    };
    match (head.method.as_str(), header("x-acs-version"), query(head, "InstanceId").as_deref()) {
        _ if header("x-acs-action") != "GetAuthorizationToken" => denied(404, "InvalidAction.NotFound"),
        ("POST", "2018-12-01", Some(ALIBABA_INSTANCE)) => {
            let (token, expires) = mint();
            let body = json!({ "IsSuccess": true, "Code": "success", "RequestId": "0",
                "TempUsername": "cr_temp_user", "AuthorizationToken": token, "ExpireTime": expires });
            Ok(json(200, &body))
        }
        ("POST", "2018-12-01", Some("cri-forbidden")) => denied(403, "Forbidden.RAM"),
        ("POST", "2018-12-01", _) => Ok(json(200, &json!({ "IsSuccess": false, "Code": "INSTANCE_NOT_EXIST" }))),
        ("GET", "2016-06-07", None) if path == "/tokens" => {
            let (token, expires) = mint();
            let data = json!({ "tempUserName": "cr_temp_user", "authorizationToken": token, "expireDate": expires });
            Ok(json(200, &json!({ "requestId": "0", "data": data })))
        }
        _ => denied(404, "InvalidVersion"),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
