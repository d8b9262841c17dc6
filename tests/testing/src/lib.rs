//! What the tests of every crate share, so that none is red by chance on a busy machine.
//!
//! - A test asks whether something is ready, it does not sleep and hope: [`wait_until`], [`accepts`].
//! - A test asserts no wall clock. That something does not wait for what never comes is shown by
//!   [`quick`], which tries again; that it ends at all, by [`HANG`].
//! - A test that cannot run here says so: [`skip`].
//!
//! ```
//! use std::time::{Duration, Instant};
//! let started = Instant::now();
//! testing::wait_until("the moment", || started.elapsed() > Duration::from_millis(20));
//! ```

#![allow(clippy::disallowed_methods)] // A test's own variables are no settings.

mod program;
mod skip;
mod wait;

pub use program::{copy_program, descendants_of, script};
pub use skip::skip;
#[cfg(unix)]
pub use wait::accepts;
pub use wait::{HANG, quick, wait_until};
