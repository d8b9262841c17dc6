#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is the one place that prints")]

use anstyle::{AnsiColor, Style};
use protocol::{Explained, Secret};
use serde_json::Value;

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
#[derive(Debug)]
pub(crate) struct Printer;

impl Printer {
    pub(crate) fn new() -> Self {
        Printer
    }

    /// A line of facts.
    pub(crate) fn line(&self, text: impl std::fmt::Display) {
        anstream::println!("{text}");
    }

    /// A document of facts.
    pub(crate) fn json(&self, value: &Value) {
        anstream::println!("{value:#}");
    }

    /// A secret that was asked for by name.
    pub(crate) fn secret(&self, secret: &Secret) {
        println!("{}", secret.expose());
    }

    /// A line for the person at the terminal.
    pub(crate) fn note(&self, text: impl std::fmt::Display) {
        anstream::eprintln!("{text}");
    }

    /// A question, whose answer follows on the same line.
    pub(crate) fn ask(&self, text: impl std::fmt::Display) {
        use std::io::Write;
        anstream::eprint!("{text}");
        let _ = std::io::stderr().flush();
    }

    /// Why nothing came of it, and what to do.
    pub(crate) fn failure(&self, error: &Explained) {
        anstream::eprintln!("{} {}", Tone::Bad.of("credmint:"), error.what);
        if let Some(hint) = &error.hint {
            anstream::eprintln!("  {hint}");
        }
    }

    /// Bytes of a file that was asked for on standard output.
    pub(crate) fn bytes(&self, bytes: &[u8]) {
        use std::io::Write;
        // Whoever read it may have seen enough.
        let _ = std::io::stdout().lock().write_all(bytes);
    }
}
