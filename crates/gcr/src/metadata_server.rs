use broker::MintError;
use protocol::Deadline;
use registry::Cloud;
use settings::MetadataPresence;
use web::Response;

use crate::error;
use crate::exchange::Exchange;
use crate::identity::Identity;
use crate::principal;
use crate::rejection;
use crate::token::AccessToken;

/// Its IP address, because the name under `internal` would be resolved by any resolver of a laptop.
/// <https://cloud.google.com/compute/docs/metadata/querying-metadata>
const ADDRESS: &str = "169.254.169.254";
const FLAVOR: (&str, &str) = ("Metadata-Flavor", "Google");

/// The service account of this machine, pod, or service, if there is a metadata server of Google's, and a
/// service account; else what was started while no server accepted a connection.
pub(crate) async fn identity<T>(
    exchange: &Exchange<'_>,
    start: impl FnOnce() -> T,
) -> Result<Result<Identity, Option<T>>, MintError> {
    let environment = exchange.environment;
    if environment.text("NO_GCE_CHECK").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Ok(Err(None));
    }
    let named = environment.text("GCE_METADATA_HOST").or_else(|| environment.text("GCE_METADATA_IP"));
    let host = named.as_deref().unwrap_or(ADDRESS);
    let server = Server { host, client: exchange.direct()?, deadline: exchange.deadline };
    let presence = MetadataPresence::of(Cloud::Google, named.is_some());
    let principal = principal::machine();
    let check = match web::metadata_or(&server.request(""), presence, exchange.deadline, start).await {
        Ok(check) => check,
        // gcloud's account would be another principal.
        Err(_) if presence == MetadataPresence::Certain => return Err(error::no_metadata_server(&principal)),
        Err(started) => return Ok(Err(started)),
    };
    // Other clouds' servers have the same address, and some networks respond at every address.
    if check.headers.get(FLAVOR.0).is_none_or(|flavor| flavor != FLAVOR.1) {
        return Ok(Err(None));
    }
    let path = "computeMetadata/v1/instance/service-accounts/default/token";
    let response = Response::to(server.request(path), exchange.deadline).await;
    let response = response.map_err(|error| error::unreachable(&principal, host, &error))?;
    if response.status == 404 {
        log::debug!("this machine has no service account");
        return Ok(Err(None));
    }
    if !response.is_success() {
        return Err(rejection::error(&principal, host, &response));
    }
    let token = response.json().as_ref().and_then(AccessToken::of_oauth);
    let token = token.ok_or_else(|| principal.malformed_response(host))?;
    let universe = server.universe().await;
    Ok(Ok(Identity::new(principal, token, universe)))
}

struct Server<'a> {
    host: &'a str,
    client: &'a web::HttpClient,
    deadline: Deadline,
}

impl Server<'_> {
    fn request(&self, path: &str) -> web::RequestBuilder {
        self.client.get(format!("http://{}/{path}", self.host)).header(FLAVOR.0, FLAVOR.1)
    }

    /// The domain of the Google Cloud that the machine is in; servers without that path are in the first one.
    async fn universe(&self) -> String {
        let response = Response::once(self.request("computeMetadata/v1/universe/universe-domain"), self.deadline).await;
        let text =
            response.ok().filter(Response::is_success).and_then(|response| Some(response.text()?.trim().to_owned()));
        text.filter(|text| !text.is_empty()).unwrap_or_else(|| registry::GOOGLE.to_owned())
    }
}
