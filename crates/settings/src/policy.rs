use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::time::Duration;

use protocol::{ErrorMessage, ServerUrl};
use registry::Cloud;
use serde::Deserialize;
use serde::de::Error as _;

use crate::Rule;
use crate::table::Pattern;

/// What administrators allow: `[policy]` in the settings for all users of a machine. A user's file cannot have one.
///
/// It binds the programs of credmint and not their user, who can run others with the same identity.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// The registries that may be given credentials; `None` for all.
    registries: Option<Vec<Pattern>>,
    /// What they may come from; `None` for anything.
    providers: Option<Vec<Provider>>,
    /// Whether a user's tables may name programs.
    commands: Option<bool>,
    /// Whether secrets may be stored in files that are not encrypted.
    plain_files: Option<bool>,
    /// Seconds.
    max_life: Option<NonZeroU64>,
    /// The file that it is in.
    #[serde(skip)]
    path: PathBuf,
}

/// What credentials come from: a cloud or an exchange by the name that `provider` has for it, `command` or `login`.
#[derive(Clone, Debug)]
struct Provider(String);

/// Stored logins.
const LOGIN: &str = "login";
/// Programs that tables name.
const COMMAND: &str = "command";

impl<'de> Deserialize<'de> for Provider {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let exchanges = registry::exchange::EXCHANGES.iter().map(|row| row.provider);
        let known: Vec<_> =
            Cloud::ALL.map(Cloud::provider).into_iter().chain(exchanges).chain([COMMAND, LOGIN]).collect();
        match known.contains(&name.as_str()) {
            true => Ok(Provider(name)),
            false => {
                Err(D::Error::custom(format!("unknown variant `{name}`, expected one of `{}`", known.join("`, `"))))
            }
        }
    }
}

impl Policy {
    pub(crate) fn at(self, path: &Path) -> Self {
        Policy { path: path.to_owned(), ..self }
    }

    /// Why a registry gets no credentials at all.
    pub fn refuses_registry(&self, server: &ServerUrl) -> Option<ErrorMessage> {
        let patterns = self.registries.as_ref()?;
        (!patterns.iter().any(|pattern| pattern.rule().matches(server)))
            .then(|| self.refusal(server, "registries does not list it"))
    }

    /// Whether it names some images of a registry, and not all.
    pub fn names_some_images_of(&self, registry: &ServerUrl) -> bool {
        let names_some = |pattern: &Pattern| pattern.rule().matches_some_images_of(registry);
        self.registries.iter().flatten().any(names_some)
    }

    /// Why a registry gets no credentials of this provider, which a rule may have chosen.
    pub fn refuses_provider(&self, server: &ServerUrl, provider: &str, rule: Option<&Rule>) -> Option<ErrorMessage> {
        let is_allowed = self.providers.as_ref().is_none_or(|all| all.iter().any(|Provider(name)| name == provider));
        if !is_allowed {
            return Some(self.refusal(server, &format!("providers does not list \"{provider}\"")));
        }
        // A user's table would otherwise get the token of any registry by giving it an allowed name.
        let target = rule.filter(|rule| !rule.is_of_machine).and_then(|rule| rule.target.as_ref());
        if let Some(refusal) = target.and_then(|target| self.refuses_registry(target)) {
            return Some(refusal);
        }
        let runs_program = rule.is_some_and(|rule| {
            let of_identity = rule.exchange.as_ref().is_some_and(|exchange| exchange.identity.command.is_some());
            !rule.is_of_machine && (rule.command.is_some() || of_identity)
        });
        let why = "commands = false, and a table that is not in this file names a program";
        (runs_program && self.commands == Some(false)).then(|| self.refusal(server, why))
    }

    /// Why a stored login does not serve a registry.
    pub fn refuses_login(&self, server: &ServerUrl) -> Option<ErrorMessage> {
        self.refuses_registry(server).or_else(|| self.refuses_provider(server, LOGIN, None))
    }

    /// Whether secrets may be stored in files that are not encrypted.
    pub fn allows_plain_files(&self) -> bool {
        self.plain_files != Some(false)
    }

    /// How long a cached token is used at most.
    pub fn max_life(&self) -> Option<Duration> {
        self.max_life.map(|seconds| Duration::from_secs(seconds.get()))
    }

    /// The file that it is in.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The error for `vault = "file"`.
    pub(crate) fn no_plain_files(&self) -> ErrorMessage {
        ErrorMessage {
            what: format!("vault is \"file\", but [policy] in {} has plain_files = false", self.path.display()),
            hint: Some("set vault = \"auto\"".to_owned()),
        }
    }

    fn refusal(&self, server: &ServerUrl, why: &str) -> ErrorMessage {
        ErrorMessage {
            what: format!("no credentials for {server}: [policy] in {} does not allow it: {why}", self.path.display()),
            hint: Some("ask the administrator of this machine".to_owned()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn policy(text: &str) -> Policy {
        toml::from_str::<Policy>(text).unwrap().at(Path::new("/etc/credmint/config.toml"))
    }

    fn server(text: &str) -> ServerUrl {
        ServerUrl::parse(text).unwrap()
    }

    #[test]
    fn what_a_policy_does_not_mention_is_allowed() {
        let policy = policy("");
        assert!(policy.refuses_registry(&server("r.example")).is_none());
        assert!(policy.refuses_provider(&server("r.example"), "ecr", None).is_none());
        assert!(policy.refuses_login(&server("r.example")).is_none());
        assert!(policy.allows_plain_files() && policy.max_life().is_none());
    }

    #[test]
    fn registries_and_providers_are_lists_of_what_is_allowed() {
        let policy = policy("registries = [\"*.corp.example\", \"docker.io\"]\nproviders = [\"ecr\", \"login\"]");
        for (registry, allowed) in [
            ("r.corp.example", true),
            ("r.corp.example/team/app", true),
            ("https://index.docker.io/v1/", true),
            ("r.corp.example.attacker.example", false),
            ("corp.example", false),
            ("r.corp.example:5000", false),
        ] {
            assert_eq!(policy.refuses_registry(&server(registry)).is_none(), allowed, "{registry}");
        }
        for (provider, allowed) in [("ecr", true), ("ghcr", false), ("command", false)] {
            assert_eq!(policy.refuses_provider(&server("r.corp.example"), provider, None).is_none(), allowed);
        }
        assert!(policy.refuses_login(&server("r.corp.example")).is_none());
        assert!(policy.refuses_login(&server("r.example")).is_some());
        assert!(toml::from_str::<Policy>("providers = [\"ecrr\"]").is_err());
        assert!(toml::from_str::<Policy>("registry = []").is_err());
    }

    #[test]
    fn programs_of_the_machine_s_own_tables_are_allowed() {
        let policy = policy("commands = false");
        let rule = Rule { command: Some(vec!["x".into()]), ..Rule::default() };
        assert!(policy.refuses_provider(&server("r"), "command", Some(&rule)).is_some());
        let of_machine = Rule { is_of_machine: true, ..rule };
        assert!(policy.refuses_provider(&server("r"), "command", Some(&of_machine)).is_none());
    }

    #[test]
    fn the_target_of_a_user_s_table_is_a_registry_too() {
        let policy = policy("registries = [\"docker.corp.example\", \"good.azurecr.io\"]");
        let to = |target: &str| Rule { target: Some(server(target)), ..Rule::default() };
        let refusal = |rule: &Rule| policy.refuses_provider(&server("docker.corp.example"), "acr", Some(rule));
        assert!(refusal(&to("good.azurecr.io")).is_none());
        assert!(refusal(&to("other.azurecr.io")).unwrap().what.contains("other.azurecr.io"));
        assert!(refusal(&Rule { is_of_machine: true, ..to("other.azurecr.io") }).is_none());
    }
}
