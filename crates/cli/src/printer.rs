use std::cell::Cell;
use std::fmt::Display;
use std::io::Write;

use anstyle::{AnsiColor, Style};
use protocol::{ErrorMessage, Secret};
use serde_json::Value;

use crate::spinner::Spinner;

/// How a line is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As it should be.
    Success,
    /// Worth a look.
    Warning,
    /// Broken.
    Error,
    /// A heading.
    Strong,
    /// Of lesser weight.
    Dim,
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Tone::Success => AnsiColor::Green.on_default(),
            Tone::Warning => AnsiColor::Yellow.on_default(),
            Tone::Error => AnsiColor::Red.on_default().bold(),
            Tone::Strong => Style::new().bold(),
            Tone::Dim => Style::new().dimmed(),
        }
    }

    /// The text in this tone; the colours are removed if the output is not a terminal.
    pub(crate) fn of(self, text: impl std::fmt::Display) -> String {
        let style = self.style();
        format!("{style}{text}{style:#}")
    }
}

/// The only way to standard output and standard error. Facts go to standard output and messages to
/// standard error, so that a script can read the facts.
#[derive(Default)]
pub(crate) struct Printer {
    write_failed: Cell<bool>,
    spinner: Spinner,
}

impl Printer {
    pub(crate) fn new() -> Self {
        Printer::default()
    }

    /// Shows a spinner at a terminal until the next prompt.
    pub(crate) fn start_spinner(&self) {
        self.spinner.start("");
    }

    /// The same, with a message if it takes long.
    pub(crate) fn start_spinner_with(&self, what: &'static str) {
        self.spinner.start(what);
    }

    /// Stops the spinner.
    pub(crate) fn stop_spinner(&self) {
        self.spinner.stop();
    }

    /// Whether writing to standard output failed: the disk is full, or the reader has closed the pipe.
    pub(crate) fn has_write_error(&self) -> bool {
        self.write_failed.get()
    }

    /// A line of facts.
    pub(crate) fn line(&self, text: impl Display) {
        self.write(|| writeln!(anstream::stdout(), "{}", shown(&text.to_string())));
    }

    /// A document of facts.
    pub(crate) fn json(&self, value: &Value) {
        self.write(|| writeln!(anstream::stdout(), "{value:#}"));
    }

    /// A secret that the user requested.
    pub(crate) fn secret(&self, secret: &Secret) {
        self.write(|| writeln!(std::io::stdout(), "{}", secret.expose()));
    }

    /// A message on standard error.
    pub(crate) fn note(&self, text: impl Display) {
        let _ = self.spinner.suspend(|| writeln!(anstream::stderr(), "{}", shown(&text.to_string())));
    }

    /// A prompt; the input follows on the same line.
    pub(crate) fn ask(&self, text: impl Display) {
        self.stop_spinner();
        let mut stderr = anstream::stderr();
        let _ = write!(stderr, "{}", shown(&text.to_string())).and_then(|()| stderr.flush());
    }

    /// Echoes what is typed at a prompt.
    #[cfg(unix)]
    pub(crate) fn echo(&self, typed: &str) {
        let mut stderr = anstream::stderr();
        let _ = write!(stderr, "{typed}").and_then(|()| stderr.flush());
    }

    /// An error, with its remedy.
    pub(crate) fn failure(&self, error: &ErrorMessage) {
        self.note(format!("{} {}", Tone::Error.of("credmint:"), error.what));
        if let Some(hint) = &error.hint {
            self.note(format!("  {hint}"));
        }
    }

    /// The bytes of a file, for standard output.
    pub(crate) fn bytes(&self, bytes: &[u8]) {
        self.write(|| std::io::stdout().lock().write_all(bytes));
    }

    fn write(&self, write: impl FnOnce() -> std::io::Result<()>) {
        if self.spinner.suspend(write).is_err() {
            self.write_failed.set(true);
        }
    }
}

/// The text without control characters, which could control the terminal: names from untrusted files are
/// printed too. Line ends and colours stay.
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
    fn no_name_sends_escape_sequences() {
        let good = Tone::Success.of("ok");
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
