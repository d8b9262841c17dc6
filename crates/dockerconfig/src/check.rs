use std::collections::HashSet;
use std::fmt;

use protocol::did_you_mean;
use serde::de::IgnoredAny;

use crate::json_text::{JsonText, PathSegment};
use crate::span::Item;

/// Where in a text something is, as editors count: lines from 1, and bytes of the line from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// From 1.
    pub line: usize,
    /// From 1, in bytes.
    pub column: usize,
}

/// A text that Docker cannot read either. It has to be fixed by hand, and is never overwritten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Where.
    pub at: Position,
    /// What is wrong there; never a value from the text.
    pub why: String,
}

/// Something that Docker reads, and that other clients reject or read differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Where.
    pub at: Position,
    /// What.
    pub kind: WarningKind,
}

/// The kinds of a [`Warning`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WarningKind {
    /// The file exists and is empty: Docker ignores it, podman fails.
    EmptyFile,
    /// JsonText behind the end of the object: Docker never looks there, podman, oras and others refuse the file.
    TrailingData,
    /// A name in another letter case, which only programs in Go take: the given one and the usual one.
    KeyCase(String, &'static str),
    /// A duplicate key. Docker uses the last one, others the first, and some reject the
    /// file; so the file is not edited until one is gone.
    DuplicateKey(String),
    /// A member that no client knows, a letter or two off one that they do: the given name and the one that
    /// was probably meant.
    MisspelledKey(String, &'static str),
    /// An `auth` that is not `user:password` in base64: Docker then ignores the whole file.
    InvalidAuth(String),
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.why)
    }
}

impl std::error::Error for Malformed {}

impl fmt::Display for WarningKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WarningKind::EmptyFile => f.write_str("empty file, which podman rejects"),
            WarningKind::TrailingData => {
                f.write_str("text after the end of the object, which docker ignores and podman rejects")
            }
            WarningKind::KeyCase(given, usual) => {
                write!(f, "{given} is read as {usual} by docker, but not by most other clients")
            }
            WarningKind::DuplicateKey(name) => write!(f, "duplicate key {name}"),
            WarningKind::MisspelledKey(given, meant) => write!(f, "unknown key {given}: did you mean {meant}?"),
            WarningKind::InvalidAuth(server) => {
                write!(f, "the auth of {server} is not user:password in base64, so docker ignores the whole file")
            }
        }
    }
}

/// The type that a member must have for Docker to read the file; `null` is always allowed.
#[derive(Clone, Copy)]
enum Shape {
    Text,
    Texts,
    List,
    Entries,
}

/// The members that are read or edited here, `daemon.json`'s among them.
const MEMBERS: [(&str, Shape); 7] = [
    ("auths", Shape::Entries),
    ("HttpHeaders", Shape::Texts),
    ("credsStore", Shape::Text),
    ("credHelpers", Shape::Texts),
    ("currentContext", Shape::Text),
    ("registry-mirrors", Shape::List),
    ("insecure-registries", Shape::List),
];
/// Of an entry of `auths`; all of them texts.
pub(crate) const FIELDS: [&str; 6] =
    ["username", "password", "auth", "serveraddress", "identitytoken", "registrytoken"];

/// Remarks in all.
const MAX_WARNINGS: usize = 100;

/// Parses a text as strictly as Docker does, and collects warnings.
pub(crate) fn check(bytes: Vec<u8>) -> Result<(JsonText, Vec<Warning>), Malformed> {
    for (mark, encoding) in
        [(&b"\xef\xbb\xbf"[..], "a byte order mark"), (b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16")]
    {
        if bytes.starts_with(mark) {
            let why = format!("the file begins with {encoding}: save it as UTF-8 without a byte order mark");
            return Err(Malformed { at: Position { line: 1, column: 1 }, why });
        }
    }
    let mut warnings = Vec::new();
    let text = JsonText::new(bytes);
    let Some(root) = text.root_start() else {
        if !text.bytes().is_empty() {
            warnings.push(Warning { at: Position { line: 1, column: 1 }, kind: WarningKind::EmptyFile });
        }
        return Ok((text, warnings));
    };
    let mut values = serde_json::Deserializer::from_slice(text.bytes()).into_iter::<IgnoredAny>();
    if let Some(Err(error)) = values.next() {
        return Err(syntax(text.bytes(), &error));
    }
    let checker = Checker { text: &text, warnings };
    match text.bytes()[root] {
        b'{' => {
            let warnings = checker.document(values.byte_offset())?;
            Ok((text, warnings))
        }
        b'n' => {
            let warnings = checker.trailing(values.byte_offset());
            Ok((text, warnings))
        }
        _ => Err(Malformed { at: position(text.bytes(), root), why: "expected a JSON object".to_owned() }),
    }
}

fn syntax(text: &[u8], error: &serde_json::Error) -> Malformed {
    let message = error.to_string();
    let why = message.split(" at line ").next().unwrap_or_default().to_owned();
    let at = Position { line: error.line(), column: error.column().max(1) };
    let lines = text.split_inclusive(|byte| *byte == b'\n').take(at.line.saturating_sub(1));
    let offset = lines.map(<[u8]>::len).sum::<usize>() + at.column - 1;
    let before = text[..offset.min(text.len())].iter().rfind(|byte| !crate::span::is_space(**byte));
    match (text.get(offset), before) {
        (Some(b'/' | b'#'), _) => Malformed { at, why: "comments are not allowed in JSON".to_owned() },
        (Some(b'}' | b']'), Some(b',')) => Malformed { at, why: "trailing comma before this".to_owned() },
        _ => Malformed { at, why },
    }
}

pub(crate) fn position(text: &[u8], at: usize) -> Position {
    let line_start = text[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |feed| feed + 1);
    let line = text[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
    Position { line, column: at - line_start + 1 }
}

struct Checker<'a> {
    text: &'a JsonText,
    warnings: Vec<Warning>,
}

impl Checker<'_> {
    fn document(mut self, end: usize) -> Result<Vec<Warning>, Malformed> {
        let root = self.text.root().unwrap_or_default();
        self.names(&root, &MEMBERS.map(|(name, _)| name));
        for (name, item) in self.text.members(&root) {
            let Some((usual, shape)) = MEMBERS.iter().find(|(usual, _)| usual.eq_ignore_ascii_case(&name)) else {
                self.misspelled(&name, &item, MEMBERS.map(|(name, _)| name));
                continue;
            };
            self.shape(usual, *shape, &item.value)?;
        }
        Ok(self.trailing(end))
    }

    fn trailing(mut self, end: usize) -> Vec<Warning> {
        let bytes = self.text.bytes();
        if let Some(more) = bytes[end..].iter().position(|byte| !crate::span::is_space(*byte)) {
            self.warnings.push(Warning { at: position(bytes, end + more), kind: WarningKind::TrailingData });
        }
        self.warnings.sort_by_key(|warning| warning.at);
        self.warnings
    }

    fn shape(&mut self, name: &str, shape: Shape, value: &std::ops::Range<usize>) -> Result<(), Malformed> {
        let text = self.text;
        match (shape, text.bytes()[value.start]) {
            (_, b'n') | (Shape::Text, b'"') => Ok(()),
            (Shape::List, b'[') => {
                let items = crate::span::items(text.bytes(), value);
                items.iter().try_for_each(|item| self.shape(name, Shape::Text, &item.value))
            }
            (Shape::Texts, b'{') => {
                self.names(value, &[]);
                let members = text.members(value);
                members.iter().try_for_each(|(name, item)| self.shape(name, Shape::Text, &item.value))
            }
            (Shape::Entries, b'{') => {
                self.names(value, &[]);
                text.members(value).iter().try_for_each(|(server, item)| self.entry(server, &item.value))
            }
            (Shape::Text, _) => Err(self.wrong(value, format!("{name} is not a string"))),
            (Shape::List, _) => Err(self.wrong(value, format!("{name} is not an array"))),
            _ => Err(self.wrong(value, format!("{name} is not an object"))),
        }
    }

    fn entry(&mut self, server: &str, value: &std::ops::Range<usize>) -> Result<(), Malformed> {
        let text = self.text;
        match text.bytes()[value.start] {
            b'n' => return Ok(()),
            b'{' => {}
            _ => return Err(self.wrong(value, format!("the entry of {server} is not an object"))),
        }
        self.names(value, &FIELDS);
        for (name, item) in text.members(value) {
            if FIELDS.iter().any(|field| field.eq_ignore_ascii_case(&name)) {
                self.shape(&name, Shape::Text, &item.value)?;
            } else {
                self.misspelled(&name, &item, FIELDS);
            }
            let quoted = &text.bytes()[item.value.clone()];
            if name.eq_ignore_ascii_case("auth") && quoted != b"null" && self.warnings.len() < MAX_WARNINGS {
                let auth = zeroize::Zeroizing::new(crate::span::decode(quoted));
                if !auth.is_empty() && crate::auth::decode(&auth).is_none() {
                    let at = position(text.bytes(), item.value.start);
                    self.warnings.push(Warning { at, kind: WarningKind::InvalidAuth(server.to_owned()) });
                }
            }
        }
        Ok(())
    }

    fn misspelled<const N: usize>(&mut self, name: &str, item: &Item, known: [&'static str; N]) {
        if self.warnings.len() < MAX_WARNINGS
            && let Some(meant) = did_you_mean(name, known)
        {
            let at = position(self.text.bytes(), item.start());
            self.warnings.push(Warning { at, kind: WarningKind::MisspelledKey(name.to_owned(), meant) });
        }
    }

    /// Warnings about duplicate keys, and about fields in another letter case.
    fn names(&mut self, object: &std::ops::Range<usize>, fields: &[&'static str]) {
        let mut seen = HashSet::new();
        for (name, item) in self.text.members(object) {
            let field = fields.iter().find(|field| field.eq_ignore_ascii_case(&name));
            let step = field.map_or(PathSegment::Key(&name), |field| PathSegment::Field(field));
            let duplicate = !seen.insert((field.is_some(), step.name().to_owned()));
            let unusual = field.filter(|usual| **usual != name);
            // Computing a position is slow, and a file with more warnings may be an attack.
            if (!duplicate && unusual.is_none()) || self.warnings.len() >= MAX_WARNINGS {
                continue;
            }
            let at = position(self.text.bytes(), item.start());
            if duplicate {
                self.warnings.push(Warning { at, kind: WarningKind::DuplicateKey(name.clone()) });
            }
            if let Some(usual) = unusual {
                self.warnings.push(Warning { at, kind: WarningKind::KeyCase(name, usual) });
            }
        }
    }

    fn wrong(&self, value: &std::ops::Range<usize>, why: String) -> Malformed {
        Malformed { at: position(self.text.bytes(), value.start), why }
    }
}
