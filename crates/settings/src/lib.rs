//! The settings file and the environment, read once and passed on as values.
//!
//! ```text
//! environment ────────────────┐
//! config.toml of the user ────┼─▶ Setup ─▶ rule and registry of an address, Fingerprint, Conditions
//! config.toml of the machine ─┘
//! ```
//!
//! [`Setup::load`] reads the process's environment, the user's `config.toml` (or `$CREDMINT_CONFIG`) over the
//! machine's, and the standard folders. No other crate reads any of them, so a test builds a [`Setup`] from
//! values:
//!
//! ```
//! use protocol::ServerUrl;
//! use settings::{Fingerprint, Settings, Setup};
//! let mut setup = Setup::of("/home/jane".as_ref(), &[("AWS_PROFILE", "dev")]);
//! setup.settings = Settings::parse("[[registry]]\nmatch = \"docker.corp.example\"\n\
//!     target = \"123456789012.dkr.ecr.eu-west-1.amazonaws.com\"\nprofile = \"prod\"")?;
//! let server = ServerUrl::parse("https://docker.corp.example/v2/").expect("an address");
//! let (registry, rule) = setup.registry_of(&server).expect("the rule's target is at AWS");
//! assert_eq!(registry.cloud(), registry::Cloud::Aws);
//! assert_eq!(rule.expect("the first that matches").profile.as_deref(), Some("prod"));
//! // Another profile gives another fingerprint, and so another token.
//! let of = |profile| Fingerprint::new().variable(&Setup::of("/".as_ref(), &[("AWS_PROFILE", profile)]).environment, "AWS_PROFILE").finish();
//! assert_ne!(of("dev"), of("prod"));
//! # Ok::<(), protocol::Failure>(())
//! ```

mod conditions;
mod docker_config;
mod document;
mod environment;
mod exchange;
mod file_state;
mod fingerprint;
mod machine;
mod metadata_presence;
mod narrowing;
mod path_value;
mod places;
mod policy;
mod program_data;
mod rule;
mod table;
mod workload;

use std::path::{Path, PathBuf};
use std::time::Duration;

use protocol::{Failure, ServerUrl};
use registry::Registry;

pub use conditions::Conditions;
pub use environment::Environment;
pub use exchange::{ExchangeRule, Gateway, IdentityRule, IdentitySource};
pub use fingerprint::Fingerprint;
pub use metadata_presence::MetadataPresence;
pub use narrowing::{Access, Narrowing};
pub use path_value::display_path;
pub use places::Places;
pub use policy::Policy;
pub use rule::Rule;
pub use workload::Workload;

/// Everything that a helper knows before it handles a request.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The process's environment.
    pub environment: Environment,
    /// The folders of the user and the machine.
    pub places: Places,
    /// The contents of the settings files.
    pub settings: Settings,
    /// The service account to use instead of the machine's identity, if kubelet pulls an image for a pod.
    pub workload: Option<Workload>,
}

/// The settings, defaults filled in.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where secrets are stored.
    pub vault: VaultChoice,
    /// The timeout of a whole `get`.
    pub timeout: Duration,
    /// The refresh margin: a token with a shorter TTL is renewed, because a build keeps it for several minutes.
    pub refresh_before: Duration,
    /// The response to a client if an identity exists and fails.
    pub on_failure: OnFailure,
    /// The `[[registry]]` tables, first match first.
    pub rules: Vec<Rule>,
    /// What administrators allow.
    pub policy: Option<Policy>,
    /// The audit log, with a line for each request; the machine's takes precedence over the user's.
    pub audit: Option<Audit>,
}

/// The place of the audit log: `audit` in the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audit {
    /// The system's log.
    Syslog,
    /// This file, to which lines are appended.
    File(PathBuf),
}

/// Where the login for a request is stored.
#[derive(Clone, Copy, Debug)]
pub struct LoginAddress<'a> {
    /// The address that it is stored under.
    pub server: &'a ServerUrl,
    /// Whether a rule names it: that it is missing is an error then.
    pub is_named: bool,
}

/// The response to a client if an identity exists and fails: `on_failure` in the settings and in a
/// `[[registry]]` table, `CREDMINT_ON_FAILURE` in the environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnFailure {
    /// The error, at which it stops.
    #[default]
    Error,
    /// "Not found", so that a client which calls `get` for every registry continues with the others. The error is
    /// written to standard error all the same.
    NotFound,
}

/// Where secrets are stored: `vault` in the settings, `CREDMINT_VAULT` in the environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VaultChoice {
    /// The operating system's keychain, else the best store that the machine has.
    #[default]
    Auto,
    /// The operating system's keychain and nothing else.
    Keychain,
    /// The kernel's keyring (Linux): in memory, with expiry.
    Kernel,
    /// Files that only their owner can read.
    File,
    /// Nowhere: every `get` mints, and no login can be stored.
    None,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            vault: VaultChoice::default(),
            timeout: Duration::from_secs(20),
            refresh_before: Duration::from_secs(10 * 60),
            on_failure: OnFailure::default(),
            rules: Vec::new(),
            policy: None,
            audit: None,
        }
    }
}

/// Rejects a settings file for all users that others than administrators can write: it could send one user's
/// secrets to another.
pub type MachineCheck = fn(&std::fs::File) -> std::io::Result<()>;

impl Settings {
    /// Whether a rule names the stored login of this address.
    pub fn has_login(&self, server: &ServerUrl) -> bool {
        self.rules.iter().any(|rule| rule.login.as_ref() == Some(server))
    }
}

impl Setup {
    /// Made from values: this home, these variables, no settings files.
    pub fn of(home: &Path, variables: &[(&str, &str)]) -> Self {
        Setup {
            environment: Environment::of(variables.iter().copied()),
            places: Places { home: Some(home.to_owned()), ..Places::default() },
            settings: Settings::default(),
            workload: None,
        }
    }

    /// Finds the folders of this process's user and reads the settings files, the machine's only if it passes the
    /// check.
    ///
    /// # Errors
    /// A settings file is unreadable or invalid; the message names the file and the line.
    pub fn load(environment: Environment, check: MachineCheck) -> Result<Self, Failure> {
        match Setup::examine(environment, check) {
            (setup, None) => Ok(setup),
            (_, Some(failure)) => Err(failure),
        }
    }

    /// [`Setup::load`] for commands that report errors themselves: if the settings files are invalid, the default
    /// settings are used, and the error is returned beside them.
    pub fn examine(environment: Environment, check: MachineCheck) -> (Self, Option<Failure>) {
        let places = Places::of_process(&environment);
        let (settings, failure) = match document::load(&environment, &places, check) {
            Ok(settings) => (settings, None),
            Err(failure) => (Settings::default(), Some(failure)),
        };
        (Setup { environment, places, settings, workload: None }, failure)
    }

    /// The response to a failure for this registry.
    pub fn on_failure(&self, server: &ServerUrl) -> OnFailure {
        let rule = self.settings.rules.iter().find(|rule| rule.matches(server));
        rule.and_then(|rule| rule.on_failure).unwrap_or(self.settings.on_failure)
    }

    /// The rule for an address: the first that matches.
    pub fn rule_of(&self, server: &ServerUrl) -> Option<&Rule> {
        self.settings.rules.iter().find(|rule| rule.matches(server))
    }

    /// The address whose stored login serves a request. That of the registry, unless a rule names another one, or is
    /// for this image and selects its identity.
    pub fn login_of<'a>(&'a self, image: &'a ServerUrl, registry: &'a ServerUrl) -> LoginAddress<'a> {
        match self.rule_of(image) {
            Some(Rule { login: Some(login), .. }) if image.is_https() && image.is_plain() => {
                LoginAddress { server: login, is_named: true }
            }
            Some(rule) if rule.chooses_identity && rule.has_path() => LoginAddress { server: image, is_named: false },
            _ => LoginAddress { server: registry, is_named: false },
        }
    }

    /// The cloud registry behind an address and the rule for it. A rule with a `target` maps a custom domain to a
    /// registry, one with a `provider` alone names its cloud, and one with a `command`, an exchange or a `login`
    /// excludes all clouds.
    pub fn registry_of(&self, server: &ServerUrl) -> Option<(Registry, Option<&Rule>)> {
        let rule = self.rule_of(server);
        let registry = match rule {
            Some(Rule { command: Some(_), .. } | Rule { exchange: Some(_), .. } | Rule { login: Some(_), .. }) => None,
            Some(Rule { target: Some(target), .. }) => registry::registry_of(target),
            Some(Rule { provider: Some(cloud), .. }) => registry::registry_as(*cloud, server),
            _ => registry::registry_of(server),
        };
        registry.map(|registry| (registry, rule))
    }
}
