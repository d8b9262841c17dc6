use std::io;
use std::num::NonZeroU64;
use std::path::Path;
use std::time::Duration;

use protocol::Failure;
use serde::Deserialize;
use serde::de::Error as _;
use zeroize::Zeroizing;

use crate::table::Table;
use crate::{Audit, Environment, MachineCheck, OnFailure, Places, Policy, Rule, Settings, VaultChoice};

/// A settings file: every key is optional, and an unknown one is an error, so that a misspelt `profile` never
/// selects the wrong identity.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    vault: Option<VaultChoice>,
    /// Seconds.
    timeout: Option<NonZeroU64>,
    /// Seconds.
    refresh_before: Option<u64>,
    on_failure: Option<OnFailure>,
    policy: Option<Policy>,
    audit: Option<Destination>,
    #[serde(default)]
    registry: Vec<Table>,
}

/// `"syslog"`, or an absolute path.
struct Destination(Audit);

impl<'de> Deserialize<'de> for Destination {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let path = Path::new(&text);
        match text.as_str() {
            "syslog" if cfg!(unix) => Ok(Destination(Audit::Syslog)),
            _ if path.is_absolute() => Ok(Destination(Audit::File(path.to_owned()))),
            _ if cfg!(unix) => Err(D::Error::custom("audit is \"syslog\" or an absolute path")),
            _ => Err(D::Error::custom("audit is an absolute path")),
        }
    }
}

/// Whose a settings file is, which decides what may stand in it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner<'a> {
    User,
    /// The machine's, at this path.
    Machine(&'a Path),
    /// The machine's, if another file replaces its settings: only the policy applies.
    Demands(&'a Path),
}

impl Settings {
    /// The settings of one file over the defaults.
    ///
    /// # Errors
    /// The line and its error.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let mut settings = Settings::default();
        apply(text, Owner::User, &mut settings).map(|()| settings).map_err(Failure::stop)
    }
}

/// Reads the settings files, the user's over the machine's: its values win, and its rules come first.
pub(crate) fn load(environment: &Environment, places: &Places, check: MachineCheck) -> Result<Settings, Failure> {
    environment.check_paths(&["CREDMINT_CONFIG"]).map_err(Failure::Stop)?;
    let mut settings = Settings::default();
    // From the weakest to the strongest.
    let replaced = places.machine_settings.iter().filter(|path| !places.settings.contains(path));
    let replaced = replaced.map(|path| (path, Owner::Demands(path)));
    let owner = |path| if places.machine_settings.as_ref() == Some(path) { Owner::Machine(path) } else { Owner::User };
    for (path, owner) in replaced.chain(places.settings.iter().rev().map(|path| (path, owner(path)))) {
        // A file that is named must exist; one in a standard place is optional.
        let named = environment.raw("CREDMINT_CONFIG").is_some() && owner == Owner::User;
        if let Some(text) = read(path, named, (owner != Owner::User).then_some(check))? {
            log::debug!("settings from {}", path.display());
            apply(&text, owner, &mut settings).map_err(|why| Failure::stop(format!("{}: {why}", path.display())))?;
        }
    }
    settings.vault = choice(environment, "CREDMINT_VAULT")?.unwrap_or(settings.vault);
    if let Some(policy) = settings.policy.as_ref().filter(|policy| !policy.allows_plain_files())
        && settings.vault == VaultChoice::File
    {
        return Err(Failure::Stop(policy.no_plain_files()));
    }
    if let Some(on_failure) = choice(environment, "CREDMINT_ON_FAILURE")? {
        settings.on_failure = on_failure;
        // The variable is for all registries of this process.
        settings.rules.iter_mut().for_each(|rule| rule.on_failure = None);
    }
    Ok(settings)
}

/// A setting with fixed values, in an environment variable.
fn choice<T: for<'de> Deserialize<'de>>(environment: &Environment, variable: &str) -> Result<Option<T>, Failure> {
    use serde::de::IntoDeserializer;
    use serde::de::value::{Error, StringDeserializer};
    let Some(text) = environment.text(variable) else { return Ok(None) };
    let text: StringDeserializer<Error> = text.into_deserializer();
    T::deserialize(text).map(Some).map_err(|error| Failure::stop(format!("{variable}: {error}")))
}

fn read(path: &Path, named: bool, check: Option<MachineCheck>) -> Result<Option<Zeroizing<String>>, Failure> {
    let mut refused = None;
    let read = protocol::read_text_file_if(path, |file| {
        let Some(Err(why)) = check.map(|check| check(file)) else { return Ok(()) };
        refused = Some(why.to_string());
        Err(why)
    });
    if let Some(why) = refused {
        // As an error, any user could block all others.
        log::warn!("ignoring the settings file {}: {why}", path.display());
        return Ok(None);
    }
    match read {
        Ok(text) => Ok(Some(text)),
        Err(error) if !named && absent(&error) => Ok(None),
        Err(error) => Err(Failure::stop(format!("cannot read the settings file {}: {error}", path.display()))),
    }
}

fn absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// serde's message; for an unknown name, with a suggestion in place of the list of all names.
fn with_suggestion(message: &str) -> String {
    let suggestion = || {
        let (what, known) = message.split_once(", expected one of ")?;
        let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
        let name = protocol::did_you_mean(what.split('`').nth(1)?, known)?;
        Some(format!("{what}; did you mean `{name}`?"))
    };
    suggestion().unwrap_or_else(|| message.to_owned())
}

fn apply(text: &str, owner: Owner<'_>, settings: &mut Settings) -> Result<(), String> {
    let text = text.trim_start_matches('\u{feff}');
    let document: Document = toml::from_str(text).map_err(|error| {
        let line =
            error.span().map_or(1, |span| text.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1);
        format!("line {line}: {}", with_suggestion(error.message()))
    })?;
    match owner {
        Owner::User if document.policy.is_some() => {
            return Err("[policy] belongs in the settings for all users of the machine".to_owned());
        }
        Owner::User => {}
        Owner::Machine(path) | Owner::Demands(path) => settings.policy = document.policy.map(|policy| policy.at(path)),
    }
    // The machine's is read first.
    settings.audit = settings.audit.take().or(document.audit.map(|Destination(audit)| audit));
    if matches!(owner, Owner::Demands(_)) {
        return Ok(());
    }
    let mut rules = Vec::with_capacity(document.registry.len() + settings.rules.len());
    for (nth, table) in document.registry.into_iter().enumerate() {
        let pattern = table.r#match.0.clone();
        let rule = Rule::try_from(table).map_err(|why| format!("[[registry]] table {} ({pattern}): {why}", nth + 1))?;
        rules.push(Rule { is_of_machine: owner != Owner::User, ..rule });
    }
    rules.append(&mut settings.rules);
    settings.rules = rules;
    settings.vault = document.vault.unwrap_or(settings.vault);
    settings.timeout = document.timeout.map_or(settings.timeout, |seconds| Duration::from_secs(seconds.get()));
    settings.refresh_before = document.refresh_before.map_or(settings.refresh_before, Duration::from_secs);
    settings.on_failure = document.on_failure.unwrap_or(settings.on_failure);
    Ok(())
}

#[cfg(test)]
mod tests {
    use registry::Cloud;

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
    fn errors_name_the_line() {
        for (text, expected) in [
            ("\n\nvualt = 1", "line 3: unknown field `vualt`; did you mean `vault`?"),
            ("colour = 1", "line 1: unknown field `colour`, expected one of `vault`"),
            ("vault = \"vault\"", "line 1: unknown variant `vault`"),
            ("timeout = -1", "line 1: invalid value"),
            ("vault = \"auto\"\ntimeout = 0", "line 2: invalid value: integer `0`"),
            ("[[registry]]\nmatch = \"a\"\nprofil = \"x\"", "line 3: unknown field `profil`; did you mean `profile`?"),
            ("[[registry]]\nprofile = \"x\"", "line 1: missing field `match`"),
            ("[[registry]]\nmatch = \"https://a\"", "line 2: match must be a host name"),
            ("[[registry]]\nmatch = \"a\"\ntarget = \"b\"", "line 3: target must be the host name"),
            ("[[registry]]\nmatch = \"a\"\nprovider = \"ecr\"", "table 1 (a): provider \"ecr\" needs a target"),
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
        let settings = load(&Environment::of([("CREDMINT_VAULT", "kernel")]), &places, |_| Ok(())).unwrap();
        assert_eq!((settings.timeout.as_secs(), settings.refresh_before.as_secs()), (1, 3));
        assert_eq!(settings.vault, VaultChoice::Kernel);
        let patterns: Vec<_> = settings.rules.iter().map(|rule| rule.pattern.as_str()).collect();
        assert_eq!(patterns, ["user", "machine"]);
    }

    #[test]
    fn a_named_file_must_exist() {
        let path = std::path::PathBuf::from("/nowhere/config.toml");
        let places = Places { settings: vec![path.clone()], ..Places::default() };
        assert!(load(&Environment::of([("", "")]), &places, |_| Ok(())).is_ok());
        let named = Environment::of([("CREDMINT_CONFIG", path)]);
        assert!(
            load(&named, &places, |_| Ok(()))
                .unwrap_err()
                .to_string()
                .starts_with("cannot read the settings file /nowhere/config.toml")
        );
    }

    #[test]
    fn an_invalid_choice_in_the_environment_is_an_error() {
        let failure = load(&Environment::of([("CREDMINT_VAULT", "safe")]), &Places::default(), |_| Ok(())).unwrap_err();
        assert!(failure.to_string().starts_with("CREDMINT_VAULT: unknown variant `safe`"), "{failure}");
    }

    #[test]
    fn a_machines_file_that_any_user_may_have_written_is_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let (user, machine) = (file("user", "timeout = 7"), file("machine", "refresh_before = 1"));
        let places =
            Places { settings: vec![user, machine.clone()], machine_settings: Some(machine), ..Places::default() };
        let load = |check: MachineCheck| super::load(&Environment::of([("", "")]), &places, check).unwrap();
        assert_eq!(load(|_| Ok(())).refresh_before, Duration::from_secs(1));
        let settings = load(|_| Err(io::Error::other("everyone may change it")));
        assert_eq!(settings.refresh_before, Settings::default().refresh_before);
        assert_eq!(settings.timeout, Duration::from_secs(7), "the user's own is not asked for this");
    }
}
