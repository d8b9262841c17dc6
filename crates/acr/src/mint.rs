use std::time::SystemTime;

use broker::{MintError, Minted};
use protocol::Deadline;
use settings::Setup;

use crate::context::Context;
use crate::scope::Target;
use crate::{chain, cloud, exchange};

/// The user that goes with every refresh token.
/// <https://learn.microsoft.com/azure/container-registry/container-registry-authentication#az-acr-login-with---expose-token>
pub(crate) const USER: &str = "00000000-0000-0000-0000-000000000000";

/// The variables that name files.
const FILES: [&str; 5] = [
    "AZURE_CLIENT_CERTIFICATE_PATH",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_CONFIG_DIR",
    "AZD_CONFIG_DIR",
    "SSL_CERT_FILE",
];

/// Mints a token: a refresh token of the registry's own, for an access token of Entra ID's.
pub(crate) fn token(target: &Target, setup: &Setup, deadline: Deadline) -> Result<Minted, MintError> {
    setup.environment.check_paths(&FILES).map_err(MintError::from)?;
    let context = Context::new(&target.registry, target.rule.as_ref(), setup, deadline)?;
    web::run(mint(target, &context)).map_err(MintError::from)?
}

async fn mint(target: &Target, context: &Context<'_>) -> Result<Minted, MintError> {
    let identity = chain::find(context).await?;
    cloud::check_token(&identity, context)?;
    let token = exchange::refresh_token(&identity, &target.registry.login_server, context).await?;
    if token.expires <= SystemTime::now() {
        return Err(identity.principal.expired_token());
    }
    Ok(Minted::new(USER, token.secret, token.expires))
}
