use aws_config::profile::{self, ProfileFileLoadError, ProfileSet};

/// The profiles in AWS's files, looked at once one of them has given no identity, to say why.
pub(crate) struct Profiles {
    set: Result<ProfileSet, ProfileFileLoadError>,
    name: String,
}

/// A sign-in by browser, and what renews it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SignIn {
    /// The profile that holds it.
    pub(crate) profile: String,
    /// `aws sso login` or `aws login`.
    pub(crate) command: &'static str,
}

impl Profiles {
    /// The files in force, and the profile that a rule names or that the environment selects.
    pub(crate) async fn load(named: Option<&str>) -> Self {
        let selected = named.map(|name| name.to_owned().into());
        let set = profile::load(&Default::default(), &Default::default(), &Default::default(), selected).await;
        let name = set.as_ref().map(|set| set.selected_profile().to_owned()).ok();
        Profiles { name: name.or(named.map(str::to_owned)).unwrap_or_else(|| "default".into()), set }
    }

    /// The name of the profile that was to give the identity.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Why the files cannot be read.
    pub(crate) fn broken(&self) -> Option<&ProfileFileLoadError> {
        self.set.as_ref().err()
    }

    /// The first profile that was named and is not there. Nobody names the default one.
    pub(crate) fn missing(&self) -> Option<String> {
        let last = self.chain().pop()?;
        let there = self.set.as_ref().ok()?.get_profile(&last).is_some();
        (!there && (last != "default" || last != self.name)).then_some(last)
    }

    /// The sign-in that the identity rests on: a role's profile points to the one that has it.
    pub(crate) fn sign_in(&self) -> Option<SignIn> {
        let set = self.set.as_ref().ok()?;
        self.chain().into_iter().find_map(|name| {
            let profile = set.get_profile(&name)?;
            let has = |key| profile.get(key).is_some();
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

    /// The profile and those that it rests on.
    fn chain(&self) -> Vec<String> {
        let mut chain = vec![self.name.clone()];
        while let Some(next) = chain.last().and_then(|name| self.set.as_ref().ok()?.get_profile(name)?.get("source_profile"))
            // A profile may name itself, and two may name each other.
            && !chain.iter().any(|name| name == next)
        {
            chain.push(next.to_owned());
        }
        chain
    }

    #[cfg(test)]
    pub(crate) fn of(config: &str, name: &str) -> Self {
        use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let files = EnvConfigFiles::builder().with_contents(EnvConfigFileKind::Config, config).build();
        let selected = Some(name.to_owned().into());
        let set = runtime.block_on(profile::load(&Default::default(), &Default::default(), &files, selected));
        Profiles { set, name: name.to_owned() }
    }
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
source_profile = nobody
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
            [("dangling", Some("nobody")), ("absent", Some("absent")), ("pull", None), ("keys", None)]
        {
            assert_eq!(Profiles::of(CONFIG, name).missing().as_deref(), expected, "{name}");
        }
        assert_eq!(Profiles::of("", "default").missing(), None, "nobody has named it");
        let points_to_default = Profiles::of("[profile pull]\nsource_profile = default\n", "pull");
        assert_eq!(points_to_default.missing().as_deref(), Some("default"));
    }
}
