use std::error::Error;
use std::fmt;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_ecr::error::{ProvideErrorMetadata, SdkError};
use broker::MintError;
use protocol::Explained;

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
        })
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

pub(crate) fn no_such_profile(name: &str) -> MintError {
    failed(format!("there is no AWS profile {name}"), "run: aws configure list-profiles")
}

/// The answer was not of the shape that the API has.
pub(crate) fn nonsense(target: &Target) -> MintError {
    MintError::Failed(Explained { what: format!("{} answered without a usable token", api(target)), hint: None })
}

/// A source that has an identity did not give it. `name` is the profile or role, `session` the
/// profile whose sign-in has to be renewed.
pub(crate) fn no_identity(
    source: Source,
    error: &CredentialsError,
    name: Option<&str>,
    session: Option<&str>,
) -> MintError {
    let trail = trail(error);
    let has = |words: &[&str]| words.iter().any(|word| trail.contains(word));
    let who = name.map_or_else(|| source.to_string(), |name| format!("{source} {name}"));
    if has(&["external process"]) {
        return failed(format!("{who} gives no identity: its credential_process failed"), "run that program by hand");
    }
    if has(&["Login token"]) {
        return failed(
            format!("the session of {who} has ended"),
            format!("run: aws login --profile {}", session.or(name).unwrap_or("default")),
        );
    }
    if session.is_some() && has(&["SSO", "UnauthorizedException", "sso"]) && connection(&trail).is_none() {
        return failed(
            format!("the single sign-on session of {who} has ended"),
            format!("run: aws sso login --profile {}", session.or(name).unwrap_or("default")),
        );
    }
    if let Some(why) = connection(&trail) {
        return MintError::Failed(Explained { what: format!("{who} gives no identity: {}", why.what), hint: why.hint });
    }
    if let Some((what, hint)) = refusal(&trail) {
        return failed(format!("{who} gives no identity: {what}"), hint);
    }
    match error {
        CredentialsError::CredentialsNotLoaded(_) => {
            failed(format!("{who} holds no credentials"), "check ~/.aws/config")
        }
        CredentialsError::InvalidConfiguration(_) => {
            failed(format!("{who} cannot be used: its configuration is not valid"), "run: aws configure list")
        }
        _ => failed(format!("{who} gives no identity"), "run: aws sts get-caller-identity"),
    }
}

/// The API did not give a token.
pub(crate) fn refused<E>(target: &Target, error: &SdkError<E>) -> MintError
where
    E: ProvideErrorMetadata + Error + 'static,
    SdkError<E>: Error,
{
    let api = api(target);
    if let Some(code) = error.as_service_error().and_then(|error| error.code()) {
        let (needed, from) = match target.service {
            Service::Private => ("ecr:GetAuthorizationToken", "permission"),
            Service::Public => ("ecr-public:GetAuthorizationToken and sts:GetServiceBearerToken", "permissions"),
        };
        if code.starts_with("AccessDenied") {
            return failed(format!("{api} refuses this identity a token"), format!("it needs the {from} {needed}"));
        }
        return match refusal(code) {
            Some((what, hint)) => failed(format!("{api} gives no token: {what}"), hint),
            None => MintError::Failed(Explained { what: format!("{api} gives no token: {}", plain(code)), hint: None }),
        };
    }
    let trail = trail(error);
    match connection(&trail) {
        Some(why) => {
            MintError::Failed(Explained { what: format!("{api} cannot be reached: {}", why.what), hint: why.hint })
        }
        None => nonsense(target),
    }
}

fn api(target: &Target) -> String {
    match target.service {
        Service::Private => format!("Amazon ECR in {}", target.region),
        Service::Public => format!("Amazon ECR Public ({})", target.region),
    }
}

/// What AWS's error codes mean to a user: what it is, and what to do.
fn refusal(text: &str) -> Option<(&'static str, &'static str)> {
    const CODES: [(&[&str], &str, &str); 6] = [
        (&["ExpiredToken", "RequestExpired"], "the credentials of this identity have expired", "sign in to AWS again"),
        (
            &["InvalidClientTokenId", "UnrecognizedClient", "InvalidAccessKeyId"],
            "AWS does not know the access key",
            "check it and its session token: aws sts get-caller-identity",
        ),
        (
            &["InvalidSignature", "SignatureDoesNotMatch", "IncompleteSignature", "RequestTimeTooSkewed"],
            "AWS does not accept the signature",
            "check the secret key and this machine's clock",
        ),
        (&["Throttl", "TooManyRequests", "RequestLimitExceeded"], "AWS is asked too often", "try again in a moment"),
        (
            &["AccessDenied", "not authorized"],
            "AWS does not allow it",
            "check the role's trust policy and its external id",
        ),
        (
            &["InvalidIdentityToken", "ExpiredTokenException"],
            "AWS does not accept the web identity's token",
            "check the role's trust policy",
        ),
    ];
    CODES.iter().find(|(codes, ..)| codes.iter().any(|code| text.contains(code))).map(|&(_, what, hint)| (what, hint))
}

/// What is wrong between here and there, if that is where something is wrong.
fn connection(trail: &str) -> Option<Explained> {
    const CAUSES: [(&[&str], &str, &str); 5] = [
        (
            &["certificate", "UnknownIssuer", "invalid peer"],
            "its certificate is not trusted",
            "name a private authority's certificate in SSL_CERT_FILE",
        ),
        (&["dns error", "failed to lookup"], "its name cannot be resolved", "check the network and the proxy"),
        (&["proxy", "tunnel"], "the proxy does not let it through", "check HTTPS_PROXY and NO_PROXY"),
        (&["timeout", "timed out"], "no answer in time", "check the network and the proxy"),
        (
            &["tcp connect", "connection error", "client error (Connect)", "dispatch failure", "io error"],
            "no connection",
            "check the network and the proxy",
        ),
    ];
    CAUSES
        .iter()
        .find(|(words, ..)| words.iter().any(|word| trail.contains(word)))
        .map(|&(_, what, hint)| Explained { what: what.into(), hint: Some(hint.into()) })
}

/// All that an error and its causes say: to look for words in, never to be shown, since a
/// response's body may be among it.
fn trail(error: &dyn Error) -> String {
    let mut trail = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        trail.push_str("; ");
        trail.push_str(&error.to_string());
        next = error.source();
    }
    trail
}

/// An error code is a word; anything else is not shown.
fn plain(code: &str) -> &str {
    let is_word = code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_word { code } else { "an unknown error" }
}
