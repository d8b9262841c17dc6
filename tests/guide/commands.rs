//! Commands taken apart, and held against the tools that they are for.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use serde_json::Value;

/// A tool with its sub-commands, and the long flags that it is given.
#[derive(Debug)]
pub(super) struct Simple {
    pub(super) words: Vec<String>,
    pub(super) flags: BTreeSet<String>,
}

/// Every simple command of a script, those in `$(…)` and in pipes too.
pub(super) fn simple(script: &str) -> Vec<Simple> {
    let mut commands = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut quote = None;
    let script = script.replace("\\\n", " ").replace("\"$(", "$(");
    let mut letters = script.chars().peekable();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (Some(_), _) => word.get_or_insert_default().push('_'),
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default().push('_');
            }
            (None, '$') if letters.peek() == Some(&'(') => {
                letters.next();
                word = None;
                commands.push(Vec::new());
            }
            (None, '|' | ')' | '\n' | ';' | '&') => {
                commands.last_mut().unwrap().extend(word.take());
                commands.push(Vec::new());
            }
            (None, ' ') => commands.last_mut().unwrap().extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    commands.last_mut().unwrap().extend(word);
    commands.retain(|words| !words.is_empty() && words[0] != "export" && !words[0].contains('='));
    commands.into_iter().map(|words| taken_apart(&words)).collect()
}

fn taken_apart(words: &[String]) -> Simple {
    // What xargs is given is the command.
    let words = words.strip_prefix(&["xargs", "-I", "{}"].map(str::to_owned)[..]).unwrap_or(words);
    let words = words.strip_prefix(&["sudo".to_owned()][..]).unwrap_or(words);
    let is_name =
        |word: &&String| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') && !word.starts_with('-');
    let names: Vec<_> = words.iter().take_while(is_name).cloned().collect();
    let texts: Vec<_> = names.iter().map(String::as_str).collect();
    let depth = match texts[..] {
        ["docker", "buildx", "imagetools", ..] | ["aws", _, "wait", ..] => 4,
        ["docker", "buildx" | "scout", ..]
        | ["docker", "compose" | "image" | "manifest", ..]
        | ["oras" | "aws", ..]
        | ["credmint", "cache" | "kubelet", ..]
        | ["cosign", "signing-config", ..] => 3,
        ["gh", "api", ..] => 2,
        ["gh" | "glab", ..] => 3,
        ["git" | "curl" | "jq" | "grype" | "printf", ..] => 1,
        _ => 2,
    };
    // What follows a container's name is for the program in it.
    let words = if texts.starts_with(&["docker", "exec"]) { &words[..2] } else { words };
    let flag = |word: &String| Some(word.strip_prefix("--")?.split('=').next()?.to_owned());
    let flags = words.iter().filter_map(flag).filter(|flag| !flag.is_empty()).collect();
    Simple { words: names.into_iter().take(depth).collect(), flags }
}

/// Those of the flags that the tool's help does not name; of a sub-command that is not there, all.
pub(super) fn unknown(words: &[String], flags: &BTreeSet<String>) -> Vec<String> {
    let name = words.first().unwrap_or_else(|| panic!("a command without a name: {flags:?}"));
    if flags.is_empty() && ["sh", "cat", "htpasswd", "openssl", "systemctl"].contains(&name.as_str()) {
        return Vec::new();
    }
    let Some(help) = help(words) else { return Vec::new() };
    let known = |flag: &str| {
        help.match_indices(&format!("--{flag}")).any(|(at, found)| {
            !help[at + found.len()..].starts_with(|next: char| next.is_ascii_alphanumeric() || next == '-')
        })
    };
    let mut missing: Vec<_> =
        flags.iter().filter(|flag| !known(flag) && !flag.strip_prefix("no-").is_some_and(known)).cloned().collect();
    if help.is_empty() {
        missing.push(format!("{name} has no such sub-command"));
    }
    missing
}

/// A tool's own help; empty if it has no such subcommand; `None` if it is not installed.
fn help(words: &[String]) -> Option<String> {
    let texts: Vec<_> = words.iter().map(String::as_str).collect();
    // Version 1 of Amazon's tool has no single sign-on, and the help of an older jq names short flags alone.
    let elsewhere = match texts[..] {
        ["security" | "printf" | "journalctl" | "git" | "jq", ..] => true,
        ["aws", "sso", ..] | ["aws", "configure", "sso"] => !aws_is_new(),
        ["docker", "scout", ..] => true,
        // `parsers` asks these themselves.
        ["az" | "gcloud", ..] => return None,
        // Only the documentation speaks of it.
        ["credmint", "doctor"] => !answers(&tool("credmint")?, &["doctor", "--help"]),
        _ => false,
    };
    if elsewhere {
        skip_once(texts[0], &format!("nothing here tells the flags of {}", texts.join(" ")));
        return None;
    }
    let (name, rest) = match texts[..] {
        ["docker", "buildx", ..] => ("docker-buildx", &texts[2..]),
        ["docker", "compose", ..] => ("docker-compose", &texts[2..]),
        _ => (texts[0], &texts[1..]),
    };
    let Some(program) = tool(name) else {
        skip_once(name, "it is not here to be asked for its flags");
        return None;
    };
    let asked = match texts[0] {
        "aws" => &["help"][..],
        "curl" => &["--help", "all"],
        _ => &["--help"],
    };
    let mut command = Command::new(program);
    command.args(rest).args(asked).env("AWS_PAGER", "").env("NO_COLOR", "1").env("TERM", "dumb").stdin(Stdio::null());
    let output = command.output().unwrap();
    // Some say so on standard error; of some a wrong sub-command is help about the right ones.
    let said = [output.stdout, output.stderr].concat();
    let names_itself = texts.last().is_none_or(|last| plain(&said).contains(last));
    Some(if output.status.success() && names_itself { plain(&said) } else { String::new() })
}

pub(super) fn aws_is_new() -> bool {
    tool("aws").is_some_and(|aws| {
        let output = Command::new(aws).arg("--version").output().unwrap();
        !String::from_utf8_lossy(&output.stdout).starts_with("aws-cli/1")
    })
}

fn answers(program: &Path, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Without the overstrikes and colours of manual pages.
fn plain(said: &[u8]) -> String {
    let mut text = String::new();
    let mut letters = String::from_utf8_lossy(said).into_owned().chars().collect::<Vec<_>>().into_iter();
    while let Some(letter) = letters.next() {
        match letter {
            '\u{8}' => drop(text.pop()),
            '\u{1b}' => while letters.next().is_some_and(|letter| !letter.is_ascii_alphabetic()) {},
            _ => text.push(letter),
        }
    }
    text
}

/// Where a tool lies: among those that `tests/set-up` brings, or on the path.
pub(super) fn tool(name: &str) -> Option<PathBuf> {
    static FOUND: Mutex<BTreeMap<String, Option<PathBuf>>> = Mutex::new(BTreeMap::new());
    let find = || {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let places = super::peers().into_iter().chain(std::env::split_paths(&path));
        let system = ["/usr/libexec/docker/cli-plugins", "/usr/lib/docker/cli-plugins"].map(PathBuf::from);
        places.chain(system).map(|place| place.join(name)).find(|path| path.is_file())
    };
    FOUND.lock().unwrap().entry(name.to_owned()).or_insert_with(find).clone()
}

/// Says aloud, once, which flags could not be looked at.
fn skip_once(tool: &str, why: &str) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    if SAID.lock().unwrap().insert(format!("{tool} {why}")) {
        testing::skip(&format!("guide: {tool}"), why);
    }
}

/// What a program makes of an input.
pub(super) fn piped(command: &mut Command, input: &str) -> String {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}\n{input}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Whether a word begins with the second sign, or has the first in it, outside of quotes.
pub(super) fn has_bare(script: &str, [anywhere, first]: [char; 2]) -> bool {
    let mut quote = None;
    let mut before = ' ';
    script.lines().filter(|line| !line.contains(" | Set-Content ")).flat_map(|line| line.chars().chain(['\n'])).any(
        |letter| {
            let bare = quote.is_none() && (letter == anywhere || letter == first && before == ' ');
            match quote {
                Some(open) if letter == open => quote = None,
                None if matches!(letter, '\'' | '"') => quote = Some(letter),
                _ => {}
            }
            before = letter;
            bare
        },
    )
}

/// The shell reads it to the end, and runs nothing.
pub(super) fn parses(script: &str, which: &str) {
    let said = piped(Command::new("sh").arg("-n"), script);
    assert_eq!(said, "", "{which}");
}

pub(super) fn parses_in_powershell(pwsh: &Path, script: &str) {
    let parser = "$e=$null;[void][System.Management.Automation.Language.Parser]::ParseInput([Console]::In.ReadToEnd(),[ref]$null,[ref]$e);exit $e.Count";
    piped(Command::new(pwsh).args(["-NoProfile", "-Command", parser]), script);
}

/// The scripts in a pipeline, however its system calls them.
pub(super) fn scripts(document: &Value) -> Vec<String> {
    match document {
        Value::Object(object) => object
            .iter()
            .flat_map(|(key, value)| match (key.as_str(), value) {
                ("run" | "bash" | "script" | "inlineScript", Value::String(text)) => vec![text.clone()],
                ("script" | "before_script", Value::Array(lines)) => {
                    lines.iter().filter_map(Value::as_str).map(str::to_owned).collect()
                }
                _ => scripts(value),
            })
            .collect(),
        Value::Array(array) => array.iter().flat_map(scripts).collect(),
        _ => Vec::new(),
    }
}
