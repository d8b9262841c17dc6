//! How the clouds are reached: whose certificates count, which proxy, how long, and what to say
//! when it does not work.
//!
//! A cloud's crate uses this only in `mint`, and the command for people where it asks a registry:
//! nothing of it may be on the path of a cached `get`.

mod authorities;
#[cfg(feature = "client")]
mod client;
mod reason;
#[cfg(feature = "client")]
mod runtime;

pub use authorities::authorities;
#[cfg(feature = "client")]
pub use client::{Answer, Client, Trouble};
pub use reason::{Reason, Row, connection, reason, trail};
#[cfg(feature = "client")]
pub use reqwest::{Client as HttpClient, RequestBuilder};
#[cfg(feature = "client")]
pub use runtime::run;
