//! The credential chain: the sources of an identity of the ACR helper, in order.

use broker::MintError;
use program::Started;
use settings::Environment;

use crate::context::Context;
use crate::identity::{Found, Identity};
use crate::{
    client_certificate, client_secret, developer_tools, error, managed_identity, pipelines, pod, workload_identity,
};

/// A source of an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    ClientSecret,
    ClientCertificate,
    WorkloadIdentity,
    AzurePipelines,
    ManagedIdentity,
    AzureCli,
    AzureDeveloperCli,
}

use Source::*;

/// The chain, which a pod's service account with an annotation for an application comes before (see [`find`]).
///
/// It is that of the Azure SDKs' `DefaultAzureCredential`, which knows nothing of Azure Pipelines: there a job
/// is the service connection that it names, whatever its agent's machine is.
/// <https://learn.microsoft.com/dotnet/azure/sdk/authentication/credential-chains#defaultazurecredential-overview>
const CHAIN: [Source; 7] =
    [ClientSecret, ClientCertificate, WorkloadIdentity, AzurePipelines, ManagedIdentity, AzureCli, AzureDeveloperCli];

/// The part of the chain that `AZURE_TOKEN_CREDENTIALS` allows, as the SDKs read it: all of it, that for
/// developers, that for production, or a single credential.
fn allowed(environment: &Environment) -> Result<Vec<Source>, MintError> {
    let Some(choice) = environment.text("AZURE_TOKEN_CREDENTIALS") else { return Ok(CHAIN.to_vec()) };
    let allowed: &[Source] = match choice.trim().to_ascii_lowercase().as_str() {
        "dev" => &CHAIN[5..],
        "prod" => &CHAIN[..5],
        "environmentcredential" => &[ClientSecret, ClientCertificate],
        "workloadidentitycredential" => &[WorkloadIdentity],
        "azurepipelinescredential" => &[AzurePipelines],
        "managedidentitycredential" => &[ManagedIdentity],
        "azureclicredential" => &[AzureCli],
        "azuredeveloperclicredential" => &[AzureDeveloperCli],
        _ => return Err(error::unsupported_credential()),
    };
    Ok(allowed.to_vec())
}

/// The first identity of the chain. One that exists and fails ends it: the next one would be another principal.
/// The accounts of developers' tools are passed over if they fail, as in the SDKs.
pub(crate) async fn find(context: &Context<'_>) -> Result<Identity, MintError> {
    if let Some((workload, client_id)) =
        context.workload.and_then(|workload| Some((workload, workload.azure_client()?)))
    {
        log::debug!("the identity is that of a pod's service account");
        return pod::identity(workload, client_id, context).await;
    }
    let sources = allowed(context.environment)?;
    let is_only = sources.len() == 1;
    let mut passed_over = None;
    let mut az: Option<Started> = None;
    for source in &sources {
        let found = match source {
            ClientSecret => client_secret::identity(context).await?.into(),
            ClientCertificate => client_certificate::identity(context).await?.into(),
            WorkloadIdentity => workload_identity::identity(context).await?.into(),
            AzurePipelines => pipelines::identity(context).await?.into(),
            ManagedIdentity => {
                // While a metadata service does not respond, az starts.
                let begin = || sources.contains(&AzureCli).then(|| developer_tools::start_az(context, false)).flatten();
                let found;
                (found, az) = managed_identity::identity(context, is_only, begin).await?;
                found
            }
            AzureCli => developer_tools::az(context, is_only, az.take()).await?,
            AzureDeveloperCli => developer_tools::azd(context, is_only).await?,
        };
        match found {
            Found::Identity(identity) => {
                log::debug!("the identity is that of {source:?}");
                return Ok(identity);
            }
            Found::None => log::debug!("no identity from {source:?}"),
            Found::Unusable(error) => {
                log::debug!("{source:?} is passed over");
                passed_over = passed_over.or(Some(error));
            }
        }
    }
    Err(passed_over.unwrap_or_else(error::no_identity))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_narrows_the_sources() {
        let of = |choice: &str| allowed(&Environment::of([("AZURE_TOKEN_CREDENTIALS", choice)]));
        assert_eq!(of("").unwrap(), CHAIN);
        assert_eq!(of("dev").unwrap(), [AzureCli, AzureDeveloperCli]);
        let machines = [ClientSecret, ClientCertificate, WorkloadIdentity, AzurePipelines, ManagedIdentity];
        assert_eq!(of("PROD").unwrap(), machines);
        assert_eq!(of("AzureCliCredential").unwrap(), [AzureCli]);
        assert_eq!(of("environmentCredential").unwrap(), [ClientSecret, ClientCertificate]);
        for other in ["VisualStudioCredential", "InteractiveBrowserCredential", "x"] {
            assert!(of(other).is_err(), "{other}");
        }
    }
}
