use std::time::{Duration, Instant};

/// The moment at which an operation must have answered.
///
/// Nobody in Docker's family stops a helper that hangs, so every wait in the project takes one.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl Deadline {
    /// A deadline `limit` from now. A limit past what the clock can count is one of a year.
    pub fn after(limit: Duration) -> Self {
        let now = Instant::now();
        Deadline(now.checked_add(limit).unwrap_or(now + Duration::from_secs(365 * 24 * 3600)))
    }

    /// How long is left; zero when it has passed.
    pub fn remaining(&self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether it has passed.
    pub fn passed(&self) -> bool {
        self.remaining().is_zero()
    }

    /// The earlier of this deadline and one `limit` from now.
    pub fn within(&self, limit: Duration) -> Self {
        Deadline(self.0.min(Deadline::after(limit).0))
    }
}
