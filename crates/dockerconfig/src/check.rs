use std::collections::HashSet;
use std::fmt;

use serde::de::IgnoredAny;

use crate::text::{Step, Text};

/// Where in a text something is, as editors count: lines from 1, and bytes of the line from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// From 1.
    pub line: usize,
    /// From 1, in bytes.
    pub column: usize,
}

/// A text that Docker cannot read either. It has to be mended by hand, and is never overwritten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Where.
    pub at: Position,
    /// What is wrong there; never a value from the text.
    pub why: String,
}

/// Something that Docker reads and others trip over, or read in another way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// Where.
    pub at: Position,
    /// What.
    pub what: Oddity,
}

/// What a [`Remark`] is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Oddity {
    /// The file is there and empty: nothing to Docker, an error to podman.
    Blank,
    /// Text behind the end of the object: Docker never looks there, podman, oras and others refuse the file.
    TrailingData,
    /// A name in another letter case, which only programs in Go take: the given one and the usual one.
    LetterCase(String, &'static str),
    /// A name that stands there twice. Docker takes the last, others the first, and some refuse the
    /// file; so the file is not edited until one is gone.
    Twice(String),
    /// An `auth` that is no `user:password` in base64: Docker then ignores the whole file.
    BrokenAuth(String),
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

impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Oddity::Blank => f.write_str("the file is empty, which podman refuses"),
            Oddity::TrailingData => f.write_str("text after the end, which docker ignores and podman refuses"),
            Oddity::LetterCase(given, usual) => write!(f, "{given} is read as {usual} by docker, and by few others"),
            Oddity::Twice(name) => write!(f, "{name} stands there a second time"),
            Oddity::BrokenAuth(server) => {
                write!(f, "the auth of {server} is no user:password in base64, so docker ignores the whole file")
            }
        }
    }
}

/// What a member has to be for Docker to read the file; `null` is always fine.
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
const MOST: usize = 100;

/// Reads a text as strictly as Docker does, and tells what is odd about it.
pub(crate) fn check(bytes: Vec<u8>) -> Result<(Text, Vec<Remark>), Malformed> {
    for (mark, encoding) in
        [(&b"\xef\xbb\xbf"[..], "a byte order mark"), (b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16")]
    {
        if bytes.starts_with(mark) {
            let why = format!("the file begins with {encoding}, it has to be UTF-8 without a mark");
            return Err(Malformed { at: Position { line: 1, column: 1 }, why });
        }
    }
    let mut remarks = Vec::new();
    let text = Text::new(bytes);
    let Some(root) = text.root_start() else {
        if !text.bytes().is_empty() {
            remarks.push(Remark { at: Position { line: 1, column: 1 }, what: Oddity::Blank });
        }
        return Ok((text, remarks));
    };
    let mut values = serde_json::Deserializer::from_slice(text.bytes()).into_iter::<IgnoredAny>();
    if let Some(Err(error)) = values.next() {
        return Err(syntax(text.bytes(), &error));
    }
    let checker = Checker { text: &text, remarks };
    match text.bytes()[root] {
        b'{' => {
            let remarks = checker.document(values.byte_offset())?;
            Ok((text, remarks))
        }
        b'n' => {
            let remarks = checker.trailing(values.byte_offset());
            Ok((text, remarks))
        }
        _ => Err(Malformed { at: position(text.bytes(), root), why: "this is no JSON object".to_owned() }),
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
        (Some(b'/' | b'#'), _) => Malformed { at, why: "JSON has no comments".to_owned() },
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
    text: &'a Text,
    remarks: Vec<Remark>,
}

impl Checker<'_> {
    fn document(mut self, end: usize) -> Result<Vec<Remark>, Malformed> {
        let root = self.text.root().unwrap_or_default();
        self.names(&root, &MEMBERS.map(|(name, _)| name));
        for (name, item) in self.text.members(&root) {
            let Some((usual, shape)) = MEMBERS.iter().find(|(usual, _)| usual.eq_ignore_ascii_case(&name)) else {
                continue;
            };
            self.shape(usual, *shape, &item.value)?;
        }
        Ok(self.trailing(end))
    }

    fn trailing(mut self, end: usize) -> Vec<Remark> {
        let bytes = self.text.bytes();
        if let Some(more) = bytes[end..].iter().position(|byte| !crate::span::is_space(*byte)) {
            self.remarks.push(Remark { at: position(bytes, end + more), what: Oddity::TrailingData });
        }
        self.remarks.sort_by_key(|remark| remark.at);
        self.remarks
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
            (Shape::Text, _) => Err(self.wrong(value, format!("{name} is no text"))),
            (Shape::List, _) => Err(self.wrong(value, format!("{name} is no list"))),
            _ => Err(self.wrong(value, format!("{name} is no object"))),
        }
    }

    fn entry(&mut self, server: &str, value: &std::ops::Range<usize>) -> Result<(), Malformed> {
        let text = self.text;
        match text.bytes()[value.start] {
            b'n' => return Ok(()),
            b'{' => {}
            _ => return Err(self.wrong(value, format!("the entry of {server} is no object"))),
        }
        self.names(value, &FIELDS);
        for (name, item) in text.members(value) {
            if FIELDS.iter().any(|field| field.eq_ignore_ascii_case(&name)) {
                self.shape(&name, Shape::Text, &item.value)?;
            }
            let quoted = &text.bytes()[item.value.clone()];
            if name.eq_ignore_ascii_case("auth") && quoted != b"null" && self.remarks.len() < MOST {
                let auth = zeroize::Zeroizing::new(crate::span::decode(quoted));
                if !auth.is_empty() && crate::auth::decode(&auth).is_none() {
                    let at = position(text.bytes(), item.value.start);
                    self.remarks.push(Remark { at, what: Oddity::BrokenAuth(server.to_owned()) });
                }
            }
        }
        Ok(())
    }

    /// Remarks on names that stand twice, and on those of fields in another letter case.
    fn names(&mut self, object: &std::ops::Range<usize>, fields: &[&'static str]) {
        let mut seen = HashSet::new();
        for (name, item) in self.text.members(object) {
            let field = fields.iter().find(|field| field.eq_ignore_ascii_case(&name));
            let step = field.map_or(Step::Key(&name), |field| Step::Field(field));
            let twice = !seen.insert((field.is_some(), step.name().to_owned()));
            let unusual = field.filter(|usual| **usual != name);
            // Finding a place is slow, and a file with more of them is somebody's attack.
            if (!twice && unusual.is_none()) || self.remarks.len() >= MOST {
                continue;
            }
            let at = position(self.text.bytes(), item.start());
            if twice {
                self.remarks.push(Remark { at, what: Oddity::Twice(name.clone()) });
            }
            if let Some(usual) = unusual {
                self.remarks.push(Remark { at, what: Oddity::LetterCase(name, usual) });
            }
        }
    }

    fn wrong(&self, value: &std::ops::Range<usize>, why: String) -> Malformed {
        Malformed { at: position(self.text.bytes(), value.start), why }
    }
}
