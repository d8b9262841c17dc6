use std::path::Path;

use azure_identity::ClientAssertionCredential;
use broker::MintError;
use zeroize::Zeroizing;

use crate::application::{self, Application};
use crate::assertion::Assertion;
use crate::certificate::Certificate;
use crate::context::Context;
use crate::entra::Entra;
use crate::identity::Identity;
use crate::{error, principal};

const VARIABLE: &str = "AZURE_CLIENT_CERTIFICATE_PATH";
const PASSWORD: &str = "AZURE_CLIENT_CERTIFICATE_PASSWORD";

/// The application with a certificate in a file.
pub(crate) async fn identity(context: &Context<'_>) -> Result<Option<Identity>, MintError> {
    let path = context.environment.path(VARIABLE).filter(|_| !application::is_of_another(context, "AZURE_CLIENT_ID"));
    let Some(path) = path else { return Ok(None) };
    let application = Application::of_environment(context, VARIABLE)?;
    let principal = principal::client_certificate(&application.client_id);
    let file = read(&path).map_err(|error| error::unreadable(&principal, &path, error, VARIABLE))?;
    let password = Zeroizing::new(context.text(PASSWORD).unwrap_or_default());
    let certificate = Certificate::of(&file, &password).map_err(|error| {
        let remedy = error.remedy().map_or_else(|| format!("check {VARIABLE} and {PASSWORD}"), str::to_owned);
        principal.no_token_but(format!("{} {}", path.display(), error.cause()), remedy)
    })?;
    let with_chain = context.text("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN");
    let with_chain = with_chain.is_some_and(|value| value == "1" || value.eq_ignore_ascii_case("true"));
    let assertion = Assertion::sign(&certificate, &application, &context.authority, with_chain);
    let assertion = assertion.ok_or_else(|| principal.no_token("its private key cannot sign"))?;
    let entra = Entra::new(context);
    let credential = ClientAssertionCredential::new(
        application.tenant.clone(),
        application.client_id.clone(),
        assertion,
        Some(entra.assertion_options()),
    );
    entra.identity(principal, application, credential).await.map(Some)
}

fn read(path: &Path) -> std::io::Result<Zeroizing<Vec<u8>>> {
    std::fs::read(path).map(Zeroizing::new)
}
