//! From a profile to the credentials that sign: those of a base, and the roles that they assume one after another.
//!
//! The order within a profile is that of Amazon's command, if AWS's SDKs differ: it is what users
//! compare with. <https://github.com/boto/botocore/blob/develop/botocore/credentials.py>

use std::time::Duration;

use aws_credential_types::Credentials;
use protocol::ErrorMessage;

use crate::profiles::{Profile, Profiles};

/// The source of the first credentials of a profile.
#[derive(Debug)]
pub(crate) enum Base {
    Keys(Credentials),
    Environment,
    Container,
    Instance,
    WebIdentity {
        role: Role,
        token_file: String,
    },
    Sso(Sso),
    /// The session of `aws login`.
    Login(String),
    /// A command for a shell.
    Process(String),
}

/// A role to assume.
#[derive(Debug, Default)]
pub(crate) struct Role {
    pub(crate) arn: String,
    pub(crate) external_id: Option<String>,
    pub(crate) session_name: Option<String>,
    pub(crate) duration: Option<Duration>,
    /// What its session may do, if not all that the role may: a policy, and managed ones.
    pub(crate) policy: Option<String>,
    pub(crate) policy_arns: Vec<String>,
}

/// A role of IAM Identity Center's.
#[derive(Debug)]
pub(crate) struct Sso {
    /// What the file of its token is named after: a session, else the address, as before there were sessions.
    pub(crate) named_after: String,
    /// Only a session can be renewed.
    pub(crate) is_session: bool,
    pub(crate) region: String,
    pub(crate) account: String,
    pub(crate) role: String,
}

/// The base, and the roles in the order in which they are assumed.
pub(crate) type RoleChain = (Base, Vec<Role>);

/// The chain of the chosen profile; `None` if it does not exist or has no credentials of any kind.
///
/// # Errors
/// It is not complete, or contradicts itself.
pub(crate) fn resolve(profiles: &Profiles) -> Result<Option<RoleChain>, ErrorMessage> {
    let mut roles = Vec::new();
    let mut visited: Vec<&str> = Vec::new();
    let mut name = profiles.name();
    loop {
        let Some(profile) = profiles.get(name) else { return Ok(None) };
        let incomplete = |cause: String| incomplete(profiles, name, &cause);
        if visited.contains(&name) {
            return Err(incomplete("its source_profile leads back to itself".into()));
        }
        visited.push(name);
        let is_root = visited.len() == 1;
        let keys = if is_root { None } else { keys(profile).map_err(&incomplete)? };
        let Some(role) = role(profile).map_err(&incomplete)?.filter(|_| keys.is_none()) else {
            let base = match keys {
                Some(keys) => Some(Base::Keys(keys)),
                None => base(profile, profiles).map_err(&incomplete)?,
            };
            roles.reverse();
            return match base {
                Some(base) => Ok(Some((base, roles))),
                None if is_root => Ok(None),
                None => Err(incomplete("it has no credentials".into())),
            };
        };
        if let Some(device) = profile.value("mfa_serial") {
            return Err(second_factor(name, device));
        }
        roles.push(role);
        match (profile.value("source_profile"), profile.value("credential_source")) {
            (Some(_), Some(_)) => {
                return Err(incomplete("it has both source_profile and credential_source".into()));
            }
            (None, None) => {
                return Err(incomplete("it has role_arn, and neither source_profile nor credential_source".into()));
            }
            (None, Some(source)) => {
                let base = match source {
                    "Environment" => Base::Environment,
                    "EcsContainer" => Base::Container,
                    "Ec2InstanceMetadata" => Base::Instance,
                    _ => {
                        return Err(incomplete(
                            "its credential_source is not Environment, EcsContainer or Ec2InstanceMetadata".into(),
                        ));
                    }
                };
                roles.reverse();
                return Ok(Some((base, roles)));
            }
            // Its own keys, or whatever else it has beside the role.
            (Some(source), None) if source == name => {
                let base = match keys_or(profile, base(profile, profiles)).map_err(&incomplete)? {
                    Some(base) => base,
                    None => return Err(incomplete("it is its own source_profile, and has no credentials".into())),
                };
                roles.reverse();
                return Ok(Some((base, roles)));
            }
            (Some(source), None) => name = source,
        }
    }
}

fn keys_or(profile: &Profile, base: Result<Option<Base>, String>) -> Result<Option<Base>, String> {
    Ok(match keys(profile)? {
        Some(keys) => Some(Base::Keys(keys)),
        None => base?,
    })
}

/// What a profile has besides a role.
fn base(profile: &Profile, profiles: &Profiles) -> Result<Option<Base>, String> {
    let text = |key| profile.value(key).map(str::to_owned);
    if let Some(token_file) = text("web_identity_token_file") {
        let arn = text("role_arn").ok_or("it has web_identity_token_file, and no role_arn")?;
        return Ok(Some(Base::WebIdentity { role: of(profile, arn)?, token_file }));
    }
    if let Some(sso) = sso(profile, profiles)? {
        return Ok(Some(Base::Sso(sso)));
    }
    // Keys in the file for them come before a program, and a program before keys in the other file.
    if let Some(keys) = keys_of(&profile.credentials)? {
        return Ok(Some(Base::Keys(keys)));
    }
    if let Some(session) = text("login_session") {
        return Ok(Some(Base::Login(session)));
    }
    if let Some(command) = text("credential_process") {
        return Ok(Some(Base::Process(command)));
    }
    Ok(keys_of(&profile.config)?.map(Base::Keys))
}

/// A role that is assumed with other credentials.
fn role(profile: &Profile) -> Result<Option<Role>, String> {
    match profile.value("role_arn") {
        Some(arn) if profile.value("web_identity_token_file").is_none() => Ok(Some(of(profile, arn.to_owned())?)),
        _ => Ok(None),
    }
}

fn of(profile: &Profile, arn: String) -> Result<Role, String> {
    let text = |key| profile.value(key).map(str::to_owned);
    let seconds = |text: String| text.parse().map_err(|_| "its duration_seconds is not a number".to_owned());
    let duration = text("duration_seconds").map(seconds).transpose()?.map(Duration::from_secs);
    Ok(Role {
        arn,
        external_id: text("external_id"),
        session_name: text("role_session_name"),
        duration,
        ..Role::default()
    })
}

fn keys(profile: &Profile) -> Result<Option<Credentials>, String> {
    Ok(keys_of(&profile.credentials)?.or(keys_of(&profile.config)?))
}

/// Both halves of a key have to stand in the same file: those of different keys make none.
fn keys_of(values: &crate::profiles::Values) -> Result<Option<Credentials>, String> {
    let text = |key: &str| values.get(key).map(|value| value.trim()).filter(|value| !value.is_empty());
    let token = text("aws_session_token").or_else(|| text("aws_security_token")).map(str::to_owned);
    match (text("aws_access_key_id"), text("aws_secret_access_key")) {
        (Some(id), Some(secret)) => Ok(Some(Credentials::new(id, secret, token, None, "profile"))),
        (None, None) => Ok(None),
        (Some(_), None) => Err("aws_secret_access_key is missing beside aws_access_key_id".into()),
        (None, Some(_)) => Err("aws_access_key_id is missing beside aws_secret_access_key".into()),
    }
}

fn sso(profile: &Profile, profiles: &Profiles) -> Result<Option<Sso>, String> {
    // Without them the session is for a token alone, such as that of CodeCatalyst.
    if ["sso_account_id", "sso_role_name"].iter().all(|key| profile.value(key).is_none()) {
        return Ok(None);
    }
    let session = match profile.value("sso_session") {
        Some(name) => Some((name, profiles.sessions.get(name).ok_or(format!("there is no [sso-session {name}]"))?)),
        None => None,
    };
    let text = |key: &str| {
        let of_session = session.and_then(|(_, session)| session.get(key)).map(String::as_str);
        match (profile.value(key), of_session) {
            (Some(one), Some(other)) if one != other => Err(format!("its {key} differs from that of its sso_session")),
            (one, other) => one.or(other).map(str::to_owned).ok_or_else(|| format!("{key} is missing")),
        }
    };
    let address = text("sso_start_url")?;
    Ok(Some(Sso {
        named_after: session.map_or(address, |(name, _)| name.to_owned()),
        is_session: session.is_some(),
        region: text("sso_region")?,
        account: text("sso_account_id")?,
        role: text("sso_role_name")?,
    }))
}

fn incomplete(profiles: &Profiles, name: &str, cause: &str) -> ErrorMessage {
    let profile = match profiles.name() {
        chosen if chosen == name => format!("AWS profile {name}"),
        chosen => format!("AWS profile {name} (source_profile of {chosen})"),
    };
    let what = format!("{profile} is incomplete: {cause}");
    ErrorMessage { what, hint: Some("correct it in ~/.aws/config".into()) }
}

/// Docker cannot prompt for a code.
fn second_factor(name: &str, device: &str) -> ErrorMessage {
    ErrorMessage {
        what: format!("AWS profile {name} requires an MFA code of {device} (mfa_serial), which Docker cannot ask for"),
        hint: Some(
            "sign in with `aws login` or `aws sso login`, or use a credential_process that keeps a session, such as \
             aws-vault"
                .into(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(config: &str) -> Result<Option<RoleChain>, String> {
        resolve(&Profiles::of(config, "p")).map_err(|error| error.to_string())
    }

    #[test]
    fn an_incomplete_profile_names_what_is_missing() {
        for (config, expected) in [
            ("[profile p]\naws_access_key_id = AKIA\n", "aws_secret_access_key is missing"),
            ("[profile p]\naws_secret_access_key = canary\n", "aws_access_key_id is missing"),
            ("[profile p]\nrole_arn = a\n", "neither source_profile nor credential_source"),
            ("[profile p]\nrole_arn = a\nsource_profile = p\n", "it is its own source_profile"),
            (
                "[profile p]\nrole_arn = a\nsource_profile = q\n[profile q]\nrole_arn = b\nsource_profile = p\n",
                "leads back",
            ),
            (
                "[profile p]\nrole_arn = a\nsource_profile = q\n[profile q]\nregion = x\n",
                "AWS profile q (source_profile of p) is incomplete",
            ),
            ("[profile p]\nrole_arn = a\ncredential_source = canary\n", "is not Environment"),
            ("[profile p]\nrole_arn = a\nsource_profile = q\nduration_seconds = canary\n", "not a number"),
            ("[profile p]\nweb_identity_token_file = /t\n", "no role_arn"),
            ("[profile p]\nsso_account_id = 1\nsso_role_name = r\nsso_session = c\n", "there is no [sso-session c]"),
            ("[profile p]\nsso_account_id = 1\nsso_role_name = r\nsso_region = x\n", "sso_start_url is missing"),
            (
                "[profile p]\nsso_account_id = 1\nsso_role_name = r\nsso_session = c\nsso_region = x\n[sso-session c]\nsso_region = y\nsso_start_url = u\n",
                "its sso_region differs",
            ),
            ("[profile p]\nrole_arn = a\nsource_profile = q\nmfa_serial = arn:mfa/jane\n", "arn:mfa/jane (mfa_serial)"),
        ] {
            let error = resolved(config).unwrap_err();
            assert!(error.contains(expected) && !error.contains("canary"), "{config}: {error}");
        }
    }

    #[test]
    fn roles_are_assumed_from_the_source_on() {
        let config = "[profile p]\nrole_arn = last\nsource_profile = q\n[profile q]\nrole_arn = first\n\
                      credential_source = Environment\nduration_seconds = 900\n";
        let (base, roles) = resolved(config).unwrap().unwrap();
        assert!(matches!(base, Base::Environment), "{base:?}");
        let arns: Vec<_> = roles.iter().map(|role| (role.arn.as_str(), role.duration)).collect();
        assert_eq!(arns, [("first", Some(Duration::from_secs(900))), ("last", None)]);
    }

    #[test]
    fn a_profile_without_credentials_is_not_an_error() {
        for config in ["", "[profile p]\nregion = x\n", "[profile p]\nsso_session = only-a-token\n"] {
            assert!(resolved(config).unwrap().is_none(), "{config}");
        }
    }
}
