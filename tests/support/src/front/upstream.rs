//! Relays a request to the real registry and streams both bodies.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{self, Incoming};
use hyper::header::{AUTHORIZATION, HeaderValue, LOCATION};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::refuse;
use crate::behaviour::Refusal;
use crate::reply::Body;

pub(crate) async fn forward<B>(upstream: SocketAddr, scheme: &str, mut request: Request<B>) -> Response<Body>
where
    B: body::Body<Data = Bytes, Error: Into<AnyError>> + Send + Unpin + 'static,
{
    request.headers_mut().remove(AUTHORIZATION);
    let scheme = HeaderValue::from_str(scheme).expect("a scheme is ASCII");
    request.headers_mut().insert("x-forwarded-proto", scheme);
    match send(upstream, request).await {
        Ok(mut response) => {
            relocate(&mut response);
            response.map(BodyExt::boxed)
        }
        Err(error) => refuse(&Refusal::new(502, "UNAVAILABLE", format!("the registry at {upstream}: {error}"))),
    }
}

type AnyError = Box<dyn std::error::Error + Send + Sync>;

async fn send<B>(upstream: SocketAddr, request: Request<B>) -> Result<Response<Incoming>, AnyError>
where
    B: body::Body<Data = Bytes, Error: Into<AnyError>> + Send + Unpin + 'static,
{
    let stream = TcpStream::connect(upstream).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender.send_request(request).await?)
}

/// The registry may name itself in `Location`; without scheme and host it is this server again.
fn relocate(response: &mut Response<Incoming>) {
    let Some(location) = response.headers().get(LOCATION).and_then(|it| it.to_str().ok()?.parse::<Uri>().ok()) else {
        return;
    };
    if let Some(path) = location.path_and_query() {
        let path = HeaderValue::from_str(path.as_str()).expect("a path and query is ASCII");
        response.headers_mut().insert(LOCATION, path);
    }
}
