use std::collections::BTreeMap;
use std::time::SystemTime;

use serde_json::Value;

use crate::pull::digest_of;

/// Every repository by its name.
#[derive(Debug, Default)]
pub(super) struct State(pub(super) BTreeMap<String, Repository>);

/// The versions under one name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Repository {
    /// The oldest first.
    versions: Vec<Version>,
    tags: BTreeMap<String, (String, SystemTime)>,
    /// Counts what was pushed, which numbers it.
    pushes: u64,
}

/// A manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    /// Its number among those of its repository.
    pub(crate) id: u64,
    pub(crate) digest: String,
    pub(crate) media_type: String,
    pub(crate) size: usize,
    /// The manifests that an index names.
    pub(crate) children: Vec<String>,
    pub(crate) pushed: SystemTime,
}

impl State {
    pub(super) fn push(&mut self, name: &str, reference: &str, manifest: &[u8], now: SystemTime) {
        let repository = self.0.entry(name.to_owned()).or_default();
        let digest = digest_of(manifest);
        let parsed: Value = serde_json::from_slice(manifest).unwrap_or_default();
        let children = parsed["manifests"].as_array().into_iter().flatten();
        let children = children.filter_map(|child| child["digest"].as_str()).map(str::to_owned).collect();
        if repository.version(&digest).is_none() {
            repository.pushes += 1;
            repository.versions.push(Version {
                id: repository.pushes,
                digest: digest.clone(),
                media_type: parsed["mediaType"].as_str().unwrap_or_default().to_owned(),
                size: manifest.len(),
                children,
                pushed: now,
            });
        }
        if !reference.contains(':') {
            repository.tags.insert(reference.to_owned(), (digest, now));
        }
    }

    pub(super) fn delete(&mut self, name: &str, reference: &str) {
        let Some(repository) = self.0.get_mut(name) else { return };
        if reference.contains(':') {
            repository.versions.retain(|version| version.digest != reference);
            repository.tags.retain(|_, (digest, _)| digest != reference);
        } else {
            repository.tags.remove(reference);
        }
    }
}

impl Repository {
    /// The newest first.
    pub(crate) fn versions(&self) -> impl Iterator<Item = &Version> {
        self.versions.iter().rev()
    }

    /// The version of this digest.
    pub(crate) fn version(&self, digest: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.digest == digest)
    }

    /// Every tag in order, with its digest and when it was set.
    pub(crate) fn tags(&self) -> impl Iterator<Item = (&str, &str, SystemTime)> {
        self.tags.iter().map(|(tag, (digest, set))| (tag.as_str(), digest.as_str(), *set))
    }

    /// The tags of a digest, in order.
    pub(crate) fn tags_of(&self, digest: &str) -> Vec<String> {
        self.tags().filter(|(_, of, _)| *of == digest).map(|(tag, ..)| tag.to_owned()).collect()
    }

    /// A version under a tag, or under none if that is empty.
    #[cfg(test)]
    pub(crate) fn put(&mut self, digest: &str, tag: &str, now: SystemTime) {
        if self.version(digest).is_none() {
            self.pushes += 1;
            let (digest, media_type) = (digest.to_owned(), String::new());
            self.versions.push(Version {
                id: self.pushes,
                digest,
                media_type,
                size: 0,
                children: Vec::new(),
                pushed: now,
            });
        }
        if !tag.is_empty() {
            self.tags.insert(tag.to_owned(), (digest.to_owned(), now));
        }
    }

    /// Whether an existing index contains this digest.
    pub(crate) fn has_parent(&self, digest: &str) -> bool {
        self.versions.iter().any(|version| version.children.iter().any(|child| child == digest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_that_moves_leaves_a_version_without_one() {
        let mut state = State::default();
        let index = format!("{{\"manifests\": [{{\"digest\": \"{}\"}}]}}", digest_of(b"{}"));
        for (reference, manifest) in [("sha256:platform", "{}"), ("1", index.as_str()), ("1", "[]"), ("2", "[]")] {
            state.push("a", reference, manifest.as_bytes(), SystemTime::UNIX_EPOCH);
        }
        let repository = &state.0["a"];
        let tags: Vec<_> =
            repository.versions().map(|version| (version.id, repository.tags_of(&version.digest))).collect();
        assert_eq!(tags, [(3, vec!["1".to_owned(), "2".to_owned()]), (2, vec![]), (1, vec![])]);
        assert!(repository.has_parent(&digest_of(b"{}")) && !repository.has_parent(&digest_of(b"[]")));
        state.delete("a", "2");
        assert_eq!(state.0["a"].tags().count(), 1);
        state.delete("a", &digest_of(b"[]"));
        assert_eq!((state.0["a"].tags().count(), state.0["a"].versions().count()), (0, 2));
    }
}
