//! ECR's private registries: the user `AWS`, with a password that was minted and has not expired.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::aws::{Cloud, Place};

/// Whether a request is authorized; the error is the reason.
pub(super) fn admit(cloud: &Cloud, host: &str, authorization: Option<&str>) -> Result<(), &'static str> {
    let password = authorization.and_then(password_of).ok_or("Not Authorized")?;
    cloud.admits(&password, "ecr", place_of(host))
}

/// The password of the user `AWS`.
pub(super) fn password_of(authorization: &str) -> Option<String> {
    let login = STANDARD.decode(authorization.strip_prefix("Basic ")?).ok()?;
    Some(String::from_utf8(login).ok()?.strip_prefix("AWS:")?.to_owned())
}

/// The account and region of an ECR host; `None` for any other host, such as 127.0.0.1.
fn place_of(host: &str) -> Option<Place<'_>> {
    let (account, rest) = host.split_once(".dkr")?;
    let region = rest[1..].strip_prefix("ecr")?.split('.').nth(1)?;
    Some(Place { account, region })
}
