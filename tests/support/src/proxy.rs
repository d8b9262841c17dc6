use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::reply::{Body, HangUp, reply};
use crate::server::{Server, Service};

/// A web proxy: `CONNECT` for TLS, absolute URLs for plain HTTP.
///
/// It knows only configured names, so that no test reaches the real network.
pub struct Proxy {
    server: Server,
    routes: Arc<Routes>,
}

#[derive(Default)]
struct Routes {
    targets: Mutex<HashMap<String, SocketAddr>>,
    requests: AtomicUsize,
    /// The required `Proxy-Authorization`.
    password: Option<String>,
}

impl Proxy {
    /// On 127.0.0.1, at a free port.
    pub fn start() -> Self {
        Self::serving(Routes::default())
    }

    /// A proxy that requires this user and password.
    pub fn with_password(user: &str, password: &str) -> Self {
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        Self::serving(Routes { password: Some(format!("Basic {pair}")), ..Routes::default() })
    }

    fn serving(routes: Routes) -> Self {
        let routes = Arc::new(routes);
        Proxy { server: Server::start((Ipv4Addr::LOCALHOST, 0).into(), None, Arc::clone(&routes)), routes }
    }

    /// Connects `authority` (`host:port`) to this address.
    pub fn route(&self, authority: &str, target: SocketAddr) {
        self.routes.lock().insert(authority.to_owned(), target);
    }

    /// The value of `HTTPS_PROXY`.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.addr())
    }

    /// The number of requests and tunnels.
    pub fn requests(&self) -> usize {
        self.routes.requests.load(Ordering::SeqCst)
    }
}

impl Routes {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, SocketAddr>> {
        self.targets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service for Routes {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Body>, HangUp> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        let shown = request.headers().get("proxy-authorization").and_then(|value| value.to_str().ok());
        if self.password.as_deref().is_some_and(|password| shown != Some(password)) {
            return Ok(reply(407, "text/plain", "this proxy wants a password\n"));
        }
        let Some(host) = request.uri().host() else {
            return Ok(reply(400, "text/plain", "a proxy is asked for whole addresses\n"));
        };
        let authority = format!("{host}:{}", request.uri().port_u16().unwrap_or(80));
        let target = self.lock().get(&authority).copied();
        let Some(target) = target else {
            return Ok(reply(502, "text/plain", format!("the proxy knows no {authority}\n")));
        };
        let Ok(stream) = TcpStream::connect(target).await else {
            return Ok(reply(502, "text/plain", format!("{authority} is down\n")));
        };
        let _ = stream.set_nodelay(true);
        if request.method() == Method::CONNECT {
            tokio::spawn(tunnel(request, stream));
            return Ok(reply(200, "text/plain", ""));
        }
        Ok(forward(request, stream).await.unwrap_or_else(|error| reply(502, "text/plain", error.to_string())))
    }
}

/// Copies bytes both ways after the response to `CONNECT`.
async fn tunnel(request: Request<Incoming>, mut target: TcpStream) {
    if let Ok(client) = hyper::upgrade::on(request).await {
        let _ = tokio::io::copy_bidirectional(&mut TokioIo::new(client), &mut target).await;
    }
}

async fn forward(mut request: Request<Incoming>, target: TcpStream) -> Result<Response<Body>, hyper::Error> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    *request.uri_mut() = path.parse().expect("it was the path of an address");
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(target)).await?;
    tokio::spawn(connection);
    Ok(sender.send_request(request).await?.map(BodyExt::boxed))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;
    use crate::{Aws, fetch};

    #[test]
    fn tunnels_and_forwards_to_what_it_was_told_and_to_nothing_else() {
        let (aws, proxy) = (Aws::start(), Proxy::start());
        proxy.route("sts.example:443", aws.addr());
        proxy.route("sts.example:80", aws.addr());
        let say = |text: &str| {
            let mut stream = std::net::TcpStream::connect(proxy.server.addr()).unwrap();
            stream.write_all(text.as_bytes()).unwrap();
            let mut heard = String::new();
            stream.read_to_string(&mut heard).unwrap();
            heard
        };
        let inner = "GET /nowhere HTTP/1.1\r\nHost: sts.example\r\nConnection: close\r\n\r\n";
        let heard = say(&format!("CONNECT sts.example:443 HTTP/1.1\r\nHost: sts.example:443\r\n\r\n{inner}"));
        assert!(heard.starts_with("HTTP/1.1 200") && heard.contains("HTTP/1.1 404"), "{heard}");
        let heard = say("GET http://sts.example/elsewhere HTTP/1.1\r\nHost: sts.example\r\nConnection: close\r\n\r\n");
        assert!(heard.starts_with("HTTP/1.1 404"), "{heard}");
        let heard = say("CONNECT other.example:443 HTTP/1.1\r\nHost: other.example\r\nConnection: close\r\n\r\n");
        assert!(heard.starts_with("HTTP/1.1 502"), "{heard}");
        assert_eq!(aws.strange_requests(), ["GET /nowhere", "GET /elsewhere"]);
        assert_eq!(fetch("GET", &proxy.url(), &[], "").unwrap().status, 400);
        assert_eq!(proxy.requests(), 4);
    }
}
