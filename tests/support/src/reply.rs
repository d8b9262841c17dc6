use std::error::Error;
use std::fmt;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{Response, StatusCode, header};
use serde_json::Value;

/// A body in memory or a stream.
pub(crate) type Body = BoxBody<Bytes, hyper::Error>;

/// The connection is closed instead of a response.
#[derive(Debug)]
pub(crate) struct HangUp;

impl fmt::Display for HangUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server hangs up")
    }
}

impl Error for HangUp {}

/// A response with a body of the given type.
pub(crate) fn reply(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Full::new(body.into()).map_err(|never| match never {}).boxed());
    *response.status_mut() = StatusCode::from_u16(status).expect("the status code is of HTTP");
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    response
}

/// A response in JSON.
pub(crate) fn json(status: u16, body: &Value) -> Response<Body> {
    reply(status, "application/json", body.to_string())
}

/// Adds a header to a response.
pub(crate) fn with(mut response: Response<Body>, name: &'static str, value: &str) -> Response<Body> {
    let value = header::HeaderValue::from_str(value).expect("the header is printable ASCII");
    response.headers_mut().insert(name, value);
    response
}
