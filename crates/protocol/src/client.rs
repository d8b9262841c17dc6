use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use thiserror::Error;
use zeroize::Zeroizing;

use crate::{Credentials, NOT_FOUND, Secret};

/// Bytes; no list of registries comes near. A longer response is malformed, and must not fill the memory.
const MAX_RESPONSE: u64 = 4 << 20;

/// Docker's end of the protocol: runs a helper and reads its response, with a timeout (Docker has none).
#[derive(Clone, Debug)]
pub struct Client {
    program: PathBuf,
    limit: Duration,
}

/// Why a helper returned nothing. The variants differ in the remedy.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The program does not exist or cannot be run.
    #[error("cannot run {}: {error}", program.display())]
    Missing {
        /// The program.
        program: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// It did not respond within the limit, and was killed.
    #[error("{} timed out after {} s", program.display(), limit.as_secs())]
    TimedOut {
        /// The program.
        program: PathBuf,
        /// The limit.
        limit: Duration,
    },
    /// It failed with this message.
    #[error("{0}")]
    Refused(String),
    /// Its response is malformed. It is not repeated, because it may contain a secret.
    #[error("{} returned a malformed response", program.display())]
    Malformed {
        /// The program.
        program: PathBuf,
    },
}

impl Client {
    /// A client of the helper at `program` that waits at most `limit` for a response.
    pub fn new(program: impl Into<PathBuf>, limit: Duration) -> Self {
        Client { program: program.into(), limit }
    }

    /// The credentials of a registry; `None` if the helper has none.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn get(&self, server: &str) -> Result<Option<Credentials>, ClientError> {
        match self.call("get", server) {
            Ok(response) => Credentials::from_json(&response).map(Some).map_err(|_| self.malformed()),
            Err(ClientError::Refused(message)) if message == NOT_FOUND => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Stores a login.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn store(&self, login: &Credentials) -> Result<(), ClientError> {
        let login = Zeroizing::new(login.to_json());
        let text = std::str::from_utf8(&login).expect("JSON made from strings is UTF-8");
        self.call("store", text).map(drop)
    }

    /// Erases the credentials of a registry.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn erase(&self, server: &str) -> Result<(), ClientError> {
        self.call("erase", server).map(drop)
    }

    /// The servers that the helper has credentials for, with the user name of each.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn list(&self) -> Result<BTreeMap<String, String>, ClientError> {
        // Docker writes a meaningless word.
        serde_json::from_str(&self.call("list", "unused")?).map_err(|_| self.malformed())
    }

    /// What one of our helpers has for a registry, see [`crate::Helper::inspect`].
    ///
    /// # Errors
    /// See [`ClientError`]; other helpers do not have this action.
    pub fn inspect(&self, server: &str) -> Result<serde_json::Value, ClientError> {
        serde_json::from_str(&self.call("inspect", server)?).map_err(|_| self.malformed())
    }

    /// What one of our helpers has for several registries, in their order, by one process; `null` for nothing.
    ///
    /// # Errors
    /// See [`ClientError`]; other helpers do not have this action.
    pub fn inspect_all(&self, servers: &[&str]) -> Result<Vec<serde_json::Value>, ClientError> {
        if let [server] = servers {
            return Ok(vec![self.inspect(server).unwrap_or_default()]);
        }
        // A line feed in a name would make two names.
        let names: Vec<_> = servers.iter().map(|name| if name.contains(['\n', '\r']) { "?" } else { name }).collect();
        let response = self.call("inspect", &names.join("\n"))?;
        let lines = response.lines().map(serde_json::from_str).collect::<Result<Vec<_>, _>>();
        lines.ok().filter(|lines| lines.len() == servers.len()).ok_or_else(|| self.malformed())
    }

    /// Sends one of our helpers a request with more than an address, see [`crate::Helper::provide`]; `None` if
    /// it has no credentials.
    ///
    /// # Errors
    /// See [`ClientError`]; other helpers do not have this action.
    pub fn provide(&self, request: &str) -> Result<Option<Zeroizing<String>>, ClientError> {
        match self.call("provide", request) {
            Ok(response) => Ok(Some(response)),
            Err(ClientError::Refused(message)) if message == NOT_FOUND => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The helper's version line.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn version(&self) -> Result<String, ClientError> {
        self.call("version", "").map(|text| text.trim().to_owned())
    }

    fn malformed(&self) -> ClientError {
        ClientError::Malformed { program: self.program.clone() }
    }

    fn call(&self, action: &str, request: &str) -> Result<Zeroizing<String>, ClientError> {
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
        let (sender, receiver) = mpsc::channel();
        let started = std::thread::Builder::new().spawn(move || {
            // A helper may respond without reading the whole request.
            let _ = stdin.write_all(request.expose().as_bytes());
            drop(stdin);
            let mut text = Zeroizing::new(String::new());
            let mut response = stdout.take(MAX_RESPONSE);
            let read = response.read_to_string(&mut text).map(|_| text);
            let is_too_long = response.limit() == 0;
            let _ = sender.send(read.map_err(drop).and_then(|text| if is_too_long { Err(()) } else { Ok(text) }));
        });
        // If no further thread can be started; std's own function would panic.
        if let Err(error) = started {
            let _ = child.kill();
            let _ = child.wait();
            return Err(missing(error));
        }
        let Ok(text) = receiver.recv_timeout(self.limit) else {
            let _ = child.kill();
            let _ = child.wait();
            return Err(ClientError::TimedOut { program: self.program.clone(), limit: self.limit });
        };
        let Ok(text) = text else {
            let _ = child.kill();
            let _ = child.wait();
            return Err(self.malformed());
        };
        let status = child.wait().map_err(missing)?;
        if status.success() { Ok(text) } else { Err(ClientError::Refused(text.trim().to_owned())) }
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    /// A helper that is a shell script.
    fn client(script: &str) -> (tempfile::TempDir, Client) {
        limited(script, testing::HANG)
    }

    fn limited(script: &str, limit: Duration) -> (tempfile::TempDir, Client) {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("docker-credential-fake");
        testing::script(&program, script);
        (folder, Client::new(program, limit))
    }

    #[test]
    fn reads_credentials() {
        let (_folder, client) = client(r#"read s; echo "{\"ServerURL\":\"$s\",\"Username\":\"$1\",\"Secret\":\"p\"}""#);
        let given = client.get("r.example\n").unwrap().unwrap();
        assert_eq!((given.server.as_str(), given.username.as_str(), given.secret.expose()), ("r.example", "get", "p"));
    }

    #[test]
    fn the_not_found_message_is_not_an_error() {
        let (_folder, client) = client("echo 'credentials not found in native keychain'; exit 1");
        assert_eq!(client.get("r.example").unwrap(), None);
    }

    #[test]
    fn any_other_message_is_an_error() {
        let (_folder, client) = client("echo locked; exit 1");
        assert_eq!(client.get("r.example").unwrap_err().to_string(), "locked");
    }

    #[test]
    fn a_helper_that_hangs_is_killed() {
        let (_folder, client) = limited("exec sleep 300", Duration::from_secs(1));
        assert!(matches!(client.list(), Err(ClientError::TimedOut { .. })));
    }

    #[test]
    fn a_malformed_response_is_not_repeated() {
        let (_folder, client) = client("echo canary");
        let error = client.get("r.example").unwrap_err();
        assert!(matches!(error, ClientError::Malformed { .. }) && !error.to_string().contains("canary"));
    }

    #[test]
    fn a_missing_helper_is_named() {
        let client = Client::new("/nowhere/docker-credential-fake", Duration::from_secs(1));
        assert!(client.version().unwrap_err().to_string().contains("cannot run /nowhere/docker-credential-fake"));
    }
}
