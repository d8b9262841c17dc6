use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::Range;

use protocol::{Credentials, Secret, ServerUrl};
use zeroize::Zeroizing;

use crate::auth::{self, Auth};
use crate::check::{Malformed, Warning, WarningKind, check};
use crate::helper::HelperName;
use crate::json_text::JsonText;
use crate::json_text::PathSegment::{Field, Key};
use crate::keys::{KeyFormat, registry_of};
use crate::span::{decode, encode};

pub(crate) const STORE: &str = "credsStore";
pub(crate) const HELPERS: &str = "credHelpers";
pub(crate) const AUTHS: &str = "auths";
/// The fields of an entry that make a login; others stay.
const LOGIN_FIELDS: [&str; 4] = ["auth", "username", "password", "identitytoken"];

/// Docker's `config.json`, podman's `auth.json` or dockerd's `daemon.json`: a JSON object of which a
/// few members are understood, and all others left as they are.
///
/// Names of fields are taken in any letter case and the last of two namesakes counts, as in Docker.
/// An edit changes the text only where the member that it names stands, and not at all when that
/// is already as wished.
///
/// ```
/// use dockerconfig::{Document, HelperName};
/// let mut document = Document::parse(b"{\n  \"detachKeys\": \"ctrl-z\"\n}\n".to_vec()).unwrap();
/// document.set_creds_store(&HelperName::parse("credmint").unwrap());
/// assert_eq!(document.text(), b"{\n  \"detachKeys\": \"ctrl-z\",\n  \"credsStore\": \"credmint\"\n}\n");
/// ```
#[derive(Clone)]
pub struct Document {
    pub(crate) text: JsonText,
    warnings: Vec<Warning>,
}

impl Document {
    /// Reads what Docker reads: an object, `null`, or nothing.
    ///
    /// # Errors
    /// What Docker refuses: no JSON, no object, a byte order mark, a comment, a member of the wrong type.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, Malformed> {
        let (text, warnings) = check(bytes)?;
        Ok(Document { text, warnings })
    }

    /// A file that is not there.
    pub fn empty() -> Self {
        Document { text: JsonText::new(Vec::new()), warnings: Vec::new() }
    }

    /// The text, with all edits.
    pub fn text(&self) -> &[u8] {
        self.text.bytes()
    }

    /// Warnings from reading it, in the order of the text.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// The first duplicate key: editing one of the two might be wrong.
    pub(crate) fn duplicate_key(&self) -> Option<&Warning> {
        self.warnings.iter().find(|warning| matches!(warning.kind, WarningKind::DuplicateKey(_)))
    }

    /// `credsStore`: the helper for whatever no `credHelpers` entry names. An empty one is none.
    pub fn creds_store(&self) -> Option<String> {
        self.field(STORE).filter(|name| !name.is_empty())
    }

    /// `credHelpers`: server address and helper, in the order of the text. An empty helper is kept:
    /// to Docker it means that the login of this server is in the file.
    pub fn cred_helpers(&self) -> Vec<(String, String)> {
        self.map(HELPERS)
    }

    /// `HttpHeaders`, which Docker sends with every request. The values may be secrets.
    pub fn http_headers(&self) -> Vec<(String, Secret)> {
        self.map("HttpHeaders").into_iter().map(|(name, value)| (name, Secret::new(value))).collect()
    }

    /// `currentContext`: which engine is talked to.
    pub fn current_context(&self) -> Option<String> {
        self.field("currentContext").filter(|name| !name.is_empty())
    }

    /// The entries of `auths`, in the order of the text.
    pub fn auths(&self) -> Vec<Auth> {
        let Some(auths) = self.text.find(&[Field(AUTHS)]) else { return Vec::new() };
        self.text.members(&auths).into_iter().map(|(server, entry)| self.auth(server, &entry.value)).collect()
    }

    fn auth(&self, server: String, entry: &Range<usize>) -> Auth {
        let fields = self.text.members(entry);
        let text = |name| {
            let named = fields.iter().rev().find(|(field, _)| Field(name).is(field));
            let raw = named.map(|(_, item)| &self.text.bytes()[item.value.clone()]);
            raw.filter(|raw| raw.starts_with(b"\"")).map(decode).filter(|text| !text.is_empty())
        };
        let secret = |name| text(name).map(Secret::new);
        let (username, password) = match text("auth").map(Zeroizing::new) {
            Some(pair) => auth::decode(&pair).unzip(),
            None => (text("username"), secret("password")),
        };
        let (identity_token, registry_token) = (secret("identitytoken"), secret("registrytoken"));
        Auth { server, username, password, identity_token, registry_token }
    }

    /// The servers whose login is in the file and would no longer be found with a
    /// `credsStore`: Docker then calls only the helper. Migrate them first.
    pub fn shadowed_by_creds_store(&self) -> Vec<Auth> {
        let helpers = self.cred_helpers();
        let stays: HashSet<_> = helpers.iter().map(|(key, _)| key).collect();
        self.auths().into_iter().filter(|auth| auth.login().is_some() && !stays.contains(&auth.server)).collect()
    }

    /// Whether Docker picks a `credsStore` by itself (osxkeychain, wincred, pass, secretservice) and
    /// writes it into the file: it does when all three members are empty, `"credsStore": ""` included.
    ///
    /// Source: <https://github.com/docker/cli/blob/master/cli/config/configfile/file.go>, `ContainsAuth`.
    pub fn uses_default_store(&self) -> bool {
        self.creds_store().is_none() && self.cred_helpers().is_empty() && self.auths().is_empty()
    }

    /// Sets `credsStore`. [`Document::shadowed_by_creds_store`] lists the logins that this shadows.
    pub fn set_creds_store(&mut self, helper: &HelperName) {
        self.begin();
        self.text.set(&[Field(STORE)], &encode(helper.as_str()));
    }

    /// Removes `credsStore`. Where that leaves Docker to [pick one by itself](Document::uses_default_store),
    /// Docker Hub gets the empty entry that `docker login` leaves beside a helper: it keeps Docker from that.
    pub fn remove_creds_store(&mut self) {
        if self.text.find(&[Field(STORE)]).is_some() {
            self.text.remove(&[Field(STORE)]);
            if self.uses_default_store() {
                self.text.set(&[Field(AUTHS), Key(&KeyFormat::Docker.key(&hub()))], "{}");
            }
        }
    }

    /// Names the helper for one server, in the format in which its clients look it up.
    pub fn set_cred_helper(&mut self, server: &ServerUrl, format: KeyFormat, helper: &HelperName) {
        self.set_helper_of_key(&format.key(server), helper);
    }

    /// The helper for a key in the form that a client looks up.
    pub(crate) fn set_helper_of_key(&mut self, key: &str, helper: &HelperName) {
        self.begin();
        self.text.set(&[Field(HELPERS), Key(key)], &encode(helper.as_str()));
    }

    /// Adds the empty entry that `docker login` leaves beside a helper, unless the registry has one under
    /// whatever spelling: some clients look for helpers only where an entry is.
    pub fn add_marker(&mut self, server: &ServerUrl) {
        let key = KeyFormat::Docker.key(server);
        let asked = registry_of(&key);
        if !self.auths().iter().any(|auth| registry_of(&auth.server) == asked) {
            self.begin();
            self.text.set(&[Field(AUTHS), Key(&key)], "{}");
        }
    }

    /// Removes an entry of `credHelpers`, and that with the last; the key as it is written.
    pub fn remove_helper_of_key(&mut self, key: &str) {
        self.text.remove(&[Field(HELPERS), Key(key)]);
        if self.cred_helpers().is_empty() {
            self.text.remove(&[Field(HELPERS)]);
        }
    }

    /// Removes every entry of a server from `credHelpers`, and that with the last, as Docker does.
    pub fn remove_cred_helper(&mut self, server: &ServerUrl) {
        // A key has no scheme, so that of an http:// address is equal to the https:// one.
        let written = KeyFormat::Docker.key(server);
        for (key, _) in self.cred_helpers() {
            if key == written || ServerUrl::parse(&key).is_ok_and(|other| other == *server) {
                self.remove_helper_of_key(&key);
            }
        }
    }

    /// Removes a login from `auths` that a helper stores from now on, if it is still the same: there may have
    /// been another `docker login` since. Returns whether it was removed.
    pub fn remove_login(&mut self, login: &Credentials) -> bool {
        let found = self.auths().into_iter().rev().find(|auth| auth.server == login.server);
        let is_this = found.and_then(|auth| auth.login()).is_some_and(|found| found == *login);
        if is_this {
            self.clear_login(&login.server);
        }
        is_this
    }

    /// Takes whatever login an entry of `auths` has; the key as it is written. What else is in it
    /// (`registrytoken`, unknown fields) stays, and the entry itself: it is the marker that Docker
    /// writes beside a helper.
    pub(crate) fn clear_login(&mut self, server: &str) {
        for field in LOGIN_FIELDS {
            self.text.remove(&[Field(AUTHS), Key(server), Field(field)]);
        }
    }

    /// Removes an entry of `auths`; the key as it is written.
    pub fn remove_auth(&mut self, server: &str) {
        self.text.remove(&[Field(AUTHS), Key(server)]);
    }

    /// Writes a login in plain text (base64), under `login.server` as it is.
    pub fn set_auth(&mut self, login: &Credentials) {
        let entry = [Field(AUTHS), Key(&login.server)];
        for (field, json) in auth::fields(login) {
            let path = [entry[0], entry[1], Field(field)];
            match json.as_str() {
                "\"\"" => self.text.remove(&path),
                json => self.text.set(&path, json),
            }
        }
        for field in ["username", "password"] {
            self.text.remove(&[entry[0], entry[1], Field(field)]);
        }
    }

    /// A new file begins like Docker's own, so that Docker's next save adds nothing.
    fn begin(&mut self) {
        if self.text.root().is_none() {
            self.text.set(&[Field(AUTHS)], "{}");
        }
    }

    fn field(&self, name: &str) -> Option<String> {
        self.text.string(&[Field(name)])
    }

    /// A map of texts; of two namesakes the later, and namesakes of the whole map merged, as in Go.
    fn map(&self, name: &str) -> Vec<(String, String)> {
        let mut pairs: Vec<Option<(String, String)>> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        let Some(root) = self.text.root() else { return Vec::new() };
        for (found, item) in self.text.members(&root) {
            if !Field(name).is(&found) {
                continue;
            }
            for (key, item) in self.text.members(&item.value) {
                let raw = Zeroizing::new(self.text.bytes()[item.value].to_vec());
                let value = if raw.starts_with(b"\"") { decode(&raw) } else { String::new() };
                if let Some(earlier) = places.insert(key.clone(), pairs.len()) {
                    pairs[earlier] = None;
                }
                pairs.push(Some((key, value)));
            }
        }
        pairs.into_iter().flatten().collect()
    }
}

fn hub() -> ServerUrl {
    ServerUrl::parse("docker.io").expect("a constant that is an address")
}

impl fmt::Debug for Document {
    /// Without the text, which may hold passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document").field("bytes", &self.text().len()).field("warnings", &self.warnings).finish()
    }
}
