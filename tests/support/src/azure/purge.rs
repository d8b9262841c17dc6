//! `acr purge`, as a task of a registry runs it: the rules of <https://github.com/Azure/acr-cli>, read in its
//! source of March 2026. It was not compared with a run of that program.

use std::fmt::Write;
use std::time::Duration;

use crate::catalog::Catalog;

/// The arguments of the command.
#[derive(Debug, PartialEq, Eq)]
struct Purge {
    repository: String,
    /// The prefix of the tags.
    prefix: String,
    ago: Duration,
    keep: usize,
    untagged: bool,
    dry_run: bool,
}

/// Runs a task's command; the log of it.
pub(super) async fn run(catalog: &Catalog, command: &str) -> Result<String, String> {
    let purge = Purge::parse(command)?;
    let Some(repository) = catalog.repository(&purge.repository) else {
        return Ok(format!("{} repository not found\n", purge.repository));
    };
    let before = catalog.now() - purge.ago;
    let mut tags: Vec<_> = repository
        .tags()
        .filter(|(tag, _, set)| {
            tag.starts_with(&purge.prefix) && *set < before && !catalog.is_locked(&purge.repository, tag)
        })
        .collect();
    tags.sort_by_key(|(_, _, set)| std::cmp::Reverse(*set));
    // The newest of the old ones are kept.
    let tags: Vec<_> = tags.into_iter().skip(purge.keep).map(|(tag, ..)| tag.to_owned()).collect();
    let would = if purge.dry_run { "Would delete" } else { "Deleted" };
    let mut log = String::new();
    for tag in &tags {
        let _ = writeln!(log, "{would}: {}:{tag}", purge.repository);
        if !purge.dry_run {
            catalog.delete(&purge.repository, tag).await;
        }
    }
    let dangling: Vec<_> = repository
        .versions()
        .filter(|version| purge.untagged && version.pushed < before && !repository.has_parent(&version.digest))
        .filter(|version| repository.tags_of(&version.digest).iter().all(|tag| tags.contains(tag)))
        .map(|version| version.digest.clone())
        .skip(purge.keep)
        .collect();
    for digest in dangling {
        let _ = writeln!(log, "{would}: {}@{digest}", purge.repository);
        if !purge.dry_run {
            catalog.delete(&purge.repository, &digest).await;
        }
    }
    Ok(log)
}

impl Purge {
    fn parse(command: &str) -> Result<Self, String> {
        let words = command.strip_prefix("acr purge ").ok_or("the pretend ACR runs acr purge alone")?;
        let mut purge = Purge {
            repository: String::new(),
            prefix: String::new(),
            ago: Duration::ZERO,
            keep: 0,
            untagged: false,
            dry_run: false,
        };
        let mut words = words.split_whitespace().map(|word| word.trim_matches('\''));
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} wants a value"));
            match word {
                "--dry-run" => purge.dry_run = true,
                "--untagged" => purge.untagged = true,
                "--keep" => purge.keep = value()?.parse().map_err(|_| "--keep wants a number")?,
                "--ago" => {
                    let days = value()?.strip_suffix('d').and_then(|days| days.parse::<u64>().ok());
                    purge.ago = Duration::from_secs(86_400 * days.ok_or("--ago is understood in days here")?);
                }
                "--filter" => {
                    let (repository, pattern) = value()?.split_once(':').ok_or("a filter is REPOSITORY:PATTERN")?;
                    let prefix = pattern.strip_prefix('^').and_then(|rest| rest.strip_suffix(".*"));
                    let prefix =
                        prefix.filter(|prefix| prefix.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-'));
                    let prefix = prefix.ok_or("patterns are understood as ^PREFIX.* here")?;
                    (purge.repository, purge.prefix) = (repository.to_owned(), prefix.to_owned());
                }
                _ => return Err(format!("acr purge has no {word} here")),
            }
        }
        Ok(purge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_understood_is_run() {
        let purge = Purge::parse("acr purge --filter 'team/app:^sha-.*' --ago 30d --keep 100 --untagged").unwrap();
        assert_eq!((purge.repository.as_str(), purge.prefix.as_str(), purge.keep), ("team/app", "sha-", 100));
        assert!(purge.untagged && !purge.dry_run && purge.ago == Duration::from_secs(30 * 86_400));
        for strange in
            ["acr import x", "acr purge --filter 'a:(x|y)'", "acr purge --ago 3h", "acr purge --include-locked"]
        {
            assert!(Purge::parse(strange).is_err(), "{strange}");
        }
    }
}
