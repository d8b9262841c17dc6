//! What the action `dataaxiom/ghcr-cleanup-action` deletes, by its documentation:
//! <https://github.com/dataaxiom/ghcr-cleanup-action#cleanup-algorithm>. Of its inputs, those that the guide uses.

use std::collections::BTreeSet;

use crate::catalog::{Catalog, Repository, Version};

/// Its inputs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Inputs {
    owner: String,
    package: String,
    delete_untagged: bool,
    delete_tags: Vec<String>,
    exclude_tags: Vec<String>,
    keep_n_tagged: Option<usize>,
    dry_run: bool,
}

/// A step that the action takes.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Untag(String),
    Delete(String),
}

impl Inputs {
    /// Reads them from a query; one that is not known is an error, and so is one without its value.
    pub(super) fn parse(query: &str) -> Result<Self, String> {
        let mut inputs = Inputs::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let wrong = || format!("{name}: {value}");
            let patterns = || value.split(',').map(str::to_owned).collect();
            match &*name {
                "owner" => inputs.owner = value.into_owned(),
                "package" => inputs.package = value.into_owned(),
                "delete-untagged" => inputs.delete_untagged = value.parse().map_err(|_| wrong())?,
                "delete-tags" => inputs.delete_tags = patterns(),
                "exclude-tags" => inputs.exclude_tags = patterns(),
                "keep-n-tagged" => inputs.keep_n_tagged = Some(value.parse().map_err(|_| wrong())?),
                "dry-run" => inputs.dry_run = value.parse().map_err(|_| wrong())?,
                _ => return Err(wrong()),
            }
        }
        Ok(inputs)
    }
}

/// Carries them out. Returns what was deleted, or would be, as `NAME:TAG` and `NAME@DIGEST`.
pub(super) async fn clean_up(catalog: &Catalog, inputs: &Inputs) -> Vec<String> {
    let name = format!("{}/{}", inputs.owner, inputs.package);
    let Some(found) = catalog.repository(&name) else { return Vec::new() };
    let mut gone = Vec::new();
    for step in steps(&found, inputs) {
        let (reference, said) = match step {
            Step::Untag(tag) => (tag.clone(), format!("{name}:{tag}")),
            Step::Delete(digest) => (digest.clone(), format!("{name}@{digest}")),
        };
        if !inputs.dry_run {
            catalog.delete(&name, &reference).await;
        }
        gone.push(said);
    }
    gone
}

fn steps(repository: &Repository, inputs: &Inputs) -> Vec<Step> {
    let tags_of = |version: &Version| repository.tags_of(&version.digest);
    let any = |patterns: &[String], tag: &str| patterns.iter().any(|pattern| is_match(pattern, tag));
    let images: Vec<_> = repository
        .versions()
        .filter(|version| !is_child(repository, version))
        .filter(|version| !tags_of(version).iter().any(|tag| any(&inputs.exclude_tags, tag)))
        .collect();
    let candidates = images.iter().filter(|version| tags_of(version).iter().any(|tag| any(&inputs.delete_tags, tag)));
    let mut steps = Vec::new();
    let mut doomed = Vec::new();
    for version in candidates.skip(inputs.keep_n_tagged.unwrap_or(0)) {
        let (matched, others): (Vec<_>, Vec<_>) =
            tags_of(version).into_iter().partition(|tag| any(&inputs.delete_tags, tag));
        // If there are other tags, only the tag is deleted.
        if others.is_empty() {
            doomed.push(*version);
        } else {
            steps.extend(matched.into_iter().map(Step::Untag));
        }
    }
    doomed.extend(images.iter().filter(|version| inputs.delete_untagged && tags_of(version).is_empty()));
    steps.extend(with_children(repository, &doomed).into_iter().map(Step::Delete));
    steps
}

/// Whether it is deleted with another one: a platform with its index, a signature with its subject.
fn is_child(repository: &Repository, version: &Version) -> bool {
    let is_attached = |tag: &String| attached_to(tag).is_some_and(|digest| repository.version(&digest).is_some());
    repository.has_parent(&version.digest) || repository.tags_of(&version.digest).iter().any(is_attached)
}

/// What a tag such as `sha256-0123…` or `sha256-0123….sig` is attached to.
fn attached_to(tag: &str) -> Option<String> {
    let digest = tag.strip_prefix("sha256-")?.split('.').next()?;
    Some(format!("sha256:{digest}"))
}

/// These, what is attached to them, and what only they name.
fn with_children(repository: &Repository, doomed: &[&Version]) -> Vec<String> {
    let mut gone: Vec<String> = Vec::new();
    let mut next: Vec<String> = doomed.iter().map(|version| version.digest.clone()).collect();
    while let Some(digest) = next.pop() {
        if gone.contains(&digest) {
            continue;
        }
        gone.push(digest.clone());
        let is_gone: BTreeSet<_> = gone.iter().collect();
        let left = |child: &String| {
            repository.versions().any(|one| !is_gone.contains(&one.digest) && one.children.contains(child))
        };
        let children = repository.version(&digest).map(|version| version.children.clone()).unwrap_or_default();
        let attached = repository.tags().filter(|(tag, ..)| attached_to(tag).as_ref() == Some(&digest));
        next.extend(attached.map(|(_, digest, _)| digest.to_owned()));
        next.extend(children.into_iter().filter(|child| !left(child) && repository.version(child).is_some()));
    }
    gone
}

/// `?` is one character and `*` any number of them.
fn is_match(pattern: &str, text: &str) -> bool {
    match pattern.chars().next() {
        None => text.is_empty(),
        Some('*') => (0..=text.len()).any(|at| text.is_char_boundary(at) && is_match(&pattern[1..], &text[at..])),
        Some(wanted) => {
            let found = text.chars().next().filter(|found| wanted == '?' || *found == wanted);
            found.is_some_and(|found| is_match(&pattern[wanted.len_utf8()..], &text[found.len_utf8()..]))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn patterns_are_of_shells() {
        for (pattern, text, expected) in [
            ("sha-*", "sha-0123", true),
            ("sha-*", "sha256-0123", false),
            ("v?", "v1", true),
            ("v?", "v12", false),
            ("*-rc*", "1.2-rc3", true),
            ("latest", "latest2", false),
        ] {
            assert_eq!(is_match(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn what_the_action_does_not_know_is_no_input() {
        assert!(Inputs::parse("owner=o&keep-tagged=1").is_err() && Inputs::parse("dry-run=maybe").is_err());
        assert_eq!(Inputs::parse("delete-tags=sha-*,b").unwrap().delete_tags, ["sha-*", "b"]);
    }

    #[test]
    fn the_oldest_tags_of_commits_go_and_versions_stay() {
        let mut repository = Repository::default();
        for (place, tags) in
            [&["sha-1"][..], &["sha-2", "1.0.0"], &[], &["sha-3", "latest"], &["sha-4"]].iter().enumerate()
        {
            for tag in *tags {
                repository.put(&format!("sha256:{place}"), tag, SystemTime::UNIX_EPOCH);
            }
            if tags.is_empty() {
                repository.put(&format!("sha256:{place}"), "", SystemTime::UNIX_EPOCH);
            }
        }
        repository.put("sha256:9", "sha256-0", SystemTime::UNIX_EPOCH);
        let inputs = "delete-untagged=true&delete-tags=sha-*&exclude-tags=latest&keep-n-tagged=1";
        let steps = steps(&repository, &Inputs::parse(inputs).unwrap());
        let delete = |digest: &str| Step::Delete(digest.to_owned());
        assert_eq!(
            steps,
            [Step::Untag("sha-2".to_owned()), delete("sha256:2"), delete("sha256:0"), delete("sha256:9")]
        );
    }
}
