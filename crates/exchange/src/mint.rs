use std::time::SystemTime;

use broker::{MintError, Minted};
use identity_token::{Detected, Fetch, IdentityToken, Source, no_identity, not_granted};
use protocol::Deadline;
use settings::{Conditions, Setup};
use web::{Client, Response};

use crate::request::Unsigned;
use crate::scope::Plan;
use crate::subject::Subject;
use crate::{error, principal, rejection, response};

/// Gets the subject token and exchanges it.
pub(crate) fn token(plan: &Plan, setup: &Setup, deadline: Deadline) -> Result<Minted, MintError> {
    if let Some(key) = plan.missing {
        return Err(error::missing_key(plan, key));
    }
    let principal = principal::registry(plan);
    let (source, audience, is_strict) = match &plan.subject {
        Subject::Identity { detected: Detected::Source(source), audience, is_strict } => {
            (source, audience.as_deref(), *is_strict)
        }
        Subject::Identity { detected: Detected::NotGranted(platform), .. } => {
            return Err(principal.no_token_because(not_granted(*platform)));
        }
        Subject::Identity { detected: Detected::None, .. } => {
            return Err(error::no_identity(plan, no_identity()));
        }
        Subject::ApiToken { source: Some(source), .. } => (source, None, false),
        Subject::ApiToken { source: None, variables } => return Err(error::no_api_token(plan, variables)),
    };
    let client = Client::new(&setup.environment).map_err(|why| principal.no_token_because(why))?;
    // A token that is exchanged may be short-lived; one that is the password gets the longest TTL.
    let ttl = plan.row.request.is_none().then(|| plan.values.ttl()).flatten();
    let fetch = Fetch { audience, is_strict, ttl, client: &client, setup, deadline };
    let minted = web::run(async {
        let token = source.token(&fetch).await.map_err(|error| error::of_source(plan, error))?;
        let requires = token.requires.clone();
        exchange(plan, source, token, &fetch).await.map(|minted| (minted, requires))
    });
    let minted = minted.map_err(|why| principal.no_token_because(why))??;
    let (response::Minted { username, secret, expires }, requires) = minted;
    let is_kept = plan.row.request.is_some() && expires.is_some();
    let token = Minted::new(username, secret, expires.unwrap_or_else(SystemTime::now));
    let mut token = Minted { requires, ..token };
    if !is_kept {
        // An identity token is never cached, nor is a token without an expiry.
        token.requires = Conditions::default().never_reuse().seal(&setup.environment);
    }
    Ok(token)
}

async fn exchange(
    plan: &Plan,
    source: &Source,
    token: IdentityToken,
    fetch: &Fetch<'_>,
) -> Result<response::Minted, MintError> {
    let Some(request) = &plan.row.request else {
        let expires = token.claims.as_ref().and_then(|claims| claims.expires);
        return Ok(response::Minted { username: plan.user().to_owned(), secret: token.secret, expires });
    };
    let unsigned = Unsigned::of(plan, request).ok_or_else(|| error::no_address(plan))?;
    let url = unsigned.url.clone();
    log::debug!("requesting a token of {} at {}", plan.row.name, url.host_str().unwrap_or_default());
    let sent = SystemTime::now();
    let response = Response::to(unsigned.sign(&token, fetch.client), fetch.deadline).await;
    let response = response.map_err(|error| error::unreachable(plan, &url, &error))?;
    if !response.is_success() {
        return Err(rejection::of_service(plan, &source.name(), &token, &response));
    }
    let json = response.json().ok_or_else(|| error::malformed(plan, &url, "it is not JSON"))?;
    response::read(plan, &json, sent).map_err(|why| error::malformed(plan, &url, why))
}
