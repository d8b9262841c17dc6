//! Settings that the SDK would ignore, or stop at without naming them.

use std::io::ErrorKind;

use broker::MintError;
use settings::{Environment, Setup};

use crate::profiles::Profiles;
use crate::scope;

/// Values that become part of a header.
const IN_HEADERS: [&str; 4] =
    ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN"];

/// Rejects variables and files that choose an identity and cannot be used. The SDK would take the next
/// identity, which is another principal, or stop without naming the cause.
pub(crate) fn validate(setup: &Setup) -> Result<(), MintError> {
    let environment = &setup.environment;
    for name in IN_HEADERS {
        if environment.raw(name).is_some_and(|value| value.as_encoded_bytes().iter().any(u8::is_ascii_control)) {
            return Err(MintError::failed(
                format!("{name} has a control character, such as a carriage return"),
                format!("set {name} without it"),
            ));
        }
    }
    for name in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_ECR", "AWS_ENDPOINT_URL_ECR_PUBLIC", "AWS_ENDPOINT_URL_STS"] {
        let is_address = |text: String| ["http://", "https://"].iter().any(|scheme| text.starts_with(scheme));
        if environment.raw(name).is_some() && !environment.text(name).is_some_and(is_address) {
            return Err(MintError::failed(
                format!("{name} is not a URL"),
                format!("set {name} to an http or https URL, or unset it"),
            ));
        }
    }
    if environment.raw("AWS_WEB_IDENTITY_TOKEN_FILE").is_some() && environment.raw("AWS_ROLE_ARN").is_none() {
        return Err(MintError::failed(
            "AWS_WEB_IDENTITY_TOKEN_FILE is set but AWS_ROLE_ARN is not",
            "set AWS_ROLE_ARN, or unset AWS_WEB_IDENTITY_TOKEN_FILE",
        ));
    }
    for path in scope::files(setup) {
        let shown = path.display();
        match std::fs::read(&path).map(zeroize::Zeroizing::new) {
            // UTF-16 of plain letters, as PowerShell writes it, is UTF-8 with a zero behind each.
            Ok(text) if text.contains(&0) || std::str::from_utf8(&text).is_err() => {
                return Err(MintError::failed(format!("{shown} is not UTF-8"), "save it as UTF-8"));
            }
            Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Err(MintError::failed(
                    format!("cannot read {shown}: {error}"),
                    "check its owner and permissions",
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

/// How often the SDK sends a request, by the variable or the profile; `None` if neither is set.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html>
pub(crate) fn max_attempts(environment: &Environment, profiles: &Profiles) -> Result<Option<u32>, MintError> {
    let by_variable = environment.text("AWS_MAX_ATTEMPTS").map(|text| ("AWS_MAX_ATTEMPTS", text));
    let Some((name, text)) = by_variable.or_else(|| Some(("max_attempts", profiles.value("max_attempts")?))) else {
        return Ok(None);
    };
    match text.trim().parse() {
        Ok(attempts) if attempts > 0 => Ok(Some(attempts)),
        _ => Err(MintError::failed(format!("{name} is not a number above 0"), format!("set {name} to 3, or unset it"))),
    }
}
