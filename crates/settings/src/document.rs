use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use protocol::{Failure, ServerUrl};
use registry::Cloud;
use serde::Deserialize;
use serde::de::Error as _;

use crate::{Environment, Places, Rule, Settings, VaultChoice};

/// A settings file as it is written: every key may be missing, an unknown one is an error, so that
/// a misspelt `profile` never becomes the wrong identity.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    vault: Option<VaultChoice>,
    /// Seconds.
    timeout: Option<u64>,
    /// Seconds.
    refresh_before: Option<u64>,
    #[serde(default)]
    registry: Vec<Table>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    r#match: Pattern,
    provider: Option<Provider>,
    target: Option<Target>,
    profile: Option<String>,
    role_arn: Option<String>,
    external_id: Option<String>,
    region: Option<String>,
    tenant: Option<String>,
    client_id: Option<String>,
    authority: Option<String>,
    audience: Option<String>,
    impersonate: Option<String>,
    credentials_file: Option<PathBuf>,
    app_id: Option<Id>,
    installation_id: Option<Id>,
    private_key_file: Option<PathBuf>,
    account: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Provider {
    Ecr,
    Acr,
    Gcr,
    Ghcr,
}

impl From<Provider> for Cloud {
    fn from(provider: Provider) -> Self {
        match provider {
            Provider::Ecr => Cloud::Aws,
            Provider::Acr => Cloud::Azure,
            Provider::Gcr => Cloud::Google,
            Provider::Ghcr => Cloud::GitHub,
        }
    }
}

/// GitHub's ids are numbers, and are written as such or as text.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a number or a text")]
enum Id {
    Number(u64),
    Text(String),
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        match id {
            Id::Number(number) => number.to_string(),
            Id::Text(text) => text,
        }
    }
}

/// Not empty, and without a scheme: what a rule is compared with has none.
struct Pattern(String);

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() || text.contains("://") {
            return Err(D::Error::custom("match is a host name, with * and ? if need be, and no https:// before it"));
        }
        Ok(Pattern(text))
    }
}

/// A registry of one of the clouds.
struct Target(ServerUrl, Cloud);

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let server = ServerUrl::parse(&text).map_err(D::Error::custom)?;
        match registry::registry_of(&server) {
            Some(registry) => Ok(Target(server, registry.cloud())),
            None => Err(D::Error::custom("target is not the host name of a cloud's registry")),
        }
    }
}

impl TryFrom<Table> for Rule {
    type Error = &'static str;

    fn try_from(table: Table) -> Result<Self, Self::Error> {
        let provider = table.provider.map(Cloud::from);
        match (provider, &table.target) {
            (Some(Cloud::Aws), None) => {
                return Err("provider needs a target: the cloud's own host name of this registry");
            }
            (Some(cloud), Some(Target(_, actual))) if cloud != *actual => {
                return Err("target is a registry of another provider");
            }
            _ => {}
        }
        if table.external_id.is_some() && table.role_arn.is_none() {
            return Err("external_id needs a role_arn");
        }
        Ok(Rule {
            pattern: table.r#match.0,
            target: table.target.map(|Target(server, _)| server),
            profile: table.profile,
            role_arn: table.role_arn,
            external_id: table.external_id,
            region: table.region,
            provider,
            tenant: table.tenant,
            client_id: table.client_id,
            authority: table.authority,
            audience: table.audience,
            impersonate: table.impersonate,
            credentials_file: table.credentials_file,
            app_id: table.app_id.map(String::from),
            installation_id: table.installation_id.map(String::from),
            private_key_file: table.private_key_file,
            account: table.account,
        })
    }
}

impl Settings {
    /// What one settings file says, over the defaults.
    ///
    /// # Errors
    /// The line and what is wrong in it.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let mut settings = Settings::default();
        apply(text, &mut settings).map(|()| settings).map_err(Failure::explain)
    }
}

/// Reads the settings files, the user's over the machine's: its single values win, its rules come first.
pub(crate) fn load(environment: &Environment, places: &Places) -> Result<Settings, Failure> {
    let mut settings = Settings::default();
    // From the weakest to the strongest.
    for path in places.settings.iter().rev() {
        // A file that was named has to exist, one in a usual place may.
        let named = environment.raw("CREDMINT_CONFIG").is_some();
        if let Some(text) = read(path, named)? {
            log::debug!("settings from {}", path.display());
            apply(&text, &mut settings).map_err(|why| Failure::explain(format!("{}: {why}", path.display())))?;
        }
    }
    if let Some(choice) = environment.text("CREDMINT_VAULT") {
        settings.vault = choice_of(&choice)?;
    }
    Ok(settings)
}

fn choice_of(text: &str) -> Result<VaultChoice, Failure> {
    use serde::de::IntoDeserializer;
    use serde::de::value::{Error, StrDeserializer};
    let text: StrDeserializer<'_, Error> = text.into_deserializer();
    VaultChoice::deserialize(text).map_err(|error| Failure::explain(format!("CREDMINT_VAULT: {error}")))
}

fn read(path: &Path, named: bool) -> Result<Option<String>, Failure> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if !named && absent(&error) => Ok(None),
        Err(error) => Err(Failure::explain(format!("the settings file {} cannot be read: {error}", path.display()))),
    }
}

fn absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn apply(text: &str, settings: &mut Settings) -> Result<(), String> {
    let text = text.trim_start_matches('\u{feff}');
    let document: Document = toml::from_str(text).map_err(|error| {
        let line =
            error.span().map_or(1, |span| text.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1);
        format!("line {line}: {}", error.message())
    })?;
    let mut rules = Vec::with_capacity(document.registry.len() + settings.rules.len());
    for (nth, table) in document.registry.into_iter().enumerate() {
        let pattern = table.r#match.0.clone();
        let rule = Rule::try_from(table).map_err(|why| format!("[[registry]] table {} ({pattern}): {why}", nth + 1))?;
        rules.push(rule);
    }
    rules.append(&mut settings.rules);
    settings.rules = rules;
    settings.vault = document.vault.unwrap_or(settings.vault);
    settings.timeout = document.timeout.map_or(settings.timeout, Duration::from_secs);
    settings.refresh_before = document.refresh_before.map_or(settings.refresh_before, Duration::from_secs);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Result<Settings, String> {
        Settings::parse(text).map_err(|failure| failure.to_string())
    }

    #[test]
    fn every_key_is_read() {
        let settings = settings(
            r#"
            vault = "file"
            timeout = 5
            refresh_before = 60
            [[registry]]
            match = "docker.corp.example"
            provider = "ecr"
            target = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
            profile = "prod"
            role_arn = "arn:aws:iam::123456789012:role/pull"
            external_id = "x"
            region = "us-west-2"
            [[registry]]
            match = "containers.git.corp.example"
            provider = "ghcr"
            app_id = 12
            installation_id = "34"
            private_key_file = "/etc/app.pem"
            account = "corp"
            [[registry]]
            match = "*"
            tenant = "t"
            client_id = "c"
            authority = "login.microsoftonline.us"
            audience = "https://management.azure.com"
            impersonate = "pull@project.iam.gserviceaccount.com"
            credentials_file = "/etc/key.json"
            "#,
        )
        .unwrap();
        assert_eq!(settings.vault, VaultChoice::File);
        assert_eq!((settings.timeout.as_secs(), settings.refresh_before.as_secs()), (5, 60));
        let rule = &settings.rules[0];
        assert_eq!(rule.target.as_ref().unwrap().host(), "123456789012.dkr.ecr.us-east-1.amazonaws.com");
        let texts =
            [&rule.profile, &rule.role_arn, &rule.external_id, &rule.region].map(|text| text.as_deref().unwrap());
        assert_eq!(texts, ["prod", "arn:aws:iam::123456789012:role/pull", "x", "us-west-2"]);
        let rule = &settings.rules[1];
        assert_eq!(rule.provider, Some(Cloud::GitHub));
        let texts = [&rule.app_id, &rule.installation_id, &rule.account].map(|text| text.as_deref().unwrap());
        assert_eq!(texts, ["12", "34", "corp"]);
        let rule = &settings.rules[2];
        let texts = [&rule.tenant, &rule.client_id, &rule.authority, &rule.audience, &rule.impersonate]
            .map(|text| text.as_deref().unwrap());
        assert_eq!(
            texts,
            [
                "t",
                "c",
                "login.microsoftonline.us",
                "https://management.azure.com",
                "pull@project.iam.gserviceaccount.com"
            ]
        );
        assert_eq!(rule.credentials_file.as_deref(), Some(Path::new("/etc/key.json")));
        assert_eq!(settings.rules[1].private_key_file.as_deref(), Some(Path::new("/etc/app.pem")));
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        for (text, expected) in [
            ("\n\nvualt = 1", "line 3: unknown field `vualt`"),
            ("vault = \"vault\"", "line 1: unknown variant `vault`"),
            ("timeout = -1", "line 1: invalid value"),
            ("[[registry]]\nmatch = \"a\"\nprofil = \"x\"", "line 3: unknown field `profil`"),
            ("[[registry]]\nprofile = \"x\"", "line 1: missing field `match`"),
            ("[[registry]]\nmatch = \"https://a\"", "line 2: match is a host name"),
            ("[[registry]]\nmatch = \"a\"\ntarget = \"b\"", "line 3: target is not the host name"),
            ("[[registry]]\nmatch = \"a\"\nprovider = \"ecr\"", "table 1 (a): provider needs a target"),
            ("[[registry]]\nmatch = \"a\"\nexternal_id = \"b\"", "table 1 (a): external_id needs a role_arn"),
            ("timeout = ", "line 1: "),
        ] {
            let error = settings(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn the_users_file_wins_over_the_machines() {
        let folder = tempfile::tempdir().unwrap();
        let (user, machine) = (folder.path().join("user.toml"), folder.path().join("machine.toml"));
        std::fs::write(&user, "timeout = 1\n[[registry]]\nmatch = \"user\"").unwrap();
        std::fs::write(&machine, "timeout = 2\nrefresh_before = 3\n[[registry]]\nmatch = \"machine\"").unwrap();
        let places = Places { settings: vec![user, machine, folder.path().join("absent")], ..Places::default() };
        let settings = load(&Environment::of([("CREDMINT_VAULT", "kernel")]), &places).unwrap();
        assert_eq!((settings.timeout.as_secs(), settings.refresh_before.as_secs()), (1, 3));
        assert_eq!(settings.vault, VaultChoice::Kernel);
        let patterns: Vec<_> = settings.rules.iter().map(|rule| rule.pattern.as_str()).collect();
        assert_eq!(patterns, ["user", "machine"]);
    }

    #[test]
    fn a_file_that_was_named_has_to_exist() {
        let path = std::path::PathBuf::from("/nowhere/config.toml");
        let places = Places { settings: vec![path.clone()], ..Places::default() };
        assert!(load(&Environment::of([("", "")]), &places).is_ok());
        let named = Environment::of([("CREDMINT_CONFIG", path)]);
        assert!(load(&named, &places).unwrap_err().to_string().starts_with("the settings file /nowhere/config.toml"));
    }

    #[test]
    fn a_wrong_choice_in_the_environment_is_named() {
        let failure = load(&Environment::of([("CREDMINT_VAULT", "safe")]), &Places::default()).unwrap_err();
        assert!(failure.to_string().starts_with("CREDMINT_VAULT: unknown variant `safe`"), "{failure}");
    }
}
