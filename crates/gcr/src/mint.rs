use std::time::SystemTime;

use broker::{MintError, Minted};
use protocol::Deadline;
use settings::Setup;

use crate::exchange::Exchange;
use crate::identity::{self, Identity};
use crate::impersonation::Impersonation;
use crate::scope::Target;
use crate::{failure, federation};

/// The user that goes with every access token.
/// <https://cloud.google.com/artifact-registry/docs/docker/authentication#token>
const USER: &str = "oauth2accesstoken";

/// Mints a token: an access token of Google's is what its registries take.
pub(crate) fn token(target: &Target, setup: &Setup, deadline: Deadline) -> Result<Minted, MintError> {
    let client = web::Client::new(&setup.environment).map_err(MintError::Failed)?;
    let exchange = Exchange { client, deadline, environment: &setup.environment };
    web::run(mint(target, setup, &exchange)).map_err(MintError::Failed)?
}

async fn mint(target: &Target, setup: &Setup, exchange: &Exchange<'_>) -> Result<Minted, MintError> {
    let rule = target.rule.as_ref();
    let workload = setup.workload.as_ref().and_then(|workload| Some((workload, workload.google_provider(rule)?)));
    let mut identity = match &workload {
        Some((workload, provider)) => federation::of_pod(&workload.token, provider, target.universe, exchange).await?,
        None => identity::find(setup, rule, exchange).await?,
    };
    if let Some(wanted) = target.universe.filter(|wanted| *wanted != identity.universe) {
        return Err(failure::foreign(&identity.who, &identity.universe, wanted));
    }
    // What a service account's annotation names stands in place of what a rule does.
    let impersonated = workload.as_ref().and_then(|(workload, _)| workload.google_account());
    if let Some(account) = impersonated.or_else(|| rule?.impersonate.as_deref()) {
        let (who, token) = Impersonation::of(account, &identity.universe).token(&identity, exchange).await?;
        identity = Identity { who, token, ..identity };
    }
    if identity.token.expires <= SystemTime::now() {
        return Err(failure::ended(&identity.who));
    }
    // One with a few minutes left is handed out as well: the metadata server gives no newer one
    // before its own has less than five, and the next `get` asks it again.
    Ok(Minted { username: USER.to_owned(), secret: identity.token.secret, expires: identity.token.expires })
}
