//! What Docker says to a credential helper, and what it expects to hear.
//!
//! Docker runs `docker-credential-NAME ACTION`, writes a server address (or, for `store`, a JSON
//! object) to its standard input, and reads the answer from its standard output:
//!
//! ```text
//!  docker ── "get", ServerUrl ──▶ serve ──▶ Helper::get ──▶ Credentials ──▶ one line of JSON, exit 0
//!                                                └────────▶ Failure     ──▶ one sentence,    exit 1
//! ```
//!
//! [`serve`] is the helper's half of the wire, [`Client`] is Docker's. The protocol has no
//! specification; its reference is [docker-credential-helpers], and its clients differ in what
//! they tolerate, so the half that answers is strict and the half that reads is lenient.
//!
//! [docker-credential-helpers]: https://github.com/docker/docker-credential-helpers

mod address;
mod client;
mod credentials;
mod deadline;
mod failure;
mod input;
mod journal;
mod memory;
mod patience;
mod secret;
mod serve;

pub use address::{AddressError, ServerUrl};
pub use client::{Client, ClientError};
pub use credentials::Credentials;
pub use deadline::Deadline;
pub use failure::{Explained, Failure, NOT_FOUND};
pub use journal::start_journal;
pub use memory::forbid_core_dumps;
pub use patience::patiently;
pub use secret::Secret;
pub use serve::{Helper, Program, read_request, serve};
