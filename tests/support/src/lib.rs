//! Loopback servers that stand in for the clouds: for the tests, the demo and the benchmarks.
//!
//! A test redirects an unmodified program to them through settings that users have too
//! (`AWS_ENDPOINT_URL`, `HTTPS_PROXY`, a CA bundle, or a network namespace with its own hosts file):
//!
//! ```text
//!  helper ──▶ Aws            mints tokens, counts calls, misbehaves on demand
//!  docker ──▶ RegistryFront  accepts only tokens that its Aws has minted
//! ```
//!
//! Every server runs on its own thread, so that tests are synchronous code, and stops
//! when it is dropped. An error in one of them is a bug in a test, and panics.
//!
//! ```
//! use pretend_cloud::{Aws, Behaviour, Call};
//! let aws = Aws::start();
//! assert!(aws.url().starts_with("http://127.0.0.1:"));
//! aws.on(Call::EcrToken, Behaviour::FailTimes(2));
//! // … run a helper with AWS_ENDPOINT_URL = aws.url() …
//! assert_eq!(aws.calls(Call::EcrToken), 0);
//! ```

mod aws;
mod azure;
mod behaviour;
mod ca;
mod catalog;
mod client;
mod control;
mod exchange;
mod front;
mod github;
mod google;
mod ledger;
mod moment;
mod path;
mod proxy;
mod pull;
mod reply;
mod server;
mod silent;
mod socks;

pub use aws::{AssumedRole, Aws, CONTAINER_AUTHORIZATION, Call, IMDS_ROLE, MintedToken};
pub use azure::{APPLICATION_PEM, APPLICATION_PFX, APPLICATION_PFX_LEGACY, PFX_PASSWORD, TENANT};
pub use azure::{Azure, AzureCall, RefreshToken};
pub use behaviour::Behaviour;
pub use ca::{Ca, Certificate};
pub use catalog::Catalog;
pub use client::{Answer, fetch};
pub use control::{Clouds, Control};
pub use exchange::{ALIBABA_INSTANCE, ALIBABA_KEY, ALIBABA_SECRET, ALIBABA_STS, ALIBABA_TOKEN};
pub use exchange::{API_TOKEN, CONNECTION, EXCHANGE_HOSTS, ExchangeCall, ExchangedToken, Exchanges, ISSUER, JOB_TOKEN};
pub use exchange::{OCI_FINGERPRINT, OCI_SESSION, OCI_TENANCY, OCI_USER};
pub use front::{Api, GitLab, Image, RegistryFront, TokenServer};
pub use github::{APP, APP_CLIENT, APP_KEY, GitHub, GitHubCall, InstallationToken, OTHER_KEY};
pub use google::{AccessToken, Google, GoogleCall};
pub use proxy::Proxy;
pub use pull::{Pulled, pull};
pub use silent::SilentAddress;
pub use socks::SocksProxy;
