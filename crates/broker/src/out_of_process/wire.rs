//! The request to the worker and its response: one JSON object each.

use std::time::{Duration, SystemTime};

use protocol::{Deadline, ErrorMessage, Secret, ServerUrl};
use serde_json::{Value, json};
use settings::Workload;
use zeroize::Zeroizing;

use crate::json::{quote, read_workload, write_workload};
use crate::{MintError, Minted};

/// A request to the worker.
pub struct Request {
    /// The registry.
    pub server: ServerUrl,
    /// The deadline of the response.
    pub deadline: Deadline,
    /// The service account to mint for, instead of the machine's identity.
    pub workload: Option<Workload>,
}

/// Writes a request: the registry, the remaining time and since when, and the service account, if any.
pub fn write_request(server: &ServerUrl, left: Duration, workload: Option<&Workload>) -> Zeroizing<Vec<u8>> {
    // Large enough not to grow, which would leave a copy of the token behind.
    let mut line = Zeroizing::new(Vec::with_capacity(if workload.is_some() { 64 << 10 } else { 512 }));
    line.extend_from_slice(b"{\"server\":");
    quote(&mut line, server.original());
    let sent = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
    line.extend_from_slice(format!(",\"milliseconds\":{},\"sent\":{sent}", left.as_millis()).as_bytes());
    write_workload(&mut line, workload);
    // The line feed ends the request: the pipe stays open until the helper has the response.
    line.extend_from_slice(b"}\n");
    line
}

/// Reads a request; `None` if it is malformed.
pub fn read_request(line: &[u8]) -> Option<Request> {
    let mut request: Value = serde_json::from_slice(line).ok()?;
    let server = ServerUrl::parse(request["server"].as_str()?).ok()?;
    let left = Duration::from_millis(request["milliseconds"].as_u64()?);
    let sent = request["sent"].as_u64().map(Duration::from_millis);
    let deadline = Deadline::after(remaining(left, sent, SystemTime::now()));
    let workload = read_workload(&mut request)?;
    Some(Request { server, deadline, workload })
}

/// What remains of the time that was left when a request was sent. A busy machine starts the worker late, and the
/// helper does not wait longer for it. The clock may have been set meanwhile, so at least half of the time counts.
fn remaining(left: Duration, sent: Option<Duration>, now: SystemTime) -> Duration {
    let sent = sent.and_then(|sent| SystemTime::UNIX_EPOCH.checked_add(sent));
    let late = sent.and_then(|sent| now.duration_since(sent).ok()).unwrap_or_default();
    left - late.min(left / 2)
}

/// Writes a response: a token, or why there is none.
pub fn write_response(result: &Result<Minted, MintError>) -> Zeroizing<Vec<u8>> {
    let (error, no_identity) = match result {
        Ok(minted) => {
            let expires = minted.expires.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            let requires = minted.requires.as_ref().map_or(0, String::len);
            let mut text = Zeroizing::new(Vec::with_capacity(512 + 2 * (minted.secret.len() + requires)));
            // Written piece by piece: a JSON document in between would leave copies of the secret in memory.
            text.extend_from_slice(b"{\"username\":");
            quote(&mut text, &minted.username);
            text.extend_from_slice(b",\"secret\":");
            quote(&mut text, minted.secret.expose());
            text.extend_from_slice(format!(",\"expires\":{}", expires.as_millis()).as_bytes());
            if let Some(requires) = &minted.requires {
                text.extend_from_slice(b",\"requires\":");
                quote(&mut text, requires);
            }
            if let Some(scope) = &minted.scope {
                text.extend_from_slice(b",\"scope\":");
                quote(&mut text, scope);
            }
            text.push(b'}');
            return text;
        }
        Err(MintError::NoIdentity(error)) => (error, true),
        Err(MintError::Failed(error)) => (error, false),
    };
    let response = json!({"what": error.what, "hint": error.hint, "no_identity": no_identity});
    Zeroizing::new(response.to_string().into_bytes())
}

/// Reads a response; `None` if it is malformed. A malformed response is not repeated in an error.
pub fn read_response(line: &[u8]) -> Option<Result<Minted, MintError>> {
    #[derive(serde::Deserialize)]
    struct Response {
        username: Option<String>,
        secret: Option<String>,
        expires: Option<u64>,
        requires: Option<String>,
        scope: Option<String>,
        what: Option<String>,
        hint: Option<String>,
        #[serde(default)]
        no_identity: bool,
    }
    let response: Response = serde_json::from_slice(line).ok()?;
    let secret = response.secret.map(Secret::new);
    match (response.username, secret, response.expires, response.what) {
        (Some(username), Some(secret), Some(expires), None) => {
            // Windows' time ends in the year 30828.
            let expires = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(expires))?;
            // Without a scope, the token is not cached.
            let scope = Some(response.scope.unwrap_or_default());
            Some(Ok(Minted { requires: response.requires, scope, ..Minted::new(username, secret, expires) }))
        }
        (.., Some(what)) => {
            let error = ErrorMessage { what, hint: response.hint };
            Some(Err(if response.no_identity { MintError::NoIdentity(error) } else { MintError::Failed(error) }))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_as_written() {
        let server = ServerUrl::parse("https://r.example/v2/").unwrap();
        let plain = read_request(&write_request(&server, Duration::from_secs(9), None)).unwrap();
        assert_eq!(plain.server.original(), "https://r.example/v2/");
        assert!(plain.deadline.remaining() > Duration::from_secs(8) && plain.workload.is_none());
        let workload = Workload::new(Secret::new("a.b.c".into()), Default::default());
        let of_pod = read_request(&write_request(&server, Duration::from_secs(9), Some(&workload))).unwrap();
        assert_eq!(of_pod.workload.unwrap().token, workload.token);
        for other in [
            "",
            "{}",
            "{\"server\":\"r.example\"}",
            "{\"server\":1,\"milliseconds\":1}",
            "{\"server\":\"r.example\",\"milliseconds\":1,\"workload\":{}}",
        ] {
            assert!(read_request(other.as_bytes()).is_none(), "{other}");
        }
    }

    #[test]
    fn what_passes_before_the_worker_reads_a_request_is_taken_off() {
        let (left, now) = (Duration::from_secs(8), SystemTime::UNIX_EPOCH + Duration::from_secs(100));
        for (sent, expected) in [(None, 8), (Some(100), 8), (Some(98), 6), (Some(10), 4), (Some(200), 8)] {
            let remaining = remaining(left, sent.map(Duration::from_secs), now);
            assert_eq!(remaining, Duration::from_secs(expected), "{sent:?}");
        }
        assert_eq!(remaining(left, Some(Duration::MAX), now), left);
    }

    #[test]
    fn every_response_is_read_as_written() {
        let expires = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_446_000_123);
        let token = Minted::new("AWS \"é\"", Secret::new("a\\b\"\n".into()), expires);
        let write = |result| write_response(&result);
        assert_eq!(read_response(&write(Ok(token.clone()))).unwrap().unwrap().scope.as_deref(), Some(""), "no scope");
        let token = Minted { scope: Some("a:b/c".into()), requires: Some("0a\n$X".into()), ..token };
        let read = read_response(&write(Ok(token))).unwrap().unwrap();
        assert_eq!(read.scope.as_deref(), Some("a:b/c"));
        assert_eq!((read.username.as_str(), read.secret.expose()), ("AWS \"é\"", "a\\b\"\n"));
        assert_eq!((read.expires, read.requires.as_deref()), (expires, Some("0a\n$X")));
        let error = ErrorMessage { what: "w".into(), hint: Some("h".into()) };
        let read = read_response(&write(Err(MintError::NoIdentity(error.clone())))).unwrap();
        assert!(matches!(read, Err(MintError::NoIdentity(read)) if read == error));
        let read = read_response(&write(Err(MintError::Failed(error.clone())))).unwrap();
        assert!(matches!(read, Err(MintError::Failed(read)) if read == error));
    }

    #[test]
    fn a_malformed_response_is_rejected() {
        for line in ["", "canary", "{\"username\":\"canary\"}", "{\"secret\":\"canary\",\"username\":\"u\"}"] {
            assert!(read_response(line.as_bytes()).is_none(), "{line}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_response_is_read_back(
            username in ".*", secret in ".*", milliseconds in 0_u64..1 << 49, hint in proptest::option::of(".*"),
        ) {
            let expires = SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds);
            let given = Minted::new(username.clone(), Secret::new(secret.clone()), expires);
            let read = read_response(&write_response(&Ok(given))).unwrap().unwrap();
            proptest::prop_assert_eq!((&*read.username, read.secret.expose(), read.expires), (&*username, &*secret, expires));
            let error = ErrorMessage { what: secret, hint };
            let Some(Err(MintError::Failed(read))) = read_response(&write_response(&Err(MintError::Failed(error.clone())))) else { panic!() };
            proptest::prop_assert_eq!(read, error);
        }

        #[test]
        fn no_input_panics(text in r#"\{("(username|secret|expires|what|hint|no_identity)":("[a-z]{0,3}"|-?[0-9]{1,25}|null|true|\{\}),?){0,5}\}?|\PC{0,30}"#) {
            let _ = read_response(text.as_bytes());
            let _ = super::read_request(text.as_bytes());
        }
    }
}
