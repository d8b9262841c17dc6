use std::time::{Duration, SystemTime};

use protocol::Secret;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What a program answered.
#[derive(Debug)]
pub struct Response {
    /// The user's name.
    pub username: String,
    /// The password or token.
    pub secret: Secret,
    /// `None` if unknown.
    pub expires: Option<SystemTime>,
}

/// Reads the response to Docker's `get`, with our `Expires`; `life` is for one that does not tell its expiry.
///
/// # Errors
/// What is wrong with it, without a word of it.
pub fn read(output: &[u8], life: Option<Duration>, now: SystemTime) -> Result<Response, &'static str> {
    let document: Value = serde_json::from_slice(output).map_err(|_| "not JSON")?;
    // Docker's own clients, written in Go, do not mind the case of a key.
    let member = |wanted: &str| {
        let members = document.as_object()?;
        let exact = members.get(wanted);
        exact.or_else(|| members.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value))
    };
    let text = |name: &str| member(name).and_then(Value::as_str);
    let username = text("Username").ok_or("no Username")?;
    let secret = text("Secret").filter(|secret| !secret.is_empty()).ok_or("no Secret")?;
    let expires = match member("Expires").filter(|expires| !expires.is_null()) {
        Some(value) => Some(time_of(value).ok_or("Expires is not a time such as 2026-11-27T20:00:00Z")?),
        None => broker::jwt_expiry(secret).or_else(|| now.checked_add(life?)),
    };
    if expires.is_some_and(|expires| expires <= now) {
        return Err("its credentials have expired");
    }
    Ok(Response { username: username.to_owned(), secret: Secret::new(secret.to_owned()), expires })
}

fn time_of(value: &Value) -> Option<SystemTime> {
    let time = OffsetDateTime::parse(value.as_str()?, &Rfc3339).ok()?;
    // Windows' clock begins in 1601.
    (time.unix_timestamp() >= 0).then(|| time.into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_end_comes_from_the_response_the_token_or_the_table() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let at = |seconds: u64| Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        // {"exp":2000000}
        let jwt = "e30.eyJleHAiOjIwMDAwMDB9.c2ln";
        let life = Some(Duration::from_secs(60));
        for (answer, life, expected) in [
            (r#"{"ServerURL":"r","Username":"u","Secret":"s"}"#.to_owned(), None, Ok(None)),
            (r#"{"username":"u","SECRET":"s"}"#.to_owned(), life, Ok(at(1_000_060))),
            (format!(r#"{{"Username":"u","Secret":"{jwt}"}}"#), life, Ok(at(2_000_000))),
            (
                format!(r#"{{"Username":"u","Secret":"{jwt}","Expires":"1970-01-12T14:46:40+01:00"}}"#),
                life,
                Ok(at(1_000_000)),
            ),
            (
                r#"{"Username":"u","Secret":"s","Expires":"1970-01-13T00:00:00Z","more":1}"#.to_owned(),
                None,
                Ok(at(1_036_800)),
            ),
            (r#"{"Username":"u","Secret":"s","Expires":null}"#.to_owned(), None, Ok(None)),
            (r#"{"Username":"u","Secret":"s","Expires":"soon"}"#.to_owned(), None, Err("is not a time")),
            (r#"{"Username":"u","Secret":"s","Expires":1}"#.to_owned(), None, Err("is not a time")),
            (r#"{"Username":"u","Secret":""}"#.to_owned(), None, Err("no Secret")),
            (r#"{"Secret":"s"}"#.to_owned(), None, Err("no Username")),
            ("s3cret".to_owned(), None, Err("not JSON")),
        ] {
            match (read(answer.as_bytes(), life, now), expected) {
                (Ok(read), Ok(expires)) => assert_eq!(read.expires, expires, "{answer}"),
                (Err(why), Err(words)) => assert!(why.contains(words), "{answer}: {why}"),
                // An end that is over.
                (Err(why), Ok(Some(end))) => assert!(end <= now && why.contains("expired"), "{answer}: {why}"),
                (read, expected) => panic!("{answer}: {read:?}, {expected:?}"),
            }
        }
    }
}
