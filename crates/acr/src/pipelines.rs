use azure_identity::{AzurePipelinesCredential, AzurePipelinesCredentialOptions};
use broker::MintError;

use crate::application::{self, Application};
use crate::context::Context;
use crate::entra::Entra;
use crate::identity::Identity;
use crate::principal;

const CONNECTION: &str = "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID";
const CLIENT_ID: &str = "AZURESUBSCRIPTION_CLIENT_ID";

/// The service connection that a job of Azure Pipelines names. A job that does not map its own token
/// to `SYSTEM_ACCESSTOKEN` has none; the task `AzureCLI` signs in to az then.
/// <https://learn.microsoft.com/dotnet/api/azure.identity.azurepipelinescredential>
pub(crate) async fn identity(context: &Context<'_>) -> Result<Option<Identity>, MintError> {
    let (Some(connection), Some(token), Some(_)) =
        (context.text(CONNECTION), context.text("SYSTEM_ACCESSTOKEN"), context.text("SYSTEM_OIDCREQUESTURI"))
    else {
        return Ok(None);
    };
    if application::is_of_another(context, CLIENT_ID) {
        return Ok(None);
    }
    let application = Application::of(context, CONNECTION, "AZURESUBSCRIPTION_TENANT_ID", CLIENT_ID)?;
    let entra = Entra::new(context);
    let options = AzurePipelinesCredentialOptions { credential_options: entra.assertion_options() };
    let credential = AzurePipelinesCredential::new(
        application.tenant.clone(),
        application.client_id.clone(),
        &connection,
        token,
        Some(options),
    );
    entra.identity(principal::service_connection(&application.client_id), application, credential).await.map(Some)
}
