use similar::TextDiff;

use crate::check::FIELDS;
use crate::daemon::PROXIES;
use crate::document::{AUTHS, Document};
use crate::json_text::PathSegment::Field;
use crate::span::{decode, encode};

/// Members beside `auths` whose texts may hold secrets: `Authorization` headers, users of proxies.
const OTHERS: [&str; 2] = ["HttpHeaders", PROXIES];

/// A unified diff of two documents for people, with every secret hidden; empty if they are the same.
pub fn diff(name: &str, before: &Document, after: &Document) -> String {
    if before.text() == after.text() {
        return String::new();
    }
    let (old, new) = (hidden(before, None), hidden(after, Some(before)));
    TextDiff::from_lines(old.as_str(), new.as_str())
        .unified_diff()
        .context_radius(3)
        .header(&format!("{name} (current)"), &format!("{name} (new)"))
        .to_string()
}

/// The text with placeholders for secrets; one that is not the same in `against` gets another one,
/// so that a diff shows that it changes.
fn hidden(document: &Document, against: Option<&Document>) -> String {
    let mut text = document.text.clone();
    let mut known: Vec<Vec<u8>> = Vec::new();
    if let Some(other) = against {
        known.extend(secrets(other).into_iter().map(|range| other.text()[range].to_vec()));
    }
    // From the end, so that the places before stay where they are.
    for range in secrets(document).into_iter().rev() {
        let new = against.is_some() && !known.iter().any(|raw| *raw == document.text()[range.clone()]);
        text.splice(range, encode(if new { "(hidden, new)" } else { "(hidden)" }).as_bytes());
    }
    String::from_utf8_lossy(text.bytes()).into_owned()
}

/// Whether no address of proxies has a user, or could have one: `@` may be written as an escape.
fn has_no_user(raw: &[u8]) -> bool {
    !raw.iter().any(|byte| matches!(byte, b'@' | b'\\'))
}

/// Where texts stand that may be secret, in order: whatever is in an entry of `auths` but for a
/// user name and an address, and all of the other members.
fn secrets(document: &Document) -> Vec<std::ops::Range<usize>> {
    let text = &document.text;
    let mut found = Vec::new();
    let Some(root) = text.root() else { return found };
    for (name, item) in text.members(&root) {
        if Field(AUTHS).is(&name) {
            for (_, entry) in text.members(&item.value) {
                for (field, item) in text.members(&entry.value) {
                    let plain = [FIELDS[0], FIELDS[3], "email"].iter().any(|plain| plain.eq_ignore_ascii_case(&field));
                    if !plain {
                        found.push(item.value);
                    }
                }
            }
        } else if OTHERS.iter().any(|other| Field(other).is(&name))
            && !(Field(PROXIES).is(&name) && has_no_user(&text.bytes()[item.value.clone()]))
        {
            found.push(item.value);
        }
    }
    found.retain(|range| {
        let raw = &text.bytes()[range.clone()];
        let is_empty = matches!(raw, b"{}" | b"null") || raw.starts_with(b"\"") && decode(raw).is_empty();
        !is_empty
    });
    found
}
