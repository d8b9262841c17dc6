//! The profiles in AWS's files. They are read here and not by the SDK, which passes over names with spaces
//! or non-ASCII letters, rejects lines that Amazon's command accepts, and stops at some.

use std::collections::BTreeMap;
use std::path::Path;

use protocol::ErrorMessage;
use settings::Setup;

use crate::ini::{self, Section};
use crate::scope;

/// The keys of a section.
pub(crate) type Values = BTreeMap<String, String>;

/// A profile's values, file by file.
#[derive(Debug, Default)]
pub(crate) struct Profile {
    pub(crate) config: Values,
    pub(crate) credentials: Values,
}

impl Profile {
    /// The value of a key; the file of credentials comes first. An empty value does not count.
    pub(crate) fn value(&self, key: &str) -> Option<&str> {
        let value = self.credentials.get(key).filter(|value| !value.is_empty()).or_else(|| self.config.get(key));
        value.map(|value| value.trim()).filter(|value| !value.is_empty())
    }
}

/// The profiles of both files, and the one that counts.
#[derive(Debug, Default)]
pub(crate) struct Profiles {
    name: String,
    profiles: BTreeMap<String, Profile>,
    pub(crate) sessions: BTreeMap<String, Values>,
    services: BTreeMap<String, Values>,
}

/// A sign-in by browser, and what renews it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SignIn {
    /// The profile that holds it.
    pub(crate) profile: String,
    /// `aws sso login` or `aws login`.
    pub(crate) command: &'static str,
}

/// What the SDK reads of a profile besides credentials.
const SETTINGS: [&str; 5] =
    ["endpoint_url", "services", "ignore_configured_endpoint_urls", "use_fips_endpoint", "use_dualstack_endpoint"];

impl Profiles {
    /// The files in force, and the profile that a rule names or that the environment selects.
    ///
    /// # Errors
    /// A malformed line, by its number alone, since these files hold secrets.
    pub(crate) fn load(setup: &Setup, named: Option<&str>) -> Result<Self, ErrorMessage> {
        let [config, credentials] = scope::files(setup);
        let mut profiles = Profiles { name: named.unwrap_or("default").to_owned(), ..Profiles::default() };
        profiles.add_config(sections(&config)?);
        profiles.add_credentials(sections(&credentials)?);
        Ok(profiles)
    }

    fn add_config(&mut self, sections: Vec<Section>) {
        let kind_and_name = |section: &Section| match ini::words(&section.header)?.as_slice() {
            [kind, name] => Some((kind.clone(), name.clone())),
            [name] if name == "default" => Some((String::new(), name.clone())),
            _ => None,
        };
        // `[profile default]` takes the place of `[default]`:
        // https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
        let is_prefixed = |section: &Section| kind_and_name(section) == Some(("profile".into(), "default".into()));
        let is_prefixed = sections.iter().any(is_prefixed);
        for section in sections {
            let Some((kind, name)) = kind_and_name(&section) else { continue };
            let into = match kind.as_str() {
                "" if is_prefixed => continue,
                "" | "profile" => &mut self.profiles.entry(name).or_default().config,
                "sso-session" => self.sessions.entry(name).or_default(),
                "services" => self.services.entry(name).or_default(),
                _ => continue,
            };
            into.extend(section.values);
        }
    }

    fn add_credentials(&mut self, sections: Vec<Section>) {
        for section in sections {
            self.profiles.entry(section.header).or_default().credentials.extend(section.values);
        }
    }

    /// The name of the profile that was to give the identity.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The profile of a name; in the file of credentials spaces around it do not count.
    pub(crate) fn get(&self, name: &str) -> Option<&Profile> {
        let alike = || self.profiles.iter().find(|(other, _)| other.trim() == name).map(|(_, profile)| profile);
        self.profiles.get(name).or_else(alike)
    }

    /// The first profile that is named and does not exist. The default one is not named.
    pub(crate) fn missing(&self) -> Option<String> {
        let last = self.chain().pop()?;
        (self.get(&last).is_none() && (last != "default" || last != self.name)).then_some(last)
    }

    /// The sign-in that the identity rests on: a role's profile points to the one that has it.
    pub(crate) fn sign_in(&self) -> Option<SignIn> {
        self.chain().into_iter().find_map(|name| {
            let profile = self.get(&name)?;
            let has = |key| profile.value(key).is_some();
            let command = if has("sso_session") || has("sso_start_url") {
                "aws sso login"
            } else if has("login_session") {
                "aws login"
            } else {
                return None;
            };
            Some(SignIn { profile: name, command })
        })
    }

    /// The value of a key in the profile itself.
    pub(crate) fn value(&self, key: &str) -> Option<String> {
        self.get(&self.name)?.value(key).map(str::to_owned)
    }

    /// The values of a key in the profile and in its source profiles.
    pub(crate) fn values(&self, key: &str) -> Vec<String> {
        self.chain().iter().filter_map(|name| self.get(name)?.value(key)).map(str::to_owned).collect()
    }

    /// The profile and those that it rests on.
    fn chain(&self) -> Vec<String> {
        let mut chain = vec![self.name.clone()];
        while let Some(next) = chain.last().and_then(|name| self.get(name)?.value("source_profile"))
            // A profile may name itself, and two may name each other.
            && !chain.iter().any(|name| name == next)
        {
            chain.push(next.to_owned());
        }
        chain
    }

    /// A file for the SDK: the endpoints of the profile, under a name that the SDK takes.
    pub(crate) fn endpoints(&self) -> String {
        let mut text = "[default]\n".to_owned();
        for key in SETTINGS {
            if let Some(value) = self.value(key) {
                let value = if key == "services" { "them" } else { &value };
                text += &format!("{key} = {value}\n");
            }
        }
        text += "[services them]\n";
        for (service, settings) in
            self.value("services").and_then(|name| self.services.get(&name)).into_iter().flatten()
        {
            text += &format!("{service} ={}\n", settings.replace('\n', "\n  "));
        }
        text
    }

    #[cfg(test)]
    pub(crate) fn of(config: &str, name: &str) -> Self {
        let mut profiles = Profiles { name: name.to_owned(), ..Profiles::default() };
        profiles.add_config(ini::sections(config).unwrap());
        profiles
    }
}

/// A file's sections; none if it does not exist. A file that cannot be read has been rejected already.
fn sections(path: &Path) -> Result<Vec<Section>, ErrorMessage> {
    let text = zeroize::Zeroizing::new(std::fs::read_to_string(path).unwrap_or_default());
    ini::sections(&text).map_err(|error| ErrorMessage {
        what: format!("{} line {}: {}", path.display(), error.line, error.cause),
        hint: Some("correct the file".into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "\
[default]
region = us-east-1
[profile dev]
sso_session = corp
[profile old]
sso_start_url = https://corp.example/start
[profile console]
login_session = arn:aws:iam::123456789012:user/jane
[profile pull]
role_arn = arn:aws:iam::123456789012:role/pull
source_profile = dev
[profile chained]
source_profile = pull
[profile keys]
aws_access_key_id = AKIA
source_profile = keys
[profile circle]
source_profile = round
[profile round]
source_profile = circle
[profile dangling]
source_profile = absent-one
";

    #[test]
    fn the_profile_that_has_the_sign_in_is_found() {
        for (name, expected) in [
            ("dev", Some(("dev", "aws sso login"))),
            ("old", Some(("old", "aws sso login"))),
            ("console", Some(("console", "aws login"))),
            ("pull", Some(("dev", "aws sso login"))),
            ("chained", Some(("dev", "aws sso login"))),
            ("keys", None),
            ("circle", None),
            ("dangling", None),
            ("default", None),
        ] {
            let expected = expected.map(|(profile, command)| SignIn { profile: profile.into(), command });
            assert_eq!(Profiles::of(CONFIG, name).sign_in(), expected, "{name}");
        }
    }

    #[test]
    fn a_named_profile_that_is_not_there_is_found() {
        for (name, expected) in
            [("dangling", Some("absent-one")), ("absent", Some("absent")), ("pull", None), ("keys", None)]
        {
            assert_eq!(Profiles::of(CONFIG, name).missing().as_deref(), expected, "{name}");
        }
        assert_eq!(Profiles::of("", "default").missing(), None, "it was not named");
        let points_to_default = Profiles::of("[profile pull]\nsource_profile = default\n", "pull");
        assert_eq!(points_to_default.missing().as_deref(), Some("default"));
    }
}
