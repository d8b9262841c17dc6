//! The content of a registry for the API of its cloud: versions with their tags and times.
//!
//! A real registry stores the images. Requests that pass the front are recorded here, because
//! a registry lists no untagged manifest; what the cloud's API deletes is deleted there.

mod state;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};

use crate::front::upstream;
use crate::reply::{Body, HangUp};
use state::State;
pub(crate) use state::{Repository, Version};

/// The registry behind one front, and its records.
#[derive(Debug)]
pub struct Catalog {
    upstream: SocketAddr,
    state: Mutex<State>,
    ahead: Mutex<Duration>,
    locked: Mutex<BTreeSet<String>>,
}

impl Catalog {
    /// Existing images are unknown.
    pub fn new(upstream: SocketAddr) -> Self {
        Catalog { upstream, state: Mutex::default(), ahead: Mutex::default(), locked: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A handler that panicked has failed its test; the records are still consistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The cloud's clock.
    pub(crate) fn now(&self) -> SystemTime {
        SystemTime::now() + *self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves the clock forward.
    pub(crate) fn wait(&self, time: Duration) {
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner) += time;
    }

    /// Protects the tag from deletion by the cloud's API.
    pub(crate) fn lock(&self, name: &str, tag: &str) {
        self.locked.lock().unwrap_or_else(PoisonError::into_inner).insert(format!("{name}:{tag}"));
    }

    /// Whether it is protected.
    pub(crate) fn is_locked(&self, name: &str, tag: &str) -> bool {
        self.locked.lock().unwrap_or_else(PoisonError::into_inner).contains(&format!("{name}:{tag}"))
    }

    /// The names of the repositories that something was pushed to, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        self.state().0.keys().cloned().collect()
    }

    /// A repository as it is now.
    pub(crate) fn repository(&self, name: &str) -> Option<Repository> {
        self.state().0.get(name).cloned()
    }

    /// Relays a client's request to the registry, and records the change.
    pub(crate) async fn forward(&self, scheme: &str, request: Request<Incoming>) -> Result<Response<Body>, HangUp> {
        let about = manifest_of(request.uri().path());
        let Some((name, reference)) = about.filter(|_| matches!(*request.method(), Method::PUT | Method::DELETE))
        else {
            return Ok(upstream::forward(self.upstream, scheme, request).await);
        };
        let (head, body) = request.into_parts();
        let bytes = body.collect().await.map_err(|_| HangUp)?.to_bytes();
        let is_put = head.method == Method::PUT;
        let request = Request::from_parts(head, Full::new(bytes.clone()));
        let response = upstream::forward(self.upstream, scheme, request).await;
        match (response.status(), is_put) {
            (StatusCode::CREATED, true) => self.state().push(&name, &reference, &bytes, self.now()),
            (StatusCode::ACCEPTED, false) => self.state().delete(&name, &reference),
            _ => {}
        }
        Ok(response)
    }

    /// Deletes a tag or a digest from the registry; returns whether it existed.
    pub(crate) async fn delete(&self, name: &str, reference: &str) -> bool {
        let mut request = Request::new(Empty::<Bytes>::new());
        *request.method_mut() = Method::DELETE;
        *request.uri_mut() = format!("/v2/{name}/manifests/{reference}").parse().expect("names are of URLs");
        let host = self.upstream.to_string().parse().expect("an address is ASCII");
        request.headers_mut().insert("host", host);
        let response = upstream::forward(self.upstream, "http", request).await;
        let is_gone = response.status() == StatusCode::ACCEPTED;
        if is_gone {
            self.state().delete(name, reference);
        }
        is_gone
    }
}

/// The repository and the reference of a manifest's path.
fn manifest_of(path: &str) -> Option<(String, String)> {
    let (name, reference) = path.strip_prefix("/v2/")?.rsplit_once("/manifests/")?;
    Some((name.to_owned(), reference.to_owned()))
}
