//! Single sign-on by IAM Identity Center: the token of `aws sso login`, refreshed where possible, is exchanged
//! for a role's credentials. The SDK does this too, but reads one format of times alone, and drops a token that
//! it could refresh and not save.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use aws_config::{Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_ecr::primitives::{DateTime, DateTimeFormat};
use broker::MintError;
use protocol::ErrorMessage;
use ring::digest;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::profiles::Profiles;
use crate::role_chain::Sso;
use crate::service_config::of_service;
use crate::{conditions, error, principal, rejection, transport};

/// A token that expires sooner is refreshed.
const REFRESH_MARGIN: Duration = Duration::from_secs(5 * 60);

/// The file with the token of a session, or of an address.
pub(crate) fn file(home: &Path, named_after: &str) -> PathBuf {
    home.join(".aws/sso/cache").join(conditions::hex(&digest::SHA1_FOR_LEGACY_USE_ONLY, named_after))
}

/// The credentials of the role that the sign-on is for.
///
/// # Errors
/// There is no valid session, or not for this role; or the services cannot be reached.
pub(crate) async fn credentials(
    sso: &Sso,
    profiles: &Profiles,
    home: Option<&Path>,
    config: &SdkConfig,
) -> Result<Credentials, MintError> {
    let expired = || error::session_expired(profiles);
    let config = config.to_builder().region(Region::new(sso.region.clone())).build();
    let path = home.map(|home| file(home, &sso.named_after)).ok_or_else(expired)?;
    let token = access_token(&path, sso, &config).await.map_err(|error| match error {
        SsoError::Expired => expired(),
        SsoError::Unreadable(message) => message.into(),
        SsoError::Service(error) => rejection::of_credentials(&principal::profile(profiles.name()), &error),
    })?;
    let client = aws_sdk_sso::Client::new(&of_service(&config, "SSO"));
    let asked = client.get_role_credentials().account_id(&sso.account).role_name(&sso.role);
    let answer = match asked.access_token(token.as_str()).send().await {
        Ok(answer) => answer,
        Err(error) => return Err(rejection::of_sign_in(&CredentialsError::provider_error(error), profiles)),
    };
    let given = answer.role_credentials;
    let credentials = given.and_then(|given| {
        let expires = SystemTime::try_from(DateTime::from_millis(given.expiration)).ok();
        Some(Credentials::new(given.access_key_id?, given.secret_access_key?, given.session_token, expires, "SSO"))
    });
    credentials.ok_or_else(|| principal::profile(profiles.name()).malformed_response("IAM Identity Center"))
}

enum SsoError {
    /// There is no session, or it has expired and cannot be refreshed.
    Expired,
    Unreadable(ErrorMessage),
    Service(CredentialsError),
}

/// The token of the file, or the one that it was renewed for.
async fn access_token(path: &Path, sso: &Sso, config: &SdkConfig) -> Result<Zeroizing<String>, SsoError> {
    let text = match std::fs::read(path).map(Zeroizing::new) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(SsoError::Expired),
        Err(error) => {
            return Err(SsoError::Unreadable(ErrorMessage {
                what: format!("cannot read {}: {error}", path.display()),
                hint: Some("check its owner and permissions".into()),
            }));
        }
    };
    let mut cached: Value = serde_json::from_slice(&text).map_err(|_| SsoError::Expired)?;
    let now = SystemTime::now();
    let expires = time(&cached, "expiresAt").ok_or(SsoError::Expired)?;
    let is_valid = expires > now;
    let known = |key: &str| cached[key].as_str().is_some_and(|text| !text.is_empty());
    let can_refresh = sso.is_session
        && ["clientId", "clientSecret", "refreshToken"].into_iter().all(known)
        && time(&cached, "registrationExpiresAt").is_some_and(|ends| ends > now);
    if expires < now + REFRESH_MARGIN && can_refresh {
        match refresh(&mut cached, config).await {
            Ok(()) => save(path, &cached),
            Err(error) if is_valid => {
                log::warn!("the session of single sign-on could not be refreshed: {}", kind(&error))
            }
            Err(error) => return Err(error),
        }
    } else if !is_valid {
        return Err(SsoError::Expired);
    }
    match cached["accessToken"].take() {
        Value::String(token) if !token.is_empty() => Ok(Zeroizing::new(token)),
        _ => Err(SsoError::Expired),
    }
}

fn kind(error: &SsoError) -> &'static str {
    match error {
        SsoError::Expired => "it has expired",
        SsoError::Unreadable(_) => "it cannot be read",
        SsoError::Service(_) => "the service failed",
    }
}

/// Replaces the token in `cached` with a new one.
/// <https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/API_CreateToken.html>
async fn refresh(cached: &mut Value, config: &SdkConfig) -> Result<(), SsoError> {
    let text = |key: &str| cached[key].as_str().unwrap_or_default();
    let client = aws_sdk_ssooidc::Client::new(&of_service(config, "SSO OIDC"));
    let asked = client.create_token().grant_type("refresh_token").client_id(text("clientId"));
    let asked = asked.client_secret(text("clientSecret")).refresh_token(text("refreshToken"));
    let answer = asked.send().await.map_err(|error| match error.as_service_error() {
        Some(service_error)
            if transport::is_rejection(error.raw_response()) && service_error.meta().code().is_some() =>
        {
            SsoError::Expired
        }
        _ => SsoError::Service(CredentialsError::provider_error(error)),
    })?;
    let token = answer.access_token.ok_or(SsoError::Expired)?;
    let life = Duration::from_secs(u64::try_from(answer.expires_in).unwrap_or_default());
    let ends = DateTime::from(SystemTime::now() + life).fmt(DateTimeFormat::DateTime).map_err(|_| SsoError::Expired)?;
    cached["accessToken"] = token.into();
    cached["expiresAt"] = ends.into();
    if let Some(token) = answer.refresh_token {
        cached["refreshToken"] = token.into();
    }
    Ok(())
}

/// Saves a refreshed token for other programs. If that fails, such as if a container mounts the folder
/// read-only, the token is used all the same.
fn save(path: &Path, cached: &Value) {
    let written = || -> std::io::Result<()> {
        let new = path.with_extension(format!("credmint-{}", std::process::id()));
        let mut options = std::fs::File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let text = Zeroizing::new(cached.to_string());
        let renamed = options.open(&new)?.write_all(text.as_bytes()).and_then(|()| std::fs::rename(&new, path));
        renamed.inspect_err(|_| _ = std::fs::remove_file(&new))
    };
    if let Err(error) = written() {
        log::warn!("the refreshed session of single sign-on cannot be saved in {}: {error}", path.display());
    }
}

/// A time as one of Amazon's programs has written it: with `Z`, with an offset, or, years ago, with `UTC`.
fn time(cached: &Value, key: &str) -> Option<SystemTime> {
    let text = cached[key].as_str()?.replace("UTC", "Z");
    SystemTime::try_from(DateTime::from_str(&text, DateTimeFormat::DateTimeWithOffset).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_all_forms_that_were_ever_written() {
        let at = |text: &str| {
            let time = time(&serde_json::json!({ "expiresAt": text }), "expiresAt")?;
            Some(time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs())
        };
        for text in [
            "2026-11-23T15:00:00Z",
            "2026-11-23T15:00:00UTC",
            "2026-11-23T15:00:00+00:00",
            "2026-11-23T17:00:00.123456+02:00",
        ] {
            assert_eq!(at(text), Some(1_795_446_000), "{text}");
        }
        assert_eq!(at("soon"), None);
    }
}
