use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use protocol::{Deadline, ErrorMessage};
use reqwest::{RequestBuilder, redirect};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use settings::Environment;
use zeroize::Zeroizing;

use crate::Proxies;
use crate::authorities::{authorities, unusable};
use crate::cause::{connection, error_chain, is_setup};

/// The timeout of connecting, as in AWS's SDK: longer than two retransmissions.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(3_100);
/// Bytes; no response of a token service comes near.
const MAX_RESPONSE: usize = 1 << 20;
/// How often a request is sent to a service that is down or overloaded.
const ATTEMPTS: u32 = 3;
const TIMED_OUT: &str = "timed out";
const TOO_LARGE: &str = "response too large";
const CHECK: &str = "check the network and the proxy";

/// Two HTTP clients with the CA certificates of the environment or the system: one that uses the proxy of the
/// environment, and one that never does. Neither follows redirects, because a request contains a secret that is
/// meant for its host only.
#[derive(Clone, Debug)]
pub struct Client {
    tls: ClientConfig,
    proxies: Proxies,
    proxied: reqwest::Client,
    direct: reqwest::Client,
}

impl Client {
    /// Reads the CA certificates. No connection is made.
    ///
    /// # Errors
    /// The CA certificates cannot be read or used, or the proxy's address is invalid.
    pub fn new(environment: &Environment) -> Result<Self, ErrorMessage> {
        Self::with_authorities(environment, &[])
    }

    /// [`Client::new`] with the CA certificates of the first of these files that is set: see [`authorities`].
    ///
    /// # Errors
    /// As for [`Client::new`].
    pub fn with_authorities(
        environment: &Environment,
        named: &[(&str, Option<PathBuf>)],
    ) -> Result<Self, ErrorMessage> {
        let tls = tls(environment, named)?;
        let proxies = Proxies::of(environment)?;
        let proxied = build(&tls, Some(&proxies), CONNECT_TIMEOUT)?;
        let direct = build(&tls, None, CONNECT_TIMEOUT)?;
        Ok(Client { tls, proxies, proxied, direct })
    }

    /// One of the two, with another connect timeout.
    ///
    /// # Errors
    /// As for [`Client::new`].
    pub fn with_connect_timeout(&self, is_proxied: bool, limit: Duration) -> Result<reqwest::Client, ErrorMessage> {
        build(&self.tls, is_proxied.then_some(&self.proxies), limit)
    }

    /// For cloud services: through the proxy, if there is one.
    pub fn proxied(&self) -> &reqwest::Client {
        &self.proxied
    }

    /// For metadata services, which a proxy cannot reach.
    pub fn direct(&self) -> &reqwest::Client {
        &self.direct
    }
}

fn build(tls: &ClientConfig, proxies: Option<&Proxies>, connect: Duration) -> Result<reqwest::Client, ErrorMessage> {
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls.clone())
        .redirect(redirect::Policy::none())
        .connect_timeout(connect)
        .user_agent(concat!("credmint/", env!("CARGO_PKG_VERSION")));
    let builder = match proxies {
        None => builder.no_proxy(),
        Some(proxies) => through(builder, proxies)?,
    };
    builder.build().map_err(|_| unusable())
}

/// The proxies of the environment, else those of the system (macOS, Windows).
fn through(mut builder: reqwest::ClientBuilder, proxies: &Proxies) -> Result<reqwest::ClientBuilder, ErrorMessage> {
    let excluded = proxies.excluded.as_ref().and_then(|(_, list)| reqwest::NoProxy::from_string(list));
    let unusable = |variable: &str| ErrorMessage {
        what: format!("{variable} is not the address of a proxy"),
        hint: Some(format!("write it as http://proxy.example:3128, or unset {variable}")),
    };
    if let Some(proxy) = &proxies.https {
        let made = reqwest::Proxy::https(proxy.expose_url()).map_err(|_| unusable(proxy.variable))?;
        builder = builder.proxy(made.no_proxy(excluded.clone()));
    }
    if let Some(proxy) = &proxies.http {
        let made = reqwest::Proxy::http(proxy.expose_url()).map_err(|_| unusable(proxy.variable))?;
        builder = builder.proxy(made.no_proxy(excluded));
    }
    Ok(builder)
}

fn tls(environment: &Environment, named: &[(&str, Option<PathBuf>)]) -> Result<ClientConfig, ErrorMessage> {
    let mut roots = RootCertStore::empty();
    match authorities(environment, named)? {
        Some(pem) => {
            let certificates = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok);
            roots.add_parsable_certificates(certificates);
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
        }
    }
    if roots.is_empty() {
        return Err(unusable());
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| unusable())?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// A service's response, whatever its status.
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    body: Zeroizing<Vec<u8>>,
}

impl Response {
    /// Sends a request, with retries if the service is down or overloaded, and reads the whole response.
    ///
    /// # Errors
    /// No connection, a timeout, or a response that is too large.
    pub async fn to(request: RequestBuilder, deadline: Deadline) -> Result<Self, RequestError> {
        let mut attempt = 1;
        loop {
            // A body in memory can be sent again. A stream could not, and none of ours is one.
            let Some(this) = request.try_clone() else { return Self::once(request, deadline).await };
            let response = Self::once(this, deadline).await;
            let is_transient = match &response {
                Ok(response) => matches!(response.status, 429 | 500..),
                Err(error) => error.is_transient,
            };
            let retry_after = response.as_ref().ok().and_then(Response::retry_after);
            let pause = retry_after.unwrap_or(Duration::from_millis(100 << attempt));
            if !is_transient || attempt == ATTEMPTS || deadline.remaining() <= pause {
                return response;
            }
            log::debug!("retrying after {response:?}");
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    /// Sends a request once: for services that may not exist, such as metadata services.
    ///
    /// # Errors
    /// No connection, a timeout, or a response that is too large.
    pub async fn once(request: RequestBuilder, deadline: Deadline) -> Result<Self, RequestError> {
        let mut response = request.timeout(deadline.remaining()).send().await.map_err(RequestError::of)?;
        let mut body = Zeroizing::new(Vec::new());
        while let Some(chunk) = response.chunk().await.map_err(RequestError::of)? {
            if body.len() + chunk.len() > MAX_RESPONSE {
                return Err(RequestError {
                    cause: Some(network(TOO_LARGE)),
                    is_transient: false,
                    is_unconnected: false,
                });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response { status: response.status().as_u16(), headers: response.headers().clone(), body })
    }

    /// Whether the status is a success.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The `Retry-After` of the service, if it is in seconds.
    /// <https://www.rfc-editor.org/rfc/rfc9110#field.retry-after>
    fn retry_after(&self) -> Option<Duration> {
        let seconds = self.headers.get("retry-after")?.to_str().ok()?.trim().parse().ok()?;
        Some(Duration::from_secs(seconds))
    }

    /// The body; never to be shown.
    pub fn bytes(&self) -> &[u8] {
        &self.body
    }

    /// The body as JSON, if it is; never to be shown.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The body as text, if it is; never to be shown.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.body).ok()
    }
}

impl fmt::Debug for Response {
    /// Without the body, which may hold a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("status", &self.status).finish_non_exhaustive()
    }
}

/// The error of a request without a response.
#[derive(Clone, Debug)]
pub struct RequestError {
    cause: Option<ErrorMessage>,
    /// Whether a retry may succeed.
    is_transient: bool,
    /// Whether no connection was made.
    is_unconnected: bool,
}

impl RequestError {
    fn of(error: reqwest::Error) -> Self {
        // The URL may contain a secret; the caller names the service.
        let error = error.without_url();
        let cause = if error.is_timeout() { Some(network(TIMED_OUT)) } else { connection(&error_chain(&error)) };
        let chain = error_chain(&error);
        log::debug!("no response: {chain}");
        RequestError {
            cause,
            is_transient: !error.is_timeout() && !error.is_builder(),
            is_unconnected: error.is_connect() && !is_setup(&chain),
        }
    }

    /// Whether the service cannot be reached: unknown host, no route, connection refused. A failing proxy and an
    /// untrusted certificate are configuration errors, and do not count.
    pub fn is_unreachable(&self) -> bool {
        self.is_unconnected
    }

    /// The message for the user; `what` is what failed: `cannot reach Entra ID at login.microsoftonline.com`.
    pub fn explain(&self, what: &str) -> ErrorMessage {
        match &self.cause {
            Some(cause) => ErrorMessage { what: format!("{what}: {}", cause.what), hint: cause.hint.clone() },
            None => ErrorMessage { what: format!("{what}: malformed response"), hint: None },
        }
    }
}

fn network(what: &str) -> ErrorMessage {
    ErrorMessage { what: what.to_owned(), hint: Some(CHECK.to_owned()) }
}

#[cfg(test)]
mod tests;
