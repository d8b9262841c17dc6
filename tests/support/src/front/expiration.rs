//! What GitLab's clean-up policy and its garbage collector delete:
//! <https://docs.gitlab.com/user/packages/container_registry/reduce_container_registry_storage/#how-the-cleanup-policy-works>.

use std::time::{Duration, SystemTime};

use regex_lite::Regex;
use serde_json::Value;

use crate::catalog::{Catalog, Repository};

/// Carries out a policy, and then the collector, which comes a day later. What was deleted, as `NAME:TAG` and
/// `NAME@DIGEST`.
pub(super) async fn clean_up(catalog: &Catalog, name: &str, policy: &Value) -> Vec<String> {
    let mut gone = Vec::new();
    let found = catalog.repository(name).unwrap_or_default();
    for tag in expired(&found, policy, catalog.now()) {
        catalog.delete(name, &tag).await;
        gone.push(format!("{name}:{tag}"));
    }
    // An index first: its manifests are referenced as long as it exists.
    while let Some(digest) = catalog.repository(name).and_then(|left| unreferenced(&left)) {
        catalog.delete(name, &digest).await;
        gone.push(format!("{name}@{digest}"));
    }
    gone
}

/// The tags that a policy deletes.
fn expired(repository: &Repository, policy: &Value, now: SystemTime) -> Vec<String> {
    if policy["enabled"] != true {
        return Vec::new();
    }
    let (deleted, kept) = (pattern(policy, "name_regex_delete"), pattern(policy, "name_regex_keep"));
    let is_match = |pattern: &Option<Regex>, tag: &str| pattern.as_ref().is_some_and(|pattern| pattern.is_match(tag));
    let mut tags: Vec<_> = repository
        .tags()
        .filter(|(tag, ..)| *tag != "latest" && is_match(&deleted, tag) && !is_match(&kept, tag))
        .collect();
    // The newest first.
    tags.sort_by_key(|(.., set)| std::cmp::Reverse(*set));
    let newest = policy["keep_n"].as_u64().and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
    let days = policy["older_than"].as_str().and_then(|text| text.strip_suffix('d')?.parse::<u64>().ok());
    let least = Duration::from_secs(86_400 * days.unwrap_or(0));
    let old = tags.into_iter().skip(newest);
    old.filter(|(.., set)| now.duration_since(*set).unwrap_or_default() > least)
        .map(|(tag, ..)| tag.to_owned())
        .collect()
}

/// The error of an invalid policy.
pub(super) fn refusal(policy: &Value) -> Option<String> {
    ["name_regex_delete", "name_regex_keep"].into_iter().find_map(|key| {
        let is_wrong = policy[key].as_str().is_none_or(|_| pattern(policy, key).is_none());
        is_wrong.then(|| format!("container_expiration_policy.{key} is not a regular expression"))
    })
}

/// GitLab puts the anchors around it.
fn pattern(policy: &Value, key: &str) -> Option<Regex> {
    Regex::new(&format!(r"\A(?:{})\z", policy[key].as_str()?)).ok()
}

/// A manifest that has no tag and that no other one names.
fn unreferenced(repository: &Repository) -> Option<String> {
    let found = repository
        .versions()
        .find(|one| repository.tags_of(&one.digest).is_empty() && !repository.has_parent(&one.digest));
    found.map(|one| one.digest.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// GitLab's own example.
    #[test]
    fn what_matches_a_keep_rule_stays_and_what_matches_every_other_rule_goes() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(86_400 * 1000);
        let mut repository = Repository::default();
        for (tag, days) in [
            ("latest", 20),
            ("production-v44", 3),
            ("production-v43", 6),
            ("production-v42", 11),
            ("dev-v44", 2),
            ("dev-v43", 5),
            ("dev-v42", 10),
            ("v44", 1),
            ("v43", 12),
            ("v42", 20),
        ] {
            repository.put(tag, tag, now - Duration::from_secs(86_400 * days));
        }
        let mut policy = json!({
            "enabled": true, "keep_n": 1, "older_than": "7d", "name_regex_delete": ".*", "name_regex_keep": "production-.*",
        });
        assert_eq!(expired(&repository, &policy, now), ["dev-v42", "v43", "v42"]);
        policy["enabled"] = false.into();
        assert!(expired(&repository, &policy, now).is_empty());
        policy["name_regex_keep"] = "(".into();
        assert!(refusal(&policy).is_some());
    }
}
