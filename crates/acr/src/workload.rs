use azure_identity::ClientAssertionCredential;
use broker::MintError;
use zeroize::Zeroizing;

use crate::application::Application;
use crate::asking::Asking;
use crate::assertion::Assertion;
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
    let token = std::fs::read_to_string(&path)
        .map(Zeroizing::new)
        .map_err(|error| failure::unreadable(&who, &path, &error, VARIABLE))?;
    let entra = Entra::new(asking);
    let credential = ClientAssertionCredential::new(
        application.tenant.clone(),
        application.client_id.clone(),
        Assertion::given(&token),
        Some(entra.assertion_options()),
    );
    entra.identity(who, application, credential).await.map(Some)
}
