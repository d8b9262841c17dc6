//! Every message, by the situation in which a program prints it: one file per helper or
//! command, next to this one. A change of wording shows in the diff of that file.
//!
//! `CREDMINT_SNAPSHOTS=write cargo test --test suite messages` writes the files again.

mod acr;
#[cfg(target_os = "linux")]
mod cli;
mod ecr;
mod exchange;
mod gcr;
mod ghcr;
#[cfg(target_os = "linux")]
mod tables;

use std::path::Path;

use crate::home::{NOT_FOUND, Outcome};

/// What a program printed in one situation after another.
struct Messages {
    text: String,
}

impl Messages {
    fn new() -> Self {
        Messages { text: String::new() }
    }

    /// Adds what a program printed in this situation.
    #[track_caller]
    fn add(&mut self, situation: &str, outcome: &Outcome) {
        let printed = printed(outcome);
        assert!(!printed.contains("\"Secret\":"), "{situation}: a token came");
        // The marker that the tests put wherever a program must not repeat what it reads.
        assert!(!printed.contains("canary"), "{situation}: {printed}");
        self.entry(situation, &printed);
    }

    /// Adds some text under the heading of a situation.
    #[track_caller]
    fn entry(&mut self, situation: &str, printed: &str) {
        assert!(!self.text.contains(&format!("# {situation}\n")), "two situations are called {situation:?}");
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(&format!("# {situation}\n{}", stable(printed)));
    }

    /// Adds the output for a service that does not respond: on a busy machine the timeout may
    /// be over before it receives the request.
    #[track_caller]
    fn add_unanswered(&mut self, situation: &str, calls: impl Fn() -> usize, get: impl Fn() -> Outcome) {
        let before = calls();
        let mut outcome = get();
        testing::wait_until("a request", || {
            let arrived = calls() > before;
            if !arrived {
                outcome = get();
            }
            arrived
        });
        self.add(situation, &outcome);
    }

    /// Compares all of it with the file of this name, or writes that.
    #[track_caller]
    fn compare(self, name: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/messages").join(name).with_extension("txt");
        if std::env::var("CREDMINT_SNAPSHOTS").is_ok_and(|what| what == "write") {
            return std::fs::write(path, self.text).unwrap();
        }
        let expected = std::fs::read_to_string(&path).unwrap_or_default();
        let diff = similar::TextDiff::from_lines(expected.as_str(), self.text.as_str());
        assert!(
            expected == self.text,
            "{} differs. If the new words are right: CREDMINT_SNAPSHOTS=write cargo test --test suite messages\n{}",
            path.display(),
            diff.unified_diff().context_radius(1)
        );
    }
}

/// A helper's error is one line, which it prints twice; everything else is shown as it is.
fn printed(outcome: &Outcome) -> String {
    let Outcome { code, stdout, stderr, .. } = outcome;
    let reason = stderr.split_once(": ").map(|(_, reason)| reason).unwrap_or_default();
    match (code, stdout.trim_end() == NOT_FOUND) {
        (1, true) if stderr.is_empty() => "not found\n".to_owned(),
        (1, true) => format!("not found: {reason}"),
        (1, false) if reason == stdout => format!("error: {reason}"),
        _ => format!("exit {code}\n{stdout}{stderr}"),
    }
}

/// The text with `HOME` and `PORT` in place of what differs between runs.
fn stable(text: &str) -> String {
    let homes = std::env::temp_dir().join(".tmp").display().to_string();
    let mut stable = String::new();
    let mut rest = text;
    let (home, port) = (homes.as_str(), "127.0.0.1:");
    while let Some(at) = [home, port].iter().filter_map(|start| rest.find(start)).min() {
        stable.push_str(&rest[..at]);
        let is_home = rest[at..].starts_with(home);
        let (start, name) = if is_home { (home, "HOME") } else { (port, "127.0.0.1:PORT") };
        let after = &rest[at + start.len()..];
        rest = after.trim_start_matches(
            |sign: char| {
                if is_home { sign.is_ascii_alphanumeric() } else { sign.is_ascii_digit() }
            },
        );
        // Without a port it is the same in every run.
        stable.push_str(if rest.len() < after.len() { name } else { start });
    }
    stable + rest
}

#[test]
fn what_differs_between_runs_is_not_compared() {
    let home = std::env::temp_dir().join(".tmpAb1c2D");
    let text = format!("{}/app.pem: 127.0.0.1:40123 refused {}; 127.0.0.1: closed\n", home.display(), home.display());
    assert_eq!(stable(&text), "HOME/app.pem: 127.0.0.1:PORT refused HOME; 127.0.0.1: closed\n");
}
