use std::time::{Duration, SystemTime};

use serde_json::Value;

/// For scripts: `2026-11-23T12:00:00Z`.
pub(crate) fn iso(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

/// For people: `in 3h 12m`, `5m ago`. Minutes are enough.
pub(crate) fn relative(time: SystemTime) -> String {
    let now = SystemTime::now();
    let words = |span: Duration| {
        let minutes = Duration::from_secs(span.as_secs() / 60 * 60);
        if minutes.is_zero() {
            "less than a minute".to_owned()
        } else {
            humantime::format_duration(minutes).to_string()
        }
    };
    match time.duration_since(now) {
        Ok(left) => format!("in {}", words(left)),
        Err(past) => format!("{} ago", words(past.duration())),
    }
}

/// Seconds since 1970, as in the output of the helpers.
pub(crate) fn of_seconds(value: &Value) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(value.as_u64()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_people_and_scripts_read_them() {
        let now = SystemTime::now();
        assert_eq!(relative(now + Duration::from_secs(2 * 3600 + 61 * 5)), "in 2h 5m");
        assert_eq!(relative(now - Duration::from_secs(125)), "2m ago");
        assert_eq!(relative(now + Duration::from_secs(30)), "in less than a minute");
        assert_eq!(iso(of_seconds(&1_795_446_000.into()).unwrap()), "2026-11-23T15:00:00Z");
        assert_eq!(of_seconds(&Value::Null), None);
    }
}
