//! Tokens of an OpenID provider, for a role's credentials. The SDK has a source of identity for this, but that
//! reads the token from a file, and sets no duration.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>

use std::path::Path;
use std::time::SystemTime;

use aws_config::{Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sts::types::PolicyDescriptorType;
use broker::MintError;
use protocol::Secret;

use crate::assume_role::SESSION;
use crate::role_chain::Role;
use crate::service_config::of_service;
use crate::{principal, rejection};

/// The credentials of the role that a pod's service account names, for its token.
pub(crate) async fn of_pod(
    role: Role,
    token: &Secret,
    config: &SdkConfig,
    region: Region,
) -> Result<Credentials, MintError> {
    let principal = principal::pod(&role.arn);
    exchange(&role, token, config, region).await.map_err(|error| rejection::of_credentials(&principal, &error))
}

/// The credentials of a role, for the token in a file. `variable` is the setting that names the file.
pub(crate) async fn of_file(
    role: &Role,
    file: &Path,
    variable: &str,
    config: &SdkConfig,
    region: Region,
) -> Result<Credentials, MintError> {
    let principal = principal::web_identity(&role.arn);
    let unusable = |cause: String| principal.no_token_but(cause, format!("check {variable}"));
    let token = std::fs::read_to_string(file)
        .map_err(|error| unusable(format!("cannot read its token in {}: {error}", file.display())))?;
    if token.trim().is_empty() {
        return Err(unusable(format!("its token in {} is empty", file.display())));
    }
    let exchanged = exchange(role, &Secret::new(token), config, region).await;
    exchanged.map_err(|error| rejection::of_credentials(&principal, &error))
}

async fn exchange(
    role: &Role,
    token: &Secret,
    config: &SdkConfig,
    region: Region,
) -> Result<Credentials, CredentialsError> {
    let client = aws_sdk_sts::Client::from_conf(
        aws_sdk_sts::config::Builder::from(&of_service(config, "STS")).region(region).build(),
    );
    let answer = client
        .assume_role_with_web_identity()
        .role_arn(&role.arn)
        .role_session_name(role.session_name.as_deref().unwrap_or(SESSION))
        .set_duration_seconds(role.duration.and_then(|duration| duration.as_secs().try_into().ok()))
        .set_policy(role.policy.clone())
        .set_policy_arns((!role.policy_arns.is_empty()).then(|| policy_arns(role)))
        .web_identity_token(token.expose())
        .send()
        .await
        .map_err(CredentialsError::provider_error)?;
    let given = answer.credentials.ok_or_else(|| CredentialsError::unhandled("there are none in the response"))?;
    let expires = SystemTime::try_from(given.expiration).ok();
    Ok(Credentials::new(given.access_key_id, given.secret_access_key, Some(given.session_token), expires, SESSION))
}

fn policy_arns(role: &Role) -> Vec<PolicyDescriptorType> {
    role.policy_arns.iter().map(|arn| PolicyDescriptorType::builder().arn(arn).build()).collect()
}
