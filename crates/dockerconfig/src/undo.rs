use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use hmac_sha256::Hash;
use serde::{Deserialize, Serialize};

use crate::auth::Auth;
use crate::check::Malformed;
use crate::daemon::{DaemonList, DaemonProxy, PROXIES};
use crate::document::{AUTHS, Document, HELPERS, STORE};
use crate::json_text::PathSegment::{Field, Key};
use crate::json_text::Splice;
use crate::resolved_path::folder_of;
use crate::span::encode;

/// What edits changed, so that they can be undone without throwing away what others did since.
///
/// A copy of the whole file would do that, and it would keep every password of the file in plain
/// text after they were migrated. So only the members that an edit names are kept, never anything
/// of `auths`; and, where `auths` was left alone, the replaced pieces of text, which give back the
/// file byte by byte as long as no other program has written it.
#[derive(Default, Deserialize, Serialize)]
pub(crate) struct UndoRecord {
    /// The file was not there before.
    created: bool,
    /// SHA-256 of the text after the last edit.
    after: String,
    /// What leads back from that text, if all edits were made one upon the other.
    pieces: Option<Vec<SpliceRecord>>,
    changes: Vec<Change>,
    /// The keys in `auths` whose login an edit took out.
    #[serde(default)]
    moved: Vec<String>,
}

/// A [`Splice`] as text, so that the record can be read by people.
#[derive(Deserialize, Serialize)]
struct SpliceRecord {
    at: usize,
    removed: String,
    inserted: String,
}

#[derive(Deserialize, Serialize)]
struct Change {
    member: Member,
    before: Option<String>,
    /// Every value that we gave it.
    ours: Vec<Option<String>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
enum Member {
    Store,
    Helper(String),
    /// An entry of `auths` without a login, that was not there before.
    Marker(String),
    Mirror(String),
    Insecure(String),
    /// By its name in `proxies`.
    Proxy(String),
}

/// The result of undoing one record.
pub(crate) enum UndoPlan {
    /// The file is to be removed.
    Remove,
    /// The file is to have this text; the names are those of members that others have changed since.
    Replace(Box<Document>, Vec<String>),
}

impl UndoRecord {
    pub(crate) fn parse(bytes: &[u8]) -> io::Result<Self> {
        serde_json::from_slice(bytes).map_err(io::Error::from)
    }

    pub(crate) fn to_bytes(&self) -> io::Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(io::Error::from)
    }

    /// What an edit changed; `created` if the file was not there.
    pub(crate) fn of(before: &Document, after: &Document, created: bool) -> Self {
        let changes = members(before, after).into_iter().filter_map(|member| {
            let (old, new) = (member.value(before), member.value(after));
            (old != new).then(|| Change { member, before: old, ours: vec![new] })
        });
        let (old, new) = (before.auths(), after.auths());
        // With markers alone that are new, no text that was replaced holds a login.
        let marked: HashSet<_> = markers(&old, &new).into_iter().collect();
        let exact = new.iter().filter(|auth| !marked.contains(&auth.server)).eq(old.iter());
        let has_login: HashSet<_> =
            new.iter().filter(|auth| auth.login().is_some()).map(|auth| auth.server.as_str()).collect();
        let moved = old.iter().filter(|auth| auth.login().is_some() && !has_login.contains(auth.server.as_str()));
        UndoRecord {
            created,
            after: digest(after.text()),
            pieces: exact.then(|| after.text.splices().iter().map(SpliceRecord::of).collect()).flatten(),
            changes: changes.collect(),
            moved: moved.map(|auth| auth.server.clone()).collect(),
        }
    }

    /// Adds a later edit, which was made from the text `before`.
    pub(crate) fn then(mut self, later: UndoRecord, before: &[u8]) -> UndoRecord {
        let chained = self.after == digest(before);
        for change in later.changes {
            match self.changes.iter_mut().find(|earlier| earlier.member == change.member) {
                Some(earlier) => earlier.ours.extend(change.ours),
                None => self.changes.push(change),
            }
        }
        let pieces = match (self.pieces, later.pieces) {
            (Some(first), Some(second)) if chained => Some(first.into_iter().chain(second).collect()),
            _ => None,
        };
        self.moved.extend(later.moved);
        UndoRecord {
            created: self.created && chained,
            after: later.after,
            pieces,
            changes: self.changes,
            moved: self.moved,
        }
    }

    /// The keys whose login an edit took out, and that have none now.
    pub(crate) fn moved(&self, now: &Document) -> Vec<String> {
        let auths = now.auths();
        let has_none = |key: &&String| !auths.iter().any(|auth| auth.server == **key && auth.login().is_some());
        self.moved.iter().filter(has_none).cloned().collect()
    }

    /// Undoes everything in the file as it is now.
    pub(crate) fn undo(&self, now: &Document) -> Result<UndoPlan, Malformed> {
        if let Some(pieces) = self.pieces.as_ref().filter(|_| self.after == digest(now.text())) {
            if self.created {
                return Ok(UndoPlan::Remove);
            }
            let mut bytes = now.text().to_vec();
            for piece in pieces.iter().rev() {
                let range = piece.at..piece.at + piece.inserted.len();
                // A record that was tampered with must not cause a panic.
                if bytes.get(range.clone()) == Some(piece.inserted.as_bytes()) {
                    bytes.splice(range, piece.removed.bytes());
                }
            }
            return Ok(UndoPlan::Replace(Box::new(Document::parse(bytes)?), Vec::new()));
        }
        let mut document = now.clone();
        let mut kept = Vec::new();
        for change in &self.changes {
            let value = change.member.value(now);
            if change.ours.contains(&value) {
                change.member.set(&mut document, change.before.as_deref());
            } else if value != change.before {
                kept.push(change.member.name());
            }
        }
        Ok(UndoPlan::Replace(Box::new(document), kept))
    }
}

impl SpliceRecord {
    fn of(splice: &Splice) -> Option<Self> {
        let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
        Some(SpliceRecord { at: splice.at, removed: text(&splice.removed)?, inserted: text(&splice.inserted)? })
    }
}

impl Member {
    /// As JSON; an element of a list exists or not.
    fn value(&self, document: &Document) -> Option<String> {
        let listed = |list, text: &String| document.list(list).contains(text).then(|| encode(text));
        let raw = match self {
            Member::Store => document.text.string(&[Field(STORE)]),
            Member::Helper(server) => document.text.string(&[Field(HELPERS), Key(server)]),
            Member::Marker(server) => return document.text.raw(&[Field(AUTHS), Key(server)]).map(marker_or_login),
            Member::Mirror(text) => return listed(DaemonList::Mirrors, text),
            Member::Insecure(text) => return listed(DaemonList::Insecure, text),
            Member::Proxy(name) => document.text.string(&[Field(PROXIES), Field(name)]),
        };
        raw.map(|text| encode(&text))
    }

    fn set(&self, document: &mut Document, value: Option<&str>) {
        let listed = |document: &mut Document, list, text: &str| match value {
            Some(_) => document.add_to(list, text),
            None => document.remove_from(list, text),
        };
        let path = match self {
            Member::Store => vec![Field(STORE)],
            Member::Helper(server) => vec![Field(HELPERS), Key(server)],
            Member::Marker(server) => return document.remove_auth(server),
            Member::Mirror(text) => return listed(document, DaemonList::Mirrors, text),
            Member::Insecure(text) => return listed(document, DaemonList::Insecure, text),
            Member::Proxy(name) => {
                let Some(proxy) = DaemonProxy::ALL.into_iter().find(|proxy| proxy.name() == name) else { return };
                return match value {
                    Some(json) => document.text.set(&[Field(PROXIES), Field(name)], json),
                    None => document.remove_daemon_proxy(proxy),
                };
            }
        };
        match value {
            Some(json) => document.text.set(&path, json),
            None => document.text.remove(&path),
        }
        if path.len() == 2 && document.cred_helpers().is_empty() {
            document.text.remove(&path[..1]);
        }
    }

    fn name(&self) -> String {
        match self {
            Member::Store => STORE.to_owned(),
            Member::Helper(server) => format!("{HELPERS}: {server}"),
            Member::Marker(server) => format!("{AUTHS}: {server}"),
            Member::Mirror(text) => format!("registry-mirrors: {text}"),
            Member::Insecure(text) => format!("insecure-registries: {text}"),
            Member::Proxy(name) => format!("{PROXIES}: {name}"),
        }
    }
}

/// Every member that an edit has touched.
fn members(before: &Document, after: &Document) -> Vec<Member> {
    let differing = |facts: fn(&Document) -> Vec<(String, String)>| -> BTreeSet<String> {
        let [old, new]: [BTreeSet<_>; 2] = [before, after].map(|document| facts(document).into_iter().collect());
        old.symmetric_difference(&new).map(|(name, _)| name.clone()).collect()
    };
    let mirrors = differing(|document| named(document.list(DaemonList::Mirrors)));
    let insecure = differing(|document| named(document.list(DaemonList::Insecure)));
    let helpers = differing(Document::cred_helpers).into_iter().map(Member::Helper);
    let lists = mirrors.into_iter().map(Member::Mirror).chain(insecure.into_iter().map(Member::Insecure));
    let markers = markers(&before.auths(), &after.auths()).into_iter().map(Member::Marker);
    let proxies =
        DaemonProxy::ALL.into_iter().filter(|proxy| before.daemon_proxy(*proxy) != after.daemon_proxy(*proxy));
    let proxies = proxies.map(|proxy| Member::Proxy(proxy.name().to_owned()));
    [Member::Store].into_iter().chain(helpers).chain(markers).chain(lists).chain(proxies).collect()
}

/// The entries without a login that are new.
fn markers(before: &[Auth], after: &[Auth]) -> Vec<String> {
    let known: HashSet<_> = before.iter().map(|auth| &auth.server).collect();
    let new = after.iter().filter(|auth| auth.is_marker() && !known.contains(&auth.server));
    new.map(|auth| auth.server.clone()).collect()
}

/// What is written down of an entry: nothing of a login.
fn marker_or_login(raw: &[u8]) -> String {
    if raw == b"{}" { "{}".to_owned() } else { "null".to_owned() }
}

fn named(list: Vec<String>) -> Vec<(String, String)> {
    list.into_iter().map(|text| (text, String::new())).collect()
}

/// The path of the record of a config: next to the named path, not next to the target of a link.
pub(crate) fn path_of(config: &Path) -> PathBuf {
    let mut name = config.file_name().unwrap_or_default().to_owned();
    name.push(".credmint-undo");
    config.with_file_name(name)
}

/// The record of a config; `None` if there is nothing to undo.
pub(crate) fn load(config: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path_of(config)) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Of the temporary files of a record.
pub(crate) fn prefix(config: &Path) -> String {
    format!(".{}.credmint-undo-", config.file_name().unwrap_or_default().to_string_lossy())
}

/// Puts a record where [`load`] finds it.
pub(crate) fn store(config: &Path, record: &[u8]) -> io::Result<()> {
    let path = path_of(config);
    let mut file = tempfile::Builder::new().prefix(&prefix(config)).tempfile_in(folder_of(&path))?;
    protocol::owner::chown_to_owner_of(file.as_file(), folder_of(&path))?;
    file.write_all(record)?;
    file.as_file().sync_all()?;
    file.persist(&path).map(drop).map_err(|error| error.error)
}

pub(crate) fn forget(config: &Path) -> io::Result<()> {
    match fs::remove_file(path_of(config)) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn digest(text: &[u8]) -> String {
    Hash::hash(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
