use std::time::{Duration, Instant};

/// The time by which an operation must have finished.
///
/// No client of the Docker family kills a helper that hangs, so every wait in the project takes a deadline.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl Deadline {
    /// A deadline `limit` from now; a year, if the clock cannot represent it.
    pub fn after(limit: Duration) -> Self {
        let now = Instant::now();
        Deadline(now.checked_add(limit).unwrap_or(now + Duration::from_secs(365 * 24 * 3600)))
    }

    /// The remaining time; zero once it has passed.
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
