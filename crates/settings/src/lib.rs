//! The settings file and the environment, read once and handed on as values.
//!
//! [`Setup::load`] reads the process's environment, `$CREDMINT_CONFIG` or the user's `config.toml`
//! over the machine's, and the standard folders. Nothing below this crate looks at any of them, so
//! a test builds a [`Setup`] out of values.

mod document;
mod environment;
mod fingerprint;
mod machine;
mod places;
mod rule;
mod workload;

use std::path::Path;
use std::time::Duration;

use protocol::{Failure, ServerUrl};
use registry::Registry;

pub use environment::Environment;
pub use fingerprint::Fingerprint;
pub use places::Places;
pub use rule::Rule;
pub use workload::Workload;

/// Everything that a helper knows before it looks at a registry.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The process's environment.
    pub environment: Environment,
    /// The folders of the user and the machine.
    pub places: Places,
    /// What the settings files say.
    pub settings: Settings,
    /// Who signs in instead of the machine, where kubelet pulls an image for a pod.
    pub workload: Option<Workload>,
}

/// The settings, defaults filled in.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where secrets rest.
    pub vault: VaultChoice,
    /// How long a whole `get` may take.
    pub timeout: Duration,
    /// A token with less life than this is minted anew: a build holds one for several minutes.
    pub refresh_before: Duration,
    /// The `[[registry]]` tables, first match first.
    pub rules: Vec<Rule>,
}

/// Where secrets rest: `vault` in the settings, `CREDMINT_VAULT` in the environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VaultChoice {
    /// The operating system's keychain, else the best that the machine has.
    #[default]
    Auto,
    /// The operating system's keychain and nothing else.
    Keychain,
    /// The kernel's keyring (Linux): in memory, gone by itself.
    Kernel,
    /// Files that only their owner can read.
    File,
    /// Nowhere: every `get` mints, no login can be stored.
    None,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            vault: VaultChoice::default(),
            timeout: Duration::from_secs(20),
            refresh_before: Duration::from_secs(10 * 60),
            rules: Vec::new(),
        }
    }
}

impl Setup {
    /// Made of values: this home, these variables, nothing in the settings files.
    pub fn of(home: &Path, variables: &[(&str, &str)]) -> Self {
        Setup {
            environment: Environment::of(variables.iter().copied()),
            places: Places { home: Some(home.to_owned()), ..Places::default() },
            settings: Settings::default(),
            workload: None,
        }
    }

    /// Finds the folders of this process's user and reads the settings files.
    ///
    /// # Errors
    /// A settings file that cannot be read or understood; the sentence names the file and the line.
    pub fn load(environment: Environment) -> Result<Self, Failure> {
        let places = Places::of_process(&environment);
        let settings = document::load(&environment, &places)?;
        Ok(Setup { environment, places, settings, workload: None })
    }

    /// The cloud registry behind an address and the rule for it. A rule with a `target` gives a
    /// custom domain the registry that it stands for, one with a `provider` alone says whose it is.
    pub fn registry_of(&self, server: &ServerUrl) -> Option<(Registry, Option<&Rule>)> {
        let rule = self.settings.rules.iter().find(|rule| rule.matches(server));
        let registry = match rule {
            Some(Rule { target: Some(target), .. }) => registry::registry_of(target),
            Some(Rule { provider: Some(cloud), .. }) => registry::registry_as(*cloud, server),
            _ => registry::registry_of(server),
        };
        registry.map(|registry| (registry, rule))
    }
}
