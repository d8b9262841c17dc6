use std::path::PathBuf;

use settings::{Environment, Fingerprint, IdentityRule, IdentitySource, Setup};

use crate::Claims;
use crate::platform::Platform;

/// The source of the identity token of this job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The CI that runs this job, the metadata server of Google Cloud, or AWS.
    Platform(IdentitySource),
    /// A file, read each time, because it is replaced before the token expires.
    File(PathBuf),
    /// A variable.
    Variable(String),
    /// A program that prints it, and its arguments.
    Command(Vec<String>),
}

/// This job's identity according to the settings and the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detected {
    /// It has one.
    Source(Source),
    /// It is a job of this CI, and has none: something has to be set up.
    NotGranted(IdentitySource),
    /// It is not a job of a known CI, and the settings name no source.
    None,
}

/// What changes from one shell to the next, and chooses no identity.
const VOLATILE: [&str; 6] = ["_", "COLUMNS", "LINES", "OLDPWD", "PWD", "SHLVL"];

impl Source {
    /// Uses the source of the settings, else the CI that runs this job. Instant: no request is sent.
    pub fn detect(rule: &IdentityRule, environment: &Environment) -> Detected {
        if let Some(path) = &rule.file {
            return Detected::Source(Source::File(path.clone()));
        }
        if let Some(name) = &rule.variable {
            return Detected::Source(Source::Variable(name.clone()));
        }
        if let Some(command) = &rule.command {
            return Detected::Source(Source::Command(command.clone()));
        }
        let platform = match rule.source {
            Some(cloud @ (IdentitySource::Google | IdentitySource::Aws)) => {
                return Detected::Source(Source::Platform(cloud));
            }
            Some(source) => Platform::of(source).filter(|platform| platform.is_here(environment)),
            None => Platform::here(environment),
        };
        match platform {
            None => Detected::None,
            Some(platform) if platform.source == IdentitySource::Gitlab || !platform.is_granted(environment) => {
                Detected::NotGranted(platform.source)
            }
            Some(platform) => Detected::Source(Source::Platform(platform.source)),
        }
    }

    /// Adds what identifies this job, so that no job gets the token of another one: the jobs of
    /// a self-hosted runner are one user.
    pub fn add_to(&self, print: &mut Fingerprint, setup: &Setup) {
        let environment = &setup.environment;
        match self {
            #[cfg(feature = "aws")]
            Source::Platform(IdentitySource::Aws) => ecr::add_identity(print, setup),
            Source::Platform(IdentitySource::Google) => {
                print.add("source", Some(b"google")).variable(environment, "GCE_METADATA_HOST").boot().pod(environment);
            }
            Source::Platform(source) => {
                let platform = Platform::of(*source);
                print.add("source", platform.map(|platform| platform.name.as_bytes()));
                for name in platform.map_or(&[][..], |platform| platform.job) {
                    print.variable(environment, name);
                }
            }
            Source::File(path) => add_file(print, path),
            Source::Variable(name) => {
                print.add("source", Some(b"variable")).variable(environment, name);
            }
            Source::Command(words) => add_command(print, words, environment),
        }
    }
}

/// A rotating file contains the same identity in changing tokens: the identity counts, if it can be read.
fn add_file(print: &mut Fingerprint, path: &std::path::Path) {
    print.add("source", Some(path.as_os_str().as_encoded_bytes()));
    let text = protocol::read_text_file(path).ok();
    match text.and_then(|text| Claims::of(text.trim())) {
        Some(claims) => {
            print.add("iss", Some(claims.issuer.as_bytes())).add("sub", Some(claims.subject.as_bytes()));
            for audience in &claims.audiences {
                print.add("aud", Some(audience.as_bytes()));
            }
        }
        None => {
            print.file(path);
        }
    }
}

/// The token of a program can depend on its whole environment.
fn add_command(print: &mut Fingerprint, words: &[String], environment: &Environment) {
    for word in words {
        print.add("command", Some(word.as_bytes()));
    }
    if let Some(path) = words.first().and_then(|name| program(name, environment)) {
        print.file(&path);
    }
    for name in environment.names() {
        if !VOLATILE.contains(&name.as_str()) {
            print.variable(environment, &name);
        }
    }
}

/// The program of a name: an absolute path, or one on `PATH`.
pub(crate) fn program(name: &str, environment: &Environment) -> Option<PathBuf> {
    let path = PathBuf::from(name);
    if path.is_absolute() { Some(path).filter(|path| path.is_file()) } else { environment.program(name) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    fn detect(rule: IdentityRule, variables: &[(&str, &str)]) -> Detected {
        Source::detect(&rule, &Environment::of(variables.iter().copied()))
    }

    fn print(source: &Source, variables: &[(&str, &str)]) -> String {
        let mut print = Fingerprint::new();
        source.add_to(&mut print, &Setup::of(std::path::Path::new("/nowhere"), variables));
        print.finish()
    }

    #[test]
    fn the_ci_that_runs_the_job_is_found_and_one_without_identity_is_reported() {
        use IdentitySource::*;
        for (variables, expected) in [
            (&[][..], Detected::None),
            (&[("GITHUB_ACTIONS", "true")], Detected::NotGranted(Github)),
            (
                &[("ACTIONS_ID_TOKEN_REQUEST_URL", "u"), ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "t")],
                Detected::Source(Source::Platform(Github)),
            ),
            (&[("GITLAB_CI", "true")], Detected::NotGranted(Gitlab)),
            (&[("TF_BUILD", "True"), ("SYSTEM_OIDCREQUESTURI", "u")], Detected::NotGranted(AzurePipelines)),
            (
                &[("BUILDKITE_AGENT_ACCESS_TOKEN", "t"), ("BUILDKITE_JOB_ID", "j")],
                Detected::Source(Source::Platform(Buildkite)),
            ),
            (&[("CIRCLE_OIDC_TOKEN", "t")], Detected::Source(Source::Platform(Circleci))),
            (&[("BITBUCKET_STEP_OIDC_TOKEN", "t")], Detected::Source(Source::Platform(Bitbucket))),
            // A pod and a machine also have one, for other services.
            (&[("KUBERNETES_SERVICE_HOST", "10.0.0.1"), ("GCE_METADATA_HOST", "x")], Detected::None),
        ] {
            assert_eq!(detect(IdentityRule::default(), variables), expected, "{variables:?}");
        }
    }

    #[test]
    fn what_the_settings_name_counts_alone() {
        let variable = IdentityRule { variable: Some("TOKEN".into()), ..IdentityRule::default() };
        let job = [("GITHUB_ACTIONS", "true")];
        assert_eq!(detect(variable, &job), Detected::Source(Source::Variable("TOKEN".into())));
        let other = IdentityRule { source: Some(IdentitySource::Buildkite), ..IdentityRule::default() };
        assert_eq!(detect(other, &job), Detected::None);
    }

    #[test]
    fn another_job_is_another_fingerprint() {
        for platform in &crate::platform::PLATFORMS {
            let source = Source::Platform(platform.source);
            for name in platform.job {
                assert_ne!(print(&source, &[(name, "1")]), print(&source, &[(name, "2")]), "{name}");
            }
        }
        let variable = Source::Variable("TOKEN".into());
        assert_ne!(print(&variable, &[("TOKEN", "1")]), print(&variable, &[("TOKEN", "2")]));
        let command = Source::Command(vec!["mint".into()]);
        assert_ne!(print(&command, &[("STAGE", "1")]), print(&command, &[("STAGE", "2")]));
        assert_eq!(print(&command, &[("PWD", "1")]), print(&command, &[("PWD", "2")]));
    }

    #[test]
    fn a_rotated_file_is_the_same_identity() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let source = Source::File(path.clone());
        let write = |claims: &str| {
            std::fs::write(&path, format!("e30.{}.c2ln\n", URL_SAFE_NO_PAD.encode(claims))).unwrap();
            print(&source, &[])
        };
        let first = write(r#"{"iss":"i","sub":"s","aud":"a","exp":1}"#);
        assert_eq!(write(r#"{"iss":"i","sub":"s","aud":"a","exp":2}"#), first);
        assert_ne!(write(r#"{"iss":"i","sub":"t","aud":"a","exp":2}"#), first);
        assert_ne!(write(r#"{"iss":"i","sub":"s","aud":"b","exp":2}"#), first);
    }
}
