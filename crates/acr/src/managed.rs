use std::time::Duration;

use broker::MintError;
use protocol::Secret;
use web::{Answer, RequestBuilder};

use crate::arc;
use crate::asking::Asking;
use crate::failure::{self, Who, no_token};
use crate::identity::Identity;
use crate::order::{self, Source};
use crate::place::Place;

/// Elsewhere nobody may answer, and this is what every mint of a user of az waits for at most.
const PROBE: Duration = Duration::from_secs(1);

/// The managed identity of the place that this runs in; `None` where there is none.
///
/// `azure_identity` knows two of these places, asks a machine that is none of Azure's for 100 seconds,
/// and at one address alone.
/// <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>
pub(crate) async fn identity(asking: &Asking<'_>) -> Result<Option<Identity>, MintError> {
    let place = Place::of(asking.environment)?;
    let client_id = asking.client_id();
    let client_id = client_id.as_deref();
    let who = Who::managed(client_id, place.name());
    if client_id.is_some() && !place.has_several() {
        return Err(no_token(&who, "there it has no id", "unset AZURE_CLIENT_ID, or client_id in credmint's settings"));
    }
    let request = || {
        let request = place.request(asking, client_id);
        request.ok_or_else(|| no_token(&who, "its endpoint is not a web address", "check IDENTITY_ENDPOINT"))
    };
    let answer = match place {
        Place::Arc { .. } => arc::answer(request, &who, asking).await?,
        Place::Machine { ref endpoint } => {
            if !is_there(endpoint, asking).await {
                return Ok(None);
            }
            let answer = ask(request()?, &who, &place, asking).await?;
            if !answer.is_success() && !knows_identity(&answer, client_id) {
                log::debug!("this machine has no managed identity");
                return Ok(None);
            }
            answer
        }
        _ => ask(request()?, &who, &place, asking).await?,
    };
    if !answer.is_success() {
        return Err(failure::refused(&who, place.name(), &answer));
    }
    let token = answer.json().and_then(|answer| answer["access_token"].as_str().map(str::to_owned));
    let token = token.filter(|token| !token.is_empty()).ok_or_else(|| failure::nonsense(&who, place.name()))?;
    Ok(Some(Identity { who, token: Secret::new(token), tenant: None }))
}

async fn ask(request: RequestBuilder, who: &Who, place: &Place, asking: &Asking<'_>) -> Result<Answer, MintError> {
    let answer = Answer::to(request, asking.deadline).await;
    answer.map_err(|trouble| failure::unreachable(who, place.name(), &trouble))
}

/// Whether anybody answers, if only that this is no proper question. Where nothing else may be asked,
/// a machine that has just started has more than a second.
async fn is_there(endpoint: &str, asking: &Asking<'_>) -> bool {
    let only = order::is_only(asking.environment, Source::ManagedIdentity);
    let deadline = if only { asking.deadline } else { asking.deadline.within(PROBE) };
    let answer = Answer::once(asking.client.direct().get(endpoint), deadline).await;
    answer.inspect_err(|trouble| log::debug!("no metadata service: {trouble:?}")).is_ok()
}

/// Whether this refusal is about an identity that the machine has, or was said to have. Other clouds
/// answer at the same address, in other forms.
fn knows_identity(answer: &Answer, client_id: Option<&str>) -> bool {
    let body = answer.json().unwrap_or_default();
    let is_azures = body["error"].is_string();
    let has_none = body["error_description"].as_str().is_some_and(|text| text.contains("Identity not found"));
    is_azures && (!has_none || client_id.is_some())
}
