//! GitLab Runner's list of the helpers that a job may name.

use dockerconfig::Document;
use settings::Setup;

use super::finding::{Remedy, Section};

/// The first releases of each branch that ignore a helper which a job's `DOCKER_AUTH_CONFIG` names, unless an
/// administrator allows it. <https://docs.gitlab.com/runner/security/>
const FIRST: [(u32, u32, u32); 4] = [(19, 1, 3), (19, 2, 4), (19, 3, 2), (19, 4, 0)];
/// How an administrator does so.
const DOCS: &str =
    "https://docs.gitlab.com/runner/configuration/advanced-configuration/#restrict-docker-credential-helpers";

/// A note if this machine runs GitLab's jobs, and in a job whose helper its runner ignores.
pub(super) fn check(setup: &Setup, section: &mut Section) {
    let environment = &setup.environment;
    if environment.raw("GITLAB_CI").is_some() {
        let version = environment.text("CI_RUNNER_VERSION").filter(|version| has_list(version));
        let names_helper = environment.text("DOCKER_AUTH_CONFIG").is_some_and(|text| names_helper(&text));
        if let Some(version) = version.filter(|_| names_helper) {
            section.note(
                format!("GitLab Runner {version} ignores the helper in DOCKER_AUTH_CONFIG for this job's image, unless its administrator allows it"),
                Remedy::advice(format!("ask for allowed_docker_credential_helpers ({DOCS}), or set DOCKER_AUTH_CONFIG to `credmint export --format variable`")),
            );
        }
        return;
    }
    let of_user = setup.places.home.as_ref().map(|home| home.join(".gitlab-runner/config.toml"));
    let files = [Some("/etc/gitlab-runner/config.toml".into()), of_user];
    if let Some(file) = files.into_iter().flatten().find(|file| file.exists()) {
        section.note(
            format!("GitLab Runner is configured here ({}): since 19.4 (and 19.1.3, 19.2.4, 19.3.2) it ignores a helper that a job's DOCKER_AUTH_CONFIG names", file.display()),
            Remedy::advice(format!("name the helper in ~/.docker/config.json of the runner's user, which every job then pulls with, or allow it for a registry: {DOCS}")),
        );
    }
}

/// Whether a runner of this version has the list.
fn has_list(version: &str) -> bool {
    let mut numbers = version.trim_start_matches('v').split(['.', '-', '~', '+']).map(|part| part.parse::<u32>().ok());
    let (Some(Some(major)), Some(Some(minor))) = (numbers.next(), numbers.next()) else { return false };
    let version = (major, minor, numbers.next().flatten().unwrap_or(0));
    let of_branch = FIRST.iter().find(|first| (first.0, first.1) == (version.0, version.1));
    of_branch.map_or(version > FIRST[3], |first| version >= *first)
}

/// Whether a config names a helper for any registry.
fn names_helper(text: &str) -> bool {
    let Ok(document) = Document::parse(text.as_bytes().to_vec()) else { return false };
    document.creds_store().is_some() || !document.cred_helpers().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_came_with_a_release_of_each_branch() {
        for (version, expected) in [
            ("18.9.0", false),
            ("19.0.9", false),
            ("19.1.2", false),
            ("19.1.3", true),
            ("19.2.3", false),
            ("19.2.4", true),
            ("19.3.1", false),
            ("19.3.2", true),
            ("19.4.0", true),
            ("19.4.0~pre.12.gabc", true),
            ("v20.1", true),
            ("development", false),
            ("", false),
        ] {
            assert_eq!(has_list(version), expected, "{version}");
        }
    }

    #[test]
    fn static_credentials_are_no_helper() {
        assert!(!names_helper(r#"{"auths":{"r.example":{"auth":"YTpi"}}}"#));
        assert!(names_helper(r#"{"credsStore":"credmint"}"#));
        assert!(names_helper(r#"{"credHelpers":{"r.example":"ecr"}}"#));
        assert!(!names_helper("no JSON"));
    }
}
