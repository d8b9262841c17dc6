use std::process::ExitCode;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::credentials::quote;
use crate::{Credentials, Deadline, Failure, ServerUrl, input};

/// How long a caller may take to write its request.
const INPUT_LIMIT: Duration = Duration::from_secs(20);

/// The four things that Docker asks of a helper.
pub trait Helper {
    /// Answers who to be at a registry.
    ///
    /// # Errors
    /// [`Failure::NotFound`] lets Docker go on without credentials, anything else stops it.
    fn get(&self, server: &ServerUrl) -> Result<Credentials, Failure>;

    /// Keeps a login. A text in the answer is a warning that the user sees on standard error.
    ///
    /// # Errors
    /// The login could not be kept; Docker shows the sentence.
    fn store(&self, server: &ServerUrl, login: Credentials) -> Result<Option<String>, Failure>;

    /// Forgets whatever is known for a registry. That nothing was known is success.
    ///
    /// # Errors
    /// Something is known and could not be forgotten.
    fn erase(&self, server: &ServerUrl) -> Result<(), Failure>;

    /// Names every server that [`Helper::get`] would answer for, with its user, without opening a secret.
    ///
    /// # Errors
    /// The names could not be read.
    fn list(&self) -> Result<Vec<(String, String)>, Failure>;

    /// Tells what is known of a registry, as JSON without any secret: for `credmint`, not for
    /// Docker, which has no such question.
    ///
    /// # Errors
    /// What is kept could not be looked at.
    fn inspect(&self, server: &ServerUrl) -> Result<serde_json::Value, Failure>;

    /// Answers like [`Helper::get`], to a question that says more and with an answer that does: for
    /// `credmint`, which serves clients that are not of Docker's family. What both look like is the
    /// helper's own business.
    ///
    /// # Errors
    /// As for [`Helper::get`].
    fn provide(&mut self, question: &str) -> Result<Vec<u8>, Failure>;
}

/// What a program says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// The file name Docker looks for, such as `docker-credential-ecr`.
    pub name: &'static str,
    /// The package it comes from.
    pub package: &'static str,
    /// The package's version.
    pub version: &'static str,
}

/// Answers one request and returns the exit code for `main`.
///
/// `arguments` are the program's without its name. `helper` is called only when there is something
/// to ask it, so that `version` and usage work on a machine with broken settings.
pub fn serve<H: Helper>(
    program: Program,
    arguments: impl IntoIterator<Item = std::ffi::OsString>,
    helper: impl FnOnce() -> Result<H, Failure>,
) -> ExitCode {
    crate::forbid_core_dumps();
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
        (None, _) | (_, false) => return answer_with(&usage(program), 1),
        (Some(action), true) => {
            Err(Failure::explain(format!("{}: unknown action: {}", program.name, action.escape_default())))
        }
    };
    match answer {
        Ok(text) => answer_with(&text, 0),
        Err(failure) => {
            // `docker pull` drops what stands on standard output and says only "no basic auth
            // credentials".
            if action.as_deref() == Some("get") && matches!(failure, Failure::Stop(_)) {
                say(&format!("{}: {failure}", program.name));
            }
            answer_with(format!("{failure}\n").as_bytes(), 1)
        }
    }
}

fn get<H: Helper>(helper: impl FnOnce() -> Result<H, Failure>) -> Result<Vec<u8>, Failure> {
    let Some(server) = asked_for()? else { return Err(Failure::NotFound) };
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
    let server = ServerUrl::parse(&login.server).map_err(|error| Failure::explain(error.to_string()))?;
    if let Some(warning) = helper()?.store(&server, login)? {
        say(&format!("WARNING! {warning}"));
    }
    Ok(Vec::new())
}

fn erase<H: Helper>(helper: impl FnOnce() -> Result<H, Failure>) -> Result<Vec<u8>, Failure> {
    if let Some(server) = asked_for()? {
        helper()?.erase(&server)?;
    }
    Ok(Vec::new())
}

fn inspect<H: Helper>(helper: impl FnOnce() -> Result<H, Failure>) -> Result<Vec<u8>, Failure> {
    let Some(server) = asked_for()? else { return Err(Failure::NotFound) };
    Ok(format!("{}\n", helper()?.inspect(&server)?).into_bytes())
}

fn provide<H: Helper>(helper: impl FnOnce() -> Result<H, Failure>) -> Result<Vec<u8>, Failure> {
    let question = read_request()?;
    helper()?.provide(&question)
}

/// Standard input is not read: callers leave it open.
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

/// Standard input to its end, as text: whatever asks a program something over it.
///
/// # Errors
/// More than 512 KiB, text that is not UTF-8, or an input that is still open after 20 s.
pub fn read_request() -> Result<Zeroizing<String>, Failure> {
    input::read(Deadline::after(INPUT_LIMIT))
}

/// The server address on standard input; `None` when it is one that no registry can have.
fn asked_for() -> Result<Option<ServerUrl>, Failure> {
    let text = read_request()?;
    if text.trim().is_empty() {
        return Err(Failure::NoServer);
    }
    Ok(ServerUrl::parse(&text).ok())
}

fn usage(program: Program) -> Vec<u8> {
    format!("Usage: {} <store|get|erase|list|version>\n", program.name).into_bytes()
}

fn answer_with(text: &[u8], code: u8) -> ExitCode {
    // One write: a reader sees all of the answer or none. A caller that went away cannot be told.
    let _ = write(text);
    ExitCode::from(code)
}

/// Past std's handle, whose buffer would keep a copy of the secret.
#[cfg(unix)]
fn write(mut text: &[u8]) -> rustix::io::Result<()> {
    while !text.is_empty() {
        match rustix::io::write(rustix::stdio::stdout(), text) {
            Ok(written) => text = &text[written..],
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn write(text: &[u8]) -> std::io::Result<()> {
    std::io::Write::write_all(&mut std::io::stdout().lock(), text)
}

/// To the user, whom every client lets see standard error.
fn say(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
