use azure_core::credentials::Secret;
use azure_identity::{ClientSecretCredential, ClientSecretCredentialOptions};
use broker::MintError;

use crate::application::{self, Application};
use crate::context::Context;
use crate::entra::Entra;
use crate::identity::Identity;
use crate::principal;

const VARIABLE: &str = "AZURE_CLIENT_SECRET";

/// The application whose secret is in the environment.
pub(crate) async fn identity(context: &Context<'_>) -> Result<Option<Identity>, MintError> {
    let secret = context.text(VARIABLE).filter(|_| !application::is_of_another(context, "AZURE_CLIENT_ID"));
    let Some(secret) = secret.map(Secret::new) else { return Ok(None) };
    let application = Application::of_environment(context, VARIABLE)?;
    let entra = Entra::new(context);
    let options = ClientSecretCredentialOptions { client_options: entra.options() };
    let credential =
        ClientSecretCredential::new(&application.tenant, application.client_id.clone(), secret, Some(options));
    entra.identity(principal::client_secret(&application.client_id), application, credential).await.map(Some)
}
