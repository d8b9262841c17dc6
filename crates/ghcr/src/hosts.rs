use std::io;
use std::path::{Path, PathBuf};

use broker::MintError;
use settings::Setup;
use yaml_rust2::{Yaml, YamlLoader};

use crate::error;
use crate::github::GitHub;

/// The account of gh for a GitHub.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) user: Option<String>,
    /// Set only if gh found no keychain, or was configured to use none.
    pub(crate) token: Option<String>,
}

/// gh's list of the hosts that it is signed in to, in the file that gh reads:
/// <https://cli.github.com/manual/gh_help_environment>.
pub(crate) fn path(setup: &Setup) -> Option<PathBuf> {
    let environment = &setup.environment;
    let folder = environment
        .path("GH_CONFIG_DIR")
        .or_else(|| environment.path("XDG_CONFIG_HOME").map(|folder| folder.join("gh")))
        .or_else(|| environment.path("AppData").filter(|_| cfg!(windows)).map(|folder| folder.join("GitHub CLI")))
        .or_else(|| setup.places.home.as_ref().map(|home| home.join(".config").join("gh")))?;
    Some(folder.join("hosts.yml"))
}

/// The account that is active for a GitHub.
///
/// # Errors
/// A file that exists and cannot be read or parsed.
pub(crate) fn account(path: &Path, github: &GitHub) -> Result<Option<Account>, MintError> {
    let text = match protocol::read_text_file(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error::hosts_unreadable(path, &error)),
    };
    account_in(&text, github).map_err(|line| error::hosts_malformed(path, line))
}

/// The error is the number of the line that is not YAML; the line itself may contain a token.
fn account_in(text: &str, github: &GitHub) -> Result<Option<Account>, usize> {
    let documents = YamlLoader::load_from_str(text).map_err(|error| error.marker().line())?;
    let Some(host) = documents.first().map(|hosts| &hosts[github.host.as_str()]).filter(|host| !host.is_badvalue())
    else {
        return Ok(None);
    };
    let text = |value: &Yaml| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    // Beside them stand `users`, with the tokens of the accounts that are not active too.
    Ok(Some(Account { user: text(&host["user"]), token: text(&host["oauth_token"]) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEVERAL: &str = "\
github.com:
    git_protocol: https
    users:
        alice:
            oauth_token: gho_alice
        bob:
            oauth_token: gho_bob
    oauth_token: gho_bob
    user: bob
octocorp.ghe.com:
    users:
        carol:
    user: carol
";

    #[test]
    fn the_active_account_of_every_layout() {
        let account = |text: &str, host: &str| account_in(text, &GitHub::at(host));
        let of = |user: &str, token: Option<&str>| {
            Ok(Some(Account { user: Some(user.into()), token: token.map(str::to_owned) }))
        };
        assert_eq!(account(SEVERAL, "github.com"), of("bob", Some("gho_bob")));
        assert_eq!(account(SEVERAL, "octocorp.ghe.com"), of("carol", None), "its token is in the keychain");
        assert_eq!(account(SEVERAL, "github.corp.example"), Ok(None));
        let old = "github.com:\n  user: alice\n  oauth_token: \"gho_old\"\n  git_protocol: ssh\n";
        assert_eq!(account(old, "github.com"), of("alice", Some("gho_old")));
        assert_eq!(account("", "github.com"), Ok(None));
        assert_eq!(account("github.com:\n", "github.com"), Ok(Some(Account { user: None, token: None })));
        assert_eq!(account("a: b\n  c: [", "github.com"), Err(2));
    }

    #[test]
    fn where_gh_looks() {
        let path = |variables: &[(&str, &str)]| path(&Setup::of(Path::new("/home/alice"), variables));
        let folders = [("GH_CONFIG_DIR", "/gh"), ("XDG_CONFIG_HOME", "/xdg")];
        assert_eq!(path(&folders), Some("/gh/hosts.yml".into()));
        assert_eq!(path(&folders[1..]), Some("/xdg/gh/hosts.yml".into()));
        assert_eq!(path(&[]), Some("/home/alice/.config/gh/hosts.yml".into()));
    }

    proptest::proptest! {
        #[test]
        fn no_file_panics_and_a_token_is_one_from_the_file(
            text in r#"(( {0,8}|- ?|\? )(github\.com|user|oauth_token|users|[a-z&*!|>"'{}\[\],#%@]{0,5}):?( ?[a-z0-9_&*!|>"'{}\[\],-]{0,8})\n){0,8}|\PC{0,40}"#,
        ) {
            if let Ok(Some(Account { token: Some(token), .. })) = account_in(&text, &GitHub::at("github.com")) {
                let plain: String = text.chars().filter(|sign| !sign.is_whitespace()).collect();
                let token: String = token.chars().filter(|sign| !sign.is_whitespace()).collect();
                proptest::prop_assert!(plain.contains(&token), "{} in {}", token, text);
            }
        }
    }
}
