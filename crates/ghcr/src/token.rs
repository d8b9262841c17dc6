use broker::MintError;
use settings::Environment;

use crate::error;
use crate::github::{GitHub, Kind};

/// The username if unknown: Packages accepts any that is not empty.
pub(crate) const USERNAME: &str = "x-access-token";

/// What Actions calls a job's own token.
const JOB_TOKEN: &str = "GITHUB_TOKEN";

/// The variables in which gh looks for a GitHub's token, in its order: <https://cli.github.com/manual/gh_help_environment>.
/// A codespace's own `GITHUB_TOKEN` is one of the server that the codespace belongs to.
fn variables(github: &GitHub, environment: &Environment) -> &'static [&'static str] {
    match github.kind {
        Kind::Public | Kind::Tenant => &["GH_TOKEN", "GITHUB_TOKEN"],
        Kind::Server if is_codespace(environment) => {
            &["GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN", "GITHUB_TOKEN"]
        }
        Kind::Server => &["GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"],
    }
}

fn is_codespace(environment: &Environment) -> bool {
    // What Go's ParseBool takes for true.
    environment.text("CODESPACES").is_some_and(|text| matches!(&*text, "1" | "t" | "T" | "true" | "TRUE" | "True"))
}

/// The token for a GitHub in the environment, and the variable that has it.
pub(crate) fn of_environment(github: &GitHub, environment: &Environment) -> Option<(&'static str, String)> {
    let text = |name: &'static str| Some((name, environment.text(name)?.trim().to_owned()));
    let mut found = variables(github, environment).iter().filter_map(|name| text(name));
    // A job's token is one of the GitHub that runs the job, and of no other, whatever name it is given.
    match GitHub::of_job(environment) {
        Some(of_job) if of_job == *github => found.next().or_else(|| text(JOB_TOKEN)),
        Some(_) => {
            let of_job = text(JOB_TOKEN).map(|(_, token)| token);
            found.find(|(name, token)| *name != JOB_TOKEN && Some(token) != of_job.as_ref())
        }
        None => found.next(),
    }
}

/// Rejects a token that the registry would reject without a reason. The format of tokens is not checked
/// otherwise, since it changes. `source` is its place: `in GH_TOKEN`.
/// <https://docs.github.com/packages/working-with-a-github-packages-registry/working-with-the-container-registry#authenticating-to-the-container-registry>
pub(crate) fn reject_fine_grained(token: &str, source: &str) -> Result<(), MintError> {
    if token.starts_with("github_pat_") { Err(error::fine_grained(source)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jobs_token_goes_to_the_jobs_own_github() {
        for (server, host, expected) in [
            ("https://github.com", "github.com", Some("GITHUB_TOKEN")),
            ("https://github.corp.example", "github.com", None),
            ("https://octocorp.ghe.com", "github.com", None),
            ("https://forgejo.example", "github.com", None),
            ("https://github.com", "octocorp.ghe.com", None),
            ("https://octocorp.ghe.com/", "octocorp.ghe.com", Some("GITHUB_TOKEN")),
            ("https://github.corp.example", "github.corp.example", Some("GITHUB_TOKEN")),
            ("https://github.com", "github.corp.example", None),
        ] {
            let variables = [("GITHUB_SERVER_URL", server), ("GITHUB_TOKEN", "job"), ("GH_TOKEN", "job")];
            for variables in [&variables[..2], &variables] {
                let found = of_environment(&GitHub::at(host), &Environment::of(variables.iter().copied()));
                assert_eq!(found.is_some(), expected.is_some(), "{server} {host}");
            }
        }
    }

    #[test]
    fn a_token_goes_where_gh_sends_it() {
        let all = [
            ("GH_TOKEN", "gh"),
            ("GITHUB_TOKEN", "github"),
            ("GH_ENTERPRISE_TOKEN", "ghe"),
            ("GITHUB_ENTERPRISE_TOKEN", "enterprise"),
        ];
        let find = |host: &str, without: &[&str], codespaces: &str| {
            let given = all.into_iter().filter(|(name, _)| !without.contains(name));
            let environment = Environment::of(given.chain([("CODESPACES", codespaces)]));
            of_environment(&GitHub::at(host), &environment).map(|(name, _)| name)
        };
        let both = ["GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"];
        for host in ["github.com", "octocorp.ghe.com"] {
            assert_eq!(find(host, &[], ""), Some("GH_TOKEN"));
            assert_eq!(find(host, &["GH_TOKEN"], ""), Some("GITHUB_TOKEN"));
            assert_eq!(find(host, &["GH_TOKEN", "GITHUB_TOKEN"], "true"), None);
        }
        for host in ["github.corp.example", "notgithub.com", "ghe.com", "github.com.example"] {
            assert_eq!(find(host, &[], "true"), Some("GH_ENTERPRISE_TOKEN"));
            assert_eq!(find(host, &["GH_ENTERPRISE_TOKEN"], ""), Some("GITHUB_ENTERPRISE_TOKEN"));
            assert_eq!(find(host, &both, "false"), None);
            assert_eq!(find(host, &both, "true"), Some("GITHUB_TOKEN"));
        }
    }
}
