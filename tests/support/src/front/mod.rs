//! A registry that accepts only tokens of its pretend cloud.

mod expiration;
mod gitlab;
mod hub;
mod image;
mod private;
mod public;
#[cfg(test)]
mod tests;
mod token_server;
pub(crate) mod upstream;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Method, Request, Response};
use serde_json::json;

use crate::aws::{Aws, Call, Cloud};
use crate::azure;
use crate::behaviour::{Act, Refusal};
use crate::ca::Ca;
use crate::catalog::Catalog;
use crate::reply::{Body, HangUp, json, with};
use crate::server::{Server, Service};
use token_server::Entry;

pub use gitlab::GitLab;
pub use image::Image;
pub use token_server::TokenServer;

/// A registry with authentication: `/v2/` and everything below requires a valid login.
///
/// For ECR that is the user `AWS` with a password that was minted and has not expired; for a
/// host of ECR's, in its region. As `public.ecr.aws` it is ECR Public: everyone gets a bearer token
/// from `/token/`, with or without a login, but a login must be valid. Any other
/// registry has a [`TokenServer`].
///
/// Behind it is a real registry, or one small [`Image`] under every name.
pub struct RegistryFront {
    server: Server,
    scheme: &'static str,
}

impl RegistryFront {
    /// ECR over plain HTTP on 127.0.0.1, at a free port.
    pub fn start(aws: &Aws, upstream: Option<SocketAddr>) -> Self {
        RegistryFront::start_at((Ipv4Addr::LOCALHOST, 0).into(), aws, upstream)
    }

    /// ECR over plain HTTP at this address; port 0 is a free one.
    pub fn start_at(addr: SocketAddr, aws: &Aws, upstream: Option<SocketAddr>) -> Self {
        let front = Front::new(Door::Ecr(Arc::clone(aws.cloud())), upstream, "http");
        RegistryFront { server: Server::start(addr, None, Arc::new(front)), scheme: "http" }
    }

    /// ECR over TLS at this address, as these hosts.
    pub fn start_tls<S: AsRef<str>>(
        addr: SocketAddr,
        ca: &Ca,
        hosts: &[S],
        aws: &Aws,
        upstream: Option<SocketAddr>,
    ) -> Self {
        RegistryFront::over_tls(addr, ca, hosts, Door::Ecr(Arc::clone(aws.cloud())), upstream)
    }

    /// A registry of the bearer flow over plain HTTP on 127.0.0.1, at a free port.
    pub fn start_bearer(tokens: &TokenServer, upstream: Option<SocketAddr>) -> Self {
        let front = Front::new(Door::Tokens(tokens.clone()), upstream, "http");
        let addr = (Ipv4Addr::LOCALHOST, 0).into();
        RegistryFront { server: Server::start(addr, None, Arc::new(front)), scheme: "http" }
    }

    /// A registry of the bearer flow over TLS at this address, as these hosts; its token server's
    /// host is one of them.
    pub fn start_bearer_tls<S: AsRef<str>>(
        addr: SocketAddr,
        ca: &Ca,
        hosts: &[S],
        tokens: &TokenServer,
        upstream: Option<SocketAddr>,
    ) -> Self {
        RegistryFront::over_tls(addr, ca, hosts, Door::Tokens(tokens.clone()), upstream)
    }

    /// The same, with the API of its cloud.
    pub fn start_catalog_tls<S: AsRef<str>>(
        addr: SocketAddr,
        ca: &Ca,
        hosts: &[S],
        tokens: &TokenServer,
        catalog: Arc<Catalog>,
        api: Api,
    ) -> Self {
        let front =
            Front { door: Door::Tokens(tokens.clone()), behind: Behind::Catalog(catalog, api), scheme: "https" };
        let certificate = ca.certificate_for(hosts);
        RegistryFront { server: Server::start(addr, Some(&certificate), Arc::new(front)), scheme: "https" }
    }

    /// ECR Public over TLS, whose API tells what lies there.
    pub fn start_public_tls<S: AsRef<str>>(
        addr: SocketAddr,
        ca: &Ca,
        hosts: &[S],
        aws: &Aws,
        catalog: Arc<Catalog>,
    ) -> Self {
        let door = Door::Ecr(Arc::clone(aws.cloud()));
        let front = Front { door, behind: Behind::Catalog(catalog, Api::Elsewhere), scheme: "https" };
        let certificate = ca.certificate_for(hosts);
        RegistryFront { server: Server::start(addr, Some(&certificate), Arc::new(front)), scheme: "https" }
    }

    fn over_tls<S: AsRef<str>>(
        addr: SocketAddr,
        ca: &Ca,
        hosts: &[S],
        door: Door,
        upstream: Option<SocketAddr>,
    ) -> Self {
        let front = Front::new(door, upstream, "https");
        let certificate = ca.certificate_for(hosts);
        RegistryFront { server: Server::start(addr, Some(&certificate), Arc::new(front)), scheme: "https" }
    }

    /// Its URL, without a trailing slash.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.addr())
    }

    /// Its address.
    pub fn addr(&self) -> SocketAddr {
        self.server.addr()
    }
}

/// The state behind the listener.
struct Front {
    door: Door,
    behind: Behind,
    scheme: &'static str,
}

/// What serves authorized requests.
enum Behind {
    Image(Image),
    Registry(SocketAddr),
    /// A registry, and the API of its cloud.
    Catalog(Arc<Catalog>, Api),
}

/// What a login server serves in addition to `/v2/`.
#[derive(Debug)]
pub enum Api {
    /// Nothing: the cloud's API has its own hosts.
    Elsewhere,
    /// Azure's, at `/acr/v1/`.
    Acr,
    /// Docker Hub's, at `hub.docker.com`, for one user with a password.
    Hub([String; 2]),
    /// GitLab's, at `gitlab.com`, with this token; and its projects.
    GitLab(String, Arc<GitLab>),
}

impl Api {
    /// Requests to another host than the registry's.
    async fn answer(&self, catalog: &Catalog, request: Request<Incoming>) -> Result<Entry, HangUp> {
        let host = header(&request, "host").unwrap_or_default();
        Ok(match self {
            Api::Hub(login) if host == hub::HOST => Entry::Answered(hub::answer(catalog, login, request).await?),
            Api::GitLab(token, gitlab) if host == gitlab::HOST && request.uri().path().starts_with("/api/") => {
                Entry::Answered(gitlab::answer(catalog, gitlab, token, request).await?)
            }
            _ => Entry::Through(request),
        })
    }
}

/// The authentication.
enum Door {
    Ecr(Arc<Cloud>),
    Tokens(TokenServer),
}

impl Front {
    fn new(door: Door, upstream: Option<SocketAddr>, scheme: &'static str) -> Self {
        let behind = upstream.map_or_else(|| Behind::Image(Image::new()), Behind::Registry);
        Front { door, behind, scheme }
    }
}

impl Service for Front {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Body>, HangUp> {
        let request = match &self.behind {
            Behind::Catalog(catalog, api) => match api.answer(catalog, request).await? {
                Entry::Through(request) => request,
                Entry::Answered(answer) => return Ok(answer),
            },
            _ => request,
        };
        let entry = match &self.door {
            Door::Ecr(cloud) => enter_ecr(cloud, request, self.scheme).await?,
            Door::Tokens(tokens) => tokens.enter(request, self.scheme).await?,
        };
        let request = match entry {
            Entry::Through(request) => request,
            Entry::Answered(answer) => return Ok(answer),
        };
        Ok(match &self.behind {
            Behind::Registry(upstream) => upstream::forward(*upstream, self.scheme, request).await,
            Behind::Image(image) => image.answer(request.method(), request.uri().path()),
            Behind::Catalog(catalog, Api::Acr) if request.uri().path().starts_with("/acr/v1/") => {
                azure::acr::answer(catalog, request).await?
            }
            Behind::Catalog(catalog, api) => {
                let response = catalog.forward(self.scheme, request).await?;
                // https://docs.docker.com/docker-hub/usage/pulls/
                let is_hub = matches!(api, Api::Hub(_));
                if is_hub { with(response, "ratelimit-remaining", "76;w=21600") } else { response }
            }
        })
    }
}

async fn enter_ecr(cloud: &Cloud, request: Request<Incoming>, scheme: &str) -> Result<Entry, HangUp> {
    let turn = cloud.ledger.begin(Call::Registry);
    match turn.act().await? {
        Act::Proceed => {}
        Act::Refuse(refusal) => return Ok(Entry::Answered(refuse(&refusal))),
        Act::Send(response) => return Ok(Entry::Answered(response)),
    }
    let host = header(&request, "host").unwrap_or_default();
    let authorization = header(&request, "authorization");
    if public::is_public(host) {
        if request.uri().path().trim_end_matches('/') == "/token" {
            // Only GET is supported: containerd tries the OAuth form with POST first, and continues.
            if request.method() == Method::GET {
                return Ok(Entry::Answered(public::token(cloud, authorization)));
            }
            read(request).await?;
            return Ok(Entry::Answered(refuse(&Refusal::new(405, "UNSUPPORTED", "Method Not Allowed"))));
        }
        if authorization != Some(public::BEARER) {
            return Ok(Entry::Answered(public::challenge(scheme, host)));
        }
    } else if let Err(reason) = private::admit(cloud, host, authorization) {
        let realm = format!("Basic realm=\"{scheme}://{host}/\",service=\"ecr.amazonaws.com\"");
        let refusal = refuse(&Refusal::new(401, "UNAUTHORIZED", reason));
        return Ok(Entry::Answered(with(refusal, "www-authenticate", &realm)));
    }
    Ok(Entry::Through(request))
}

/// Reads the whole request: a response before its end would close the connection.
async fn read(request: Request<Incoming>) -> Result<(Parts, Bytes), HangUp> {
    let (head, body) = request.into_parts();
    Ok((head, body.collect().await.map_err(|_| HangUp)?.to_bytes()))
}

/// An error in the form of the registry API.
fn refuse(refusal: &Refusal) -> Response<Body> {
    let errors = json!({ "errors": [{ "code": refusal.code, "message": refusal.message }] });
    with(json(refusal.status, &errors), "docker-distribution-api-version", "registry/2.0")
}

fn header<'a>(request: &'a Request<Incoming>, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}
