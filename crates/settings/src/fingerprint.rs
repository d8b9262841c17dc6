use std::path::Path;

use hmac_sha256::Hash;

use crate::Environment;

/// A digest of the settings that choose an identity, without finding out which identity that is.
///
/// Two fingerprints are equal only when every setting that went in is: another profile, another key
/// or an edited file give another one, so a token is never handed to another identity than the one
/// it was minted for. Secrets go in, and only the digest comes out.
#[derive(Clone)]
pub struct Fingerprint(Hash);

impl Default for Fingerprint {
    fn default() -> Self {
        Self::new()
    }
}

impl Fingerprint {
    /// Of nothing yet.
    pub fn new() -> Self {
        Fingerprint(Hash::new())
    }

    /// Adds a named value; that there is none is a value too.
    pub fn add(&mut self, name: &str, value: Option<&[u8]>) -> &mut Self {
        for part in [Some(name.as_bytes()), value] {
            // The length in front keeps neighbours apart.
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

    /// Adds a file by its path, size and time of change, without reading it.
    pub fn file(&mut self, path: &Path) -> &mut Self {
        let state = std::fs::metadata(path).ok().map(|metadata| {
            let changed = metadata.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
            let mut state = metadata.len().to_le_bytes().to_vec();
            state.extend_from_slice(&changed.unwrap_or_default().as_nanos().to_le_bytes());
            state
        });
        self.add("path", Some(path.as_os_str().as_encoded_bytes())).add("state", state.as_deref())
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
    fn a_file_counts_by_size_and_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        let absent = of(|f| _ = f.file(&path));
        std::fs::write(&path, "a").unwrap();
        let short = of(|f| _ = f.file(&path));
        std::fs::write(&path, "ab").unwrap();
        let long = of(|f| _ = f.file(&path));
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1)).unwrap();
        let old = of(|f| _ = f.file(&path));
        assert_eq!([&absent, &short, &long, &old].into_iter().collect::<std::collections::HashSet<_>>().len(), 4);
    }
}
