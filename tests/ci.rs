//! The pipelines in `installers/ci`: what the schemas of their systems say, and what their jobs get.

use std::collections::BTreeMap;
use std::process::Command;

use pretend_cloud::{ExchangeCall, JOB_TOKEN};

use crate::exchange::Job;
use crate::exchange_pull::peer;
use crate::home::{CREDMINT, Outcome, program, skip};

const README: &str = include_str!("../installers/ci/README.md");

/// The pipelines by the titles above them.
fn pipelines() -> BTreeMap<&'static str, &'static str> {
    let sections = README.split("\n## ").skip(1);
    let block = |section: &'static str| section.split("```yaml\n").nth(1)?.split("```").next();
    sections.map(|section| (section.lines().next().unwrap(), block(section).expect("a pipeline"))).collect()
}

/// The settings in a pipeline, of the pretend organization.
fn settings(pipeline: &str) -> String {
    let lines = pipeline.lines().map(str::trim_start).skip_while(|line| *line != "[[registry]]");
    let lines = lines.take_while(|line| *line == "[[registry]]" || line.contains(" = \""));
    lines.collect::<Vec<_>>().join("\n").replace("my-organization", "octo-org")
}

#[test]
fn each_pipeline_is_one_to_the_schema_of_its_system() {
    let Some(checker) = peer("check-jsonschema") else {
        return skip("ci: check-jsonschema", "it is not here to check the pipelines");
    };
    let home = crate::home::Home::new();
    let pipelines = pipelines();
    assert_eq!(pipelines.len(), 7, "{:?}", pipelines.keys());
    for (title, schema, options) in [
        ("GitHub Actions", "vendor.github-workflows", &[][..]),
        ("GitLab CI", "vendor.gitlab-ci", &["--data-transform", "gitlab-ci"]),
        ("Azure Pipelines", "vendor.azure-pipelines", &["--regex-variant", "python"]),
        ("Buildkite", "vendor.buildkite", &[]),
        ("CircleCI", "vendor.circle-ci", &[]),
        ("Bitbucket Pipelines", "vendor.bitbucket-pipelines", &[]),
    ] {
        let file = home.write(&format!("{}.yml", title.replace(' ', "-")), pipelines[title]);
        let output =
            Command::new(&checker).args(["--builtin-schema", schema]).args(options).arg(file).output().unwrap();
        assert!(output.status.success(), "{title}: {}", String::from_utf8_lossy(&output.stdout));
    }
}

/// A job that reads `set-up.sh` into its shell, from a release that brings the programs of this build.
fn in_job(job: &Job, settings: &str) -> Outcome {
    let programs = program(CREDMINT).parent().unwrap().display().to_string();
    let install = format!("set -e\n[ \"$1\" = --prefix ]\nln -s '{programs}' \"$2/bin\"\n");
    job.home.write("release/install.sh", install);
    let script = "set -e; . \"$SET_UP\"; printf %s \"$REGISTRY\" | docker-credential-credmint get";
    let mut command = job.home.shell(script);
    command.env("SET_UP", concat!(env!("CARGO_MANIFEST_DIR"), "/installers/ci/set-up.sh"));
    command.env("CREDMINT_RELEASES", format!("file://{}", job.home.path("release").display()));
    command.env("CREDMINT_SETTINGS", settings).env("REGISTRY", "quay.io").env("TMPDIR", job.home.path("run"));
    Outcome::of("docker-credential-credmint", &mut command)
}

#[test]
fn each_job_pulls_with_a_token_for_its_own_identity() {
    let pipelines = pipelines();
    for title in ["Forgejo Actions", "GitLab CI", "Azure Pipelines", "Buildkite", "Bitbucket Pipelines"] {
        let settings = settings(pipelines[title]);
        let mut job = Job::elsewhere("");
        let subject = "repo:octo-org/app:ref:refs/heads/1";
        match title {
            "Forgejo Actions" => _ = job.number(1),
            "GitLab CI" => {
                let token = job.exchanges.identity_token(subject, "https://quay.io");
                job.home.set("GITLAB_CI", "true").set("CI_JOB_ID", "1").set("REGISTRY_ID_TOKEN", token);
            }
            "Azure Pipelines" => {
                job.exchanges.set_audience("quay", "api://AzureADTokenExchange");
                job.home.set("TF_BUILD", "True").set("SYSTEM_ACCESSTOKEN", format!("{JOB_TOKEN}1"));
                job.home.set("SYSTEM_OIDCREQUESTURI", "https://dev.azure.com/corp/oidctoken");
            }
            "Buildkite" => {
                job.home.set("BUILDKITE", "true").set("BUILDKITE_JOB_ID", "7");
                job.home.set("BUILDKITE_AGENT_ACCESS_TOKEN", format!("{JOB_TOKEN}7"));
            }
            _ => {
                let audience = settings.split("audience = \"").nth(1).unwrap().split('"').next().unwrap();
                job.exchanges
                    .set_audience("quay", "ari:cloud:bitbucket::workspace/00000000-0000-0000-0000-000000000000");
                let token = job.exchanges.identity_token(subject, audience);
                job.home.set("BITBUCKET_BUILD_NUMBER", "1").set("BITBUCKET_STEP_OIDC_TOKEN", token);
            }
        }
        let outcome = in_job(&job, &settings);
        assert_eq!(outcome.code, 0, "{title}: {outcome:?}");
        let minted = job.exchanges.minted().pop().unwrap_or_else(|| panic!("{title}: {outcome:?}"));
        assert!(outcome.stdout.contains(&minted.token), "{title}: {outcome:?}");
        assert_eq!(job.exchanges.calls(ExchangeCall::Quay), 1, "{title}");
        let config = std::fs::read_to_string(job.home.path(".docker/config.json")).unwrap();
        assert!(config.contains("\"credsStore\": \"credmint\""), "{config}");
    }
}

#[test]
fn a_release_that_cannot_be_had_stops_the_job() {
    let job = Job::elsewhere("");
    let script = "set -e; . \"$SET_UP\"; echo went on";
    let mut command = job.home.shell(script);
    command.env("SET_UP", concat!(env!("CARGO_MANIFEST_DIR"), "/installers/ci/set-up.sh"));
    command.env("CREDMINT_RELEASES", format!("file://{}", job.home.path("nowhere").display()));
    let outcome = Outcome::of("sh", &mut command);
    assert!(outcome.code != 0 && !outcome.stdout.contains("went on"), "{outcome:?}");
}

/// A manager of GitLab's jobs, and a job, hear from doctor which helpers are ignored.
#[test]
fn doctor_explains_which_helpers_gitlab_runner_ignores() {
    let mut job = Job::elsewhere("");
    let said = |job: &Job| job.home.run(crate::home::CLI, &["doctor", "--offline"], "").stdout;
    assert!(!said(&job).contains("GitLab Runner"), "{}", said(&job));
    job.home.write(".gitlab-runner/config.toml", "concurrent = 1\n");
    let manager = said(&job);
    assert!(
        manager.contains("GitLab Runner is configured here") && manager.contains("restrict-docker-credential-helpers")
    );
    job.home.set("GITLAB_CI", "true").set("CI_RUNNER_VERSION", "19.3.1");
    job.home.set("DOCKER_AUTH_CONFIG", r#"{"credHelpers":{"quay.io":"credmint"}}"#);
    assert!(!said(&job).contains("ignores the helper"), "{}", said(&job));
    job.home.set("CI_RUNNER_VERSION", "19.3.2");
    let ignored = said(&job);
    assert!(ignored.contains("GitLab Runner 19.3.2 ignores the helper in DOCKER_AUTH_CONFIG"), "{ignored}");
    assert!(ignored.contains("allowed_docker_credential_helpers"), "{ignored}");
    job.home.set("DOCKER_AUTH_CONFIG", r#"{"auths":{"quay.io":{"auth":"YTpi"}}}"#);
    assert!(!said(&job).contains("ignores the helper"), "{}", said(&job));
}
