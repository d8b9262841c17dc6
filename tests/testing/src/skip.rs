use std::io::Write;

/// Which tests may be skipped where everything is to run, and why: `NAME: REASON` a line.
const MAY_BE_SKIPPED: &str = include_str!("../../may-be-skipped");

/// Says aloud that a test, or a part of one, cannot run here. Where everything is to run
/// (`CREDMINT_TESTS=all`), only what `tests/may-be-skipped` names may be skipped.
///
/// # Panics
/// If everything is to run and the list does not name `name`.
#[track_caller]
pub fn skip(name: &str, why: &str) {
    // Written, since the test harness keeps to itself what a passing test prints; and in one piece, as other
    // tests write, too. nextest keeps even that to itself, so tests/run names a file.
    let line = format!("skipped: {name}: {why}\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
    if let Some(file) = std::env::var_os("CREDMINT_SKIPPED") {
        let file = std::fs::File::options().append(true).create(true).open(file);
        file.and_then(|mut file| file.write_all(line.as_bytes())).expect("the file of what is skipped can be written");
    }
    let everything = std::env::var("CREDMINT_TESTS").is_ok_and(|which| which == "all");
    assert!(!everything || is_listed(name, MAY_BE_SKIPPED), "{name} is not in tests/may-be-skipped: {why}");
}

fn is_listed(name: &str, list: &str) -> bool {
    list.lines().any(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(": ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_name_with_a_reason_is_listed() {
        let list = "# a comment\nguide: az: too large\nadvisories: not reached\nbare:\n";
        for (name, expected) in [
            ("guide: az", true),
            ("advisories", true),
            ("guide", true),
            ("guid", false),
            ("az", false),
            ("bare", false),
        ] {
            assert_eq!(is_listed(name, list), expected, "{name}");
        }
    }
}
