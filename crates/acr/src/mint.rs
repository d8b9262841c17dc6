use std::time::SystemTime;

use broker::{MintError, Minted};
use protocol::Deadline;
use settings::Setup;

use crate::asking::Asking;
use crate::scope::Target;
use crate::{exchange, failure, identity};

/// The user that goes with every refresh token.
/// <https://learn.microsoft.com/azure/container-registry/container-registry-authentication#az-acr-login-with---expose-token>
const USER: &str = "00000000-0000-0000-0000-000000000000";

/// Mints a token: a refresh token of the registry's own, for an access token of Entra ID's.
pub(crate) fn token(target: &Target, setup: &Setup, deadline: Deadline) -> Result<Minted, MintError> {
    let asking = Asking::new(target, setup, deadline)?;
    web::run(mint(target, &asking)).map_err(MintError::Failed)?
}

async fn mint(target: &Target, asking: &Asking<'_>) -> Result<Minted, MintError> {
    let identity = identity::find(asking).await?;
    let token = exchange::refresh_token(&identity, &target.registry.login_server, asking).await?;
    if token.expires <= SystemTime::now() {
        return Err(failure::ended(&identity.who));
    }
    Ok(Minted { username: USER.to_owned(), secret: token.secret, expires: token.expires })
}
