use broker::MintError;
use web::Response;

use crate::context::Context;
use crate::identity::Identity;
use crate::token::{self, RegistryToken};
use crate::{error, rejection};

/// Exchanges an access token at the login server, and nowhere else: the address is built from the
/// registry's name, no response leads to another, and redirections are not followed.
/// <https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md#calling-post-oauth2exchange-to-get-an-acr-refresh-token>
pub(crate) async fn refresh_token(
    identity: &Identity,
    login_server: &str,
    context: &Context<'_>,
) -> Result<RegistryToken, MintError> {
    let tenant = identity.tenant.clone().or_else(|| token::tenant(&identity.token));
    let mut form = vec![("grant_type", "access_token"), ("service", login_server)];
    form.extend(tenant.as_deref().map(|tenant| ("tenant", tenant)));
    form.push(("access_token", identity.token.expose()));
    let request = context.client.proxied().post(format!("https://{login_server}/oauth2/exchange")).form(&form);
    let answer = Response::to(request, context.deadline).await;
    let answer = answer.map_err(|error| error::unreachable(&identity.principal, login_server, &error))?;
    if !answer.is_success() {
        return Err(rejection::of_login_server(&identity.principal, login_server, &answer));
    }
    let token = answer.json().as_ref().and_then(RegistryToken::refresh);
    token.ok_or_else(|| identity.principal.malformed_response(login_server))
}

/// An access token for some repositories, in exchange for a refresh token. Registries take it as a password, too.
/// <https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md#calling-post-oauth2token-to-get-an-acr-access-token>
pub(crate) async fn access_token(
    identity: &Identity,
    login_server: &str,
    refresh_token: &RegistryToken,
    scopes: &[String],
    context: &Context<'_>,
) -> Result<RegistryToken, MintError> {
    let mut form = vec![("grant_type", "refresh_token"), ("service", login_server)];
    form.extend(scopes.iter().map(|scope| ("scope", scope.as_str())));
    form.push(("refresh_token", refresh_token.secret.expose()));
    let request = context.client.proxied().post(format!("https://{login_server}/oauth2/token")).form(&form);
    let answer = Response::to(request, context.deadline).await;
    let answer = answer.map_err(|error| error::unreachable(&identity.principal, login_server, &error))?;
    if !answer.is_success() {
        return Err(rejection::of_login_server(&identity.principal, login_server, &answer));
    }
    let token = answer.json().as_ref().and_then(RegistryToken::access);
    token.ok_or_else(|| identity.principal.malformed_response(login_server))
}
