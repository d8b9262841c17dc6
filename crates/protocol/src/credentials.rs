use serde_json::{Map, Value};

use crate::{Failure, Secret};

/// What Docker stores and gets: a user name and a secret for a registry.
///
/// A user name of `<token>` means that the secret is an identity token (a refresh token for the
/// registry's token server) instead of a password: see
/// [Docker's native store](https://github.com/docker/cli/blob/master/cli/config/credentials/native_store.go).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The server address as Docker wrote it, which a response repeats.
    pub server: String,
    /// The user name.
    pub username: String,
    /// The password or token; may be empty.
    pub secret: Secret,
}

impl Credentials {
    /// Reads the input of `store` and the output of `get`, as Go's JSON decoder does: names of fields in
    /// any letter case, unknown fields ignored, missing ones empty.
    ///
    /// # Errors
    /// The text is not one JSON object of strings. The message has the position, without the text.
    pub fn from_json(text: &str) -> Result<Self, Failure> {
        let object: Map<String, Value> = serde_json::from_str(text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            Failure::stop(format!("credentials are not a JSON object: line {line}, column {column}"))
        })?;
        let (mut server, mut username, mut secret) = (String::new(), String::new(), String::new());
        for (name, value) in object {
            let field = match name.to_ascii_lowercase().as_str() {
                "serverurl" => &mut server,
                "username" => &mut username,
                "secret" => &mut secret,
                _ => continue,
            };
            match value {
                Value::String(text) => *field = text,
                Value::Null => {}
                _ => return Err(Failure::stop(format!("credentials are not text: field {name}"))),
            }
        }
        Ok(Credentials { server: server.trim().to_owned(), username, secret: Secret::new(secret) })
    }

    /// Writes one object with exactly three keys and a line feed: some clients reject anything else.
    pub fn to_json(&self) -> Vec<u8> {
        let mut line = Vec::with_capacity(64 + self.server.len() + self.username.len() + 2 * self.secret.len());
        line.extend_from_slice(b"{\"ServerURL\":");
        quote(&mut line, &self.server);
        line.extend_from_slice(b",\"Username\":");
        quote(&mut line, &self.username);
        line.extend_from_slice(b",\"Secret\":");
        quote(&mut line, self.secret.expose());
        line.extend_from_slice(b"}\n");
        line
    }
}

/// Appends a JSON string.
pub(crate) fn quote(line: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(line, text).expect("a string always has a JSON form and a vector always has room");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Credentials {
        Credentials::from_json(text).unwrap()
    }

    #[test]
    fn reads_what_go_writes() {
        // Go's encoder escapes `<` and `>` for HTML, so an identity token arrives like this.
        let given = read("{\"ServerURL\":\"r.example\",\"Username\":\"\\u003ctoken\\u003e\",\"Secret\":\"s\"}\n");
        assert_eq!((given.username.as_str(), given.secret.expose()), ("<token>", "s"));
    }

    #[test]
    fn ignores_letter_case_white_space_and_unknown_fields() {
        let given =
            read("\r\n { \"serverurl\" : \" r.example:5000\\n\", \"USERNAME\":\"u\", \"Email\":[1], \"secret\":null }");
        assert_eq!(
            (given.server.as_str(), given.username.as_str(), given.secret.expose()),
            ("r.example:5000", "u", "")
        );
    }

    #[test]
    fn refuses_other_shapes_without_repeating_them() {
        for text in ["", "[]", "canary", "{\"Secret\":\"canary\"", "{\"Secret\":{\"canary\":1}}", "{} canary"] {
            let failure = Credentials::from_json(text).unwrap_err().to_string();
            assert!(failure.starts_with("credentials are not") && !failure.contains("canary"), "{failure}");
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let secret = "quote\" back\\slash colon: line\nfeed tab\t é 日本 \u{1F512} <>&";
        let given =
            Credentials { server: "r.example".into(), username: "<token>".into(), secret: Secret::new(secret.into()) };
        let line = String::from_utf8(given.to_json()).unwrap();
        assert_eq!(line.matches('\n').count(), 1);
        assert_eq!(read(&line), given);
    }
}
