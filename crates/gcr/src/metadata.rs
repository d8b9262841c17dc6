use std::time::Duration;

use broker::MintError;
use web::Answer;

use crate::exchange::Exchange;
use crate::failure::{self, Who};
use crate::identity::Identity;
use crate::token::AccessToken;

/// By its address: a name under `internal` would be asked of whatever resolver a laptop is told of.
/// <https://cloud.google.com/compute/docs/metadata/querying-metadata>
const ADDRESS: &str = "169.254.169.254";
const FLAVOR: (&str, &str) = ("Metadata-Flavor", "Google");
/// Elsewhere nobody may answer, and this is what every mint of a user of gcloud waits for at most.
const CHECK: Duration = Duration::from_secs(1);

/// The service account of this machine, pod, or service; `None` where there is no metadata server of
/// Google's, or no service account.
pub(crate) async fn identity(exchange: &Exchange<'_>) -> Result<Option<Identity>, MintError> {
    let environment = exchange.environment;
    if environment.text("NO_GCE_CHECK").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Ok(None);
    }
    let named = environment.text("GCE_METADATA_HOST").or_else(|| environment.text("GCE_METADATA_IP"));
    let host = named.as_deref().unwrap_or(ADDRESS);
    let server = Server { host, exchange };
    if !server.is_there().await {
        return Ok(None);
    }
    let who = Who::metadata();
    let path = "computeMetadata/v1/instance/service-accounts/default/token";
    let answer = Answer::to(server.request(path), exchange.deadline).await;
    let answer = answer.map_err(|trouble| failure::unreachable(&who, host, &trouble))?;
    if answer.status == 404 {
        log::debug!("this machine has no service account");
        return Ok(None);
    }
    if !answer.is_success() {
        return Err(failure::refused(&who, host, &answer));
    }
    let token = answer.json().as_ref().and_then(AccessToken::of_oauth);
    let token = token.ok_or_else(|| failure::nonsense(&who, host))?;
    Ok(Some(Identity { who, token, universe: server.universe().await, quota_project: None }))
}

struct Server<'a> {
    host: &'a str,
    exchange: &'a Exchange<'a>,
}

impl Server<'_> {
    fn request(&self, path: &str) -> web::RequestBuilder {
        self.exchange.client.direct().get(format!("http://{}/{path}", self.host)).header(FLAVOR.0, FLAVOR.1)
    }

    /// Other clouds answer at the same address, and some networks answer at every one.
    async fn is_there(&self) -> bool {
        // On Google's own machines it is there, and may only be busy: in a pod's first seconds it is.
        let attempts = if is_googles() { 3 } else { 1 };
        for _ in 0..attempts {
            match Answer::once(self.request(""), self.exchange.deadline.within(CHECK)).await {
                Ok(answer) => return answer.headers.get(FLAVOR.0).is_some_and(|flavor| flavor == FLAVOR.1),
                Err(trouble) => log::debug!("no metadata server: {trouble:?}"),
            }
        }
        false
    }

    /// The domain of the Google Cloud that the machine is in; servers that do not know the question
    /// are in the first one.
    async fn universe(&self) -> String {
        let answer =
            Answer::once(self.request("computeMetadata/v1/universe/universe-domain"), self.exchange.deadline).await;
        let text = answer.ok().filter(Answer::is_success).and_then(|answer| Some(answer.text()?.trim().to_owned()));
        text.filter(|text| !text.is_empty()).unwrap_or_else(|| registry::GOOGLE.to_owned())
    }
}

/// Whether the firmware says that this is one of Google's machines.
fn is_googles() -> bool {
    cfg!(target_os = "linux")
        && std::fs::read_to_string("/sys/class/dmi/id/product_name").is_ok_and(|name| name.starts_with("Google"))
}
