//! One listener that answers as every service of Azure that has a part in a registry's token.

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
/// and the places that give managed identities, on one address.
pub struct Azure {
    server: Server,
    scheme: &'static str,
    cloud: Arc<Cloud>,
}

impl Azure {
    /// Over plain HTTP on 127.0.0.1, at a free port: of use as a place that gives managed identities.
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
        // A second registry would be another subscription's.
        let _ = self.cloud.resources.catalog.set(catalog);
    }

    /// What was made: each resource by its path, and whom applications trust.
    pub(crate) fn resources(&self) -> Value {
        json!({"resources": self.cloud.resources.told(), "trusts": self.cloud.directory.trusts()})
    }

    /// Where it listens, without a slash at the end.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.addr())
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// How many calls of this kind have come in, well answered or not.
    pub fn calls(&self, call: AzureCall) -> usize {
        self.cloud.ledger.calls(call)
    }

    /// How many requests have come in, those included that are no call at all.
    pub fn all_calls(&self) -> usize {
        self.cloud.ledger.all_calls()
    }

    pub(crate) fn counts(&self) -> std::collections::BTreeMap<String, usize> {
        self.cloud.ledger.counts()
    }

    pub(crate) fn cloud(&self) -> &Arc<Cloud> {
        &self.cloud
    }

    /// The requests that no service here knows, as `METHOD /path`: of use when a test fails.
    pub fn strange_requests(&self) -> Vec<String> {
        self.cloud.ledger.strange_requests()
    }

    /// How calls of this kind are answered from now on.
    pub fn on(&self, call: AzureCall, behaviour: Behaviour) {
        self.cloud.ledger.on(call, behaviour);
    }

    /// Every token that has been given out for a registry, the oldest first.
    pub fn minted(&self) -> Vec<RefreshToken> {
        self.cloud.state().minted.clone()
    }

    /// Every secret that has been given out on the way there.
    pub fn access_tokens(&self) -> Vec<String> {
        self.cloud.state().access.iter().map(|access| access.token.clone()).collect()
    }

    /// How long registries' tokens live that are given out from now on; 3 h at first.
    pub fn set_token_life(&self, life: Duration) {
        self.cloud.state().token_life = life;
    }

    /// Ends every token given out so far: whoever keeps one does not know it yet.
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

    /// Who has issued the access tokens that are given out from now on; at first they do not say.
    pub fn set_issuer(&self, issuer: &str) {
        self.cloud.state().issuer = Some(issuer.to_owned());
    }

    /// Which cloud the machine is in, as its metadata service says: `AzureUSGovernmentCloud`.
    pub fn set_machine_cloud(&self, name: &str) {
        self.cloud.state().machine_cloud = name.to_owned();
    }

    /// Whose an access token is (see [`RefreshToken::identity`]), and at which host it was signed in.
    pub fn owner_of(&self, access_token: &str) -> Option<(String, String)> {
        self.cloud.known(access_token).map(|access| (access.identity, access.authority))
    }

    /// An access token for registries, as az or azd have one of a user who has signed in to them.
    pub fn access_token_of(&self, user: &str) -> String {
        let answer = self.cloud.access(user.to_owned(), "", cloud::REGISTRIES);
        answer.ok().and_then(|answer| answer["access_token"].as_str().map(str::to_owned)).expect("it is a resource")
    }

    /// What the application's secret is.
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
    /// What is asked with an access token of somebody's.
    async fn manage(&self, call: AzureCall, head: &Parts, body: &[u8]) -> Result<Response<Body>, Refusal> {
        let token = head.headers.get("authorization").and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        // A log is read by its address alone, which is a secret of its own.
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

/// An error in the form that the call's service gives it.
fn refuse(call: AzureCall, refusal: &Refusal) -> Response<Body> {
    match call {
        AzureCall::Exchange | AzureCall::RepositoryToken => exchange::refuse(refusal),
        AzureCall::Resource | AzureCall::Directory => arm::refuse(refusal),
        _ => entra::refuse(refusal),
    }
}
