use azure_identity::{WorkloadIdentityCredential, WorkloadIdentityCredentialOptions};
use broker::MintError;

use crate::application::Application;
use crate::asking::Asking;
use crate::entra::Entra;
use crate::failure::{self, Who};
use crate::identity::Identity;

const VARIABLE: &str = "AZURE_FEDERATED_TOKEN_FILE";

/// The application that trusts whoever has given out the token in a file: Kubernetes, or a CI service.
/// <https://learn.microsoft.com/azure/aks/workload-identity-overview>
pub(crate) async fn identity(asking: &Asking<'_>) -> Result<Option<Identity>, MintError> {
    let Some(path) = asking.environment.path(VARIABLE) else { return Ok(None) };
    let application = Application::of_environment(asking, VARIABLE)?;
    let who = Who::workload(&application);
    std::fs::File::open(&path).map_err(|error| failure::unreadable(&who, &path, &error, VARIABLE))?;
    let entra = Entra::new(asking);
    let options = WorkloadIdentityCredentialOptions {
        credential_options: entra.assertion_options(),
        client_id: Some(application.client_id.clone()),
        tenant_id: Some(application.tenant.clone()),
        token_file_path: Some(path),
    };
    entra.identity(who, application, WorkloadIdentityCredential::new(Some(options))).await.map(Some)
}
