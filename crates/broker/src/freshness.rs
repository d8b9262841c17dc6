use std::time::{Duration, SystemTime};

use vault::Entry;

/// How far ahead of this clock the time of minting may be. Further ahead, the clock was set back.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(60);

/// Whether a cached token may be served. Only this decides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// Served at once.
    Fresh,
    /// Within the refresh margin: a new token is minted, and this one is served if that fails.
    NearExpiry,
    /// Never served.
    Expired,
}

impl Freshness {
    /// The freshness of a token at a time. A token that was minted in the future counts as expired: the
    /// clock was set back, so its age is unknown.
    ///
    /// The refresh margin is the setting `refresh_before`, but at most half of the TTL that the token had
    /// when it was received: a token with a TTL of five minutes would never be fresh with a margin of ten.
    pub(crate) fn of(token: &Entry, now: SystemTime, refresh_before: Duration) -> Self {
        let ttl_at = |time| token.expires.and_then(|expiry| expiry.duration_since(time).ok()).unwrap_or_default();
        let ttl = ttl_at(now);
        if ttl.is_zero() || token.issued > now + CLOCK_TOLERANCE {
            Freshness::Expired
        } else if ttl < refresh_before.min(ttl_at(token.issued) / 2) {
            Freshness::NearExpiry
        } else {
            Freshness::Fresh
        }
    }
}

/// Whether a token was issued at this time or later, in whole seconds, as the vault keeps times.
pub(crate) fn issued_since(token: &Entry, time: SystemTime) -> bool {
    let seconds = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    seconds(token.issued) >= seconds(time)
}

#[cfg(test)]
mod tests {
    use protocol::Secret;
    use vault::Key;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn token(issued: u64, expires: u64) -> Entry {
        Entry {
            key: Key::Token("a/b".into()),
            server: "r.example".into(),
            username: "u".into(),
            secret: Secret::new("s".into()),
            issued: at(issued),
            expires: Some(at(expires)),
            requires: None,
        }
    }

    #[test]
    fn freshness_depends_on_the_ttl_and_the_clock() {
        let token = token(10_000, 20_000);
        for (now, expected) in [
            (10_000, Freshness::Fresh),
            (19_400, Freshness::Fresh),
            (19_401, Freshness::NearExpiry),
            (19_999, Freshness::NearExpiry),
            (20_000, Freshness::Expired),
            (90_000, Freshness::Expired),
            // The clock was set back within the tolerance, and beyond it.
            (9_940, Freshness::Fresh),
            (9_939, Freshness::Expired),
        ] {
            assert_eq!(Freshness::of(&token, at(now), Duration::from_secs(600)), expected, "{now}");
        }
        let endless = Entry { expires: None, ..token };
        assert_eq!(Freshness::of(&endless, at(10_000), Duration::ZERO), Freshness::Expired);
    }

    #[test]
    fn the_refresh_margin_is_at_most_half_of_the_ttl() {
        for (life, margin, fresh_for) in
            [(30, 600, 15), (300, 600, 150), (1_200, 600, 600), (3_600, 600, 3_000), (3_600, 7_200, 1_800), (1, 600, 0)]
        {
            let (token, margin) = (token(10_000, 10_000 + life), Duration::from_secs(margin));
            assert_eq!(Freshness::of(&token, at(10_000 + fresh_for), margin), Freshness::Fresh, "{life}");
            if fresh_for + 1 < life {
                assert_eq!(Freshness::of(&token, at(10_001 + fresh_for), margin), Freshness::NearExpiry, "{life}");
            }
            assert_eq!(Freshness::of(&token, at(10_000 + life), margin), Freshness::Expired, "{life}");
        }
    }

    #[test]
    fn issue_times_are_compared_in_whole_seconds() {
        let token = token(10_000, 20_000);
        for (moment, expected) in [(9_999, true), (10_000, true), (10_001, false)] {
            assert_eq!(issued_since(&token, at(moment) + Duration::from_millis(900)), expected, "{moment}");
        }
    }
}
