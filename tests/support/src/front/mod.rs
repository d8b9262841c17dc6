//! A registry that lets in only who holds a token of the pretend AWS beside it.

mod image;
mod public;
#[cfg(test)]
mod tests;
mod upstream;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::body::Incoming;
use hyper::{Request, Response};
use serde_json::json;

use crate::aws::{Aws, Call, Cloud};
use crate::behaviour::{Act, Refusal};
use crate::ca::Ca;
use crate::reply::{Body, HangUp, json, with};
use crate::server::{Server, Service};

pub use image::Image;

/// A registry behind ECR's door: `/v2/` and everything under it opens only to the user `AWS` with
/// a password that was minted and has not ended; for a host of ECR's, in its region.
///
/// As `public.ecr.aws` it is ECR Public: everyone gets a bearer token from `/token/`, with or
/// without a login, but a login that is given has to be right.
///
/// Behind the door is a real registry, or one small [`Image`] under every name.
pub struct RegistryFront {
    server: Server,
    scheme: &'static str,
}

impl RegistryFront {
    /// Over plain HTTP on 127.0.0.1, at a free port.
    pub fn start(aws: &Aws, upstream: Option<SocketAddr>) -> Self {
        RegistryFront::start_at((Ipv4Addr::LOCALHOST, 0).into(), aws, upstream)
    }

    /// Over plain HTTP at this address; port 0 is a free one.
    pub fn start_at(addr: SocketAddr, aws: &Aws, upstream: Option<SocketAddr>) -> Self {
        let front = Front::new(aws, upstream, "http");
        RegistryFront { server: Server::start(addr, None, Arc::new(front)), scheme: "http" }
    }

    /// Over TLS at this address, as these hosts.
    pub fn start_tls<S: AsRef<str>>(
        addr: SocketAddr,
        ca: &Ca,
        hosts: &[S],
        aws: &Aws,
        upstream: Option<SocketAddr>,
    ) -> Self {
        let front = Front::new(aws, upstream, "https");
        let certificate = ca.certificate_for(hosts);
        RegistryFront { server: Server::start(addr, Some(&certificate), Arc::new(front)), scheme: "https" }
    }

    /// Where it is, without a slash at the end.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.addr())
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.server.addr()
    }
}

/// The state behind the listener.
struct Front {
    cloud: Arc<Cloud>,
    upstream: Option<SocketAddr>,
    scheme: &'static str,
    image: Image,
}

impl Front {
    fn new(aws: &Aws, upstream: Option<SocketAddr>, scheme: &'static str) -> Self {
        Front { cloud: Arc::clone(aws.cloud()), upstream, scheme, image: Image::new() }
    }
}

impl Service for Front {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Body>, HangUp> {
        if let Some(answer) = self.cloud.script_answer(request.uri().path()) {
            return Ok(answer);
        }
        let turn = self.cloud.ledger.begin(Call::Registry);
        match turn.act().await? {
            Act::Proceed => {}
            Act::Refuse(refusal) => return Ok(refuse(&refusal)),
            Act::Send(response) => return Ok(response),
        }
        let host = header(&request, "host").unwrap_or_default().to_owned();
        if public::is_public(&host) {
            if request.uri().path().trim_end_matches('/') == "/token" {
                return Ok(public::token(&self.cloud, header(&request, "authorization")));
            }
            if header(&request, "authorization") != Some(public::BEARER) {
                return Ok(public::challenge(self.scheme, &host));
            }
        } else if let Err(reason) = self.admit(&host, header(&request, "authorization")) {
            let realm = format!("Basic realm=\"{}://{host}/\",service=\"ecr.amazonaws.com\"", self.scheme);
            return Ok(with(refuse(&Refusal::new(401, "UNAUTHORIZED", reason)), "www-authenticate", &realm));
        }
        Ok(match self.upstream {
            Some(upstream) => upstream::forward(upstream, self.scheme, request).await,
            None => self.image.answer(request.method(), request.uri().path()),
        })
    }
}

impl Front {
    fn admit(&self, host: &str, authorization: Option<&str>) -> Result<(), &'static str> {
        let password = authorization.and_then(password_of).ok_or("Not Authorized")?;
        self.cloud.admits(&password, "ecr", region_of(host))
    }
}

/// An error in the form of the registry API.
fn refuse(refusal: &Refusal) -> Response<Body> {
    let errors = json!({ "errors": [{ "code": refusal.code, "message": refusal.message }] });
    with(json(refusal.status, &errors), "docker-distribution-api-version", "registry/2.0")
}

fn header<'a>(request: &'a Request<Incoming>, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

/// The password of the user `AWS`.
fn password_of(authorization: &str) -> Option<String> {
    let login = STANDARD.decode(authorization.strip_prefix("Basic ")?).ok()?;
    Some(String::from_utf8(login).ok()?.strip_prefix("AWS:")?.to_owned())
}

/// The region in a host of ECR's; `None` for any other host, such as 127.0.0.1.
fn region_of(host: &str) -> Option<&str> {
    let (_account, rest) = host.split_once(".dkr")?;
    rest[1..].strip_prefix("ecr")?.split('.').nth(1)
}
