//! A slow command shows a spinner at a terminal, and only there.

use std::time::Duration;

use pretend_cloud::{Aws, Behaviour, Call};
use testing::quick;

use crate::home::{CLI, Home, REGISTRY};
use crate::terminal::Terminal;

/// The escape sequence that clears a line.
const CLEARED: &str = "\u{1b}[2K";

fn slow(delay: Duration) -> (Aws, Home) {
    let aws = Aws::start();
    aws.on(Call::EcrToken, Behaviour::Slow(delay));
    let home = Home::signed_in(&aws);
    (aws, home)
}

fn shown_at_a_terminal(home: &Home) -> String {
    let (code, shown) = Terminal::run(home, CLI, &["token", REGISTRY]).ends();
    assert_eq!(code, 0, "{shown}");
    shown
}

#[test]
fn a_slow_command_counts_seconds_and_clears_them_away() {
    let (_aws, home) = slow(Duration::from_millis(4_500));
    let shown = shown_at_a_terminal(&home);
    // On a busy machine one may be left out.
    let seconds = [" 1s", " 2s", " 3s", " 4s"].into_iter().filter(|second| shown.contains(second));
    assert!(seconds.count() >= 2, "{shown:?}");
    assert!(shown.ends_with(CLEARED), "{shown:?}");
    let token = home.run(CLI, &["token", REGISTRY], "").stdout;
    assert!(shown.contains(&format!("{CLEARED}{}\r\n", token.trim_end())), "{shown:?}");
}

#[test]
fn a_quick_command_shows_its_output_only() {
    let (_aws, home) = slow(Duration::ZERO);
    let shown = quick(Duration::from_secs(1), || {
        let started = std::time::Instant::now();
        (shown_at_a_terminal(&home), started.elapsed())
    });
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
}

#[test]
fn without_a_terminal_there_is_no_spinner() {
    let (_aws, home) = slow(Duration::from_millis(1_500));
    let outcome = home.run(CLI, &["token", REGISTRY], "");
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome:?}");
}
