use std::sync::{Arc, Mutex, PoisonError};

use azure_core::Error;
use azure_core::cloud::CustomConfiguration;
use azure_core::error::ErrorKind;
use azure_core::http::headers::Headers;
use azure_core::http::{
    AsyncRawResponse, Body, ClientOptions, HttpClient, Request, RetryOptions, Transport as Injected,
};

use protocol::Deadline;
use web::{Answer, Trouble};

use crate::asking::Asking;

/// Carries the requests of `azure_identity`: with the authorities, the proxy, the patience and the
/// limits of the whole suite. It keeps what was answered last, because that tells a user more than
/// the error that `azure_identity` makes of it.
#[derive(Debug)]
pub(crate) struct Transport {
    client: web::Client,
    deadline: Deadline,
    heard: Mutex<Option<Heard>>,
}

/// What came of a request.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) host: String,
    pub(crate) what: Result<Answer, Trouble>,
}

impl Transport {
    pub(crate) fn new(asking: &Asking<'_>) -> Arc<Self> {
        Arc::new(Transport { client: asking.client.clone(), deadline: asking.deadline, heard: Mutex::new(None) })
    }

    /// What came of the last request; `None` if nothing was asked.
    pub(crate) fn heard(&self) -> Option<Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// For a credential that signs in at this authority.
    pub(crate) fn options(self: &Arc<Self>, authority: &str) -> ClientOptions {
        let mut cloud = CustomConfiguration::default();
        cloud.authority_host = authority.to_owned();
        let transport: Arc<dyn HttpClient> = self.clone();
        ClientOptions {
            transport: Some(Injected::new(transport)),
            // It asks again by itself.
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
            return Err(Error::with_message(ErrorKind::Other, "an address that is not of https"));
        }
        let mut ours = self.client.proxied().post(request.url().clone());
        for (name, value) in request.headers().iter() {
            ours = ours.header(name.as_str(), value.as_str());
        }
        if let Body::Bytes(body) = request.body() {
            ours = ours.body(body.clone());
        }
        let what = Answer::to(ours, self.deadline).await;
        let response = match &what {
            Ok(answer) => {
                let body = answer.bytes().to_vec();
                Ok(AsyncRawResponse::from_bytes(answer.status.into(), Headers::new(), body))
            }
            Err(_) => Err(Error::with_message(ErrorKind::Io, "no answer")),
        };
        let host = request.url().host_str().unwrap_or_default().to_owned();
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(Heard { host, what });
        response
    }
}
