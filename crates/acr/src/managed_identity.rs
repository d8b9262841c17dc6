use std::time::Duration;

use broker::{MintError, Principal};
use protocol::Secret;
use registry::Cloud;
use settings::{Environment, MetadataPresence};
use url::Url;
use web::{RequestBuilder, Response};

use crate::context::Context;
use crate::error;
use crate::identity::{Found, Identity};
use crate::managed_source::ManagedSource;
use crate::{arc, cloud, principal, rejection};

/// How long a metadata service that is being updated is retried.
const RETRY_LIMIT: Duration = Duration::from_secs(8);
/// How long the metadata service may take to name the machine's cloud.
const CLOUD_TIMEOUT: Duration = Duration::from_secs(1);

/// The managed identity of this machine or service, and what was begun while no metadata service responded.
/// `is_only` is that the settings allow no other credential.
///
/// `azure_identity` supports two of these services, waits 100 seconds on a machine that is not Azure's, and knows
/// one address alone.
/// <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>
pub(crate) async fn identity<T>(
    context: &Context<'_>,
    is_only: bool,
    begin: impl FnOnce() -> Option<T>,
) -> Result<(Found, Option<T>), MintError> {
    let source = ManagedSource::of(context.environment)?;
    let client_id = context.client_id();
    let client_id = client_id.as_deref();
    let principal = principal::managed_identity(client_id, source.name());
    if client_id.is_some() && !source.has_several() {
        return Err(principal.no_token_but(
            "Cloud Shell has a single identity",
            "unset AZURE_CLIENT_ID, or `client_id` in credmint's settings",
        ));
    }
    let request = || {
        let request = source.request(context, client_id);
        request.ok_or_else(|| principal.no_token_but("its endpoint is not a URL", "check IDENTITY_ENDPOINT"))
    };
    let response = match source {
        ManagedSource::Arc { .. } => arc::response(request, &principal, context).await?,
        ManagedSource::VirtualMachine { ref endpoint } => {
            let presence = presence(context.environment, is_only);
            let probe = context.client.direct().get(endpoint);
            if let Err(begun) = web::metadata_or(&probe, presence, context.deadline, begin).await {
                // The account of az would be another principal.
                return match presence {
                    MetadataPresence::Certain => Err(error::no_metadata_service(&principal)),
                    _ => Ok((Found::None, begun.flatten())),
                };
            }
            let response = request_token(&request, &principal, presence, context).await?;
            if !response.is_success() && !is_busy(&response) {
                let is_absent = !is_azures(&response) || (has_no_identity(&response) && client_id.is_none());
                let rejected = || Found::Unusable(rejection::of_token_service(&principal, source.service(), &response));
                return Ok((if is_absent && !is_only { Found::None } else { rejected() }, None));
            }
            response
        }
        _ => send(request()?, &principal, &source, context).await?,
    };
    if !response.is_success() {
        return Err(rejection::of_token_service(&principal, source.service(), &response));
    }
    let json = response.json().unwrap_or_default();
    let token = json["access_token"].as_str().filter(|token| !token.is_empty());
    let token = token.ok_or_else(|| principal.malformed_response(source.service()))?;
    if let (ManagedSource::Arc { .. }, Some(id)) = (&source, client_id)
        && !json["client_id"].as_str().is_some_and(|given| given.eq_ignore_ascii_case(id))
    {
        // An older agent gives the machine's own identity.
        return Err(
            principal.no_token_but("the Azure Arc agent gave the token of another one", "unset AZURE_CLIENT_ID")
        );
    }
    let token = Secret::new(token.to_owned());
    if let ManagedSource::VirtualMachine { endpoint } = &source
        && cloud::is_ambiguous(&token)
        && let Some(name) = cloud_of(endpoint, context).await
    {
        cloud::check_machine(&principal, &name, context)?;
    }
    Ok((Found::Identity(Identity { principal, token, tenant: None }), None))
}

/// A metadata service that is being updated responds 404 or 410 for some seconds.
/// <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token#retry-guidance>
async fn request_token(
    request: &impl Fn() -> Result<RequestBuilder, MintError>,
    principal: &Principal,
    presence: MetadataPresence,
    context: &Context<'_>,
) -> Result<Response, MintError> {
    let deadline = context.deadline.within(RETRY_LIMIT);
    let mut pause = Duration::from_millis(200);
    loop {
        let response = Response::to(request()?, context.deadline).await;
        let response = response.map_err(|error| error::unreachable(principal, "the metadata service", &error))?;
        let is_updated = match response.status {
            404 => is_azures(&response) || matches!(presence, MetadataPresence::Certain | MetadataPresence::Configured),
            410 => true,
            _ => false,
        };
        if !is_updated || deadline.remaining() <= pause {
            return Ok(response);
        }
        log::debug!("context the metadata service again after {response:?}");
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
}

/// The cloud that a machine is in, as its metadata service calls it; `None` if unknown.
/// <https://learn.microsoft.com/azure/virtual-machines/instance-metadata-service#get-azure-environment>
async fn cloud_of(endpoint: &str, context: &Context<'_>) -> Option<String> {
    let mut url = Url::parse(endpoint).ok()?;
    url.set_path("/metadata/instance/compute/azEnvironment");
    url.query_pairs_mut().append_pair("api-version", "2021-02-01").append_pair("format", "text");
    let request = context.client.direct().get(url).header("Metadata", "true");
    let response =
        Response::once(request, context.deadline.within(CLOUD_TIMEOUT)).await.ok().filter(Response::is_success)?;
    response.text().map(|text| text.trim().to_owned())
}

async fn send(
    request: RequestBuilder,
    principal: &Principal,
    source: &ManagedSource,
    context: &Context<'_>,
) -> Result<Response, MintError> {
    let response = Response::to(request, context.deadline).await;
    response.map_err(|error| error::unreachable(principal, source.service(), &error))
}

/// If no other credential is allowed, this waits for the service: the machine may have just started.
fn presence(environment: &Environment, is_only: bool) -> MetadataPresence {
    if is_only {
        return MetadataPresence::Certain;
    }
    MetadataPresence::of(Cloud::Azure, environment.raw("AZURE_POD_IDENTITY_AUTHORITY_HOST").is_some())
}

/// Whether the service exists and is unavailable now, whatever the form of its response.
fn is_busy(response: &Response) -> bool {
    matches!(response.status, 404 | 410 | 429 | 500..) && (response.status != 404 || is_azures(response))
}

/// Whether this rejection is Azure's: other clouds respond at the same address, in other formats.
fn is_azures(response: &Response) -> bool {
    response.json().is_some_and(|body| body["error"].is_string())
}

fn has_no_identity(response: &Response) -> bool {
    let body = response.json().unwrap_or_default();
    body["error_description"].as_str().is_some_and(|text| text.contains("Identity not found"))
}
