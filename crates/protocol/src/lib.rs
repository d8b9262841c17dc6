//! Docker's credential helper protocol: both ends, and the types that all crates share.
//!
//! Docker runs `docker-credential-NAME ACTION`, writes a server address (or, for `store`, a JSON
//! object) to its standard input, and reads the response from its standard output:
//!
//! ```text
//!  docker ── "get", ServerUrl ──▶ serve ──▶ Helper::get ──▶ Credentials ──▶ one line of JSON, exit 0
//!                                                └────────▶ Failure     ──▶ one sentence,    exit 1
//! ```
//!
//! [`serve`] is the helper's end, [`Client`] is Docker's. The protocol has no specification; its
//! reference is [docker-credential-helpers], and clients differ in what they tolerate, so the end that
//! responds is strict and the end that reads is lenient.
//!
//! A client and a helper, here a script, that speak it with each other:
//!
//! ```
//! # #[cfg(unix)] {
//! # let folder = tempfile::tempdir().unwrap();
//! # let helper = folder.path().join("docker-credential-example");
//! testing::script(&helper, r#"read server; echo "{\"ServerURL\":\"$server\",\"Username\":\"u\",\"Secret\":\"s\"}""#);
//! use std::time::Duration;
//! let docker = protocol::Client::new(&helper, Duration::from_secs(20));
//! let credentials = docker.get("registry.example").unwrap().expect("the helper has credentials");
//! assert_eq!((credentials.username.as_str(), credentials.secret.expose()), ("u", "s"));
//! assert_eq!(credentials.to_json(), b"{\"ServerURL\":\"registry.example\",\"Username\":\"u\",\"Secret\":\"s\"}\n");
//! # }
//! ```
//!
//! [docker-credential-helpers]: https://github.com/docker/docker-credential-helpers

mod address;
mod client;
mod core_dump;
mod credentials;
mod deadline;
mod did_you_mean;
mod failure;
mod file;
mod input;
mod logger;
pub mod owner;
mod retry;
mod secret;
mod serve;

pub use address::{AddressError, ServerUrl};
pub use client::{Client, ClientError};
pub use core_dump::disable_core_dumps;
pub use credentials::Credentials;
pub use deadline::Deadline;
pub use did_you_mean::did_you_mean;
pub use failure::{ErrorMessage, Failure, NOT_FOUND};
pub use file::{read_file, read_text_file, read_text_file_if};
pub use logger::start_logger;
pub use retry::retry_sharing_violation;
pub use secret::Secret;
pub use serve::{Helper, Program, read_request, serve};
