//! Which of Azure's clouds an identity belongs to: its token must not be sent to a registry of another one.

use broker::{MintError, Principal};
use protocol::Secret;
use registry::AzureCloud;
use registry::AzureCloud::{Bleu, China, Delos, Public, UsGov};

use crate::context::Context;
use crate::error;
use crate::identity::Identity;
use crate::{az_config, token};

/// Rejects a token of another cloud than the registry's, if the token names its issuer.
pub(crate) fn check_token(identity: &Identity, context: &Context<'_>) -> Result<(), MintError> {
    let Some(cloud) = context.cloud else { return Ok(()) };
    let Some(issuer) = token::issuer(&identity.token) else { return Ok(()) };
    match issued_by(&issuer) {
        Some(clouds) if !clouds.contains(&cloud) => {
            Err(error::another_cloud(&identity.principal, &issuer, cloud.name()))
        }
        _ => Ok(()),
    }
}

/// Whether a token is of one of several clouds: that of the US government has the public one's issuer.
pub(crate) fn is_ambiguous(token: &Secret) -> bool {
    token::issuer(token).as_deref().and_then(issued_by).is_some_and(|clouds| clouds.len() > 1)
}

/// Rejects a machine's token by the cloud that its metadata service names.
pub(crate) fn check_machine(principal: &Principal, its_cloud: &str, context: &Context<'_>) -> Result<(), MintError> {
    let its_cloud = match its_cloud {
        "AzurePublicCloud" => Public,
        "AzureUSGovernmentCloud" => UsGov,
        "AzureChinaCloud" => China,
        _ => return Ok(()),
    };
    match context.cloud {
        Some(cloud) if cloud != its_cloud => Err(error::another_cloud(principal, its_cloud.name(), cloud.name())),
        _ => Ok(()),
    }
}

/// Rejects the account of az if another cloud is active in az: before az is started, since the tokens of
/// some clouds have the same issuer.
pub(crate) fn check_az(principal: &Principal, context: &Context<'_>) -> Result<(), MintError> {
    let Some(cloud) = context.cloud else { return Ok(()) };
    let active = az_config::azure_cloud(context.environment, context.places);
    let is_another = match az_config::authority_of_cloud(&active, context.environment, context.places) {
        Some(authority) => host_of(&authority).and_then(issued_by).is_some_and(|clouds| !clouds.contains(&cloud)),
        None => {
            let known = AzureCloud::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(&active));
            known.is_some_and(|known| known != cloud)
        }
    };
    if is_another { Err(error::another_cloud(principal, &active, cloud.name())) } else { Ok(()) }
}

fn host_of(address: &str) -> Option<&str> {
    address.strip_prefix("https://")?.split('/').next()
}

/// The clouds whose tokens name this issuer.
/// <https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud>
fn issued_by(host: &str) -> Option<&'static [AzureCloud]> {
    match host {
        "sts.windows.net" => Some(&[Public, UsGov]),
        "login.microsoftonline.com" => Some(&[Public]),
        "login.microsoftonline.us" => Some(&[UsGov]),
        "sts.chinacloudapi.cn" | "login.chinacloudapi.cn" | "login.partner.microsoftonline.cn" => Some(&[China]),
        _ if host.ends_with(".sovcloud-identity.fr") => Some(&[Bleu]),
        _ if host.ends_with(".sovcloud-identity.de") => Some(&[Delos]),
        _ => None,
    }
}
