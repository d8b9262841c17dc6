//! Shared by the tests of every crate, so that no test is flaky on a busy machine.
//!
//! - A test polls until something is ready, and does not sleep: [`wait_until`], [`accepts`].
//! - A test asserts no wall clock. [`quick`] shows that something does not wait for a response that never
//!   comes, and tries again; [`HANG`] bounds everything else.
//! - A test that cannot run here reports it: [`skip`].
//!
//! ```
//! use std::time::{Duration, Instant};
//! let started = Instant::now();
//! testing::wait_until("the moment", || started.elapsed() > Duration::from_millis(20));
//! ```

#![allow(clippy::disallowed_methods)] // Variables of tests are not settings.

mod program;
mod skip;
mod wait;

pub use program::{copy_program, descendants_of, script};
pub use skip::skip;
#[cfg(unix)]
pub use wait::accepts;
pub use wait::{HANG, quick, wait_until};
