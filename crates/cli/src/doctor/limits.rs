use std::time::{Duration, SystemTime};

use web::Response;

use super::finding::{Remedy, Section};
use crate::printer::Tone;

/// AWS rejects signatures after five minutes; tokens end a little early or late before that.
const SKEW: Duration = Duration::from_secs(60);
/// What 429 means.
pub(super) const TOO_MANY: &str = "rate limited (HTTP 429)";

pub(super) fn wait() -> Remedy {
    Remedy::advice("wait, or sign in for a higher limit")
}

/// Tokens begin and end by the clock.
pub(super) fn clock(answer: &Response, section: &mut Section) {
    let date = answer.headers.get("date").and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
    let Some(theirs) = date else { return };
    let now = SystemTime::now();
    let (skew, word) = match now.duration_since(theirs) {
        Ok(ahead) => (ahead, "ahead"),
        Err(behind) => (behind.duration(), "behind"),
    };
    if skew > SKEW {
        let skew = humantime::format_duration(Duration::from_secs(skew.as_secs()));
        let set = match std::env::consts::OS {
            "windows" => "w32tm /resync",
            "macos" => "sudo sntp -sS time.apple.com",
            _ => "sudo timedatectl set-ntp true",
        };
        section.broken(format!("the system clock is {} {word}", Tone::Strong.of(skew)), Remedy::run(set));
    }
}

/// <https://docs.docker.com/docker-hub/usage/pulls/>
pub(super) fn pulls(answer: &Response, section: &mut Section) {
    let count = |name: &str| {
        let text = answer.headers.get(name)?.to_str().ok()?;
        text.split(';').next()?.trim().parse::<u64>().ok()
    };
    if let (Some(limit), Some(left)) = (count("ratelimit-limit"), count("ratelimit-remaining")) {
        let text = format!("{left} of {limit} pulls left in this window");
        if left * 10 < limit {
            section.note(text, Remedy::advice("sign in for a higher limit"));
        } else {
            section.ok(text);
        }
    }
}
