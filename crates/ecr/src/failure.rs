use std::fmt;
use std::time::SystemTime;

use aws_config::profile::ProfileParseError;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_ecr::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use broker::MintError;
use protocol::Explained;
use web::{Reason, connection, trail};

use crate::profiles::Profiles;
use crate::reason::{clock, principal, refusal};
use crate::scope::{Service, Target};

/// Where an identity comes from, in the SDK's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Keys,
    Profile,
    WebIdentity,
    Container,
    Instance,
    /// A role that the settings name.
    Role,
    /// The role of a pod's service account.
    Pod,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Source::Keys => "the keys in the environment",
            Source::Profile => "the AWS profile",
            Source::WebIdentity => "the web identity",
            Source::Container => "the container's role",
            Source::Instance => "the instance's role",
            Source::Role => "the role",
            Source::Pod => "the service account's role",
        })
    }
}

impl Source {
    /// Where to look when nothing else is known.
    fn check(self) -> &'static str {
        match self {
            Source::Keys => "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            Source::Profile => "run: aws sts get-caller-identity",
            Source::WebIdentity => "check AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN",
            Source::Container => {
                "check AWS_CONTAINER_CREDENTIALS_FULL_URI or _RELATIVE_URI and AWS_CONTAINER_AUTHORIZATION_TOKEN"
            }
            Source::Instance => "check that the role's trust policy names ec2.amazonaws.com",
            Source::Role => "check role_arn and external_id in credmint's settings",
            Source::Pod => "check the role's trust policy, and the audience that kubelet asks tokens for",
        }
    }
}

fn failed(what: impl Into<String>, hint: impl Into<String>) -> MintError {
    MintError::Failed(Explained { what: what.into(), hint: Some(hint.into()) })
}

pub(crate) fn nobody() -> MintError {
    MintError::NotSignedIn(Explained {
        what: "nobody is signed in to AWS on this machine".into(),
        hint: Some("run: aws configure sso, or set AWS_PROFILE or AWS_ACCESS_KEY_ID".into()),
    })
}

/// Whether an instance has a role and only does not get it: the metadata service says so. Errors
/// before that come from other clouds' metadata services too.
pub(crate) fn has_role(error: &CredentialsError) -> bool {
    ["retrieving credentials from IMDS", "IMDS/IAM configuration"].iter().any(|words| trail(error).contains(words))
}

/// The profile that was chosen gives no identity.
pub(crate) fn no_profile(error: &CredentialsError, profiles: &Profiles) -> MintError {
    if let Some(name) = profiles.missing() {
        let what = match profiles.name() {
            chosen if chosen == name => format!("there is no AWS profile {name}"),
            chosen => format!("there is no AWS profile {name}, which the profile {chosen} names as its source_profile"),
        };
        return failed(what, "run: aws configure list-profiles");
    }
    if let Some(broken) = profiles.broken() {
        // It names the file and the line, and shows nothing of what stands there.
        let why = std::error::Error::source(broken).filter(|why| why.is::<ProfileParseError>());
        let why = why.map_or_else(|| broken.to_string(), ToString::to_string);
        return failed(format!("the AWS profiles cannot be read: {why}"), "mend the file");
    }
    let who = format!("{} {}", Source::Profile, profiles.name());
    let trail = trail(error);
    // Before anything else: the rest of this error is what the program printed.
    if trail.contains("external process") {
        return failed(format!("{who} gives no identity: its credential_process failed"), "run that program by hand");
    }
    if let Some((_, why)) = trail.split_once("ProfileFile provider could not be built: ") {
        return failed(format!("{who} is not complete: {why}"), "mend it in ~/.aws/config");
    }
    // What the SDK says of a sign-in that is missing or over, and of files it could not read.
    const OVER: [&str; 4] = ["SSO token", "Login token", "UnauthorizedException", "failed to read"];
    if let Some(sign_in) = profiles.sign_in() {
        if OVER.iter().any(|words| trail.contains(words)) {
            let hint = format!("run: {} --profile {}", sign_in.command, sign_in.profile);
            return failed(format!("the session of {who} has ended"), hint);
        }
        if trail.contains("ForbiddenException") {
            let hint = format!("check sso_account_id and sso_role_name of the profile {}", sign_in.profile);
            return failed(format!("{who} gives no identity: its user may not have that role"), hint);
        }
    }
    if matches!(error, CredentialsError::CredentialsNotLoaded(_)) {
        return failed(format!("{who} holds no credentials"), "check ~/.aws/config");
    }
    no_identity(&who, Source::Profile, error)
}

/// A source that has an identity does not give it.
pub(crate) fn no_identity(who: &str, source: Source, error: &CredentialsError) -> MintError {
    let trail = trail(error);
    if let Some(Reason { what, hint }) = connection(&trail).or_else(|| refusal(&trail)) {
        let by = principal(&trail).map(|arn| format!(" ({arn})")).unwrap_or_default();
        return failed(format!("{who} gives no identity: {what}{by}"), hint);
    }
    match error {
        CredentialsError::InvalidConfiguration(_) => failed(format!("{who} is not set up rightly"), source.check()),
        _ => failed(format!("{who} gives no identity"), source.check()),
    }
}

/// The time is over before it is known who signs.
pub(crate) fn late_identity() -> MintError {
    failed(
        "AWS credentials were not found within the time limit",
        "check the network, and the credential_process if the AWS profile has one",
    )
}

/// The time is over before the API has answered.
pub(crate) fn late_token(target: &Target) -> MintError {
    failed(
        format!("no answer from {} within the time limit", api(target)),
        "check the network and the proxy, or raise timeout in credmint's settings",
    )
}

/// The answer was not of the shape that the API has.
pub(crate) fn nonsense(target: &Target) -> MintError {
    MintError::Failed(Explained { what: format!("{} answered without a usable token", api(target)), hint: None })
}

/// The answer was a token whose life is over.
pub(crate) fn ended(target: &Target) -> MintError {
    failed(format!("the token from {} has already ended", api(target)), "check this machine's clock")
}

/// The API did not give a token.
pub(crate) fn refused<E>(target: &Target, error: &SdkError<E, HttpResponse>) -> MintError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    SdkError<E, HttpResponse>: std::error::Error,
{
    let api = api(target);
    let Some(told) = error.as_service_error().filter(|error| error.code().is_some()) else {
        return match connection(&trail(error)) {
            Some(Reason { what, hint }) => failed(format!("{api} cannot be reached: {what}"), hint),
            None => nonsense(target),
        };
    };
    let code = told.code().unwrap_or_default();
    if code.starts_with("AccessDenied") {
        let needed = match target.service {
            Service::Private => "the permission ecr:GetAuthorizationToken",
            Service::Public => "the permissions ecr-public:GetAuthorizationToken and sts:GetServiceBearerToken",
        };
        let who = told.message().and_then(principal).unwrap_or("this identity");
        return failed(format!("{api} refuses {who} a token"), format!("it needs {needed}"));
    }
    let date = || error.raw_response()?.headers().get("date");
    if code.contains("Signature")
        && let Some(error) = date().and_then(|date| clock(date, SystemTime::now()))
    {
        return failed(format!("{api} gives no token: {error}"), "set the clock");
    }
    match refusal(code) {
        Some(Reason { what, hint }) => failed(format!("{api} gives no token: {what}"), hint),
        None => MintError::Failed(Explained { what: format!("{api} gives no token: {}", plain(code)), hint: None }),
    }
}

fn api(target: &Target) -> String {
    match target.service {
        Service::Private => format!("Amazon ECR in {}", target.region),
        Service::Public => format!("Amazon ECR Public ({})", target.region),
    }
}

/// An error code is a word; anything else is not shown.
fn plain(code: &str) -> &str {
    let is_word = code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_word { code } else { "an unknown error" }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecr::error::ErrorMetadata;
    use aws_sdk_ecr::operation::get_authorization_token::GetAuthorizationTokenError;
    use aws_smithy_runtime_api::http::StatusCode;

    use super::*;

    const CONFIG: &str = "\
[profile dev]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = pull
[profile pull]
role_arn = arn:aws:iam::123456789012:role/pull
source_profile = dev
[profile console]
login_session = arn:aws:iam::123456789012:user/jane
[profile keys]
aws_access_key_id = AKIA
";

    fn said(error: MintError) -> String {
        match error {
            MintError::Failed(why) => why.to_string(),
            MintError::NotSignedIn(why) => panic!("not signed in: {why}"),
        }
    }

    #[test]
    fn a_profile_that_fails_says_what_to_do() {
        let denied = "AccessDenied: User: arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Dev_01/jane is not \
                      authorized to perform: sts:AssumeRole on resource: canary";
        for (name, error, expected) in [
            ("dev", "the SSO token has expired and cannot be refreshed", "(run: aws sso login --profile dev)"),
            (
                "pull",
                "failed to load the cached SSO token",
                "profile pull has ended (run: aws sso login --profile dev)",
            ),
            ("dev", "service error; UnauthorizedException: canary", "(run: aws sso login --profile dev)"),
            ("dev", "service error; ForbiddenException: canary", "check sso_account_id and sso_role_name"),
            ("console", "failed to read `/elsewhere/0a.json`", "(run: aws login --profile console)"),
            ("console", "cached Login token is expired", "(run: aws login --profile console)"),
            // The name of a role of single sign-on is no reason to sign in again.
            ("pull", denied, "does not allow it (arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Dev_01/jane)"),
            ("dev", "dispatch failure; io error; dns error: canary", "its name cannot be resolved"),
            (
                "keys",
                "external process exited with code 1. Stderr: canary SSO token timeout",
                "credential_process failed",
            ),
            ("keys", "canary", "the AWS profile keys gives no identity"),
            ("absent", "canary", "there is no AWS profile absent"),
        ] {
            let said = said(no_profile(&CredentialsError::provider_error(error), &Profiles::of(CONFIG, name)));
            assert!(said.contains(expected), "{name}, {error}: {said}");
            assert!(!said.contains("canary"), "{said}");
        }
    }

    #[test]
    fn broken_profiles_are_named_by_file_and_line_alone() {
        let profiles = Profiles::of("[profile dev]\naws_secret_access_key canary\n", "dev");
        let said = said(no_profile(&CredentialsError::invalid_configuration("canary"), &profiles));
        assert!(said.contains("on line 2") && !said.contains("canary"), "{said}");
    }

    #[test]
    fn an_instance_whose_role_is_refused_is_told_from_one_without() {
        for (error, expected) in [
            (CredentialsError::provider_error("Error retrieving credentials from IMDS: Failed canary"), true),
            (CredentialsError::invalid_configuration("Incorrect IMDS/IAM configuration: canary"), true),
            (CredentialsError::provider_error("failed to load IMDS session token"), false),
            (CredentialsError::not_loaded("received 404 from IMDS"), false),
        ] {
            assert_eq!(has_role(&error), expected, "{error:?}");
        }
    }

    fn api_says(code: &str, message: &str, date: Option<&'static str>) -> String {
        let target = Target {
            service: Service::Private,
            region: "us-east-1".into(),
            fips: false,
            dual_stack: false,
            rule: None,
        };
        let metadata = ErrorMetadata::builder().code(code).message(message).build();
        let mut response = HttpResponse::new(StatusCode::try_from(400).unwrap(), "canary".into());
        if let Some(date) = date {
            response.headers_mut().insert("date", date);
        }
        said(refused(&target, &SdkError::service_error(GetAuthorizationTokenError::generic(metadata), response)))
    }

    #[test]
    fn the_api_is_quoted_by_its_codes_and_by_whom_it_refuses() {
        let user = "arn:aws:iam::123456789012:user/jane";
        let denied = format!("User: {user} is not authorized to perform: ecr:GetAuthorizationToken because canary");
        for (code, message, date, expected) in [
            ("AccessDeniedException", denied.as_str(), None, user),
            ("AccessDeniedException", "canary", None, "refuses this identity a token"),
            ("InvalidSignatureException", "canary", None, "check the secret key and this machine's clock"),
            (
                "InvalidSignatureException",
                "canary",
                Some("Sat, 01 Jan 2000 00:00:00 GMT"),
                "ahead of AWS's (set the clock)",
            ),
            ("ThrottlingException", "canary", None, "AWS is asked too often"),
            ("ServerException", "canary", None, "gives no token: ServerException"),
            ("<canary>", "canary", None, "an unknown error"),
        ] {
            let said = api_says(code, message, date);
            assert!(said.contains(expected) && said.contains("us-east-1"), "{code}: {said}");
            assert!(!said.contains("canary"), "{said}");
        }
    }
}
