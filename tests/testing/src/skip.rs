use std::io::Write;

/// The tests that may be skipped with `CREDMINT_TESTS=all`, and why: one `NAME: REASON` per line.
const MAY_BE_SKIPPED: &str = include_str!("../../may-be-skipped");

/// Reports that a test, or a part of one, cannot run here. If everything must run
/// (`CREDMINT_TESTS=all`), only the tests in `tests/may-be-skipped` may be skipped.
///
/// # Panics
/// If everything must run and the list does not have `name`.
#[track_caller]
pub fn skip(name: &str, why: &str) {
    // Written directly, because the test harness hides the output of a passing test; and in one piece, because other
    // tests write, too. nextest hides even that, so tests/run sets a file.
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
