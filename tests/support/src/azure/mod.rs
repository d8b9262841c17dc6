//! One listener for all Azure services that take part in issuing a registry token.

pub(crate) mod acr;
mod arm;
mod call;
mod certificate;
mod cloud;
mod entra;
mod exchange;
mod graph;
mod managed;
mod purge;
#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::Response;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use serde_json::{Value, json};

use crate::behaviour::{Act, Behaviour, Refusal};
use crate::ca::Ca;
use crate::catalog::Catalog;
use crate::reply::{Body, HangUp, reply};
use crate::server::{Server, Service};

pub use call::AzureCall;
pub use certificate::{APPLICATION_PEM, APPLICATION_PFX, APPLICATION_PFX_LEGACY, PFX_PASSWORD};
pub(crate) use cloud::Cloud;
pub use cloud::{RefreshToken, TENANT};

/// A pretend Azure: Entra ID, the login servers of every registry, the token service of Azure Pipelines,
/// and the sources of managed identities, on one address.
pub struct Azure {
    server: Server,
    scheme: &'static str,
    cloud: Arc<Cloud>,
}

impl Azure {
    /// Over plain HTTP on 127.0.0.1, at a free port: for the sources of managed identities.
    pub fn start() -> Self {
        let cloud = Arc::new(Cloud::new());
        let addr = (Ipv4Addr::LOCALHOST, 0).into();
        Azure { server: Server::start(addr, None, Arc::clone(&cloud)), scheme: "http", cloud }
    }

    /// The same cloud at one more address over TLS, as these hosts.
    pub fn also_tls<S: AsRef<str>>(&self, addr: SocketAddr, ca: &Ca, hosts: &[S]) -> Self {
        let cloud = Arc::clone(&self.cloud);
        let certificate = ca.certificate_for(hosts);
        Azure { server: Server::start(addr, Some(&certificate), Arc::clone(&cloud)), scheme: "https", cloud }
    }

    /// Runs tasks from now on in this registry.
    pub fn show(&self, catalog: Arc<Catalog>) {
        // A second registry would belong to another subscription.
        let _ = self.cloud.resources.catalog.set(catalog);
    }

    /// What was created: each resource by its path, and the federated credentials.
    pub(crate) fn resources(&self) -> Value {
        json!({"resources": self.cloud.resources.told(), "trusts": self.cloud.directory.trusts()})
    }

    /// Its URL, without a trailing slash.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.addr())
    }

    /// Its address.
    pub fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// The number of calls of this kind, successful or not.
    pub fn calls(&self, call: AzureCall) -> usize {
        self.cloud.ledger.calls(call)
    }

    /// The number of requests, including unknown ones.
    pub fn all_calls(&self) -> usize {
        self.cloud.ledger.all_calls()
    }

    pub(crate) fn counts(&self) -> std::collections::BTreeMap<String, usize> {
        self.cloud.ledger.counts()
    }

    pub(crate) fn cloud(&self) -> &Arc<Cloud> {
        &self.cloud
    }

    /// Unknown requests, as `METHOD /path`; useful if a test fails.
    pub fn strange_requests(&self) -> Vec<String> {
        self.cloud.ledger.strange_requests()
    }

    /// Sets the behaviour of calls of this kind.
    pub fn on(&self, call: AzureCall, behaviour: Behaviour) {
        self.cloud.ledger.on(call, behaviour);
    }

    /// Every token that was issued for a registry, the oldest first.
    pub fn minted(&self) -> Vec<RefreshToken> {
        self.cloud.state().minted.clone()
    }

    /// Every secret that was issued on the way.
    pub fn access_tokens(&self) -> Vec<String> {
        self.cloud.state().access.iter().map(|access| access.token.clone()).collect()
    }

    /// Sets the TTL of registry tokens issued from now on; initially 3 h.
    pub fn set_token_life(&self, life: Duration) {
        self.cloud.state().token_life = life;
    }

    /// Expires every token issued so far; a client with a cached one does not know it.
    pub fn end_tokens(&self) {
        let now = self.cloud.now();
        self.cloud.state().minted.iter_mut().for_each(|token| token.expires = now);
    }

    /// How many seconds the cloud's clock is ahead of this machine's (negative: behind).
    pub fn set_clock_skew(&self, seconds: i64) {
        self.cloud.state().clock_skew = seconds;
    }

    /// The file that Azure Arc's agent names.
    pub fn set_arc_key(&self, path: &str) {
        self.cloud.state().arc_key = path.to_owned();
    }

    /// Sets the issuer of access tokens from now on; initially they have none.
    pub fn set_issuer(&self, issuer: &str) {
        self.cloud.state().issuer = Some(issuer.to_owned());
    }

    /// Sets the cloud of the machine, as in its metadata service: `AzureUSGovernmentCloud`.
    pub fn set_machine_cloud(&self, name: &str) {
        self.cloud.state().machine_cloud = name.to_owned();
    }

    /// The identity of an access token (see [`RefreshToken::identity`]), and the host at which it signed in.
    pub fn owner_of(&self, access_token: &str) -> Option<(String, String)> {
        self.cloud.known(access_token).map(|access| (access.identity, access.authority))
    }

    /// An access token for registries, as az or azd have one of a user who has signed in to them.
    pub fn access_token_of(&self, user: &str) -> String {
        let answer = self.cloud.access(user.to_owned(), "", cloud::REGISTRIES);
        answer.ok().and_then(|answer| answer["access_token"].as_str().map(str::to_owned)).expect("it is a resource")
    }

    /// The application's secret.
    pub fn secret_of(&self, client_id: &str) -> String {
        format!("secret-of-{client_id}")
    }
}

impl Service for Cloud {
    async fn answer(self: Arc<Self>, request: hyper::Request<Incoming>) -> Result<Response<Body>, HangUp> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| HangUp)?.to_bytes();
        let Some(call) = AzureCall::of(&head) else {
            self.ledger.strange(format!("{} {}", head.method, head.uri.path()));
            return Ok(reply(404, "text/plain", "no service of the pretend Azure knows this request\n"));
        };
        Ok(match self.ledger.begin(call).act().await? {
            Act::Proceed => match call {
                AzureCall::Resource | AzureCall::Directory => self.manage(call, &head, &body).await,
                _ => self.carry_out(call, &head, &body),
            }
            .unwrap_or_else(|refusal| refuse(call, &refusal)),
            Act::Refuse(refusal) => refuse(call, &refusal),
            Act::Send(response) => response,
        })
    }
}

impl Cloud {
    /// Requests with an access token.
    async fn manage(&self, call: AzureCall, head: &Parts, body: &[u8]) -> Result<Response<Body>, Refusal> {
        let token = head.headers.get("authorization").and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        // The URL of a log is a secret, and needs no token.
        if self.known(token.unwrap_or_default()).is_none() && !head.uri.path().starts_with("/logs/") {
            return Err(Refusal::new(401, "AuthenticationFailed", "Authentication failed."));
        }
        match call {
            AzureCall::Directory => self.directory.answer(head, body),
            _ => self.resources.answer(head, body).await,
        }
    }

    fn carry_out(&self, call: AzureCall, head: &Parts, body: &[u8]) -> Result<Response<Body>, Refusal> {
        match call {
            AzureCall::Token => entra::token(self, head, body),
            AzureCall::Discovery => entra::discovery(head),
            AzureCall::PipelineToken => entra::pipeline(head),
            AzureCall::MachineCloud => managed::cloud(self, head),
            AzureCall::Exchange => exchange::refresh_token(self, head, body),
            AzureCall::RepositoryToken => exchange::access_token(self, head, body),
            _ => managed::token(self, call, head, body),
        }
    }
}

/// An error in the format of the call's service.
fn refuse(call: AzureCall, refusal: &Refusal) -> Response<Body> {
    match call {
        AzureCall::Exchange | AzureCall::RepositoryToken => exchange::refuse(refusal),
        AzureCall::Resource | AzureCall::Directory => arm::refuse(refusal),
        _ => entra::refuse(refusal),
    }
}
