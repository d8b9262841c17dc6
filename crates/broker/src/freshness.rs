use std::time::{Duration, SystemTime};

use vault::Entry;

/// How far two clocks that agree may differ: a token cannot have been minted later than that.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(60);

/// What a kept token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// It serves.
    Fresh,
    /// A new one is better, but where none is to be had it serves.
    Aging,
    /// It is never served.
    Ended,
}

impl Freshness {
    /// Judges a token at a moment. A token from the future means that the clock was set back, and
    /// then nothing is known of its age.
    pub(crate) fn of(token: &Entry, now: SystemTime, refresh_before: Duration) -> Self {
        let left = token.expires.and_then(|end| end.duration_since(now).ok()).unwrap_or_default();
        if left.is_zero() || token.issued > now + CLOCK_TOLERANCE {
            Freshness::Ended
        } else if left < refresh_before {
            Freshness::Aging
        } else {
            Freshness::Fresh
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::Secret;
    use vault::Key;

    use super::*;

    #[test]
    fn by_what_is_left_and_by_the_clock() {
        let at = |seconds: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let token = Entry {
            key: Key::Token("a/b".into()),
            server: "r.example".into(),
            username: "u".into(),
            secret: Secret::new("s".into()),
            issued: at(10_000),
            expires: Some(at(20_000)),
        };
        for (now, expected) in [
            (10_000, Freshness::Fresh),
            (19_400, Freshness::Fresh),
            (19_401, Freshness::Aging),
            (19_999, Freshness::Aging),
            (20_000, Freshness::Ended),
            (90_000, Freshness::Ended),
            // The clock was set back by a little, and by more than that.
            (9_940, Freshness::Fresh),
            (9_939, Freshness::Ended),
        ] {
            assert_eq!(Freshness::of(&token, at(now), Duration::from_secs(600)), expected, "{now}");
        }
        let endless = Entry { expires: None, ..token };
        assert_eq!(Freshness::of(&endless, at(10_000), Duration::ZERO), Freshness::Ended);
    }
}
