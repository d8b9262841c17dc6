//! The SDK's requests, sent by the client of all clouds: one TLS, one set of authorities, the same
//! proxies, and connection errors.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use protocol::ErrorMessage;
use settings::Environment;

use crate::rejection::CLOCK_TOLERANCE;

/// Bytes; no response of a token service is near this.
const LARGEST: usize = 1 << 20;
/// Between two requests to a service that responds 429; the first pause is a quarter of it.
const LONGEST_PAUSE: Duration = Duration::from_millis(800);

/// Two HTTP clients with the system's authorities or those that the environment names.
pub(crate) struct Clients {
    /// Uses the proxy of the environment.
    pub(crate) proxied: SharedHttpClient,
    /// Never uses one: for metadata services.
    pub(crate) direct: SharedHttpClient,
    last: Last,
}

/// The last response. The SDK's errors do not have this of it for every service.
type Last = Arc<Mutex<Option<LastResponse>>>;

#[derive(Clone, Debug)]
struct LastResponse {
    host: String,
    status: u16,
    is_page: bool,
    date: Option<String>,
    /// Of a metadata service.
    is_local: bool,
}

impl Clients {
    /// Reads the certificate authorities; connects to no service. `bundle` is the profile's `ca_bundle`.
    pub(crate) fn new(environment: &Environment, bundle: Option<String>) -> Result<Self, ErrorMessage> {
        let named = [("AWS_CA_BUNDLE", environment.path("AWS_CA_BUNDLE")), ("ca_bundle", bundle.map(Into::into))];
        let client = web::Client::with_authorities(environment, &named)?;
        let last = Last::default();
        let shared = |is_proxied| {
            let (client, last) = (client.clone(), Arc::clone(&last));
            SharedHttpClient::new(Client { client, is_proxied, made: Arc::default(), last })
        };
        Ok(Clients { proxied: shared(true), direct: shared(false), last })
    }

    /// Why there is no token, by the last response, whatever the SDK makes of it: the service is down or
    /// overloaded; a web page took its place; or its clock differs.
    pub(crate) fn outage(&self) -> Option<ErrorMessage> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let LastResponse { host, status, is_page, date, is_local } = last?;
        if let Some(outage) = web::outage(&host, status) {
            return Some(outage);
        }
        if is_local {
            return None;
        }
        if is_page || (300..400).contains(&status) {
            let what =
                format!("{host} responded with a web page (HTTP {status}): the network or a proxy requires a sign-in");
            let hint = Some("open a page in a browser and sign in to the network, or check the proxy".into());
            return Some(ErrorMessage { what, hint });
        }
        let date = date.filter(|_| (400..500).contains(&status))?;
        let skew = web::clock_skew(&date, "AWS", CLOCK_TOLERANCE)?;
        let what = format!("{host} rejected the time of the request (HTTP {status}): {skew}");
        Some(ErrorMessage { what, hint: Some("set this machine's clock".into()) })
    }
}

/// Whether a service has rejected the request; not that it is down.
pub(crate) fn is_rejection(response: Option<&HttpResponse>) -> bool {
    let status = response.map(|response| response.status().as_u16());
    status.is_some_and(|status| status < 500 && web::outage("", status).is_none())
}

/// Makes connectors, one for each connect timeout of the SDK.
#[derive(Clone, Debug)]
struct Client {
    client: web::Client,
    is_proxied: bool,
    made: Arc<Mutex<HashMap<Option<Duration>, web::HttpClient>>>,
    last: Last,
}

impl Client {
    fn with_connect_timeout(&self, limit: Option<Duration>) -> web::HttpClient {
        let usual = || if self.is_proxied { self.client.proxied() } else { self.client.direct() }.clone();
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let client = made.entry(limit).or_insert_with(|| {
            let limited = limit.and_then(|limit| self.client.with_connect_timeout(self.is_proxied, limit).ok());
            limited.unwrap_or_else(usual)
        });
        client.clone()
    }
}

impl HttpClient for Client {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        let client = self.with_connect_timeout(settings.connect_timeout());
        SharedHttpConnector::new(Connector {
            client,
            is_local: !self.is_proxied,
            read_timeout: settings.read_timeout(),
            last: Arc::clone(&self.last),
        })
    }
}

#[derive(Debug)]
struct Connector {
    client: web::HttpClient,
    is_local: bool,
    read_timeout: Option<Duration>,
    last: Last,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (client, limit, last) = (self.client.clone(), self.read_timeout, Arc::clone(&self.last));
        let is_local = self.is_local;
        HttpConnectorFuture::new(async move {
            let body = request.body().bytes().ok_or_else(|| ConnectorError::user("the body is a stream".into()))?;
            let method = request.method().parse().map_err(|_| ConnectorError::user("it has no method".into()))?;
            let mut sent = client.request(method, request.uri()).body(body.to_vec());
            for (name, value) in request.headers() {
                sent = sent.header(name, value);
            }
            if let Some(limit) = limit {
                sent = sent.timeout(limit);
            }
            let mut answer =
                if is_local { send_with_retries(sent).await } else { sent.send().await }.map_err(failed)?;
            *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(LastResponse::of(&answer, is_local));
            let mut bytes = Vec::new();
            while let Some(chunk) = answer.chunk().await.map_err(failed)? {
                if bytes.len() + chunk.len() > LARGEST {
                    return Err(ConnectorError::other("the response is too large".into(), None));
                }
                bytes.extend_from_slice(&chunk);
            }
            let status = answer.status().as_u16().try_into();
            let status = status.map_err(|_| ConnectorError::other("the response has no status".into(), None))?;
            let mut response = HttpResponse::new(status, SdkBody::from(bytes));
            for (name, value) in answer.headers() {
                if let Ok(value) = value.to_str() {
                    response.headers_mut().append(name.as_str().to_owned(), value.to_owned());
                }
            }
            Ok(response)
        })
    }
}

impl LastResponse {
    fn of(answer: &web::HttpResponse, is_local: bool) -> Self {
        let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        LastResponse {
            host: answer.url().host_str().unwrap_or_default().to_owned(),
            status: answer.status().as_u16(),
            is_page: header("content-type").is_some_and(|kind| kind.starts_with("text/html")),
            date: header("date"),
            is_local,
        }
    }
}

/// Retries a local service that responds 429, as the agent of EKS does while all pods of a node start: the SDK
/// gives up at once.
async fn send_with_retries(request: web::RequestBuilder) -> Result<web::HttpResponse, web::HttpError> {
    let mut pause = Duration::from_millis(200);
    while let Some(again) = request.try_clone().filter(|_| pause <= LONGEST_PAUSE) {
        let answer = again.send().await?;
        if answer.status().as_u16() != 429 {
            return Ok(answer);
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
    request.send().await
}

/// The SDK retries what may pass: no connection, or a timeout.
fn failed(error: web::HttpError) -> ConnectorError {
    // An address can hold an identity's names.
    let error = error.without_url();
    if error.is_timeout() {
        ConnectorError::timeout(error.into())
    } else if error.is_connect() || error.is_request() || error.is_body() {
        ConnectorError::io(error.into())
    } else {
        ConnectorError::other(error.into(), None)
    }
}
