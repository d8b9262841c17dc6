use std::time::Duration;

use crate::Fingerprint;

/// The permissions of a minted token, if fewer than those of its identity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Narrowing {
    /// `access`.
    pub access: Option<Access>,
    /// `repositories`: those of the cloud, without the registry's host.
    pub repositories: Vec<String>,
    /// `session_policy`: the policy of the session of a role, as JSON.
    pub session_policy: Option<String>,
    /// `session_policy_arns`: managed policies of that session.
    pub session_policy_arns: Vec<String>,
    /// `duration_seconds`: how long that session lasts.
    pub duration: Option<Duration>,
}

/// What a token is for: `access` in a `[[registry]]` table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// To pull.
    Pull,
    /// To push, too.
    Push,
}

/// AWS's limits: <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>.
const MAX_POLICY: usize = 2_048;
const MAX_POLICIES: usize = 10;
const DURATIONS: std::ops::RangeInclusive<u64> = 900..=43_200;
/// GitHub's limit: <https://docs.github.com/rest/apps/apps#create-an-installation-access-token-for-an-app>.
const MAX_REPOSITORIES: usize = 500;

impl Narrowing {
    /// Whether nothing is narrowed.
    pub fn is_none(&self) -> bool {
        *self == Narrowing::default()
    }

    /// Whether the rights are fewer; a session may also only be shorter.
    pub fn limits_rights(&self) -> bool {
        !Narrowing { duration: None, ..self.clone() }.is_none()
    }

    /// Adds it to the fingerprint of a token; nothing if nothing is narrowed.
    pub fn add_to(&self, print: &mut Fingerprint) {
        if !self.is_none() {
            print.add("narrowing", Some(format!("{self:?}").as_bytes()));
        }
    }

    /// Validates a table; `has_role` if it names a role to assume.
    pub(crate) fn check(&self, has_role: bool) -> Result<(), String> {
        let of_session = [
            ("session_policy", self.session_policy.is_some()),
            ("session_policy_arns", !self.session_policy_arns.is_empty()),
            ("duration_seconds", self.duration.is_some()),
        ];
        if let Some((key, _)) = of_session.iter().find(|(_, is_there)| *is_there && !has_role) {
            return Err(format!("{key} needs a role_arn"));
        }
        if let Some(policy) = &self.session_policy {
            if self.access.is_some() || !self.repositories.is_empty() {
                return Err("a table has a session_policy, or access and repositories".to_owned());
            }
            if policy.len() > MAX_POLICY || !is_object(policy) {
                return Err(format!("session_policy is a JSON object of at most {MAX_POLICY} characters"));
            }
        }
        let is_arn = |arn: &String| arn.starts_with("arn:") && arn.contains(":policy/");
        if self.session_policy_arns.len() > MAX_POLICIES || !self.session_policy_arns.iter().all(is_arn) {
            return Err(format!("session_policy_arns has the ARNs of at most {MAX_POLICIES} policies"));
        }
        if self.duration.is_some_and(|duration| !DURATIONS.contains(&duration.as_secs())) {
            return Err("duration_seconds is 900 to 43200".to_owned());
        }
        if self.repositories.len() > MAX_REPOSITORIES || !self.repositories.iter().all(|name| is_repository(name)) {
            return Err(
                "repositories has names such as \"team/app\", without the host and without wildcards".to_owned()
            );
        }
        Ok(())
    }
}

fn is_object(text: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(text).is_ok_and(|value| value.is_object())
}

fn is_repository(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
    !name.is_empty() && name.bytes().all(plain) && !name.starts_with('/') && !name.ends_with('/')
}
