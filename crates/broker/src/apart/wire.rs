//! What a helper and the program that mints for it say to each other: one JSON object each way.

use std::time::{Duration, SystemTime};

use protocol::{Deadline, Explained, Secret, ServerUrl};
use serde_json::{Value, json};
use settings::Workload;
use zeroize::Zeroizing;

use crate::provide::{read_workload, write_workload};
use crate::{MintError, Minted};

/// What the minter is asked.
pub struct Asked {
    /// The registry.
    pub server: ServerUrl,
    /// When it has to be told.
    pub deadline: Deadline,
    /// For whom, where it is not the machine.
    pub workload: Option<Workload>,
}

/// What a helper asks: the registry, how much time is left, and for whom.
pub fn question(server: &ServerUrl, left: Duration, workload: Option<&Workload>) -> Zeroizing<Vec<u8>> {
    // Large enough not to grow, which would leave a copy of the token behind.
    let mut line = Zeroizing::new(Vec::with_capacity(if workload.is_some() { 64 << 10 } else { 512 }));
    line.extend_from_slice(b"{\"server\":");
    quote(&mut line, server.asked());
    line.extend_from_slice(format!(",\"milliseconds\":{}", left.as_millis()).as_bytes());
    write_workload(&mut line, workload);
    line.push(b'}');
    line
}

/// The question as the minter reads it; `None` for anything else.
pub fn asked(question: &[u8]) -> Option<Asked> {
    let mut question: Value = serde_json::from_slice(question).ok()?;
    let server = ServerUrl::parse(question["server"].as_str()?).ok()?;
    let deadline = Deadline::after(Duration::from_millis(question["milliseconds"].as_u64()?));
    let workload = read_workload(&mut question)?;
    Some(Asked { server, deadline, workload })
}

/// What the minter tells: a token, or why there is none.
pub fn told(result: &Result<Minted, MintError>) -> Zeroizing<Vec<u8>> {
    let (why, not_signed_in) = match result {
        Ok(minted) => {
            let expires = minted.expires.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            let mut text = Zeroizing::new(Vec::with_capacity(128 + 2 * minted.secret.len()));
            // Written piece by piece: a document in between would leave copies of the secret behind.
            text.extend_from_slice(b"{\"username\":");
            quote(&mut text, &minted.username);
            text.extend_from_slice(b",\"secret\":");
            quote(&mut text, minted.secret.expose());
            text.extend_from_slice(format!(",\"expires\":{}}}", expires.as_millis()).as_bytes());
            return text;
        }
        Err(MintError::NotSignedIn(why)) => (why, true),
        Err(MintError::Failed(why)) => (why, false),
    };
    let told = json!({"what": why.what, "hint": why.hint, "not_signed_in": not_signed_in});
    Zeroizing::new(told.to_string().into_bytes())
}

pub(crate) fn quote(line: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(line, text).expect("a string always has a JSON form and a vector always has room");
}

/// What was told, as the helper reads it.
///
/// # Errors
/// Those of the minter; and one of its own for anything that it cannot have told, which is not repeated.
pub fn minted(told: &[u8]) -> Result<Minted, MintError> {
    #[derive(serde::Deserialize)]
    struct Told {
        username: Option<String>,
        secret: Option<String>,
        expires: Option<u64>,
        what: Option<String>,
        hint: Option<String>,
        #[serde(default)]
        not_signed_in: bool,
    }
    let told: Told = serde_json::from_slice(told).map_err(|_| nonsense())?;
    let secret = told.secret.map(Secret::new);
    match (told.username, secret, told.expires, told.what) {
        (Some(username), Some(secret), Some(expires), None) => {
            // Windows' time ends in the year 30828.
            let expires = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(expires)).ok_or_else(nonsense)?;
            Ok(Minted { username, secret, expires })
        }
        (.., Some(what)) => {
            let why = Explained { what, hint: told.hint };
            Err(if told.not_signed_in { MintError::NotSignedIn(why) } else { MintError::Failed(why) })
        }
        _ => Err(nonsense()),
    }
}

/// It died, or it is not ours.
pub(crate) fn nonsense() -> MintError {
    MintError::Failed(Explained {
        what: "no token can be minted: credmint-mint gave no proper answer".to_owned(),
        hint: Some("install credmint again: its programs belong together".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_comes_through() {
        let server = ServerUrl::parse("https://r.example/v2/").unwrap();
        let plain = asked(&question(&server, Duration::from_secs(9), None)).unwrap();
        assert_eq!(plain.server.asked(), "https://r.example/v2/");
        assert!(plain.deadline.remaining() > Duration::from_secs(8) && plain.workload.is_none());
        let workload = Workload::new(Secret::new("a.b.c".into()), Default::default());
        let of_pod = asked(&question(&server, Duration::from_secs(9), Some(&workload))).unwrap();
        assert_eq!(of_pod.workload.unwrap().token, workload.token);
        for other in [
            "",
            "{}",
            "{\"server\":\"r.example\"}",
            "{\"server\":1,\"milliseconds\":1}",
            "{\"server\":\"r.example\",\"milliseconds\":1,\"workload\":{}}",
        ] {
            assert!(asked(other.as_bytes()).is_none(), "{other}");
        }
    }

    #[test]
    fn every_answer_comes_through() {
        let expires = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_446_000_123);
        let token = Minted { username: "AWS \"é\"".into(), secret: Secret::new("a\\b\"\n".into()), expires };
        let read = minted(&told(&Ok(token))).unwrap();
        assert_eq!((read.username.as_str(), read.secret.expose()), ("AWS \"é\"", "a\\b\"\n"));
        assert_eq!(read.expires, expires);
        let why = Explained { what: "w".into(), hint: Some("h".into()) };
        assert!(
            matches!(minted(&told(&Err(MintError::NotSignedIn(why.clone())))), Err(MintError::NotSignedIn(w)) if w == why)
        );
        assert!(matches!(minted(&told(&Err(MintError::Failed(why.clone())))), Err(MintError::Failed(w)) if w == why));
    }

    #[test]
    fn nonsense_is_said_to_be_so_and_not_repeated() {
        for told in ["", "canary", "{\"username\":\"canary\"}", "{\"secret\":\"canary\",\"username\":\"u\"}"] {
            let Err(MintError::Failed(why)) = minted(told.as_bytes()) else { panic!("{told}") };
            assert!(!why.to_string().contains("canary"), "{why}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_one_end_writes_the_other_end_reads(
            username in ".*", secret in ".*", milliseconds in 0_u64..1 << 49, hint in proptest::option::of(".*"),
        ) {
            let expires = SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds);
            let given = Minted { username: username.clone(), secret: Secret::new(secret.clone()), expires };
            let read = minted(&told(&Ok(given))).unwrap();
            proptest::prop_assert_eq!((&*read.username, read.secret.expose(), read.expires), (&*username, &*secret, expires));
            let why = Explained { what: secret, hint };
            let Err(MintError::Failed(read)) = minted(&told(&Err(MintError::Failed(why.clone())))) else { panic!() };
            proptest::prop_assert_eq!(read, why);
        }

        #[test]
        fn no_answer_panics(text in r#"\{("(username|secret|expires|what|hint|not_signed_in)":("[a-z]{0,3}"|-?[0-9]{1,25}|null|true|\{\}),?){0,5}\}?|\PC{0,30}"#) {
            let _ = minted(text.as_bytes());
            let _ = super::asked(text.as_bytes());
        }
    }
}
