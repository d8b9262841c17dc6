//! The keychain by Apple's `security`, with commands on its standard input, as gh uses it.
//! <https://github.com/apple-oss-distributions/Security/tree/main/SecurityTool/macOS>

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;

use zeroize::Zeroizing;

use super::status::Status;
use super::{Item, Items, LIMIT, Named};

/// Below the 4,096 bytes at which `security` splits a line in two.
const LONGEST_LINE: usize = 4_032;

/// Its items belong to `security`, which every process of this user can run.
pub(crate) struct Tool {
    program: PathBuf,
    is_locked: fn() -> bool,
}

/// The output of `security`, which repeats values.
struct Output {
    out: Zeroizing<String>,
    errors: Zeroizing<String>,
}

impl Tool {
    pub(crate) fn new(program: PathBuf, is_locked: fn() -> bool) -> Self {
        Tool { program, is_locked }
    }

    fn run(&self, commands: &Zeroizing<String>) -> Result<Output, Status> {
        if commands.lines().any(|line| line.len() >= LONGEST_LINE) {
            log::debug!("an item is too large for a line of security");
            return Err(Status::NO_ANSWER);
        }
        let piped = || (Stdio::piped(), Stdio::piped(), Stdio::piped());
        let (stdin, stdout, stderr) = piped();
        let mut command = Command::new(&self.program);
        let mut child = command.arg("-i").stdin(stdin).stdout(stdout).stderr(stderr).spawn().map_err(no_answer)?;
        let output = listen(&mut child, commands);
        _ = child.kill();
        _ = child.wait();
        output
    }

    /// The status of each command that failed, in order.
    fn results(&self, commands: &Zeroizing<String>) -> Result<Vec<(String, Status)>, Status> {
        self.run(commands).map(|output| failures(&output.errors))
    }
}

impl Items for Tool {
    fn is_locked(&self) -> bool {
        (self.is_locked)()
    }

    fn read(&self, service: &str, account: &str) -> Result<(String, Zeroizing<String>), Status> {
        let output = self.run(&command(&["find-generic-password", "-a", account, "-s", service, "-g"]))?;
        if let Some((_, status)) = failures(&output.errors).pop() {
            return Err(status);
        }
        let comment = items(&output.out).pop().map(|item| item.comment).ok_or(Status::NO_ANSWER)?;
        let value = output.errors.lines().find_map(|line| quoted(line.strip_prefix("password: ")?));
        Ok((comment, Zeroizing::new(value.ok_or(Status::NO_ANSWER)?.to_owned())))
    }

    /// `-U` does not work: it updates only an item with the same comment.
    fn write(&self, items: &[Item<'_>]) -> Result<(), Status> {
        let mut commands = Zeroizing::new(String::with_capacity(items.len() * 2 * LONGEST_LINE));
        for Item { service, account, comment, value } in items {
            commands.push_str(&command(&["delete-generic-password", "-a", account, "-s", service]));
            let comment = if comment.is_empty() { "-" } else { comment };
            let add = ["add-generic-password", "-a", account, "-s", service, "-j", comment, "-w", value];
            commands.push_str(&command(&add));
        }
        let failed = self.results(&commands)?;
        match failed.into_iter().find(|(name, _)| name == "add-generic-password") {
            Some((_, status)) => Err(status),
            None => Ok(()),
        }
    }

    fn delete(&self, service: &str, account: &str) -> Result<(), Status> {
        let commands = command(&["delete-generic-password", "-a", account, "-s", service]);
        self.results(&commands)?.pop().map_or(Ok(()), |(_, status)| Err(status))
    }

    fn list(&self, service: &str) -> Result<Vec<Named>, Status> {
        let output = self.run(&command(&["dump-keychain"]))?;
        if let Some((_, status)) = failures(&output.errors).pop() {
            return Err(status);
        }
        let ours = items(&output.out).into_iter().filter(|item| item.service == service);
        Ok(ours.map(|item| Named { account: item.account, comment: item.comment }).collect())
    }
}

/// No word needs quotes: they are hexadecimal digits, base64 and our own names.
fn command(words: &[&str]) -> Zeroizing<String> {
    debug_assert!(words.iter().all(|word| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=.-".contains(&byte))
    }));
    let mut line = Zeroizing::new(String::with_capacity(words.iter().map(|word| word.len() + 1).sum()));
    for (nth, word) in words.iter().enumerate() {
        if nth > 0 {
            line.push(' ');
        }
        line.push_str(word);
    }
    line.push('\n');
    line
}

/// Writes and reads at once, so that neither side waits for the other.
fn listen(child: &mut Child, commands: &Zeroizing<String>) -> Result<Output, Status> {
    let (mut stdin, stdout, stderr) =
        (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
    let commands = commands.clone();
    std::thread::spawn(move || _ = stdin.write_all(commands.as_bytes()));
    let (out, errors) = (read_apart(stdout), read_apart(stderr));
    let all = |apart: std::sync::mpsc::Receiver<Option<Zeroizing<String>>>| apart.recv_timeout(LIMIT).ok().flatten();
    match (all(out), all(errors)) {
        (Some(out), Some(errors)) => Ok(Output { out, errors }),
        _ => Err(Status::NO_ANSWER),
    }
}

fn read_apart(from: impl Read + Send + 'static) -> std::sync::mpsc::Receiver<Option<Zeroizing<String>>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut bytes = Zeroizing::new(Vec::with_capacity(64 << 10));
        // Far more than the list of any keychain.
        let read = from.take(64 << 20).read_to_end(&mut bytes).is_ok();
        let text = read.then(|| Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned()));
        _ = sender.send(text);
    });
    receiver
}

fn no_answer(error: std::io::Error) -> Status {
    log::debug!("cannot run security: {error}");
    Status::NO_ANSWER
}

/// `add-generic-password: returned -25299`.
fn failures(errors: &str) -> Vec<(String, Status)> {
    let failure = |line: &str| {
        let (name, code) = line.split_once(": returned ")?;
        Some((name.to_owned(), Status(code.trim().parse().ok()?)))
    };
    errors.lines().filter_map(failure).collect()
}

#[derive(Default)]
struct Shown {
    service: String,
    account: String,
    comment: String,
}

/// The generic passwords of a list, in which each item begins with the name of its keychain.
fn items(list: &str) -> Vec<Shown> {
    let mut items: Vec<(bool, Shown)> = Vec::new();
    for line in list.lines() {
        if line.starts_with("keychain: ") {
            items.push((false, Shown::default()));
        }
        let Some((is_generic, item)) = items.last_mut() else { continue };
        if line == "class: \"genp\"" {
            *is_generic = true;
        }
        // `    "acct"<blob>="me"`
        let Some((tag, value)) = line.trim_start().split_once("<blob>=") else { continue };
        let Some(value) = quoted(value) else { continue };
        match tag {
            "\"svce\"" => item.service = value.to_owned(),
            "\"acct\"" => item.account = value.to_owned(),
            "\"icmt\"" => item.comment = value.to_owned(),
            _ => {}
        }
    }
    items.into_iter().filter(|(is_generic, _)| *is_generic).map(|(_, item)| item).collect()
}

/// Values that are not plain text have another form, and are not ours.
fn quoted(value: &str) -> Option<&str> {
    value.strip_prefix('"')?.strip_suffix('"')
}
