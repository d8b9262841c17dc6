use std::time::SystemTime;

use broker::{MintError, Minted};
use protocol::Deadline;
use settings::{Access, Narrowing, Rule, Setup};

use crate::context::Context;
use crate::scope::Target;
use crate::{chain, cloud, error, exchange};

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

/// What a token is narrowed to, as in the challenges of a registry.
/// <https://distribution.github.io/distribution/spec/auth/scope/>
fn scopes(rule: Option<&Rule>) -> Result<Vec<String>, MintError> {
    let Some(Narrowing { access, repositories, .. }) = rule.map(|rule| &rule.narrowing) else { return Ok(Vec::new()) };
    if access.is_some() && repositories.is_empty() {
        return Err(error::no_repositories());
    }
    let actions = if *access == Some(Access::Push) { "pull,push" } else { "pull" };
    Ok(repositories.iter().map(|name| format!("repository:{name}:{actions}")).collect())
}

async fn mint(target: &Target, context: &Context<'_>) -> Result<Minted, MintError> {
    let identity = chain::find(context).await?;
    cloud::check_token(&identity, context)?;
    let scopes = scopes(target.rule.as_ref())?;
    let server = &target.registry.login_server;
    let mut token = exchange::refresh_token(&identity, server, context).await?;
    if !scopes.is_empty() {
        token = exchange::access_token(&identity, server, &token, &scopes, context).await?;
    }
    if token.expires <= SystemTime::now() {
        return Err(identity.principal.expired_token());
    }
    Ok(Minted::new(USER, token.secret, token.expires))
}
