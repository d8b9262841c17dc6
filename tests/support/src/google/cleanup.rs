//! What a repository's clean-up policies delete:
//! <https://cloud.google.com/artifact-registry/docs/repositories/cleanup-policy-overview>.

use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::catalog::{Repository, Version};

/// The digests that a policy deletes and none keeps. A platform has no tag of its own, so it counts as
/// untagged; while its index exists it is not deleted, which the caller ensures.
pub(super) fn doomed(repository: &Repository, policies: &[&Value], now: SystemTime) -> Vec<String> {
    let of = |action: &'static str| policies.iter().filter(move |policy| is(&policy["action"], action));
    let kept = |version: &Version, place: usize| {
        of("keep").any(|policy| {
            let newest = policy["mostRecentVersions"]["keepCount"].as_u64();
            newest.map_or_else(|| fits(repository, version, &policy["condition"], now), |count| (place as u64) < count)
        })
    };
    let versions = repository.versions().enumerate().filter(|(place, version)| {
        of("delete").any(|policy| fits(repository, version, &policy["condition"], now)) && !kept(version, *place)
    });
    versions.map(|(_, version)| version.digest.clone()).collect()
}

fn fits(repository: &Repository, version: &Version, condition: &Value, now: SystemTime) -> bool {
    let tags = repository.tags_of(&version.digest);
    let state = &condition["tagState"];
    let state = if is(state, "tagged") { !tags.is_empty() } else { !is(state, "untagged") || tags.is_empty() };
    let mut prefixes = condition["tagPrefixes"].as_array().into_iter().flatten().filter_map(Value::as_str).peekable();
    let begins = prefixes.peek().is_none() || prefixes.any(|prefix| tags.iter().any(|tag| tag.starts_with(prefix)));
    let age = now.duration_since(version.pushed).unwrap_or_default();
    state && begins && seconds(&condition["olderThan"]).is_none_or(|least| age > least)
}

/// Policies in the format of the API, which rejects unknown fields.
pub(super) fn check(policies: &Value) -> Result<(), String> {
    for (name, policy) in policies.as_object().into_iter().flatten() {
        let wrong = |what: &str| Err(format!("the policy {name}: {what}"));
        if !["keep", "delete"].iter().any(|action| is(&policy["action"], action)) {
            return wrong("no action");
        }
        let condition = policy["condition"].as_object();
        if condition.is_some() == policy["mostRecentVersions"].is_object() {
            return wrong("either a condition or mostRecentVersions");
        }
        for (key, value) in condition.into_iter().flatten() {
            let known = match key.as_str() {
                "tagState" => ["tagged", "untagged", "any"].iter().any(|state| is(value, state)),
                "tagPrefixes" => value.is_array() && is(&policy["condition"]["tagState"], "tagged"),
                "olderThan" => seconds(value).is_some(),
                _ => false,
            };
            if !known {
                return wrong(&format!("{key} {value}"));
            }
        }
    }
    Ok(())
}

fn seconds(value: &Value) -> Option<Duration> {
    let seconds: f64 = value.as_str()?.strip_suffix('s')?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// Google's own examples write these words in lower case, its API in capitals.
fn is(value: &Value, word: &str) -> bool {
    value.as_str().is_some_and(|value| value.eq_ignore_ascii_case(word))
}
