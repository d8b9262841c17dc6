//! Error responses of AWS: of the services that give credentials, and of ECR.

use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_ecr::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use broker::{MintError, Principal};
use protocol::ErrorMessage;
use web::{Row, connection, error_chain, find_cause, quote};

use crate::profiles::{Profiles, SignIn};
use crate::scope::{Service, Target};
use crate::{error, principal};

/// AWS rejects requests that are five minutes off.
pub(crate) const CLOCK_TOLERANCE: Duration = Duration::from_secs(4 * 60);

/// Words of AWS's error codes, what they mean, and the remedy.
const CODES: [Row; 7] = [
    (&["ExpiredToken", "RequestExpired"], "the credentials have expired", "run `aws sso login` or `aws login`"),
    (
        &["InvalidClientTokenId", "UnrecognizedClient", "InvalidAccessKeyId"],
        "AWS does not know the access key",
        "run `aws sts get-caller-identity`, and check the key, its session token, and whether the account has the region enabled",
    ),
    (
        &["RegionDisabled"],
        "AWS STS is disabled in this region",
        "enable it in the account settings of IAM, or set `region` in credmint's settings to one where it is enabled",
    ),
    (
        &["InvalidSignature", "SignatureDoesNotMatch", "IncompleteSignature", "RequestTimeTooSkewed"],
        "AWS rejected the signature",
        "check the secret key and this machine's clock",
    ),
    (&["Throttl", "TooManyRequests", "RequestLimitExceeded"], "rate limited by AWS", "try again in a moment"),
    (&["AccessDenied", "not authorized"], "AWS denied access", "check the role's trust policy and its external ID"),
    (&["InvalidIdentityToken"], "AWS rejected the token of the web identity", "check the role's trust policy"),
];

/// What an error means, by the first known code in its text, with the code and the principal that was rejected.
fn known(text: &str) -> Option<ErrorMessage> {
    let found = find_cause(&CODES, text)?;
    let words = CODES.iter().find(|(_, what, _)| *what == found.what).map_or(&[][..], |(words, ..)| *words);
    let denied = denied_principal(text).map(|arn| format!(" to {arn}")).unwrap_or_default();
    let code = words.iter().find_map(|word| code_with(word, text)).map(|code| format!(" ({code})")).unwrap_or_default();
    Some(ErrorMessage { what: format!("{}{denied}{code}", found.what), hint: Some(found.hint.to_owned()) })
}

/// The whole code that a word is of: `ExpiredTokenException` for `ExpiredToken`.
fn code_with<'a>(word: &str, text: &'a str) -> Option<&'a str> {
    let at = text.find(word)?;
    let start = text[..at].rfind(|sign: char| !sign.is_ascii_alphanumeric()).map_or(0, |before| before + 1);
    let code = &text[start..];
    quote::code(&code[..code.find(|sign: char| !sign.is_ascii_alphanumeric()).unwrap_or(code.len())])
}

/// The ARN of the principal that AWS denies something: of its sentences the only part that is quoted, and
/// only in the form that an ARN has.
fn denied_principal(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("User: ")?;
    let (arn, _) = rest.split_once(" is not authorized to perform")?;
    let is_arn = arn.starts_with("arn:aws") && arn.len() <= 256;
    let of_arn = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_:/-".contains(&byte);
    (is_arn && arn.bytes().all(of_arn)).then_some(arn)
}

/// A source that has an identity does not give its credentials.
pub(crate) fn of_credentials(principal: &Principal, error: &CredentialsError) -> MintError {
    let chain = error_chain(error);
    if let Some(known) = connection(&chain).or_else(|| known(&chain)) {
        return principal.no_token_because(known);
    }
    match error {
        CredentialsError::InvalidConfiguration(_) => principal.no_token("it is not configured correctly"),
        _ => principal.no_token("it has no usable credentials"),
    }
}

/// The sign-in of the chosen profile does not give its credentials.
pub(crate) fn of_sign_in(error: &CredentialsError, profiles: &Profiles) -> MintError {
    let principal = principal::profile(profiles.name());
    let chain = error_chain(error);
    // The SDK's errors for a session that is missing or has expired, and for files that it cannot read.
    const EXPIRED: [&str; 4] = ["SSO token", "Login token", "UnauthorizedException", "failed to read"];
    if let Some(SignIn { profile, .. }) = profiles.sign_in() {
        if EXPIRED.iter().any(|words| chain.contains(words)) {
            return error::session_expired(profiles);
        }
        if chain.contains("ForbiddenException") {
            let remedy = format!("check sso_account_id and sso_role_name of profile {profile}");
            return principal.no_token_but("its user does not have that role (ForbiddenException)", remedy);
        }
    }
    of_credentials(&principal, error)
}

/// Whether an instance has a role and does not get its credentials, according to the metadata service. Errors
/// before that come from other clouds' metadata services too.
pub(crate) fn has_role(error: &CredentialsError) -> bool {
    ["retrieving credentials from IMDS", "IMDS/IAM configuration"]
        .iter()
        .any(|words| error_chain(error).contains(words))
}

/// The API gives no token.
pub(crate) fn of_ecr<E>(target: &Target, error: &SdkError<E, HttpResponse>) -> MintError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    SdkError<E, HttpResponse>: std::error::Error,
{
    let api = error::api(target);
    let Some(service_error) = error.as_service_error().filter(|error| error.code().is_some()) else {
        return match connection(&error_chain(error)) {
            Some(ErrorMessage { what, hint }) => {
                MintError::Failed(ErrorMessage { what: format!("cannot reach {api}: {what}"), hint })
            }
            None => error::malformed_response(target),
        };
    };
    let code = service_error.code().and_then(quote::code).unwrap_or("unknown error");
    if code.starts_with("AccessDenied") {
        let permissions = match target.service {
            Service::Private => "`ecr:GetAuthorizationToken`",
            Service::Public => "`ecr-public:GetAuthorizationToken` and `sts:GetServiceBearerToken`",
        };
        let principal = service_error.message().and_then(denied_principal).unwrap_or("this identity");
        let what = format!("{api} denied GetAuthorizationToken for {principal} ({code})");
        return MintError::failed(what, format!("grant it {permissions}"));
    }
    let date = || error.raw_response()?.headers().get("date");
    if code.contains("Signature")
        && let Some(skew) = date().and_then(|date| web::clock_skew(date, "AWS", CLOCK_TOLERANCE))
    {
        return MintError::failed(format!("no token from {api}: {skew} ({code})"), "set this machine's clock");
    }
    match known(code) {
        Some(ErrorMessage { what, hint }) => {
            MintError::Failed(ErrorMessage { what: format!("no token from {api}: {what}"), hint })
        }
        None => MintError::Failed(ErrorMessage { what: format!("no token from {api} ({code})"), hint: None }),
    }
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

    fn text(error: MintError) -> String {
        match error {
            MintError::Failed(message) => message.to_string(),
            MintError::NoIdentity(message) => panic!("no identity: {message}"),
        }
    }

    #[test]
    fn a_profile_that_fails_has_a_remedy() {
        let denied = "AccessDenied: User: arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Dev_01/jane is not \
                      authorized to perform: sts:AssumeRole on resource: canary";
        for (name, error, expected) in [
            ("dev", "the SSO token has expired and cannot be refreshed", "run `aws sso login --profile dev`"),
            ("pull", "failed to load the cached SSO token", "run `aws sso login --profile dev`"),
            ("dev", "service error; UnauthorizedException: canary", "run `aws sso login --profile dev`"),
            ("dev", "service error; ForbiddenException: canary", "check sso_account_id and sso_role_name"),
            ("console", "failed to read `/elsewhere/0a.json`", "run `aws login --profile console`"),
            ("console", "cached Login token is expired", "run `aws login --profile console`"),
            // The name of a single sign-on role is not a reason to sign in again.
            (
                "pull",
                denied,
                "denied access to arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Dev_01/jane (AccessDenied)",
            ),
            ("dev", "dispatch failure; io error; dns error: canary", "cannot resolve the host name"),
            ("keys", "canary", "no token for AWS profile keys: it has no usable credentials"),
        ] {
            let text = text(of_sign_in(&CredentialsError::provider_error(error), &Profiles::of(CONFIG, name)));
            assert!(text.contains(expected), "{name}, {error}: {text}");
            assert!(!text.contains("canary"), "{text}");
        }
    }

    #[test]
    fn an_instance_with_a_rejected_role_differs_from_one_without() {
        for (error, expected) in [
            (CredentialsError::provider_error("Error retrieving credentials from IMDS: Failed canary"), true),
            (CredentialsError::invalid_configuration("Incorrect IMDS/IAM configuration: canary"), true),
            (CredentialsError::provider_error("failed to load IMDS session token"), false),
            (CredentialsError::not_loaded("received 404 from IMDS"), false),
        ] {
            assert_eq!(has_role(&error), expected, "{error:?}");
        }
    }

    fn api_error(code: &str, message: &str, date: Option<&'static str>) -> String {
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
        text(of_ecr(&target, &SdkError::service_error(GetAuthorizationTokenError::generic(metadata), response)))
    }

    #[test]
    fn the_api_is_quoted_by_its_codes_and_by_the_principal_it_denies() {
        let user = "arn:aws:iam::123456789012:user/jane";
        let denied = format!("User: {user} is not authorized to perform: ecr:GetAuthorizationToken because canary");
        for (code, message, date, expected) in [
            ("AccessDeniedException", denied.as_str(), None, user),
            (
                "AccessDeniedException",
                "canary",
                None,
                "denied GetAuthorizationToken for this identity (AccessDeniedException)",
            ),
            ("InvalidSignatureException", "canary", None, "check the secret key and this machine's clock"),
            (
                "InvalidSignatureException",
                "canary",
                Some("Sat, 01 Jan 2000 00:00:00 GMT"),
                "ahead of that of AWS (InvalidSignatureException): set this machine's clock",
            ),
            ("ThrottlingException", "canary", None, "rate limited by AWS (ThrottlingException)"),
            ("ServerException", "canary", None, "no token from ECR in us-east-1 (ServerException)"),
            ("<canary>", "canary", None, "(unknown error)"),
        ] {
            let text = api_error(code, message, date);
            assert!(text.contains(expected) && text.contains("us-east-1"), "{code}: {text}");
            assert!(!text.contains("canary"), "{text}");
        }
    }

    #[test]
    fn only_an_arn_is_quoted_of_a_sentence() {
        let arn = "arn:aws-us-gov:sts::123456789012:assumed-role/AWSReservedSSO_Pull_01ab/jane@corp.example";
        let sentence = |arn: &str| format!("User: {arn} is not authorized to perform: ecr:GetAuthorizationToken on: *");
        assert_eq!(denied_principal(&sentence(arn)), Some(arn));
        for other in
            ["canary", "arn:aws:iam::1:user/a b", "arn:aws:\"canary\"", &format!("arn:aws:{}", "x".repeat(300))]
        {
            assert_eq!(denied_principal(&sentence(other)), None, "{other}");
        }
        assert_eq!(denied_principal("not authorized"), None);
    }
}
