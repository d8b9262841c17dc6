use std::path::Path;
use std::time::SystemTime;

use broker::{MintError, Minted};
use identity_token::{Claims, Detected, Fetch, IdentityToken, Source, no_identity, not_granted};
use protocol::Deadline;
use registry::exchange::Response as Kind;
use settings::{Conditions, Setup};
use web::{Client, RequestBuilder, Response, Url};

use crate::oci::Account;
use crate::request::{SignedHeaders, Unsigned};
use crate::scope::Plan;
use crate::subject::Subject;
use crate::{access_key, alibaba, error, principal, rejection, response};

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
        Subject::Oci { file, profile } => return of_profile(plan, file.as_deref(), profile, setup, deadline),
        Subject::AccessKey(source) => return of_access_key(plan, source, setup, deadline),
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
    let claims = token.claims.clone();
    send(plan, unsigned.sign(&token, fetch.client), url, (&source.name(), claims.as_ref()), fetch.deadline).await
}

/// The token of a request that a profile of Oracle's config file signs.
fn of_profile(
    plan: &Plan,
    file: Option<&Path>,
    profile: &str,
    setup: &Setup,
    deadline: Deadline,
) -> Result<Minted, MintError> {
    let principal = principal::registry(plan);
    let Some(file) = file.filter(|file| file.exists()) else { return Err(error::no_oci_config(plan, file)) };
    let account = Account::load(file, profile, setup);
    let account = account.map_err(|why| principal.no_token_because(why))?;
    let unsigned = unsigned(plan)?;
    let headers = account.sign(&unsigned.url, SystemTime::now()).ok_or_else(|| principal.no_token("cannot sign"))?;
    let source = format!("profile {profile} of {}", file.display());
    let mut token = of_signature(plan, unsigned, headers, &source, setup, deadline)?;
    // A token that is never reused has its own condition.
    token.requires = token.requires.or(account.requires);
    Ok(token)
}

/// The token of a request that an AccessKey of Alibaba Cloud signs.
fn of_access_key(
    plan: &Plan,
    source: &access_key::Source,
    setup: &Setup,
    deadline: Deadline,
) -> Result<Minted, MintError> {
    let principal = principal::registry(plan);
    let key = source.load().map_err(|why| principal.no_token_because(why))?;
    let key = key.ok_or_else(|| error::no_access_key(plan, source.file()))?;
    let mut request = unsigned(plan)?;
    let call = alibaba::Call::of(&mut request, plan.values.value("instance_id"));
    let nonce = alibaba::nonce().ok_or_else(|| principal.no_token("cannot sign"))?;
    let headers = key.sign(&call, &request.url, &nonce, SystemTime::now());
    let headers = headers.ok_or_else(|| principal.no_token("cannot sign"))?;
    of_signature(plan, request, headers, &key.source, setup, deadline)
}

fn unsigned(plan: &Plan) -> Result<Unsigned, MintError> {
    let request = plan.row.request.as_ref().and_then(|request| Unsigned::of(plan, request));
    request.ok_or_else(|| error::no_address(plan))
}

fn of_signature(
    plan: &Plan,
    request: Unsigned,
    headers: SignedHeaders,
    source: &str,
    setup: &Setup,
    deadline: Deadline,
) -> Result<Minted, MintError> {
    let principal = principal::registry(plan);
    let client = Client::new(&setup.environment).map_err(|why| principal.no_token_because(why))?;
    let url = request.url.clone();
    let minted = web::run(send(plan, request.signed(headers, &client), url, (source, None), deadline));
    let response::Minted { username, secret, expires } = minted.map_err(|why| principal.no_token_because(why))??;
    let mut token = Minted::new(username, secret, expires.unwrap_or_else(SystemTime::now));
    if expires.is_none() {
        token.requires = Conditions::default().never_reuse().seal(&setup.environment);
    }
    Ok(token)
}

/// Sends a request, and reads its response. A rejection names the source of the subject, and what it claims.
async fn send(
    plan: &Plan,
    request: RequestBuilder,
    url: Url,
    (source, claims): (&str, Option<&Claims>),
    deadline: Deadline,
) -> Result<response::Minted, MintError> {
    log::debug!("requesting a token of {} at {}", plan.row.name, url.host_str().unwrap_or_default());
    let sent = SystemTime::now();
    let response = Response::to(request, deadline).await;
    let response = response.map_err(|error| error::unreachable(plan, &url, &error))?;
    if !response.is_success() {
        return Err(rejection::of_service(plan, source, claims, &response));
    }
    let json = response.json().ok_or_else(|| error::malformed(plan, &url, "it is not JSON"))?;
    if plan.row.response == Kind::Alibaba && json["IsSuccess"] == false {
        return Err(rejection::of_service(plan, source, claims, &response));
    }
    response::read(plan, &json, sent).map_err(|why| error::malformed(plan, &url, why))
}
