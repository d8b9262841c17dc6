use azure_identity::{AzurePipelinesCredential, AzurePipelinesCredentialOptions};
use broker::MintError;

use crate::application::{self, Application};
use crate::asking::Asking;
use crate::entra::Entra;
use crate::failure::Who;
use crate::identity::Identity;

const CONNECTION: &str = "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID";
const CLIENT_ID: &str = "AZURESUBSCRIPTION_CLIENT_ID";

/// The service connection that a job of Azure Pipelines names. A job that does not hand its own token
/// on (`SYSTEM_ACCESSTOKEN`) has none; the task `AzureCLI` has signed in to az then.
/// <https://learn.microsoft.com/dotnet/api/azure.identity.azurepipelinescredential>
pub(crate) async fn identity(asking: &Asking<'_>) -> Result<Option<Identity>, MintError> {
    let (Some(connection), Some(token), Some(_)) =
        (asking.text(CONNECTION), asking.text("SYSTEM_ACCESSTOKEN"), asking.text("SYSTEM_OIDCREQUESTURI"))
    else {
        return Ok(None);
    };
    if application::is_anothers(asking, CLIENT_ID) {
        return Ok(None);
    }
    let application = Application::of(asking, CONNECTION, "AZURESUBSCRIPTION_TENANT_ID", CLIENT_ID)?;
    let entra = Entra::new(asking);
    let options = AzurePipelinesCredentialOptions { credential_options: entra.assertion_options() };
    let credential = AzurePipelinesCredential::new(
        application.tenant.clone(),
        application.client_id.clone(),
        &connection,
        token,
        Some(options),
    );
    entra.identity(Who::pipelines(&application), application, credential).await.map(Some)
}
