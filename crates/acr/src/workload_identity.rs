use azure_identity::ClientAssertionCredential;
use broker::MintError;
use zeroize::Zeroizing;

use crate::application::Application;
use crate::assertion::Assertion;
use crate::context::Context;
use crate::entra::Entra;
use crate::identity::Identity;
use crate::{error, principal};

const VARIABLE: &str = "AZURE_FEDERATED_TOKEN_FILE";

/// The application that trusts the issuer of the token in a file: Kubernetes, or a CI service.
/// <https://learn.microsoft.com/azure/aks/workload-identity-overview>
pub(crate) async fn identity(context: &Context<'_>) -> Result<Option<Identity>, MintError> {
    let Some(path) = context.environment.path(VARIABLE) else { return Ok(None) };
    let application = Application::of_environment(context, VARIABLE)?;
    let principal = principal::workload_identity(&application.client_id);
    let token = std::fs::read_to_string(&path)
        .map(Zeroizing::new)
        .map_err(|error| error::unreadable(&principal, &path, error, VARIABLE))?;
    let entra = Entra::new(context);
    let credential = ClientAssertionCredential::new(
        application.tenant.clone(),
        application.client_id.clone(),
        Assertion::federated(&token),
        Some(entra.assertion_options()),
    );
    entra.identity(principal, application, credential).await.map(Some)
}
