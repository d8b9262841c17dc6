use aws_config::sts::AssumeRoleProvider;
use aws_config::{Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use broker::{MintError, Principal};

use crate::rejection;
use crate::role_chain::Role;
use crate::scope::Target;
use crate::service_config::of_service;

/// The session name of an assumed role if no setting has one; CloudTrail shows it.
pub(crate) const SESSION: &str = "credmint";

/// The region in which roles are assumed: in the registry's partition, unless the settings have one.
pub(crate) fn sts_region(target: &Target) -> Region {
    let named = target.rule.as_ref().and_then(|rule| rule.region.as_ref());
    Region::new(named.unwrap_or(&target.region).clone())
}

/// The credentials of a role, which `credentials` assume. `principal` is the role, for the error.
pub(crate) async fn assume(
    role: &Role,
    principal: &Principal,
    config: &SdkConfig,
    region: Region,
    credentials: Credentials,
) -> Result<Credentials, MintError> {
    let session_name = role.session_name.as_deref().unwrap_or(SESSION);
    let mut provider = AssumeRoleProvider::builder(&role.arn)
        .configure(&of_service(config, "STS"))
        .region(region)
        .session_name(session_name);
    if let Some(id) = &role.external_id {
        provider = provider.external_id(id);
    }
    if let Some(duration) = role.duration {
        provider = provider.session_length(duration);
    }
    if let Some(policy) = &role.policy {
        provider = provider.policy(policy);
    }
    if !role.policy_arns.is_empty() {
        provider = provider.policy_arns(role.policy_arns.clone());
    }
    let credentials = provider.build_from_provider(credentials).await.provide_credentials().await;
    credentials.map_err(|error| rejection::of_credentials(principal, &error))
}
