use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hmac_sha256::Hash;
use protocol::{Secret, ServerUrl};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{Entry, Key, Name};

/// The version of the layout below; entries of another version are not read.
const VERSION: u32 = 1;

/// An entry without its secret: one line of JSON, which precedes the secret. Times are whole seconds.
#[derive(Serialize, Deserialize)]
pub(crate) struct Header {
    version: u32,
    key: String,
    server: String,
    username: String,
    issued: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    requires: Option<String>,
    /// The size of the secret in bytes, so that a truncated one is detected.
    pub(crate) size: usize,
    /// The digest of a secret in several parts, which several processes may write at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) digest: Option<String>,
    /// Set for a login in a file while stores that could not be reached may have older ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) copies: Option<StaleCopies>,
}

/// Older copies of a login, which are to be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StaleCopies {
    /// When this was tried last, in seconds since 1970; zero for never.
    pub(crate) tried: u64,
}

impl StaleCopies {
    pub(crate) const UNTRIED: StaleCopies = StaleCopies { tried: 0 };
}

impl Header {
    pub(crate) fn of(entry: &Entry) -> Self {
        Header {
            version: VERSION,
            key: key_text(&entry.key),
            server: entry.server.clone(),
            username: entry.username.clone(),
            issued: to_seconds(entry.issued),
            expires: entry.expires.map(to_seconds),
            requires: entry.requires.clone(),
            size: entry.secret.len(),
            digest: None,
            copies: None,
        }
    }

    /// `None` if it is damaged or of another version.
    pub(crate) fn parse(line: &[u8]) -> Option<Self> {
        serde_json::from_slice::<Header>(line).ok().filter(|header| header.version == VERSION)
    }

    /// One line with a line feed.
    pub(crate) fn line(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).expect("numbers and strings can always be serialized");
        line.push(b'\n');
        line
    }

    pub(crate) fn is_of(&self, key: &Key) -> bool {
        self.key == key_text(key)
    }

    pub(crate) fn into_name(self) -> Option<Name> {
        Some(Name {
            key: parse_key(&self.key)?,
            server: self.server,
            username: self.username,
            issued: from_seconds(self.issued)?,
            expires: match self.expires {
                Some(seconds) => Some(from_seconds(seconds)?),
                None => None,
            },
        })
    }

    /// `None` if this header belongs to another secret.
    pub(crate) fn into_entry(mut self, secret: &[u8]) -> Option<Entry> {
        let fits = self.size == secret.len() && self.digest.as_ref().is_none_or(|sum| *sum == digest(secret));
        let secret = std::str::from_utf8(secret).ok().filter(|_| fits)?;
        let requires = self.requires.take();
        let name = self.into_name()?;
        Some(Entry {
            key: name.key,
            server: name.server,
            username: name.username,
            secret: Secret::new(secret.to_owned()),
            issued: name.issued,
            expires: name.expires,
            requires,
        })
    }
}

/// The header line, then the secret.
pub(crate) fn encode(entry: &Entry, copies: Option<StaleCopies>) -> Zeroizing<Vec<u8>> {
    let line = Header { copies, ..Header::of(entry) }.line();
    let secret = entry.secret.expose().as_bytes();
    // Allocated once, because a growing vector leaves copies of the secret in memory.
    let mut bytes = Zeroizing::new(Vec::with_capacity(line.len() + secret.len()));
    bytes.extend_from_slice(&line);
    bytes.extend_from_slice(secret);
    bytes
}

/// `None` if it is damaged, truncated, of another version or of another key.
pub(crate) fn decode(bytes: &[u8], key: &Key) -> Option<Entry> {
    let end = bytes.iter().position(|&byte| byte == b'\n')?;
    Header::parse(&bytes[..end]).filter(|header| header.is_of(key))?.into_entry(&bytes[end + 1..])
}

/// The header of an encoded entry.
pub(crate) fn of_bytes(bytes: &[u8]) -> Option<Header> {
    Header::parse(bytes.split(|&byte| byte == b'\n').next()?)
}

/// A name of 32 hexadecimal digits, which is valid in every store and never a path. The header contains the
/// key itself.
pub(crate) fn label(key: &Key) -> String {
    digest(key_text(key).as_bytes())
}

pub(crate) fn digest(bytes: &[u8]) -> String {
    hexadecimal(&Hash::hash(bytes))
}

/// The first half of a hash in hexadecimal.
pub(crate) fn hexadecimal(hash: &[u8; 32]) -> String {
    use std::fmt::Write;
    hash.iter().take(16).fold(String::with_capacity(32), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        text
    })
}

pub(crate) fn to_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

pub(crate) fn from_seconds(seconds: u64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// A key as text, from which its label is computed.
pub(crate) fn key_text(key: &Key) -> String {
    match key {
        Key::Token(id) => format!("token:{id}"),
        Key::Login(server) => format!("login:{}", server.key()),
    }
}

pub(crate) fn parse_key(text: &str) -> Option<Key> {
    match text.split_once(':')? {
        ("token", id) => Some(Key::Token(id.to_owned())),
        ("login", server) => ServerUrl::parse(server).ok().map(Key::Login),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{login, token};

    #[test]
    fn an_entry_is_decoded_as_it_was_encoded() {
        for entry in [
            token("ecr:aws/1", ""),
            token("a", "p\nq\0é"),
            Entry { requires: Some("0a\n$STAGE".to_owned()), ..token("b", "x") },
            login("r.example:5000", &"x".repeat(70_000)),
        ] {
            assert_eq!(decode(&encode(&entry, None), &entry.key), Some(entry));
        }
    }

    #[test]
    fn truncated_and_foreign_bytes_are_not_an_entry() {
        let entry = token("a", "secret");
        let bytes = encode(&entry, None);
        for end in 0..bytes.len() {
            assert_eq!(decode(&bytes[..end], &entry.key), None, "truncated at {end}");
        }
        assert_eq!(decode(&[&bytes[..], b"x"].concat(), &entry.key), None, "longer");
        assert_eq!(decode(&bytes, &Key::Token("b".to_owned())), None, "another key");
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        assert_eq!(decode(text.replace("\"version\":1", "\"version\":2").as_bytes(), &entry.key), None);
        let end_of_time = text.replace("\"issued\":", "\"issued\":18446744073709551615,\"x\":");
        assert_eq!(decode(end_of_time.as_bytes(), &entry.key), None, "a time out of range");
    }

    #[test]
    fn a_label_is_never_a_path_and_is_the_same_for_all_spellings() {
        let label_of = |server| label(&login(server, "").key);
        assert_eq!(label_of("https://R.example/v2/"), label_of("r.example"));
        assert_ne!(label_of("r.example"), label(&Key::Token("r.example".to_owned())));
        assert!(label(&Key::Token("../../x".to_owned())).bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
}
