use std::time::{Duration, SystemTime};

/// How far this machine's clock differs from a service's, if it is more than the service tolerates:
/// `this machine's clock is 60 minutes behind that of AWS`. `date` is the service's own time as its
/// responses have it, in the header of that name.
pub fn clock_skew(date: &str, service: &str, tolerance: Duration) -> Option<String> {
    skew(date, service, tolerance, SystemTime::now())
}

fn skew(date: &str, service: &str, tolerance: Duration, now: SystemTime) -> Option<String> {
    let date = httpdate::parse_http_date(date).ok()?;
    let (skew, way) = match now.duration_since(date) {
        Ok(skew) => (skew, "ahead of"),
        Err(error) => (error.duration(), "behind"),
    };
    let minutes = skew.as_secs().div_ceil(60);
    (skew > tolerance).then(|| format!("this machine's clock is {minutes} minutes {way} that of {service}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_counts_as_wrong_above_the_tolerance() {
        let at = |seconds: i64| {
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs((1_795_446_000 + seconds) as u64);
            skew("Mon, 23 Nov 2026 15:00:00 GMT", "AWS", Duration::from_secs(240), now)
        };
        assert_eq!(at(0), None);
        assert_eq!(at(-60), None);
        assert_eq!(at(3_600).as_deref(), Some("this machine's clock is 60 minutes ahead of that of AWS"));
        assert_eq!(at(-600).as_deref(), Some("this machine's clock is 10 minutes behind that of AWS"));
        assert_eq!(clock_skew("canary", "AWS", Duration::ZERO), None);
    }
}
