use std::time::SystemTime;

use aws_config::{Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use broker::MintError;
use protocol::Secret;

use crate::failure::{self, Source};
use crate::mint::SESSION;

/// The role that a pod's service account may assume, by its token. The SDK has a source of identity for
/// this, but that reads the token from a file.
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>
pub(crate) async fn credentials(
    role: &str,
    token: &Secret,
    config: &SdkConfig,
    region: Region,
) -> Result<Credentials, MintError> {
    let refused = |error| failure::no_identity(&format!("{} {role}", Source::Pod), Source::Pod, &error);
    let client = aws_sdk_sts::Client::from_conf(aws_sdk_sts::config::Builder::from(config).region(region).build());
    let answer = client
        .assume_role_with_web_identity()
        .role_arn(role)
        .role_session_name(SESSION)
        .web_identity_token(token.expose())
        .send()
        .await
        .map_err(|error| refused(CredentialsError::provider_error(error)))?;
    let given =
        answer.credentials.ok_or_else(|| refused(CredentialsError::unhandled("there are none in the answer")))?;
    let expires = SystemTime::try_from(given.expiration).ok();
    Ok(Credentials::new(given.access_key_id, given.secret_access_key, Some(given.session_token), expires, SESSION))
}
