use azure_core::credentials::Secret;
use azure_identity::{ClientSecretCredential, ClientSecretCredentialOptions};
use broker::MintError;

use crate::application::{self, Application};
use crate::asking::Asking;
use crate::entra::Entra;
use crate::failure::Who;
use crate::identity::Identity;

const VARIABLE: &str = "AZURE_CLIENT_SECRET";

/// The application whose secret is in the environment.
pub(crate) async fn identity(asking: &Asking<'_>) -> Result<Option<Identity>, MintError> {
    let secret = asking.text(VARIABLE).filter(|_| !application::is_anothers(asking, "AZURE_CLIENT_ID"));
    let Some(secret) = secret.map(Secret::new) else { return Ok(None) };
    let application = Application::of_environment(asking, VARIABLE)?;
    let entra = Entra::new(asking);
    let options = ClientSecretCredentialOptions { client_options: entra.options() };
    let credential =
        ClientSecretCredential::new(&application.tenant, application.client_id.clone(), secret, Some(options));
    entra.identity(Who::secret(&application), application, credential).await.map(Some)
}
