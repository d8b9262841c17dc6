use protocol::ServerUrl;

use crate::check::WarningKind;
use crate::document::{AUTHS, Document, HELPERS};
use crate::json_text::PathSegment::{Field, Key};
use crate::keys::{KeyFormat, is_hub};
use crate::span::encode;

/// A key of `credHelpers` that no client looks up, so that the entry has no effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnusedKey {
    /// As it is written.
    pub key: String,
    /// The key that is looked up instead; `None` for a pattern or anything else that is not a server.
    pub asked: Option<String>,
}

impl Document {
    /// The entries of `credHelpers` that do nothing. `docker.io` beside Docker's own name of Docker
    /// Hub is none of them: podman and others ask for it.
    pub fn unused_keys(&self, format: KeyFormat) -> Vec<UnusedKey> {
        let helpers = self.cred_helpers();
        let unused = helpers.iter().filter_map(|(key, _)| {
            let server = ServerUrl::parse(key).ok();
            let asked = server.as_ref().map(|server| format.key(server));
            let names_hub =
                server.as_ref().is_some_and(is_hub) && Some(key) == Some(&KeyFormat::Podman.key(server.as_ref()?));
            let is_beside = || helpers.iter().any(|(other, _)| Some(other) == asked.as_ref());
            let is_fine = asked.as_ref() == Some(key) || (names_hub && is_beside());
            (!is_fine).then(|| UnusedKey { key: key.clone(), asked })
        });
        unused.collect()
    }

    /// Repairs what is unambiguous: keys get their usual spelling, text after the end and invalid `auth`
    /// fields are removed, and keys of `credHelpers` become those that clients look up, or are removed.
    /// Returns what was done; duplicate keys are left alone.
    pub fn repair(&mut self, format: KeyFormat) -> Vec<String> {
        let mut done = self.repair_names();
        // After the renaming: only now `credHelper` is read.
        for UnusedKey { key, asked } in self.unused_keys(format) {
            done.push(self.repair_key(&key, asked));
        }
        done
    }

    /// The same without the keys of `credHelpers`, for clients with other rules.
    pub fn repair_names(&mut self) -> Vec<String> {
        let mut done = Vec::new();
        for warning in self.warnings().to_vec() {
            match warning.kind {
                WarningKind::EmptyFile => {
                    self.text.set(&[], "{}");
                    done.push("replaced the empty file with an empty object".to_owned());
                }
                WarningKind::TrailingData => {
                    if let Some(root) = self.text.root() {
                        self.text.splice(root.end..self.text.bytes().len(), b"\n");
                        done.push("removed the text after the end of the object".to_owned());
                    }
                }
                WarningKind::KeyCase(given, usual) | WarningKind::MisspelledKey(given, usual) => {
                    if self.rename(&given, usual) {
                        done.push(format!("renamed {given} to {usual}"));
                    }
                }
                WarningKind::InvalidAuth(server) => {
                    self.text.remove(&[Field(AUTHS), Key(&server), Field("auth")]);
                    done.push(format!("removed the invalid auth of {server}"));
                }
                WarningKind::DuplicateKey(_) => {}
            }
        }
        done
    }

    fn repair_key(&mut self, key: &str, asked: Option<String>) -> String {
        let helpers = self.cred_helpers();
        let has = |name: &String| helpers.iter().any(|(other, _)| other == name);
        match asked.filter(|asked| !has(asked)) {
            None => {
                self.text.remove(&[Field(HELPERS), Key(key)]);
                format!("removed {key} from credHelpers: no client looks it up")
            }
            // The other family of clients looks up this one.
            Some(asked) if ServerUrl::parse(key).is_ok_and(|server| KeyFormat::Podman.key(&server) == key) => {
                let helper = helpers.iter().find(|(other, _)| other == key).map_or("", |(_, helper)| helper);
                self.text.set(&[Field(HELPERS), Key(&asked)], &encode(helper));
                format!("added {asked} to credHelpers, next to {key}")
            }
            Some(asked) => {
                self.text.rename(&[Field(HELPERS), Key(key)], &asked);
                format!("renamed {key} to {asked} in credHelpers")
            }
        }
    }

    /// Of the outermost object or of an entry of `auths`, unless a member with the right name exists.
    fn rename(&mut self, given: &str, usual: &str) -> bool {
        let at_root = self.text.root().into_iter().map(|root| (None, root));
        let auths = self.text.find(&[Field(AUTHS)]);
        let entries = auths.into_iter().flat_map(|auths| self.text.members(&auths));
        let objects = at_root.chain(entries.map(|(server, item)| (Some(server), item.value)));
        let found = objects.into_iter().find(|(_, object)| {
            let members = self.text.members(object);
            members.iter().any(|(name, _)| name == given)
                && !members.iter().any(|(name, _)| name != given && name.eq_ignore_ascii_case(usual))
        });
        match found {
            None => return false,
            Some((None, _)) => self.text.rename(&[Key(given)], usual),
            Some((Some(server), _)) => self.text.rename(&[Field(AUTHS), Key(&server), Key(given)], usual),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repaired(text: &str) -> String {
        let mut document = Document::parse(text.into()).unwrap();
        let done = document.repair(KeyFormat::Docker);
        let after = String::from_utf8(document.text().to_vec()).unwrap();
        assert_eq!(done.is_empty(), after == text, "{done:?}");
        let again = Document::parse(after.clone().into_bytes()).unwrap();
        assert!(again.unused_keys(KeyFormat::Docker).is_empty(), "{after}");
        after
    }

    #[test]
    fn what_has_one_right_outcome_is_repaired() {
        for (before, after) in [
            (" \n", "{}"),
            ("{} x", "{}\n"),
            ("{\"credStore\": \"pass\"}", "{\"credsStore\": \"pass\"}"),
            ("{\"CredsStore\": \"pass\"}", "{\"credsStore\": \"pass\"}"),
            ("{\"credHelper\":{\"https://r.example\":\"x\"}}", "{\"credHelpers\":{\"r.example\":\"x\"}}"),
            ("{\"auth\":{\"r.example\":{\"auht\":\"dTpw\"}}}", "{\"auths\":{\"r.example\":{\"auht\":\"dTpw\"}}}"),
            ("{\"auths\":{\"r.example\":{\"auht\":\"dTpw\"}}}", "{\"auths\":{\"r.example\":{\"auth\":\"dTpw\"}}}"),
            ("{\"auths\":{\"r.example\":{\"auth\":\"?\",\"x\":1}}}", "{\"auths\":{\"r.example\":{\"x\":1}}}"),
            ("{\"credHelpers\":{\"*.a.io\":\"x\",\"b.io\":\"y\"}}", "{\"credHelpers\":{\"b.io\":\"y\"}}"),
            ("{\"credHelpers\":{\"https://b.io\":\"x\",\"b.io\":\"y\"}}", "{\"credHelpers\":{\"b.io\":\"y\"}}"),
            (
                "{\"credHelpers\":{\"docker.io\":\"x\"}}",
                "{\"credHelpers\":{\"docker.io\":\"x\",\"https://index.docker.io/v1/\":\"x\"}}",
            ),
        ] {
            assert_eq!(repaired(before), after, "{before}");
        }
    }

    #[test]
    fn what_is_right_or_ambiguous_is_left_alone() {
        for text in [
            "{\"credHelpers\":{\"docker.io\":\"x\",\"https://index.docker.io/v1/\":\"x\"}}",
            "{\"credStore\":\"a\",\"credsStore\":\"b\"}",
            "{\"plugins\":{},\"auths\":{\"r\":{\"email\":\"e\"}}}",
            "{\"auths\":{},\"auths\":{}}",
        ] {
            assert_eq!(repaired(text), text);
        }
    }
}
