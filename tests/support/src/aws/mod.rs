//! One listener for all AWS services that take part in issuing a registry token.

mod call;
mod cloud;
mod container;
mod ecr;
mod identity;
mod imds;
mod public;
mod signin;
mod sso;
mod sts;
#[cfg(test)]
mod tests;

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
use crate::reply::{Body, HangUp, with};
use crate::server::{Server, Service};

pub use call::Call;
pub use cloud::MintedToken;
pub(crate) use cloud::{Cloud, Place};
pub use container::CONTAINER_AUTHORIZATION;
pub use imds::IMDS_ROLE;
pub use sts::AssumedRole;

/// The account of all access keys without [`Aws::set_account`].
const ACCOUNT: &str = "123456789012";

/// A pretend AWS: ECR, ECR Public, STS, SSO, sign-in, the instance metadata service and the
/// container credentials endpoint, on one address.
///
/// Long-term access keys are whatever the test likes. A key that begins with `ASIA` is temporary:
/// it has to come from here, with its session token, and be unexpired.
pub struct Aws {
    server: Server,
    scheme: &'static str,
    cloud: Arc<Cloud>,
}

impl Aws {
    /// Over plain HTTP on 127.0.0.1, at a free port.
    pub fn start() -> Self {
        Aws::start_at((Ipv4Addr::LOCALHOST, 0).into())
    }

    /// Over plain HTTP at this address; port 0 is a free one.
    pub fn start_at(addr: SocketAddr) -> Self {
        let cloud = Arc::new(Cloud::new());
        Aws { server: Server::start(addr, None, Arc::clone(&cloud)), scheme: "http", cloud }
    }

    /// Over TLS at this address, as these hosts.
    pub fn start_tls<S: AsRef<str>>(addr: SocketAddr, ca: &Ca, hosts: &[S]) -> Self {
        let cloud = Arc::new(Cloud::new());
        let certificate = ca.certificate_for(hosts);
        Aws { server: Server::start(addr, Some(&certificate), Arc::clone(&cloud)), scheme: "https", cloud }
    }

    /// The same cloud at one more address over plain HTTP, as the metadata services are reached.
    pub fn also_at(&self, addr: SocketAddr) -> Self {
        let cloud = Arc::clone(&self.cloud);
        Aws { server: Server::start(addr, None, Arc::clone(&cloud)), scheme: "http", cloud }
    }

    /// The same cloud at one more address over TLS.
    pub fn also_tls<S: AsRef<str>>(&self, addr: SocketAddr, ca: &Ca, hosts: &[S]) -> Self {
        let cloud = Arc::clone(&self.cloud);
        let certificate = ca.certificate_for(hosts);
        Aws { server: Server::start(addr, Some(&certificate), Arc::clone(&cloud)), scheme: "https", cloud }
    }

    /// The value of `AWS_ENDPOINT_URL`, without a trailing slash.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.addr())
    }

    /// Its address.
    pub fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// The number of calls of this kind, successful or not.
    pub fn calls(&self, call: Call) -> usize {
        self.cloud.ledger.calls(call)
    }

    /// The number of requests, including unknown ones.
    pub fn all_calls(&self) -> usize {
        self.cloud.ledger.all_calls()
    }

    /// Unknown requests, as `METHOD /path`; useful if a test fails.
    pub fn strange_requests(&self) -> Vec<String> {
        self.cloud.ledger.strange_requests()
    }

    /// Sets the behaviour of calls of this kind.
    pub fn on(&self, call: Call, behaviour: Behaviour) {
        self.cloud.ledger.on(call, behaviour);
    }

    /// Every registry token that was issued, the oldest first.
    pub fn minted(&self) -> Vec<MintedToken> {
        self.cloud.state().minted.clone()
    }

    /// Every role that has been assumed, the first one first.
    pub fn assumed(&self) -> Vec<AssumedRole> {
        self.cloud.state().assumed.clone()
    }

    /// Enables identity tokens of the account: this one, for this audience only. Another issuer signs it, as AWS's
    /// own would.
    pub fn set_identity_token(&self, audience: &str, token: &str) {
        self.cloud.state().identity_token = Some((audience.to_owned(), token.to_owned()));
    }

    /// Makes this external id a condition for assuming roles; `None` removes it.
    pub fn set_external_id(&self, id: Option<&str>) {
        self.cloud.state().external_id = id.map(str::to_owned);
    }

    /// Sets the TTL of registry tokens minted from now on; initially 12 h, as AWS's.
    pub fn set_token_life(&self, life: Duration) {
        self.cloud.state().token_life = life;
    }

    /// Expires every token minted so far; a client with a cached one does not know it.
    pub fn end_tokens(&self) {
        self.cloud.end_tokens();
    }

    /// Moves this access key to another account, whose registries then accept only its own keys
    /// from now on.
    pub fn set_account(&self, access_key: &str, account: &str) {
        self.cloud.state().accounts.insert(access_key.to_owned(), account.to_owned());
    }

    /// Sets the TTL of temporary credentials issued from now on; initially 1 h.
    pub fn set_identity_life(&self, life: Duration) {
        self.cloud.state().identity_life = life;
    }

    /// How many seconds the cloud's clock is ahead of this machine's (negative: behind): in its
    /// `Date` header, in every expiry, and when it rejects signatures that are more than 5 minutes
    /// off its clock, as AWS does.
    pub fn set_clock_skew(&self, seconds: i64) {
        self.cloud.state().clock_skew = seconds;
    }

    /// Sets the length of passwords minted from now on; real ones have about 1,900 bytes,
    /// and more than 2,560 for an SSO session.
    ///
    /// # Panics
    /// Below 64 bytes passwords would not be unique.
    pub fn set_password_length(&self, bytes: usize) {
        assert!(bytes >= 64, "a password of {bytes} bytes would not be unique");
        self.cloud.state().password_length = bytes;
    }

    /// Tells from now on what lies in this registry, as ECR Public's API does.
    pub fn show(&self, catalog: Arc<Catalog>) {
        // A second registry would be another AWS's.
        let _ = self.cloud.public.catalog.set(catalog);
    }

    pub(crate) fn counts(&self) -> std::collections::BTreeMap<String, usize> {
        self.cloud.ledger.counts()
    }

    pub(crate) fn cloud(&self) -> &Arc<Cloud> {
        &self.cloud
    }
}

impl Service for Cloud {
    async fn answer(self: Arc<Self>, request: hyper::Request<Incoming>) -> Result<Response<Body>, HangUp> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| HangUp)?.to_bytes();
        let Some(call) = Call::of(&head, &body) else {
            self.ledger.strange(format!("{} {}", head.method, head.uri.path()));
            return Ok(crate::reply::reply(404, "text/plain", "no service of the pretend AWS knows this request\n"));
        };
        let turn = self.ledger.begin(call);
        let response = match turn.act().await? {
            Act::Proceed => match call {
                Call::EcrPublic => public::answer(&self, &head, &body).await,
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
    fn carry_out(&self, call: Call, head: &Parts, body: &[u8]) -> Result<Response<Body>, Refusal> {
        match call {
            Call::EcrToken => ecr::private_token(self, head),
            Call::EcrPublicToken => ecr::public_token(self, head),
            Call::AssumeRole => sts::assume_role(self, head, body),
            Call::AssumeRoleWithWebIdentity => sts::assume_role_with_web_identity(self, body),
            Call::GetWebIdentityToken => sts::web_identity_token(self, head, body),
            Call::GetCallerIdentity => sts::caller_identity(self, head),
            Call::SsoCredentials => sso::credentials(self, head),
            Call::SsoOidcToken => sso::token(body),
            Call::SigninToken => signin::token(self, body),
            Call::ImdsToken => imds::token(head),
            Call::ImdsCredentials => imds::credentials(self, head),
            Call::ContainerCredentials => container::credentials(self, head),
            Call::EcrPublic => unreachable!("it is answered before"),
            Call::Registry => unreachable!("the registry front answers its own calls"),
        }
    }
}

/// An error in the format of the call's service.
fn refuse(call: Call, refusal: &Refusal) -> Response<Body> {
    match call {
        Call::EcrToken | Call::EcrPublicToken | Call::EcrPublic => ecr::refuse(refusal),
        Call::AssumeRole | Call::AssumeRoleWithWebIdentity | Call::GetCallerIdentity | Call::GetWebIdentityToken => {
            sts::refuse(refusal)
        }
        Call::SsoCredentials => sso::refuse(refusal),
        Call::SsoOidcToken => sso::refuse_token(refusal),
        Call::SigninToken => signin::refuse(refusal),
        Call::ImdsToken | Call::ImdsCredentials => imds::refuse(refusal),
        Call::ContainerCredentials => container::refuse(refusal),
        Call::Registry => unreachable!("the registry front answers its own calls"),
    }
}
