//! GitHub's API and web site, as far as they take part in issuing a token for Packages: Apps and the
//! device flow.

mod app;
mod call;
mod cleanup;
mod device;
mod packages;
mod repository;
mod state;
#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::Response;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use serde_json::json;

use crate::behaviour::{Act, Behaviour, Refusal};
use crate::ca::Ca;
use crate::catalog::Catalog;
use crate::path::parts;
use crate::reply::{Body, HangUp, json, with};
use crate::server::{Server, Service};

pub(crate) use app::public_key;
pub use app::{APP, APP_CLIENT, APP_KEY, OTHER_KEY};
pub use call::GitHubCall;
pub use state::InstallationToken;
use state::{Installation, State};

/// A pretend GitHub with one App, [`APP`], that signs with [`APP_KEY`]. It answers at
/// `api.github.com`, `api.SUB.ghe.com` and `HOST/api/v3` alike.
pub struct GitHub {
    server: Server,
    scheme: &'static str,
    state: Arc<State>,
}

impl GitHub {
    /// Over plain HTTP on 127.0.0.1, at a free port.
    pub fn start() -> Self {
        let state = Arc::new(State::new());
        let addr = (Ipv4Addr::LOCALHOST, 0).into();
        GitHub { server: Server::start(addr, None, Arc::clone(&state)), scheme: "http", state }
    }

    /// Over TLS at this address, as these hosts.
    pub fn start_tls<S: AsRef<str>>(addr: SocketAddr, ca: &Ca, hosts: &[S]) -> Self {
        let state = Arc::new(State::new());
        let certificate = ca.certificate_for(hosts);
        GitHub { server: Server::start(addr, Some(&certificate), Arc::clone(&state)), scheme: "https", state }
    }

    /// The scopes that devices requested, in order.
    pub fn scopes_asked_for(&self) -> Vec<String> {
        self.state.facts().scopes.clone()
    }

    /// The same GitHub at one more address over TLS.
    pub fn also_tls<S: AsRef<str>>(&self, addr: SocketAddr, ca: &Ca, hosts: &[S]) -> Self {
        let state = Arc::clone(&self.state);
        let certificate = ca.certificate_for(hosts);
        GitHub { server: Server::start(addr, Some(&certificate), Arc::clone(&state)), scheme: "https", state }
    }

    /// Its URL, without a trailing slash.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.addr())
    }

    /// Its address.
    pub fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// Installs the App for an organisation, or for a user.
    pub fn install(&self, id: u64, account: &str, is_org: bool) {
        let account = account.to_owned();
        self.state.facts().installations.push(Installation { id, account, is_org, is_suspended: false });
    }

    /// Suspends an installation.
    pub fn suspend(&self, id: u64) {
        self.state.facts().installations.iter_mut().filter(|one| one.id == id).for_each(|one| one.is_suspended = true);
    }

    /// What the tokens of installations may read from from now on.
    pub fn set_permissions(&self, names: &[&str]) {
        self.state.facts().permissions = names.iter().map(|name| (*name).to_owned()).collect();
    }

    /// The number of calls of this kind, successful or not.
    pub fn calls(&self, call: GitHubCall) -> usize {
        self.state.ledger.calls(call)
    }

    pub(crate) fn counts(&self) -> std::collections::BTreeMap<String, usize> {
        self.state.ledger.counts()
    }

    /// The number of requests, including unknown ones.
    pub fn all_calls(&self) -> usize {
        self.state.ledger.all_calls()
    }

    /// Unknown requests, as `METHOD /path`; useful if a test fails.
    pub fn strange_requests(&self) -> Vec<String> {
        self.state.ledger.strange_requests()
    }

    /// Sets the behaviour of calls of this kind.
    pub fn on(&self, call: GitHubCall, behaviour: Behaviour) {
        self.state.ledger.on(call, behaviour);
    }

    /// Every installation's token that was issued, the oldest first.
    pub fn minted(&self) -> Vec<InstallationToken> {
        self.state.facts().minted.clone()
    }

    /// Sets the TTL of tokens minted from now on; initially 1 h, as GitHub's.
    pub fn set_token_life(&self, life: Duration) {
        self.state.facts().token_life = life;
    }

    /// Expires every token minted so far; a client with a cached one does not know it.
    pub fn end_tokens(&self) {
        let now = self.state.now();
        self.state.facts().minted.iter_mut().for_each(|token| token.expires = now);
    }

    /// Issues a token that does not expire, such as a classic personal access token.
    pub fn give(&self, token: &str) {
        self.state.facts().given.push(token.to_owned());
    }

    /// Whether a registry accepts this token now.
    pub fn admits(&self, token: &str) -> bool {
        self.state.admits(token)
    }

    /// Serves the packages of this registry from now on.
    pub fn show(&self, catalog: Arc<Catalog>) {
        // A second registry would belong to another GitHub.
        let _ = self.state.catalog.set(catalog);
    }

    /// Does as the clean-up action does with these inputs, which are a query. What was deleted, as `NAME:TAG` and
    /// `NAME@DIGEST`.
    ///
    /// # Errors
    /// An input that is not known here.
    pub(crate) async fn clean_up(&self, inputs: &str) -> Result<Vec<String>, String> {
        let inputs = cleanup::Inputs::parse(inputs)?;
        let Some(catalog) = self.state.catalog.get() else { return Ok(Vec::new()) };
        Ok(cleanup::clean_up(catalog, &inputs).await)
    }

    /// What a repository was set up with, such as `variable NAME=VALUE`.
    pub(crate) fn settings(&self) -> Vec<String> {
        self.state.facts().settings.iter().cloned().collect()
    }

    /// How many seconds GitHub's clock is ahead of this machine's (negative: behind).
    pub fn set_clock_skew(&self, seconds: i64) {
        self.state.facts().clock_skew = seconds;
    }

    /// Sets how often a device must poll before its user agrees; initially 1.
    pub fn set_polls_before_consent(&self, polls: u32) {
        self.state.facts().polls_before_consent = polls;
    }

    /// Makes users decline the sign-in of devices from now on.
    pub fn deny_devices(&self) {
        self.state.facts().denies_devices = true;
    }
}

impl Service for State {
    async fn answer(self: Arc<Self>, request: hyper::Request<Incoming>) -> Result<Response<Body>, HangUp> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| HangUp)?.to_bytes();
        let Some((call, about)) = GitHubCall::of(&head) else {
            self.ledger.strange(format!("{} {}", head.method, head.uri.path()));
            return Ok(refuse(&Refusal::new(404, "", "Not Found")));
        };
        let turn = self.ledger.begin(call);
        let path = head.uri.path();
        let parts = parts(path.strip_prefix("/api/v3").unwrap_or(path));
        let parts: Vec<_> = parts.iter().map(String::as_str).collect();
        let response = match turn.act().await? {
            Act::Proceed => match call {
                GitHubCall::Packages => self.packages(&head, &parts).await,
                GitHubCall::Repository => {
                    self.known(&head).and_then(|()| repository::answer(&self, &head, &parts, &body))
                }
                _ => self.carry_out(call, &about, &head, &body),
            }
            .unwrap_or_else(|refusal| refuse(&refusal)),
            Act::Refuse(refusal) => refuse(&refusal),
            Act::Send(response) => response,
        };
        Ok(with(response, "date", &httpdate::fmt_http_date(self.now())))
    }
}

impl State {
    async fn packages(&self, head: &Parts, asked: &[&str]) -> Result<Response<Body>, Refusal> {
        self.known(head)?;
        let catalog = self.catalog.get().ok_or_else(|| Refusal::new(404, "", "Not Found"))?;
        packages::answer(catalog, head, asked).await
    }

    /// Whether it is a valid token.
    fn known(&self, head: &Parts) -> Result<(), Refusal> {
        let given = head.headers.get("authorization").and_then(|value| value.to_str().ok());
        let token = given.and_then(|value| value.split(' ').next_back()).unwrap_or_default();
        if self.admits(token) { Ok(()) } else { Err(Refusal::new(401, "", "Bad credentials")) }
    }

    fn admits(&self, token: &str) -> bool {
        let now = self.now();
        let facts = self.facts();
        facts.given.iter().any(|given| given == token)
            || facts.minted.iter().any(|minted| minted.token == token && minted.expires > now)
    }

    fn carry_out(&self, call: GitHubCall, about: &str, head: &Parts, body: &[u8]) -> Result<Response<Body>, Refusal> {
        let host = || head.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
        match call {
            GitHubCall::DeviceCode => return Ok(device::code(self, host(), body)),
            GitHubCall::DeviceToken => return Ok(device::token(self, body)),
            GitHubCall::User => return device::user(self, head),
            _ => app::admit(self, head)?,
        }
        match call {
            GitHubCall::OrgInstallation => app::installation_of(self, about, true),
            GitHubCall::UserInstallation => app::installation_of(self, about, false),
            GitHubCall::InstallationToken => app::token(self, about, head, body),
            _ => Ok(app::installations(self, head)),
        }
    }
}

/// An error in the format of GitHub's API, whose messages are its codes.
fn refuse(refusal: &Refusal) -> Response<Body> {
    let body = json!({ "message": refusal.message, "documentation_url": "https://docs.github.com/rest" });
    let response = json(refusal.status, &body);
    // The code of an error that a test sets is the name of a header.
    match refusal.code {
        "x-github-sso" => with(response, "x-github-sso", "required; url=https://github.com/orgs/octo-org/sso"),
        "x-ratelimit-remaining" => with(response, "x-ratelimit-remaining", "0"),
        _ => response,
    }
}
