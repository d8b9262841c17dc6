use broker::MintError;
use web::Answer;

use crate::asking::Asking;
use crate::failure;
use crate::identity::Identity;
use crate::token::{self, RefreshToken};

/// Exchanges an access token at the login server, and nowhere else: the address is built from the
/// registry's name, no answer leads to another, and redirections are not followed.
/// <https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md#calling-post-oauth2exchange-to-get-an-acr-refresh-token>
pub(crate) async fn refresh_token(
    identity: &Identity,
    login_server: &str,
    asking: &Asking<'_>,
) -> Result<RefreshToken, MintError> {
    let tenant = identity.tenant.clone().or_else(|| token::tenant(&identity.token));
    let mut form = vec![("grant_type", "access_token"), ("service", login_server)];
    form.extend(tenant.as_deref().map(|tenant| ("tenant", tenant)));
    form.push(("access_token", identity.token.expose()));
    let request = asking.client.proxied().post(format!("https://{login_server}/oauth2/exchange")).form(&form);
    let answer = Answer::to(request, asking.deadline).await;
    let answer = answer.map_err(|trouble| failure::unreachable(&identity.who, login_server, &trouble))?;
    if !answer.is_success() {
        return Err(failure::not_let_in(&identity.who, login_server, &answer));
    }
    let token = answer.json().as_ref().and_then(RefreshToken::of);
    token.ok_or_else(|| failure::nonsense(&identity.who, login_server))
}
