//! HTTP for the clouds: TLS and CA certificates, proxies, timeouts and retries, metadata services, and error
//! messages with a cause and a remedy.
//!
//! ```text
//!             proxied ─▶ proxy of the environment ─▶ cloud service
//! Client ──▶                                                         ──▶ Response, or RequestError ─▶ ErrorMessage
//!             direct  ─▶ metadata service
//! ```
//!
//! Used only while minting, and by `credmint` when it calls a registry. Nothing of it may be on the path of a
//! cached `get`.
//!
//! ```
//! use std::time::Duration;
//! use protocol::Deadline;
//! use web::{Client, Response, run};
//! # let environment = settings::Environment::of([("", "")]);
//! let client = Client::new(&environment)?;
//! # let closed = "http://127.0.0.1:1/";
//! let request = client.direct().get(closed);
//! let response = run(Response::to(request, Deadline::after(Duration::from_secs(5))))?;
//! let message = response.unwrap_err().explain("the token service at 127.0.0.1 cannot be reached");
//! assert_eq!(message.what, "the token service at 127.0.0.1 cannot be reached: connection failed");
//! assert_eq!(message.hint.as_deref(), Some("check the network and the proxy"));
//! # Ok::<(), protocol::ErrorMessage>(())
//! ```

mod authorities;
mod cause;
#[cfg(feature = "client")]
mod client;
mod clock;
#[cfg(feature = "client")]
mod metadata;
mod proxies;
pub mod quote;
#[cfg(feature = "client")]
mod runtime;

pub use authorities::authorities;
pub use cause::{Cause, Row, connection, error_chain, find_cause, outage};
#[cfg(feature = "client")]
pub use client::{Client, RequestError, Response};
pub use clock::clock_skew;
#[cfg(feature = "client")]
pub use metadata::{accepts_connection, metadata, metadata_or};
pub use proxies::{Proxies, Proxy};
#[cfg(feature = "client")]
pub use reqwest::{Client as HttpClient, Error as HttpError, RequestBuilder, Response as HttpResponse, Url};
#[cfg(feature = "client")]
pub use runtime::run;
