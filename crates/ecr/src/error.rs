use broker::MintError;
use protocol::ErrorMessage;
use settings::Environment;

use crate::principal;
use crate::profiles::{Profiles, SignIn};
use crate::scope::{Service, Target};

pub(crate) fn no_identity() -> MintError {
    MintError::no_identity(
        "no AWS credentials found",
        "run `aws sso login` or `aws login`, or set AWS_PROFILE or AWS_ACCESS_KEY_ID",
    )
}

/// AWS narrows the session of a role, and no other identity.
pub(crate) fn no_role() -> MintError {
    MintError::failed(
        "access and repositories in the [[registry]] table need a role: AWS cannot narrow any other identity",
        "set role_arn to a role that this identity may assume",
    )
}

/// The policy of a session has a limit.
pub(crate) fn long_policy() -> MintError {
    MintError::failed(
        "the session policy for the repositories in the [[registry]] table is longer than AWS allows",
        "name fewer repositories, or attach a policy to a role of its own",
    )
}

/// Half of an access key in the environment is an error: without it another identity would be used.
pub(crate) fn incomplete_key(environment: &Environment) -> Result<(), MintError> {
    if environment.raw("AWS_ACCESS_KEY_ID").is_some() {
        let what = "AWS_ACCESS_KEY_ID is set, but it or AWS_SECRET_ACCESS_KEY is missing or blank";
        return Err(MintError::failed(what, "set both, or unset AWS_ACCESS_KEY_ID"));
    }
    Ok(())
}

/// A profile that is named and does not exist is an error: without it another identity would be used.
pub(crate) fn missing_profile(profiles: &Profiles) -> Result<(), MintError> {
    let Some(name) = profiles.missing() else { return Ok(()) };
    let what = match profiles.name() {
        chosen if chosen == name => format!("there is no AWS profile {name}"),
        chosen => format!("there is no AWS profile {name}, the source_profile of {chosen}"),
    };
    Err(MintError::failed(what, "run `aws configure list-profiles` to see the existing ones"))
}

/// The profile of a rule has no credentials of any kind.
pub(crate) fn no_credentials(profiles: &Profiles) -> MintError {
    principal::profile(profiles.name()).no_token_but("it has no credentials", "add them to ~/.aws/config")
}

/// The session of a profile has expired, or there has never been one.
pub(crate) fn session_expired(profiles: &Profiles) -> MintError {
    let principal = principal::profile(profiles.name());
    let login = |SignIn { profile, command }| format!("run `{command}{}`", principal::profile_option(&profile));
    match profiles.sign_in().map(login) {
        Some(remedy) => principal.with_remedy(remedy).session_expired(""),
        None => principal.session_expired(""),
    }
}

/// The time limit is over before there are credentials.
pub(crate) fn credentials_timed_out() -> MintError {
    MintError::failed(
        "timed out while looking for AWS credentials",
        "check the network, and the credential_process if the AWS profile has one",
    )
}

/// The time limit is over before the API has responded.
pub(crate) fn token_timed_out(target: &Target) -> MintError {
    MintError::failed(
        format!("{} timed out", api(target)),
        "check the network and the proxy, or raise `timeout` in credmint's settings",
    )
}

/// A service on the way is down or overloaded: not the identity's fault.
pub(crate) fn outage(target: &Target, ErrorMessage { what, hint }: ErrorMessage) -> MintError {
    MintError::Failed(ErrorMessage { what: format!("no token from {}: {what}", api(target)), hint })
}

pub(crate) fn malformed_response(target: &Target) -> MintError {
    MintError::Failed(ErrorMessage { what: format!("{} sent a malformed response", api(target)), hint: None })
}

pub(crate) fn expired_token(target: &Target) -> MintError {
    let what = format!("the token from {} has already expired", api(target));
    MintError::failed(what, "set this machine's clock")
}

/// The API as users know it.
pub(crate) fn api(target: &Target) -> String {
    match target.service {
        Service::Private => format!("ECR in {}", target.region),
        Service::Public => format!("ECR Public in {}", target.region),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_that_does_not_exist_is_named() {
        let error = |config: &str, name: &str| match missing_profile(&Profiles::of(config, name)).unwrap_err() {
            MintError::Failed(message) | MintError::NoIdentity(message) => message.what,
        };
        assert_eq!(error("[profile a]\nregion = x\n", "absent"), "there is no AWS profile absent");
        let config = "[profile a]\nsource_profile = b\n";
        assert_eq!(error(config, "a"), "there is no AWS profile b, the source_profile of a");
        assert!(missing_profile(&Profiles::of("[profile a]\naws_access_key_id = AKIA\n", "a")).is_ok());
    }
}
