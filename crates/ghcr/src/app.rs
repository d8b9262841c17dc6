use broker::MintError;
use settings::{Environment, Rule};
use zeroize::Zeroizing;

use crate::failure;
use crate::github::GitHub;
use crate::key::Key;
use crate::scope::Target;

/// A GitHub App to sign in as.
pub(crate) struct App {
    pub(crate) github: GitHub,
    /// Its id or its client id.
    pub(crate) id: String,
    pub(crate) key: Key,
    pub(crate) wanted: Wanted,
}

/// Which of the App's installations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// This one.
    Id(String),
    /// That of a user or an organisation.
    Account(String),
    /// That of whose packages are asked for, if there is one, else the only one.
    Owner(Option<String>),
}

/// What chooses an App, apart from the settings.
pub(crate) const VARIABLES: [&str; 6] = [
    "GITHUB_APP_ID",
    "GITHUB_APP_PRIVATE_KEY",
    "GITHUB_APP_PRIVATE_KEY_PATH",
    "GITHUB_APP_INSTALLATION_ID",
    "GH_HOST",
    "GITHUB_SERVER_URL",
];

/// Whether there is an App to sign in as, well described or not.
pub(crate) fn is_chosen(target: &Target, environment: &Environment) -> bool {
    by_rule(target)
        || (is_home(&target.github, environment) && VARIABLES[..3].iter().any(|name| environment.raw(name).is_some()))
}

fn by_rule(target: &Target) -> bool {
    target.rule.as_ref().is_some_and(|rule| rule.app_id.is_some() || rule.private_key_file.is_some())
}

/// Whether the environment's App is one of this GitHub. Its variables do not say whose it is, and an
/// App's signature must not be shown to another GitHub: it would open the App's own for ten minutes.
fn is_home(github: &GitHub, environment: &Environment) -> bool {
    let server = || environment.text("GITHUB_SERVER_URL");
    let home = environment
        .text("GH_HOST")
        .or_else(|| Some(server()?.strip_prefix("https://")?.trim_end_matches('/').to_owned()));
    GitHub::at(home.as_deref().unwrap_or("github.com")) == *github
}

/// The App to sign in as, if there is one.
///
/// # Errors
/// One that is described in part, or has a key that cannot be used.
pub(crate) fn chosen(target: &Target, environment: &Environment) -> Result<Option<App>, MintError> {
    if !is_chosen(target, environment) {
        return Ok(None);
    }
    let none = Rule::default();
    let rule = target.rule.as_ref().unwrap_or(&none);
    let id = rule.app_id.clone().or_else(|| environment.text("GITHUB_APP_ID")).ok_or_else(failure::no_app_id)?;
    let key = key(rule, environment)?;
    // An installation of another App is of no use.
    let of_environment = || environment.text("GITHUB_APP_INSTALLATION_ID").filter(|_| rule.app_id.is_none());
    let wanted = match (&rule.installation_id, &rule.account) {
        (Some(id), _) => Wanted::Id(id.clone()),
        (None, Some(account)) => Wanted::Account(account.clone()),
        (None, None) => of_environment().map_or_else(|| Wanted::Owner(target.owner.clone()), Wanted::Id),
    };
    match &wanted {
        // Both become part of an address.
        Wanted::Id(id) if !id.bytes().all(|byte| byte.is_ascii_digit()) => Err(failure::no_installation_id()),
        Wanted::Account(account) if !is_login(account) => Err(failure::no_account_name(account)),
        _ => Ok(Some(App { github: target.github.clone(), id, key, wanted })),
    }
}

fn key(rule: &Rule, environment: &Environment) -> Result<Key, MintError> {
    let text =
        environment.text("GITHUB_APP_PRIVATE_KEY").map(Zeroizing::new).filter(|_| rule.private_key_file.is_none());
    if let Some(text) = text {
        // Files of variables have no lines, and then the line feeds are written out.
        let text = Zeroizing::new(text.replace("\\n", "\n"));
        return Key::from_pem(text.as_bytes()).ok_or_else(|| failure::no_key("GITHUB_APP_PRIVATE_KEY"));
    }
    let path = rule.private_key_file.clone().or_else(|| environment.path("GITHUB_APP_PRIVATE_KEY_PATH"));
    let path = path.ok_or_else(failure::no_private_key)?;
    let text = std::fs::read(&path).map(Zeroizing::new).map_err(|error| failure::key_unreadable(&path, &error))?;
    Key::from_pem(&text).ok_or_else(|| failure::no_key(&path.display().to_string()))
}

/// Whether it is of the form of a user's or an organisation's name.
pub(crate) fn is_login(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 100
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(host: &str, rule: Option<Rule>) -> Target {
        Target { github: GitHub::at(host), owner: Some("octo-org".into()), rule }
    }

    #[test]
    fn the_environments_app_is_shown_to_its_own_github_alone() {
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
    fn which_installation() {
        let wanted = |rule: Rule, more: &[(&str, &str)]| {
            let variables = [("GITHUB_APP_ID", "1"), ("GITHUB_APP_PRIVATE_KEY", pretend_cloud::APP_KEY)];
            let environment = Environment::of(variables.iter().chain(more).copied());
            chosen(&target("github.com", Some(rule)), &environment).map(|app| app.unwrap().wanted)
        };
        let id = || Some("7".to_owned());
        let installation = [("GITHUB_APP_INSTALLATION_ID", "8")];
        let account = || Some("octo-org".to_owned());
        assert_eq!(wanted(Rule::default(), &[]).unwrap(), Wanted::Owner(account()));
        assert_eq!(wanted(Rule::default(), &installation).unwrap(), Wanted::Id("8".into()));
        assert_eq!(wanted(Rule { app_id: id(), ..Rule::default() }, &installation).unwrap(), Wanted::Owner(account()));
        assert_eq!(
            wanted(Rule { account: account(), ..Rule::default() }, &installation).unwrap(),
            Wanted::Account("octo-org".into())
        );
        let both = Rule { account: account(), installation_id: id(), ..Rule::default() };
        assert_eq!(wanted(both, &installation).unwrap(), Wanted::Id("7".into()));
        assert!(wanted(Rule { account: Some("../users".into()), ..Rule::default() }, &[]).is_err());
        assert!(wanted(Rule::default(), &[("GITHUB_APP_INSTALLATION_ID", "1/x")]).is_err());
    }
}
