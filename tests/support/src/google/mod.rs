//! One listener for all Google services that take part in issuing an access token.

mod artifacts;
mod call;
mod cleanup;
mod cloud;
mod files;
mod iam;
mod key;
mod metadata;
mod oauth;
mod projects;
mod sigv4;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::Response;
use hyper::body::Incoming;
use hyper::http::request::Parts;

use crate::behaviour::{Act, Behaviour, Refusal};
use crate::ca::Ca;
use crate::catalog::Catalog;
use crate::reply::{Body, HangUp, reply, with};
use crate::server::{Server, Service};

pub use call::GoogleCall;
pub use cloud::AccessToken;
use cloud::Cloud;

const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
const KEY_ID: &str = "0123456789abcdef";
const CLIENT: &str = "pretend-client.apps.googleusercontent.com";
const CLIENT_SECRET: &str = "pretend-client-secret";

/// A pretend Google: the OAuth token endpoint, the security token service, the IAM credentials
/// service and the metadata server, on one address; and the other services that a
/// federation uses.
pub struct Google {
    server: Server,
    scheme: &'static str,
    cloud: Arc<Cloud>,
}

impl Google {
    /// Over plain HTTP on 127.0.0.1, at a free port.
    pub fn start() -> Self {
        Google::start_at((Ipv4Addr::LOCALHOST, 0).into())
    }

    /// Over plain HTTP at this address; port 0 is a free one.
    pub fn start_at(addr: SocketAddr) -> Self {
        let cloud = Arc::new(Cloud::new());
        Google { server: Server::start(addr, None, Arc::clone(&cloud)), scheme: "http", cloud }
    }

    /// Over TLS at this address, as these hosts.
    pub fn start_tls<S: AsRef<str>>(addr: SocketAddr, ca: &Ca, hosts: &[S]) -> Self {
        let cloud = Arc::new(Cloud::new());
        let certificate = ca.certificate_for(hosts);
        Google { server: Server::start(addr, Some(&certificate), Arc::clone(&cloud)), scheme: "https", cloud }
    }

    /// The same cloud at one more address over plain HTTP, as the metadata server is reached.
    pub fn also_at(&self, addr: SocketAddr) -> Self {
        let cloud = Arc::clone(&self.cloud);
        Google { server: Server::start(addr, None, Arc::clone(&cloud)), scheme: "http", cloud }
    }

    /// The same cloud at one more address over TLS.
    pub fn also_tls<S: AsRef<str>>(&self, addr: SocketAddr, ca: &Ca, hosts: &[S]) -> Self {
        let cloud = Arc::clone(&self.cloud);
        let certificate = ca.certificate_for(hosts);
        Google { server: Server::start(addr, Some(&certificate), Arc::clone(&cloud)), scheme: "https", cloud }
    }

    /// Its URL, without a trailing slash.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.addr())
    }

    /// Its address: the value of `GCE_METADATA_HOST`.
    pub fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// The number of calls of this kind, successful or not.
    pub fn calls(&self, call: GoogleCall) -> usize {
        self.cloud.ledger.calls(call)
    }

    /// The number of requests, including unknown ones.
    pub fn all_calls(&self) -> usize {
        self.cloud.ledger.all_calls()
    }

    pub(crate) fn counts(&self) -> std::collections::BTreeMap<String, usize> {
        self.cloud.ledger.counts()
    }

    /// Unknown requests, as `METHOD /path`; useful if a test fails.
    pub fn strange_requests(&self) -> Vec<String> {
        self.cloud.ledger.strange_requests()
    }

    /// Sets the behaviour of calls of this kind.
    pub fn on(&self, call: GoogleCall, behaviour: Behaviour) {
        self.cloud.ledger.on(call, behaviour);
    }

    /// Every access token that was issued, the oldest first.
    pub fn minted(&self) -> Vec<AccessToken> {
        self.cloud.state().minted.clone()
    }

    /// A token that was issued before.
    pub fn minted_for(&self, identity: &str) -> String {
        self.cloud.mint(identity, Duration::from_secs(3600)).token
    }

    /// Sets the TTL of tokens issued from now on, except those of impersonated accounts;
    /// initially just under 1 h.
    pub fn set_token_life(&self, life: Duration) {
        self.cloud.state().token_life = life;
    }

    /// Expires every token issued so far; a client with a cached one does not know it.
    pub fn end_tokens(&self) {
        let now = self.cloud.now();
        self.cloud.state().minted.iter_mut().for_each(|token| token.expires = now);
    }

    /// Serves the content of this registry from now on.
    pub fn show(&self, catalog: Arc<Catalog>) {
        // A second registry would belong to another cloud.
        let _ = self.cloud.artifacts.catalog.set(catalog);
    }

    /// Carries out the clean-up policies; what was deleted, as `NAME@DIGEST`.
    pub(crate) async fn clean_up(&self) -> Vec<String> {
        self.cloud.artifacts.clean_up().await
    }

    /// What was created in projects: services, pools and their providers, by their names.
    pub(crate) fn resources(&self) -> std::collections::BTreeMap<String, serde_json::Value> {
        self.cloud.projects.told()
    }

    /// Whether a registry accepts this token now.
    pub fn admits(&self, token: &str) -> bool {
        self.cloud.bearer(token).is_ok()
    }

    /// How many seconds the cloud's clock is ahead of this machine's (negative: behind).
    pub fn set_clock_skew(&self, seconds: i64) {
        self.cloud.state().clock_skew = seconds;
    }

    /// Sets the identity token of the machine, for this audience only.
    pub fn set_identity_token(&self, audience: &str, token: &str) {
        self.cloud.state().identity_token = Some((audience.to_owned(), token.to_owned()));
    }

    /// The domain of the cloud that the machine is in: `googleapis.com` at first.
    pub fn set_universe(&self, domain: &str) {
        self.cloud.state().universe = domain.to_owned();
    }

    /// The secret of every access key of AWS that it knows.
    pub fn aws_secret(&self) -> &'static str {
        sigv4::SECRET
    }
}

impl Service for Cloud {
    async fn answer(self: Arc<Self>, request: hyper::Request<Incoming>) -> Result<Response<Body>, HangUp> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| HangUp)?.to_bytes();
        let Some(call) = GoogleCall::of(&head) else {
            self.ledger.strange(format!("{} {}", head.method, head.uri.path()));
            return Ok(reply(404, "text/plain", "no service of the pretend Google knows this request\n"));
        };
        let response = match self.ledger.begin(call).act().await? {
            Act::Proceed => match call {
                GoogleCall::Artifacts | GoogleCall::Project => self.manage(call, &head, &body).await,
                _ => self.carry_out(call, &head, &body),
            }
            .unwrap_or_else(|refusal| refuse(call, &refusal)),
            Act::Refuse(refusal) => refuse(call, &refusal),
            Act::Send(response) => response,
        };
        Ok(with(response, "date", &httpdate::fmt_http_date(self.now())))
    }
}

impl Cloud {
    /// Requests with an access token.
    async fn manage(&self, call: GoogleCall, head: &Parts, body: &[u8]) -> Result<Response<Body>, Refusal> {
        let token = head.headers.get("authorization").and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        self.bearer(token.unwrap_or_default())?;
        match call {
            GoogleCall::Artifacts => self.artifacts.answer(head, body).await,
            _ => self.projects.answer(head, body),
        }
    }

    fn carry_out(&self, call: GoogleCall, head: &Parts, body: &[u8]) -> Result<Response<Body>, Refusal> {
        match call {
            GoogleCall::Token => oauth::token(self, head, body),
            GoogleCall::Exchange => oauth::exchange(self, head, body),
            GoogleCall::Introspect => oauth::introspect(self, head, body),
            GoogleCall::WorkforceToken => oauth::workforce(self, head, body),
            GoogleCall::Impersonate => iam::generate_access_token(self, head, body),
            GoogleCall::MetadataCheck
            | GoogleCall::MetadataToken
            | GoogleCall::MetadataIdentity
            | GoogleCall::MetadataUniverse
            | GoogleCall::MetadataAccount => metadata::answer(self, call, head),
            GoogleCall::SubjectToken => metadata::subject(head),
            GoogleCall::AwsMetadata => metadata::aws(head),
            GoogleCall::Artifacts | GoogleCall::Project => Err(Refusal::new(404, "NOT_FOUND", "Not found")),
        }
    }
}

/// An error in the format of the call's service.
fn refuse(call: GoogleCall, refusal: &Refusal) -> Response<Body> {
    match call {
        GoogleCall::Token | GoogleCall::Exchange | GoogleCall::WorkforceToken | GoogleCall::Introspect => {
            oauth::refuse(refusal)
        }
        GoogleCall::Impersonate | GoogleCall::Artifacts | GoogleCall::Project => iam::refuse(refusal),
        _ => metadata::refuse(refusal),
    }
}
