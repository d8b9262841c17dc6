use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use thiserror::Error;
use zeroize::Zeroizing;

use crate::{Credentials, NOT_FOUND, Secret};

/// Bytes; a list of every registry in the world would be shorter. What says more is no helper, and
/// must not fill the memory.
const LARGEST: u64 = 4 << 20;

/// Docker's half of the wire: runs a helper and reads its answer.
///
/// Unlike Docker it does not wait for ever.
#[derive(Clone, Debug)]
pub struct Client {
    program: PathBuf,
    limit: Duration,
}

/// Why a helper gave no answer, named by what its user has to mend.
#[derive(Debug, Error)]
pub enum ClientError {
    /// There is no such program, or it cannot be run.
    #[error("{} cannot be run: {error}", program.display())]
    Missing {
        /// What was to be run.
        program: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// It ran longer than the client waits, and was stopped.
    #[error("{} did not answer within {} s", program.display(), limit.as_secs())]
    Hung {
        /// What was stopped.
        program: PathBuf,
        /// How long it was waited for.
        limit: Duration,
    },
    /// It answered with a sentence instead of credentials.
    #[error("{0}")]
    Refused(String),
    /// It answered with something outside the protocol, which is not repeated: it may hold a secret.
    #[error("{} gave an answer that is not of the credential helper protocol", program.display())]
    Garbled {
        /// What gave the answer.
        program: PathBuf,
    },
}

impl Client {
    /// A client of the helper at `program` that waits at most `limit` for an answer.
    pub fn new(program: impl Into<PathBuf>, limit: Duration) -> Self {
        Client { program: program.into(), limit }
    }

    /// Asks for the credentials of a registry; `None` where the helper has none.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn get(&self, server: &str) -> Result<Option<Credentials>, ClientError> {
        match self.ask("get", server) {
            Ok(answer) => Credentials::from_json(&answer).map(Some).map_err(|_| self.garbled()),
            Err(ClientError::Refused(sentence)) if sentence == NOT_FOUND => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Hands a login over for keeping.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn store(&self, login: &Credentials) -> Result<(), ClientError> {
        let login = Zeroizing::new(login.to_json());
        let text = std::str::from_utf8(&login).expect("JSON made from strings is UTF-8");
        self.ask("store", text).map(drop)
    }

    /// Makes the helper forget a registry.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn erase(&self, server: &str) -> Result<(), ClientError> {
        self.ask("erase", server).map(drop)
    }

    /// Names the servers that the helper knows, with the user of each.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn list(&self) -> Result<BTreeMap<String, String>, ClientError> {
        // Docker writes a word that means nothing.
        serde_json::from_str(&self.ask("list", "unused")?).map_err(|_| self.garbled())
    }

    /// What one of our helpers knows of a registry: see [`crate::Helper::inspect`].
    ///
    /// # Errors
    /// See [`ClientError`]; helpers of others know no such question.
    pub fn inspect(&self, server: &str) -> Result<serde_json::Value, ClientError> {
        serde_json::from_str(&self.ask("inspect", server)?).map_err(|_| self.garbled())
    }

    /// Asks one of our helpers more than Docker would, see [`crate::Helper::provide`]; `None` where it
    /// has nothing.
    ///
    /// # Errors
    /// See [`ClientError`]; helpers of others know no such question.
    pub fn provide(&self, question: &str) -> Result<Option<Zeroizing<String>>, ClientError> {
        match self.ask("provide", question) {
            Ok(answer) => Ok(Some(answer)),
            Err(ClientError::Refused(sentence)) if sentence == NOT_FOUND => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What the helper calls itself.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn version(&self) -> Result<String, ClientError> {
        self.ask("version", "").map(|text| text.trim().to_owned())
    }

    fn garbled(&self) -> ClientError {
        ClientError::Garbled { program: self.program.clone() }
    }

    fn ask(&self, action: &str, request: &str) -> Result<Zeroizing<String>, ClientError> {
        let missing = |error| ClientError::Missing { program: self.program.clone(), error };
        let mut child = Command::new(&self.program)
            .arg(action)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(missing)?;
        let mut stdin = child.stdin.take().expect("standard input was piped");
        let stdout = child.stdout.take().expect("standard output was piped");
        let request = Secret::new(request.to_owned());
        let (done, answer) = mpsc::channel();
        std::thread::spawn(move || {
            // A helper may answer without reading all of the request.
            let _ = stdin.write_all(request.expose().as_bytes());
            drop(stdin);
            let mut text = Zeroizing::new(String::new());
            let mut answer = stdout.take(LARGEST);
            let read = answer.read_to_string(&mut text).map(|_| text);
            let endless = answer.limit() == 0;
            let _ = done.send(read.map_err(drop).and_then(|text| if endless { Err(()) } else { Ok(text) }));
        });
        let Ok(text) = answer.recv_timeout(self.limit) else {
            let _ = child.kill();
            let _ = child.wait();
            return Err(ClientError::Hung { program: self.program.clone(), limit: self.limit });
        };
        let Ok(text) = text else {
            let _ = child.kill();
            let _ = child.wait();
            return Err(self.garbled());
        };
        let status = child.wait().map_err(missing)?;
        if status.success() { Ok(text) } else { Err(ClientError::Refused(text.trim().to_owned())) }
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    /// A helper that a shell plays.
    fn client(script: &str) -> (tempfile::TempDir, Client) {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("docker-credential-fake");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        (folder, Client::new(program, Duration::from_secs(2)))
    }

    #[test]
    fn reads_credentials() {
        let (_folder, client) = client(r#"read s; echo "{\"ServerURL\":\"$s\",\"Username\":\"$1\",\"Secret\":\"p\"}""#);
        let given = client.get("r.example\n").unwrap().unwrap();
        assert_eq!((given.server.as_str(), given.username.as_str(), given.secret.expose()), ("r.example", "get", "p"));
    }

    #[test]
    fn the_not_found_sentence_is_no_error() {
        let (_folder, client) = client("echo 'credentials not found in native keychain'; exit 1");
        assert_eq!(client.get("r.example").unwrap(), None);
    }

    #[test]
    fn any_other_sentence_is_an_error() {
        let (_folder, client) = client("echo locked; exit 1");
        assert_eq!(client.get("r.example").unwrap_err().to_string(), "locked");
    }

    #[test]
    fn a_helper_that_hangs_is_stopped() {
        let (_folder, client) = client("exec sleep 60");
        assert!(matches!(client.list(), Err(ClientError::Hung { .. })));
    }

    #[test]
    fn garbage_is_not_repeated() {
        let (_folder, client) = client("echo canary");
        let error = client.get("r.example").unwrap_err();
        assert!(matches!(error, ClientError::Garbled { .. }) && !error.to_string().contains("canary"));
    }

    #[test]
    fn a_missing_helper_is_named() {
        let client = Client::new("/nowhere/docker-credential-fake", Duration::from_secs(1));
        assert!(client.version().unwrap_err().to_string().contains("docker-credential-fake cannot be run"));
    }
}
