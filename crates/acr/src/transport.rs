use std::sync::{Arc, Mutex, PoisonError};

use azure_core::Error;
use azure_core::cloud::CustomConfiguration;
use azure_core::error::ErrorKind;
use azure_core::http::headers::Headers;
use azure_core::http::{
    AsyncRawResponse, Body, ClientOptions, HttpClient, Request, RetryOptions, Transport as Injected,
};

use protocol::Deadline;
use web::{RequestError, Response};

use crate::context::Context;

/// Carries the requests of `azure_identity`: with the authorities, the proxy, the timeouts and the
/// limits of all helpers. It keeps the last result, because that is more useful than the error that
/// `azure_identity` makes of it.
#[derive(Debug)]
pub(crate) struct Transport {
    client: web::Client,
    deadline: Deadline,
    last: Mutex<Option<LastResult>>,
}

/// The host of a request, and its response.
type LastResult = (String, Result<Response, RequestError>);

impl Transport {
    pub(crate) fn new(context: &Context<'_>) -> Arc<Self> {
        Arc::new(Transport { client: context.client.clone(), deadline: context.deadline, last: Mutex::new(None) })
    }

    /// The result of the last request; `None` if there was none.
    pub(crate) fn last_result(&self) -> Option<LastResult> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// For a credential that signs in at this authority.
    pub(crate) fn options(self: &Arc<Self>, authority: &str) -> ClientOptions {
        let mut cloud = CustomConfiguration::default();
        cloud.authority_host = authority.to_owned();
        let transport: Arc<dyn HttpClient> = self.clone();
        ClientOptions {
            transport: Some(Injected::new(transport)),
            // `web` retries.
            retry: RetryOptions::none(),
            cloud: Some(Arc::new(cloud.into())),
            ..ClientOptions::default()
        }
    }
}

#[async_trait::async_trait]
impl HttpClient for Transport {
    /// Every request of the credentials in use is a POST, and holds a secret.
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        if request.url().scheme() != "https" {
            return Err(Error::with_message(ErrorKind::Other, "not an https URL"));
        }
        let mut ours = self.client.proxied().post(request.url().clone());
        for (name, value) in request.headers().iter() {
            ours = ours.header(name.as_str(), value.as_str());
        }
        if let Body::Bytes(body) = request.body() {
            ours = ours.body(body.clone());
        }
        let result = Response::to(ours, self.deadline).await;
        let response = match &result {
            Ok(answer) => {
                let body = answer.bytes().to_vec();
                Ok(AsyncRawResponse::from_bytes(answer.status.into(), Headers::new(), body))
            }
            Err(_) => Err(Error::with_message(ErrorKind::Io, "no response")),
        };
        let host = request.url().host_str().unwrap_or_default().to_owned();
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((host, result));
        response
    }
}
