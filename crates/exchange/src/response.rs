use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use identity_token::Claims;
use protocol::Secret;
use registry::exchange::{Response, Username};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use zeroize::Zeroizing;

use crate::scope::Plan;

/// What a response contains.
#[derive(Debug)]
pub struct Minted {
    /// The user's name.
    pub username: String,
    /// The token.
    pub secret: Secret,
    /// `None` if unknown.
    pub expires: Option<SystemTime>,
}

/// Reads the response to an exchange that was sent at this moment.
///
/// # Errors
/// What is wrong with it, without a word of it.
pub(crate) fn read(plan: &Plan, json: &Value, sent: SystemTime) -> Result<Minted, &'static str> {
    let (username, secret, stated) = match plan.row.response {
        Response::DockerConfig(host) => {
            let (username, secret) = pair(json, host).ok_or("it has no login for the registry")?;
            (Some(username), secret, None)
        }
        Response::Alibaba => {
            // The Personal Edition writes them differently.
            let field =
                |one: &str, other: &str| [&json[one], &json["data"][other]].into_iter().find(|it| !it.is_null());
            let text = |one, other| field(one, other).and_then(Value::as_str).map(str::to_owned);
            let secret = text("AuthorizationToken", "authorizationToken").filter(|text| !text.is_empty());
            let milliseconds = field("ExpireTime", "expireDate").and_then(Value::as_u64);
            let expires = milliseconds.and_then(|it| SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(it)));
            let secret = Secret::new(secret.ok_or("it has no token")?);
            (text("TempUsername", "tempUserName"), secret, Some(expires.ok_or("it has no time of expiry")?))
        }
        Response::Fields { token, expires_in, expires, username } => {
            let named = &plan.gateway.response;
            let field = |kind: &str, default: &'static str| {
                let name = named.get(kind).map_or(default, String::as_str);
                (!name.is_empty()).then(|| &json[name]).filter(|value| !value.is_null())
            };
            let secret = field("token", token).and_then(Value::as_str).filter(|text| !text.is_empty());
            let secret = Secret::new(secret.ok_or("it has no token")?.to_owned());
            let stated = match (field("expires", expires), field("expires_in", expires_in)) {
                (Some(time), _) => Some(time_of(time).ok_or("its expiry is not a time as in 2026-11-27T20:00:00Z")?),
                (None, Some(seconds)) => Some(after(sent, seconds).ok_or("its expires_in is not a number of seconds")?),
                (None, None) => None,
            };
            (field("username", username).and_then(Value::as_str).map(str::to_owned), secret, stated)
        }
    };
    let text = secret.expose();
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("its token is not a single word");
    }
    let claims = Claims::of(text);
    let of_claims = || claims.as_ref().and_then(|claims| claims.expires);
    let asked = || sent.checked_add(Duration::from_secs(plan.values.ttl()?));
    let expires = stated.or_else(of_claims).or_else(asked);
    if expires.is_some_and(|expires| expires <= SystemTime::now()) {
        return Err("its token has already expired");
    }
    let username = plan.values.value("username").map(str::to_owned).or(username);
    let of_row = || match plan.row.username {
        Username::Is(text) => plan.values.fill(text),
        Username::JFrogSubject => Some(user_of(&claims.as_ref()?.subject).to_owned()),
    };
    let username = username.or_else(of_row).filter(|name| is_name(name)).ok_or("it has no user name")?;
    Ok(Minted { username, secret, expires })
}

/// As JFrog's own clients read it: `jfrt@…/users/name`, else the subject as it is.
fn user_of(subject: &str) -> &str {
    let is_path = subject.starts_with("jfrt@") || subject.contains("/users/");
    if is_path { subject.rsplit('/').next().unwrap_or_default() } else { subject }
}

/// Docker would take the secret beside `<token>` for a token to refresh others with.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name != "<token>" && !name.chars().any(char::is_control)
}

fn pair(json: &Value, host: &str) -> Option<(String, Secret)> {
    let decoded = Zeroizing::new(STANDARD.decode(json["auths"][host]["auth"].as_str()?).ok()?);
    let (username, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    (!secret.is_empty()).then(|| (username.to_owned(), Secret::new(secret.to_owned())))
}

fn after(sent: SystemTime, seconds: &Value) -> Option<SystemTime> {
    let seconds = seconds.as_f64().or_else(|| seconds.as_str()?.parse().ok())?;
    (0.0..1e9).contains(&seconds).then(|| sent.checked_add(Duration::from_secs_f64(seconds))).flatten()
}

fn time_of(text: &Value) -> Option<SystemTime> {
    let time = OffsetDateTime::parse(text.as_str()?, &Rfc3339).ok()?;
    // Windows' clock begins in 1601.
    (time.unix_timestamp() >= 0).then(|| time.into())
}
