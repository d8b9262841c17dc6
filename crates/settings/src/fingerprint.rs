use std::path::Path;

use hmac_sha256::Hash;

use crate::Environment;
use crate::file_state::state_of;

/// A digest of the settings that choose an identity, without resolving the identity.
///
/// Two fingerprints are equal only if all their settings are: another profile, another key or an edited file
/// gives another one, so a token is served only to the identity that it was minted for. Secrets may be added; only
/// the digest comes out.
#[derive(Clone)]
pub struct Fingerprint(Hash);

impl Default for Fingerprint {
    fn default() -> Self {
        Self::new()
    }
}

impl Fingerprint {
    /// An empty one.
    pub fn new() -> Self {
        Fingerprint(Hash::new())
    }

    /// Adds a named value; a missing one counts as well.
    pub fn add(&mut self, name: &str, value: Option<&[u8]>) -> &mut Self {
        for part in [Some(name.as_bytes()), value] {
            // The length prevents collisions of neighbouring values.
            let length = part.map_or(u64::MAX, |part| part.len() as u64);
            self.0.update(length.to_le_bytes());
            self.0.update(part.unwrap_or_default());
        }
        self
    }

    /// Adds a variable of the environment.
    pub fn variable(&mut self, environment: &Environment, name: &str) -> &mut Self {
        let value = environment.raw(name);
        self.add(name, value.as_ref().map(|value| value.as_encoded_bytes()))
    }

    /// Adds a file by its path and its state from one `stat`; on systems on which that does not identify a version, by
    /// its content. A relative path is relative to the current folder.
    pub fn file(&mut self, path: &Path) -> &mut Self {
        let state = state_of(path);
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        self.add("path", Some(absolute.as_os_str().as_encoded_bytes())).add("state", state.as_deref())
    }

    /// The digest as 32 hexadecimal digits.
    pub fn finish(&self) -> String {
        use std::fmt::Write;
        let digest = self.0.finalize();
        digest.iter().take(16).fold(String::with_capacity(32), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a string always has room");
            text
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(add: impl FnOnce(&mut Fingerprint)) -> String {
        let mut fingerprint = Fingerprint::new();
        add(&mut fingerprint);
        fingerprint.finish()
    }

    #[test]
    fn every_value_counts_and_so_does_its_absence() {
        let rows = [
            of(|f| _ = f.add("a", Some(b"1"))),
            of(|f| _ = f.add("a", Some(b"2"))),
            of(|f| _ = f.add("b", Some(b"1"))),
            of(|f| _ = f.add("a", None)),
            of(|f| _ = f.add("a", Some(b""))),
            of(|f| _ = f.add("a", Some(b"1")).add("b", None)),
            of(|f| _ = f.add("a1", Some(b""))),
            of(|_| {}),
        ];
        assert_eq!(rows.iter().collect::<std::collections::HashSet<_>>().len(), rows.len());
        assert_eq!(rows[0], of(|f| _ = f.add("a", Some(b"1"))), "the same settings give the same text");
        assert!(rows.iter().all(|text| text.len() == 32));
    }

    #[test]
    fn a_relative_path_is_relative_to_the_current_folder() {
        let here = std::env::current_dir().unwrap().join("no-such-file");
        assert_eq!(of(|f| _ = f.file(Path::new("no-such-file"))), of(|f| _ = f.file(&here)));
    }
}
