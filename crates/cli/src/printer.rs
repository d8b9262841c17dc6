use std::cell::Cell;
use std::fmt::Display;
use std::io::Write;

use anstyle::{AnsiColor, Style};
use protocol::{Explained, Secret};
use serde_json::Value;

use crate::progress::Progress;

/// How a line is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As it should be.
    Good,
    /// Worth a look.
    Doubtful,
    /// Broken.
    Bad,
    /// A heading.
    Strong,
    /// Of lesser weight.
    Faint,
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Doubtful => AnsiColor::Yellow.on_default(),
            Tone::Bad => AnsiColor::Red.on_default().bold(),
            Tone::Strong => Style::new().bold(),
            Tone::Faint => Style::new().dimmed(),
        }
    }

    /// The text in this tone; the colours are taken out again where no terminal shows them.
    pub(crate) fn of(self, text: impl std::fmt::Display) -> String {
        let style = self.style();
        format!("{style}{text}{style:#}")
    }
}

/// The only way to standard output and standard error. Facts go to the former, and what is said
/// about them to the latter, so that a script can take the facts.
#[derive(Default)]
pub(crate) struct Printer {
    lost: Cell<bool>,
    progress: Progress,
}

impl Printer {
    pub(crate) fn new() -> Self {
        Printer::default()
    }

    /// What comes may take its time, which a person at a terminal is shown until the next question.
    pub(crate) fn wait(&self) {
        self.progress.start();
    }

    /// Nothing is waited for any more, or another asks the person something.
    pub(crate) fn stop_waiting(&self) {
        self.progress.stop();
    }

    /// Whether facts could not be written: the disk behind standard output is full, or whoever
    /// read it has seen enough.
    pub(crate) fn has_lost_facts(&self) -> bool {
        self.lost.get()
    }

    /// A line of facts.
    pub(crate) fn line(&self, text: impl Display) {
        self.fact(|| writeln!(anstream::stdout(), "{}", shown(&text.to_string())));
    }

    /// A document of facts.
    pub(crate) fn json(&self, value: &Value) {
        self.fact(|| writeln!(anstream::stdout(), "{value:#}"));
    }

    /// A secret that was asked for by name.
    pub(crate) fn secret(&self, secret: &Secret) {
        self.fact(|| writeln!(std::io::stdout(), "{}", secret.expose()));
    }

    /// A line for the person at the terminal.
    pub(crate) fn note(&self, text: impl Display) {
        let _ = self.progress.beside(|| writeln!(anstream::stderr(), "{}", shown(&text.to_string())));
    }

    /// A question, whose answer follows on the same line.
    pub(crate) fn ask(&self, text: impl Display) {
        self.stop_waiting();
        let mut stderr = anstream::stderr();
        let _ = write!(stderr, "{}", shown(&text.to_string())).and_then(|()| stderr.flush());
    }

    /// Why nothing came of it, and what to do.
    pub(crate) fn failure(&self, error: &Explained) {
        self.note(format!("{} {}", Tone::Bad.of("credmint:"), error.what));
        if let Some(hint) = &error.hint {
            self.note(format!("  {hint}"));
        }
    }

    /// Bytes of a file that was asked for on standard output.
    pub(crate) fn bytes(&self, bytes: &[u8]) {
        self.fact(|| std::io::stdout().lock().write_all(bytes));
    }

    fn fact(&self, write: impl FnOnce() -> std::io::Result<()>) {
        if self.progress.beside(write).is_err() {
            self.lost.set(true);
        }
    }
}

/// The text without signs that would take a terminal over: names out of somebody's files are printed
/// too. Line ends and colours stay.
fn shown(text: &str) -> String {
    let mut rest = text;
    let mut shown = String::with_capacity(text.len());
    while let Some(at) = rest.find(is_dangerous) {
        shown.push_str(&rest[..at]);
        let colour = rest[at..].strip_prefix("\u{1b}[").and_then(|code| {
            let end = code.find(|sign: char| !sign.is_ascii_digit() && sign != ';')?;
            code[end..].starts_with('m').then_some(at + 2 + end + 1)
        });
        let sign = rest[at..].chars().next().map_or(0, char::len_utf8);
        match colour {
            Some(end) => shown.push_str(&rest[at..end]),
            None => shown.push(char::REPLACEMENT_CHARACTER),
        }
        rest = &rest[colour.unwrap_or(at + sign)..];
    }
    shown + rest
}

/// Controls, and what changes the direction of writing.
fn is_dangerous(sign: char) -> bool {
    let turns = matches!(sign, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || (sign.is_control() && !matches!(sign, '\n' | '\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_takes_the_terminal_over() {
        let good = Tone::Good.of("ok");
        assert_eq!(shown(&format!("{good}\n\té 日")), format!("{good}\n\té 日"));
        for (text, expected) in [
            ("\u{1b}[2Jx", "\u{fffd}[2Jx"),
            ("\u{1b}]0;title\u{7}", "\u{fffd}]0;title\u{fffd}"),
            ("a\u{1b}", "a\u{fffd}"),
            ("a\u{1b}[1", "a\u{fffd}[1"),
            ("\u{9b}2J\r\u{202e}gpj", "\u{fffd}2J\u{fffd}\u{fffd}gpj"),
        ] {
            assert_eq!(shown(text), expected, "{text:?}");
        }
    }
}
