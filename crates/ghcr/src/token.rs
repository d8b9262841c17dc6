use broker::{AtHand, MintError};
use protocol::Secret;
use settings::{Environment, Setup};

use crate::github::{GitHub, Kind};
use crate::{failure, hosts};

/// The user's name where none is known: Packages takes any that is not empty.
pub(crate) const ANYBODY: &str = "x-access-token";

/// The token for a GitHub in the environment, else in gh's file.
///
/// # Errors
/// One that Packages does not take, or a file that cannot be read.
pub(crate) fn at_hand(github: &GitHub, setup: &Setup) -> Result<Option<AtHand>, MintError> {
    let environment = &setup.environment;
    if let Some((name, token)) = in_environment(github, environment) {
        refuse_fine_grained(&token, &format!("in {name}"))?;
        log::debug!("the token comes from {name}");
        let username = environment.text("GITHUB_ACTOR").unwrap_or_else(|| ANYBODY.into());
        return Ok(Some(AtHand { username, secret: Secret::new(token) }));
    }
    let Some(path) = hosts::path(setup) else { return Ok(None) };
    let Some(hosts::Account { user, token: Some(token) }) = hosts::account(&path, github)? else { return Ok(None) };
    refuse_fine_grained(&token, &format!("in {}", path.display()))?;
    log::debug!("the token comes from {}", path.display());
    Ok(Some(AtHand { username: user.unwrap_or_else(|| ANYBODY.into()), secret: Secret::new(token) }))
}

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

fn in_environment(github: &GitHub, environment: &Environment) -> Option<(&'static str, String)> {
    let names = variables(github, environment);
    names.iter().find_map(|&name| Some((name, environment.text(name)?.trim().to_owned())))
}

/// Says what is wrong instead of letting the registry refuse it without a reason. The form of
/// tokens is not looked at otherwise, since it changes.
/// <https://docs.github.com/packages/working-with-a-github-packages-registry/working-with-the-container-registry#authenticating-to-the-container-registry>
pub(crate) fn refuse_fine_grained(token: &str, place: &str) -> Result<(), MintError> {
    if token.starts_with("github_pat_") { Err(failure::fine_grained(place)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            in_environment(&GitHub::at(host), &environment).map(|(name, _)| name)
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
