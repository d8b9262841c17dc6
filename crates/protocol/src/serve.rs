use std::process::ExitCode;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::credentials::quote;
use crate::{Credentials, Deadline, Failure, ServerUrl, input};

/// How long a client may take to write its request.
const INPUT_LIMIT: Duration = Duration::from_secs(20);

/// How long a client with a non-blocking pipe may take to read the response.
#[cfg(unix)]
const OUTPUT_LIMIT: Duration = Duration::from_secs(20);

/// The error of a log that cannot be written, and the remedy.
const NO_TERMINAL: &str = "standard error is not a terminal, and some clients merge it into the response: set CREDMINT_LOG=debug:/path/to/file";

/// The actions of a helper: Docker's four, and two of `credmint`.
pub trait Helper {
    /// Returns the credentials of a registry.
    ///
    /// # Errors
    /// After [`Failure::NotFound`] and [`Failure::NotFoundBecause`] Docker continues without credentials,
    /// after any other it stops.
    fn get(&self, server: &ServerUrl) -> Result<Credentials, Failure>;

    /// Stores a login. A returned text is a warning, which the user sees on standard error.
    ///
    /// # Errors
    /// The login could not be stored; Docker shows the message.
    fn store(&self, server: &ServerUrl, login: Credentials) -> Result<Option<String>, Failure>;

    /// Erases everything that is stored for a registry; nothing stored is success. A returned text is a warning, which
    /// the user sees on standard error.
    ///
    /// # Errors
    /// Something is stored and could not be erased.
    fn erase(&self, server: &ServerUrl) -> Result<Option<String>, Failure>;

    /// Every server that [`Helper::get`] has credentials for, with its user name, without opening a secret.
    ///
    /// # Errors
    /// The stored names could not be read.
    fn list(&self) -> Result<Vec<(String, String)>, Failure>;

    /// What is stored for a registry, as JSON without any secret. For `credmint`; Docker has no such action.
    ///
    /// # Errors
    /// The stored entries could not be read.
    fn inspect(&self, server: &ServerUrl) -> Result<serde_json::Value, Failure>;

    /// [`Helper::get`] with more in the request and the response: for `credmint`, which serves kubelet, Bazel and
    /// other clients outside of Docker's family. The helper defines both formats.
    ///
    /// # Errors
    /// As for [`Helper::get`]; the message of [`Failure::NotFoundBecause`] is written to standard output.
    fn provide(&mut self, request: &str) -> Result<Vec<u8>, Failure>;
}

/// The name and version of a program.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// The file name Docker looks for, such as `docker-credential-ecr`.
    pub name: &'static str,
    /// The package it comes from.
    pub package: &'static str,
    /// The package's version.
    pub version: &'static str,
    /// The actions of another vendor's program of this name, with their replacements here.
    pub foreign_actions: &'static [(&'static str, &'static str)],
}

/// Handles one request and returns the exit code for `main`.
///
/// `arguments` are the program's without its name. `helper` is called only if it is needed, so that
/// `version` and usage work on a machine with broken settings.
pub fn serve<H: Helper>(
    program: Program,
    arguments: impl IntoIterator<Item = std::ffi::OsString>,
    helper: impl FnOnce() -> Result<H, Failure>,
) -> ExitCode {
    crate::disable_core_dumps();
    let mut arguments = arguments.into_iter();
    let action = arguments.next().map(|action| action.to_string_lossy().into_owned());
    let alone = arguments.next().is_none();
    let answer = match (action.as_deref(), alone) {
        (Some("get"), true) => get(helper),
        (Some("store"), true) => store(helper),
        (Some("erase"), true) => erase(helper),
        (Some("list"), true) => list(helper),
        (Some("inspect"), true) => inspect(helper),
        (Some("provide"), true) => provide(helper),
        (Some("version" | "--version" | "-v"), true) => {
            Ok(format!("{} ({}) {}\n", program.name, program.package, program.version).into_bytes())
        }
        (Some("help" | "--help" | "-h"), true) => Ok(usage(program)),
        (Some(action), _) if program.foreign_actions.iter().any(|(other, _)| *other == action) => {
            let (_, command) =
                program.foreign_actions.iter().find(|(other, _)| *other == action).expect("it is among them");
            return respond(program, format!("{}: no action {action}: use {command}\n", program.name).as_bytes(), 1);
        }
        (None, _) | (_, false) => return respond(program, &usage(program), 1),
        (Some(action), true) => {
            Err(Failure::stop(format!("{}: unknown action: {}", program.name, action.escape_default())))
        }
    };
    match answer {
        Ok(text) => respond(program, &text, 0),
        Err(failure) => {
            // `docker pull` drops standard output and prints only "no basic auth credentials".
            if let (Some("get"), Failure::Stop(error) | Failure::NotFoundBecause(error)) = (action.as_deref(), &failure)
            {
                print_error(&format!("{}: {error}", program.name));
                if crate::logger::log_was_refused() {
                    print_error(&format!("{}: CREDMINT_LOG: {NO_TERMINAL}", program.name));
                }
            }
            respond(program, format!("{failure}\n").as_bytes(), 1)
        }
    }
}

fn get<H: Helper>(helper: impl FnOnce() -> Result<H, Failure>) -> Result<Vec<u8>, Failure> {
    let Some(server) = requested_server()? else { return Err(Failure::NotFound) };
    Ok(helper()?.get(&server)?.to_json())
}

fn store<H: Helper>(helper: impl FnOnce() -> Result<H, Failure>) -> Result<Vec<u8>, Failure> {
    let login = Credentials::from_json(&read_request()?)?;
    if login.server.is_empty() {
        return Err(Failure::NoServer);
    }
    if login.username.is_empty() {
        return Err(Failure::NoUsername);
    }
    let server = ServerUrl::parse(&login.server).map_err(|error| Failure::stop(error.to_string()))?;
    warn(helper()?.store(&server, login)?);
    Ok(Vec::new())
}

fn erase<H: Helper>(helper: impl FnOnce() -> Result<H, Failure>) -> Result<Vec<u8>, Failure> {
    if let Some(server) = requested_server()? {
        warn(helper()?.erase(&server)?);
    }
    Ok(Vec::new())
}

/// One address, or one per line: then the response has a line of JSON for each, `null` if nothing is stored.
fn inspect<H: Helper>(helper: impl FnOnce() -> Result<H, Failure>) -> Result<Vec<u8>, Failure> {
    let text = read_request()?;
    let servers: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    if let [server] = servers[..] {
        let server = ServerUrl::parse(server).map_err(|_| Failure::NotFound)?;
        return Ok(format!("{}\n", helper()?.inspect(&server)?).into_bytes());
    }
    let helper = if servers.is_empty() { return Err(Failure::NoServer) } else { helper()? };
    let found = servers.into_iter().map(|server| helper.inspect(&ServerUrl::parse(server).ok()?).ok());
    Ok(found.map(|found| format!("{}\n", found.unwrap_or_default())).collect::<String>().into_bytes())
}

fn provide<H: Helper>(helper: impl FnOnce() -> Result<H, Failure>) -> Result<Vec<u8>, Failure> {
    let request = read_request()?;
    helper()?.provide(&request).map_err(|failure| match failure {
        // The client of this action reads standard output only.
        Failure::NotFoundBecause(error) => Failure::Stop(error),
        failure => failure,
    })
}

/// Does not read standard input: clients leave it open.
fn list<H: Helper>(helper: impl FnOnce() -> Result<H, Failure>) -> Result<Vec<u8>, Failure> {
    let mut line = vec![b'{'];
    for (server, username) in helper()?.list()? {
        if line.len() > 1 {
            line.push(b',');
        }
        quote(&mut line, &server);
        line.push(b':');
        quote(&mut line, &username);
    }
    line.extend_from_slice(b"}\n");
    Ok(line)
}

/// Reads a request: standard input to its end, as text.
///
/// # Errors
/// More than 512 KiB, text that is not UTF-8, or an input that is still open after 20 s.
pub fn read_request() -> Result<Zeroizing<String>, Failure> {
    input::read(Deadline::after(INPUT_LIMIT))
}

/// The server address on standard input; `None` if no registry can have this address.
fn requested_server() -> Result<Option<ServerUrl>, Failure> {
    let text = read_request()?;
    if text.trim().is_empty() {
        return Err(Failure::NoServer);
    }
    Ok(ServerUrl::parse(&text).ok())
}

fn usage(program: Program) -> Vec<u8> {
    format!("Usage: {} <store|get|erase|list|version>\n", program.name).into_bytes()
}

/// Writes the response at once, so that a client reads all of it or none. If that fails, so does the program.
fn respond(program: Program, text: &[u8], code: u8) -> ExitCode {
    match write(text) {
        Ok(()) => ExitCode::from(code),
        Err(error) => {
            print_error(&format!("{}: cannot write the response: {error}", program.name));
            ExitCode::FAILURE
        }
    }
}

/// Without std's handle, whose buffer would keep a copy of the secret.
#[cfg(unix)]
fn write(mut text: &[u8]) -> std::io::Result<()> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::io::Errno;
    let stdout = rustix::stdio::stdout();
    while !text.is_empty() {
        match rustix::io::write(stdout, text) {
            Ok(0) => return Err(std::io::ErrorKind::WriteZero.into()),
            Ok(written) => text = &text[written..],
            Err(Errno::INTR) => {}
            // A non-blocking pipe that the client has not emptied.
            Err(Errno::AGAIN) => {
                let limit = Timespec { tv_sec: OUTPUT_LIMIT.as_secs() as _, tv_nsec: 0 };
                if poll(&mut [PollFd::new(&stdout, PollFlags::OUT)], Some(&limit))? == 0 {
                    return Err(std::io::ErrorKind::TimedOut.into());
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn write(text: &[u8]) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    std::io::Write::write_all(&mut stdout, text)?;
    std::io::Write::flush(&mut stdout)
}

fn warn(warning: Option<String>) {
    if let Some(warning) = warning {
        print_error(&format!("WARNING! {warning}"));
    }
}

/// Writes to standard error, which every client shows to the user.
fn print_error(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
