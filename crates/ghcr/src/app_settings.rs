use broker::MintError;
use settings::{Environment, Rule};
use zeroize::Zeroizing;

use crate::app::{App, Installation, is_account_name};
use crate::error;
use crate::github::GitHub;
use crate::key::Key;
use crate::target::Target;

/// What selects an App, in addition to the settings.
pub(crate) const VARIABLES: [&str; 6] = [
    "GITHUB_APP_ID",
    "GITHUB_APP_PRIVATE_KEY",
    "GITHUB_APP_PRIVATE_KEY_PATH",
    "GITHUB_APP_INSTALLATION_ID",
    "GH_HOST",
    "GITHUB_SERVER_URL",
];

/// Whether there is an App, with valid settings or not.
pub(crate) fn is_chosen(target: &Target, environment: &Environment) -> bool {
    by_rule(target)
        || (is_app_host(&target.github, environment)
            && VARIABLES[..3].iter().any(|name| environment.raw(name).is_some()))
}

fn by_rule(target: &Target) -> bool {
    target.rule.as_ref().is_some_and(|rule| rule.app_id.is_some() || rule.private_key_file.is_some())
}

/// Whether the App of the environment belongs to this GitHub. Its variables do not have its host, and an App's
/// assertion must not be sent to another GitHub: it would open the App's own for ten minutes.
fn is_app_host(github: &GitHub, environment: &Environment) -> bool {
    let named = environment.text("GH_HOST").map(|host| GitHub::at(&host));
    named.or_else(|| GitHub::of_job(environment)).unwrap_or_else(|| GitHub::at("github.com")) == *github
}

/// The App to sign in as, if there is one.
///
/// # Errors
/// An App with incomplete settings, or with a key that cannot be used.
pub(crate) fn chosen(target: &Target, environment: &Environment) -> Result<Option<App>, MintError> {
    if !is_chosen(target, environment) {
        return Ok(None);
    }
    let none = Rule::default();
    let rule = target.rule.as_ref().unwrap_or(&none);
    let id = rule.app_id.clone().or_else(|| environment.text("GITHUB_APP_ID")).ok_or_else(error::no_app_id)?;
    let key = key(rule, environment)?;
    // An installation of another App is of no use.
    let of_environment = || environment.text("GITHUB_APP_INSTALLATION_ID").filter(|_| rule.app_id.is_none());
    let installation = match (&rule.installation_id, &rule.account) {
        (Some(id), _) => Installation::Id(id.clone()),
        (None, Some(account)) => Installation::Account(account.clone()),
        (None, None) => of_environment().map_or_else(|| Installation::Owner(target.owner.clone()), Installation::Id),
    };
    match &installation {
        // Both become part of an address.
        Installation::Id(id) if !id.bytes().all(|byte| byte.is_ascii_digit()) => Err(error::bad_installation_id()),
        Installation::Account(account) if !is_account_name(account) => Err(error::bad_account(account)),
        _ if rule.narrowing.repositories.iter().any(|name| name.contains('/')) => Err(error::bad_repositories()),
        _ => {
            let narrowing = rule.narrowing.clone();
            Ok(Some(App { github: target.github.clone(), id, key, installation, narrowing }))
        }
    }
}

fn key(rule: &Rule, environment: &Environment) -> Result<Key, MintError> {
    let text =
        environment.text("GITHUB_APP_PRIVATE_KEY").map(Zeroizing::new).filter(|_| rule.private_key_file.is_none());
    if let Some(text) = text {
        // Files of variables have no lines, and then the line feeds are written out.
        let text = Zeroizing::new(text.replace("\\n", "\n"));
        return Key::from_pem(text.as_bytes()).ok_or_else(|| error::bad_key("GITHUB_APP_PRIVATE_KEY"));
    }
    let path = rule.private_key_file.clone().or_else(|| environment.path("GITHUB_APP_PRIVATE_KEY_PATH"));
    let path = path.ok_or_else(error::no_private_key)?;
    let text = std::fs::read(&path).map(Zeroizing::new).map_err(|error| error::key_unreadable(&path, &error))?;
    Key::from_pem(&text).ok_or_else(|| error::bad_key(&path.display().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(host: &str, rule: Option<Rule>) -> Target {
        Target { github: GitHub::at(host), owner: Some("octo-org".into()), rule }
    }

    #[test]
    fn the_app_of_the_environment_is_for_its_own_github_alone() {
        let app = ("GITHUB_APP_ID", "1");
        for (host, variables, expected) in [
            ("github.com", &[app][..], true),
            ("octocorp.ghe.com", &[app], false),
            ("github.corp.example", &[app], false),
            ("github.corp.example", &[app, ("GH_HOST", "github.corp.example")], true),
            ("github.com", &[app, ("GH_HOST", "github.corp.example")], false),
            ("octocorp.ghe.com", &[app, ("GITHUB_SERVER_URL", "https://octocorp.ghe.com")], true),
            ("github.com", &[app, ("GITHUB_SERVER_URL", "https://octocorp.ghe.com/")], false),
            ("github.com", &[app, ("GITHUB_SERVER_URL", "https://github.com")], true),
            ("github.com", &[("GH_HOST", "github.com")], false),
        ] {
            assert_eq!(
                is_chosen(&target(host, None), &Environment::of(variables.iter().copied())),
                expected,
                "{host} {variables:?}"
            );
        }
        let rule = Rule { app_id: Some("1".into()), ..Rule::default() };
        assert!(is_chosen(&target("github.corp.example", Some(rule)), &Environment::of([("", "")])));
    }

    #[test]
    fn the_installation_is_that_of_the_rule_then_of_the_environment() {
        let chosen = |rule: Rule, more: &[(&str, &str)]| {
            let variables = [("GITHUB_APP_ID", "1"), ("GITHUB_APP_PRIVATE_KEY", pretend_cloud::APP_KEY)];
            let environment = Environment::of(variables.iter().chain(more).copied());
            super::chosen(&target("github.com", Some(rule)), &environment).map(|app| app.unwrap().installation)
        };
        let id = || Some("7".to_owned());
        let installation = [("GITHUB_APP_INSTALLATION_ID", "8")];
        let account = || Some("octo-org".to_owned());
        assert_eq!(chosen(Rule::default(), &[]).unwrap(), Installation::Owner(account()));
        assert_eq!(chosen(Rule::default(), &installation).unwrap(), Installation::Id("8".into()));
        assert_eq!(
            chosen(Rule { app_id: id(), ..Rule::default() }, &installation).unwrap(),
            Installation::Owner(account())
        );
        assert_eq!(
            chosen(Rule { account: account(), ..Rule::default() }, &installation).unwrap(),
            Installation::Account("octo-org".into())
        );
        let both = Rule { account: account(), installation_id: id(), ..Rule::default() };
        assert_eq!(chosen(both, &installation).unwrap(), Installation::Id("7".into()));
        assert!(chosen(Rule { account: Some("../users".into()), ..Rule::default() }, &[]).is_err());
        assert!(chosen(Rule::default(), &[("GITHUB_APP_INSTALLATION_ID", "1/x")]).is_err());
    }
}
