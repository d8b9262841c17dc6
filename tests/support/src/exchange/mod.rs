//! Services that exchange an identity token for a registry's token, and the CIs that issue one: what is known of
//! each, and what is not, is in `identities` and in `services`.

mod alibaba;
mod call;
mod identities;
mod issuer;
mod oracle;
mod services;
mod state;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Request, Response};
use serde_json::{Value, json};

use crate::behaviour::{Act, Behaviour, Refusal};
use crate::ca::Ca;
use crate::reply::{Body, HangUp, json, with};
use crate::server::{Server, Service};

pub use alibaba::{ALIBABA_INSTANCE, ALIBABA_KEY, ALIBABA_SECRET, ALIBABA_STS, ALIBABA_TOKEN};
pub use call::{EXCHANGE_HOSTS, ExchangeCall};
pub use identities::JOB_TOKEN;
pub use issuer::ISSUER;
pub use oracle::{OCI_FINGERPRINT, OCI_SESSION, OCI_TENANCY, OCI_USER};
pub use services::{API_TOKEN, CONNECTION};
pub use state::ExchangedToken;
use state::State;

/// All pretend exchanges, and the issuer whose tokens they accept.
pub struct Exchanges {
    server: Server,
    state: Arc<State>,
}

impl Exchanges {
    /// Over TLS at this address, as all of [`EXCHANGE_HOSTS`].
    pub fn start_tls(addr: SocketAddr, ca: &Ca) -> Self {
        let state = Arc::new(State::new());
        let certificate = ca.certificate_for(&EXCHANGE_HOSTS);
        Exchanges { server: Server::start(addr, Some(&certificate), Arc::clone(&state)), state }
    }

    /// Its address.
    pub fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// The number of calls of this kind, successful or not.
    pub fn calls(&self, call: ExchangeCall) -> usize {
        self.state.ledger.calls(call)
    }

    /// The number of requests.
    pub fn all_calls(&self) -> usize {
        self.state.ledger.all_calls()
    }

    /// Unknown requests.
    pub fn strange_requests(&self) -> Vec<String> {
        self.state.ledger.strange_requests()
    }

    /// Sets the behaviour of calls of this kind.
    pub fn on(&self, call: ExchangeCall, behaviour: Behaviour) {
        self.state.ledger.on(call, behaviour);
    }

    /// What every refusal says in `Retry-After` from from now on.
    pub fn set_retry_after(&self, seconds: u64) {
        self.state.facts().retry_after = Some(seconds);
    }

    /// Every token that was issued, the oldest first.
    pub fn minted(&self) -> Vec<ExchangedToken> {
        self.state.facts().minted.clone()
    }

    /// What was signed for Oracle, or the requests for Alibaba Cloud, and the signatures: for a check by other code than
    /// ours.
    pub fn signatures(&self) -> Vec<(String, Vec<u8>)> {
        self.state.facts().signatures.clone()
    }

    /// How far the clock of Alibaba Cloud is ahead from now on, in seconds.
    pub fn set_clock_ahead(&self, seconds: u64) {
        self.state.facts().clock_ahead = seconds;
    }

    /// The TTL of tokens in seconds, or the one that was requested last.
    pub fn token_life(&self) -> u64 {
        self.state.facts().token_life
    }

    /// Sets the TTL of tokens minted from now on, unless the client requests one.
    pub fn set_token_life(&self, life: Duration) {
        self.state.facts().token_life = life.as_secs();
    }

    /// Sets the TTL of identity tokens from now on; initially 300 s.
    pub fn set_identity_life(&self, life: Duration) {
        self.state.facts().identity_life = life.as_secs();
    }

    /// The audience that a service, by its name in the settings, wants from from now on.
    pub fn set_audience(&self, service: &'static str, audience: &str) {
        self.state.facts().audience.insert(service, audience.to_owned());
    }

    /// What the subject of a trusted identity token begins with from from now on.
    pub fn set_subject(&self, subject: &str) {
        subject.clone_into(&mut self.state.facts().subject);
    }

    /// An identity token of the issuer's, as a CI puts it into a variable or a file.
    pub fn identity_token(&self, subject: &str, audience: &str) -> String {
        self.state.identity(subject, &json!(audience))
    }

    /// A signed identity token with these claims.
    pub fn signed(&self, claims: &Value) -> String {
        self.state.issuer.sign(claims)
    }

    /// Whether a user and a password are those of a token that was issued and has not expired: the check
    /// of [`crate::TokenServer`].
    pub fn keys(&self) -> impl Fn(&str, &str) -> bool + Send + Sync + 'static {
        let state = Arc::clone(&self.state);
        move |user, password| {
            let now = issuer::now();
            let is_key =
                |token: &ExchangedToken| token.username == user && token.token == password && token.expires > now;
            state.facts().minted.iter().any(is_key)
        }
    }

    /// Every identity token that was issued.
    pub fn identity_tokens(&self) -> Vec<String> {
        self.state.facts().issued.clone()
    }

    /// The hosts that have received an identity token.
    pub fn seen_at(&self) -> BTreeSet<String> {
        self.state.facts().seen_at.clone()
    }
}

impl Service for State {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Body>, HangUp> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| HangUp)?.to_bytes();
        let host = header(&head, "host");
        self.note(&host, &head, &body);
        let Some(call) = ExchangeCall::of(&host, &head) else {
            self.ledger.strange(format!("{} {host}{}", head.method, head.uri.path()));
            return Ok(refuse(&Refusal::new(404, "", "Not Found")));
        };
        let response = match self.ledger.begin(call).act().await? {
            Act::Proceed => self.carry_out(call, &head, &body).unwrap_or_else(|refusal| refuse(&refusal)),
            Act::Refuse(refusal) => refuse(&refusal),
            Act::Send(response) => response,
        };
        let retry_after = self.facts().retry_after.filter(|_| !response.status().is_success());
        Ok(match retry_after {
            Some(seconds) => with(response, "retry-after", &seconds.to_string()),
            None => response,
        })
    }
}

impl State {
    fn carry_out(&self, call: ExchangeCall, head: &Parts, body: &[u8]) -> Result<Response<Body>, Refusal> {
        match call {
            ExchangeCall::GitHubIdentity => identities::github(self, head),
            ExchangeCall::AzureIdentity => identities::azure(self, head),
            ExchangeCall::BuildkiteIdentity => identities::buildkite(self, head, body),
            ExchangeCall::DockerHub => services::docker_hub(self, head, body),
            ExchangeCall::Quay => services::quay(self, head, body),
            ExchangeCall::JFrog => services::jfrog(self, head, body),
            ExchangeCall::Cloudsmith => services::cloudsmith(self, head, body),
            ExchangeCall::Chainguard => services::chainguard(self, head, body),
            ExchangeCall::Oracle => oracle::token(self, head),
            ExchangeCall::Alibaba => alibaba::token(self, head),
            ExchangeCall::DigitalOcean => services::digital_ocean(self, head, body),
            ExchangeCall::GitLab => services::gitlab(self, head, body),
            ExchangeCall::Gateway => services::gateway(self, head, body),
        }
    }

    /// Records a host that received an identity token, anywhere in the request.
    fn note(&self, host: &str, head: &Parts, body: &[u8]) {
        let authorization = header(head, "authorization");
        let basic = authorization
            .strip_prefix("Basic ")
            .and_then(|text| base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text).ok());
        let text = format!(
            "{} {authorization} {} {}",
            head.uri,
            String::from_utf8_lossy(&basic.unwrap_or_default()),
            String::from_utf8_lossy(body)
        );
        let mut facts = self.facts();
        if facts.issued.iter().any(|token| text.contains(token)) {
            facts.seen_at.insert(host.to_owned());
        }
    }
}

fn header(head: &Parts, name: &str) -> String {
    head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

fn query(head: &Parts, name: &str) -> Option<String> {
    let query = head.uri.query().unwrap_or_default();
    form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

fn form(body: &[u8]) -> BTreeMap<String, String> {
    form_urlencoded::parse(body).into_owned().collect()
}

/// An error in the formats of all of them at once.
fn refuse(refusal: &Refusal) -> Response<Body> {
    let code = if refusal.code.is_empty() { refusal.message.as_str() } else { refusal.code };
    json(refusal.status, &json!({ "error": code, "message": refusal.message, "detail": refusal.message }))
}
