use broker::MintError;
use settings::Environment;

use crate::failure;

/// Where an identity can come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    ClientSecret,
    ClientCertificate,
    WorkloadIdentity,
    Pipelines,
    ManagedIdentity,
    AzureCli,
    DeveloperCli,
}

use Source::*;

/// The order of the Azure SDKs' `DefaultAzureCredential`, which knows nothing of Pipelines: there a job
/// is the service connection that it names, whatever its agent's machine is.
/// <https://learn.microsoft.com/dotnet/azure/sdk/authentication/credential-chains#defaultazurecredential-overview>
const ORDER: [Source; 7] =
    [ClientSecret, ClientCertificate, WorkloadIdentity, Pipelines, ManagedIdentity, AzureCli, DeveloperCli];

/// The sources that may be asked, by `AZURE_TOKEN_CREDENTIALS` as the SDKs read it: all of them, those
/// of developers, those of machines, or a single one.
pub(crate) fn allowed(environment: &Environment) -> Result<Vec<Source>, MintError> {
    let Some(choice) = environment.text("AZURE_TOKEN_CREDENTIALS") else { return Ok(ORDER.to_vec()) };
    let allowed: &[Source] = match choice.trim().to_ascii_lowercase().as_str() {
        "dev" => &ORDER[5..],
        "prod" => &ORDER[..5],
        "environmentcredential" => &[ClientSecret, ClientCertificate],
        "workloadidentitycredential" => &[WorkloadIdentity],
        "azurepipelinescredential" => &[Pipelines],
        "managedidentitycredential" => &[ManagedIdentity],
        "azureclicredential" => &[AzureCli],
        "azuredeveloperclicredential" => &[DeveloperCli],
        _ => return Err(failure::no_such_source()),
    };
    Ok(allowed.to_vec())
}

/// Whether this is the one source that may be asked.
pub(crate) fn is_only(environment: &Environment, source: Source) -> bool {
    allowed(environment).is_ok_and(|allowed| allowed == [source])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_narrows_the_sources() {
        let of = |choice: &str| allowed(&Environment::of([("AZURE_TOKEN_CREDENTIALS", choice)]));
        assert_eq!(of("").unwrap(), ORDER);
        assert_eq!(of("dev").unwrap(), [AzureCli, DeveloperCli]);
        let machines = [ClientSecret, ClientCertificate, WorkloadIdentity, Pipelines, ManagedIdentity];
        assert_eq!(of("PROD").unwrap(), machines);
        assert_eq!(of("AzureCliCredential").unwrap(), [AzureCli]);
        assert_eq!(of("environmentCredential").unwrap(), [ClientSecret, ClientCertificate]);
        for other in ["VisualStudioCredential", "InteractiveBrowserCredential", "x"] {
            assert!(of(other).is_err(), "{other}");
        }
    }
}
