use std::path::{Path, PathBuf};
use std::time::Duration;

use dockerconfig::Document;
use protocol::Deadline;
use serde_json::Value;
use settings::Environment;

/// How long an engine on this machine may take to say how it is.
#[cfg(unix)]
const SOCKET_TIMEOUT: Duration = Duration::from_secs(2);
/// The timeout of `docker info`, which may call a remote machine.
const DOCKER_INFO_TIMEOUT: Duration = Duration::from_secs(5);

/// What came of asking an engine for its `/info`.
#[derive(Debug)]
pub(in crate::doctor) enum EngineState {
    /// <https://docs.docker.com/reference/api/engine/version/v1.51/#tag/System/operation/SystemInfo>
    Running(Value),
    /// It is not running, or not there.
    NotRunning,
    /// It exists, but this user has no access. Only a socket says so.
    #[cfg_attr(not(unix), allow(dead_code))]
    PermissionDenied,
    /// It does not respond in time, or its response is malformed.
    NoEcho,
    /// Unknown: the engine is remote, and there is no docker command to query it.
    NotQueried,
}

/// The address of the engine that docker talks to: `DOCKER_HOST`, else that of the context in force.
///
/// Source: `resolveContextName` in <https://github.com/docker/cli/blob/master/cli/command/cli.go>.
pub(super) fn address(environment: &Environment, config: Option<&(PathBuf, Document)>) -> String {
    if let Some(host) = environment.text("DOCKER_HOST") {
        return host;
    }
    let context = environment.text("DOCKER_CONTEXT").or_else(|| config?.1.current_context());
    let folder = config.and_then(|(path, _)| path.parent());
    let named = context.filter(|name| name != "default").and_then(|name| of_context(&name, folder?));
    let usual = if cfg!(windows) { "npipe:////./pipe/docker_engine" } else { "unix:///var/run/docker.sock" };
    named.unwrap_or_else(|| usual.to_owned())
}

/// The folder of a context is called after a digest of its name, and its file has the name.
fn of_context(name: &str, folder: &Path) -> Option<String> {
    std::fs::read_dir(folder.join("contexts/meta")).ok()?.flatten().find_map(|entry| {
        let text = std::fs::read(entry.path().join("meta.json")).ok()?;
        let context: Value = serde_json::from_slice(&text).ok()?;
        (context["Name"] == name).then(|| context["Endpoints"]["docker"]["Host"].as_str().map(str::to_owned))?
    })
}

/// Queries the engine at an address: by its socket if it is one, else by docker.
pub(super) fn ask(address: &str, docker: Option<&Path>, folder: Option<&Path>) -> EngineState {
    #[cfg(unix)]
    if let Some(socket) = address.strip_prefix("unix://") {
        return by_socket(Path::new(socket));
    }
    docker.map_or(EngineState::NotQueried, |docker| by_docker(address, docker, folder))
}

/// A response with a version comes from a running engine; without an engine, docker prints one without.
fn parse(body: &[u8]) -> EngineState {
    match serde_json::from_slice::<Value>(body) {
        Ok(info) if info["ServerVersion"].as_str().is_some_and(|version| !version.is_empty()) => {
            EngineState::Running(info)
        }
        Ok(_) => EngineState::NotRunning,
        Err(_) => EngineState::NoEcho,
    }
}

#[cfg(unix)]
fn by_socket(socket: &Path) -> EngineState {
    use std::io::ErrorKind::{ConnectionRefused, NotFound, PermissionDenied};
    match exchange(socket) {
        Ok(response) => match response.windows(4).position(|four| four == b"\r\n\r\n") {
            Some(end) if response.starts_with(b"HTTP/1.") && response.get(9..12) == Some(b"200") => {
                parse(&response[end + 4..])
            }
            _ => EngineState::NoEcho,
        },
        Err(error) if matches!(error.kind(), NotFound | ConnectionRefused) => EngineState::NotRunning,
        Err(error) if error.kind() == PermissionDenied => EngineState::PermissionDenied,
        Err(_) => EngineState::NoEcho,
    }
}

/// One HTTP/1.0 request, whose response is not chunked and ends with the connection.
#[cfg(unix)]
fn exchange(socket: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::{Read, Write};
    const MOST: usize = 1 << 20;
    let mut stream = std::os::unix::net::UnixStream::connect(socket)?;
    let deadline = Deadline::after(SOCKET_TIMEOUT);
    stream.set_write_timeout(Some(SOCKET_TIMEOUT))?;
    stream.write_all(b"GET /info HTTP/1.0\r\nHost: docker\r\n\r\n")?;
    let mut response = Vec::new();
    let mut piece = [0; 8192];
    loop {
        let left = deadline.remaining();
        if left.is_zero() || response.len() > MOST {
            return Err(std::io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut piece)? {
            0 => return Ok(response),
            count => response.extend_from_slice(&piece[..count]),
        }
    }
}

fn by_docker(address: &str, docker: &Path, folder: Option<&Path>) -> EngineState {
    let mut command = tokio::process::Command::new(docker);
    if let Some(folder) = folder {
        command.arg("--config").arg(folder);
    }
    command.args(["--host", address, "info", "--format", "{{json .}}"]);
    // On a thread, because the caller may be within a runtime, which cannot start another.
    let run = move || web::run(async { program::run(&mut command, Deadline::after(DOCKER_INFO_TIMEOUT)).await });
    let response = std::thread::Builder::new()
        .spawn(run)
        .ok()
        .and_then(|thread| thread.join().ok())
        .and_then(Result::ok)
        .and_then(Result::ok);
    response.map_or(EngineState::NoEcho, |response| parse(&response.stdout))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_is_that_of_the_variable_else_of_the_context() {
        let folder = tempfile::tempdir().unwrap();
        let meta = folder.path().join("contexts/meta/0123");
        std::fs::create_dir_all(&meta).unwrap();
        let text = r#"{"Name":"far","Endpoints":{"docker":{"Host":"ssh://me@far.example"}}}"#;
        std::fs::write(meta.join("meta.json"), text).unwrap();
        let config = |text: &str| Some((folder.path().join("config.json"), Document::parse(text.into()).unwrap()));
        let usual = address(&Environment::of([("X", "y")]), None);
        for (variables, text, expected) in [
            (vec![("DOCKER_HOST", "tcp://h:1"), ("DOCKER_CONTEXT", "far")], "{}", "tcp://h:1"),
            (vec![("DOCKER_CONTEXT", "far")], "{}", "ssh://me@far.example"),
            (vec![], r#"{"currentContext":"far"}"#, "ssh://me@far.example"),
            (vec![("DOCKER_CONTEXT", "default")], r#"{"currentContext":"far"}"#, usual.as_str()),
            (vec![("DOCKER_CONTEXT", "gone")], "{}", usual.as_str()),
        ] {
            assert_eq!(address(&Environment::of(variables), config(text).as_ref()), expected);
        }
    }

    #[test]
    fn only_an_engine_has_a_version() {
        assert!(matches!(parse(br#"{"ServerVersion":"28.5.1"}"#), EngineState::Running(_)));
        assert!(matches!(parse(br#"{"ServerErrors":["x"],"ServerVersion":""}"#), EngineState::NotRunning));
        assert!(matches!(parse(b"<html>"), EngineState::NoEcho));
    }
}
