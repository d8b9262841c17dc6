use serde_json::{Value, json};

use crate::printer::{Printer, Tone};

/// How a finding is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// As it should be.
    Fine,
    /// Worth knowing; it may be meant so.
    Note,
    /// It does not work like this.
    Broken,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Level::Fine => "ok",
            Level::Note => "note",
            Level::Broken => "broken",
        }
    }

    fn tone(self) -> Tone {
        match self {
            Level::Fine => Tone::Good,
            Level::Note => Tone::Doubtful,
            Level::Broken => Tone::Bad,
        }
    }
}

/// What was found, told while it is found.
pub(super) struct Report<'a> {
    printer: &'a Printer,
    /// Collected instead of told.
    as_json: bool,
    subject: String,
    findings: Vec<Value>,
    broken: usize,
}

impl<'a> Report<'a> {
    pub(super) fn new(printer: &'a Printer, as_json: bool) -> Self {
        Report { printer, as_json, subject: String::new(), findings: Vec::new(), broken: 0 }
    }

    /// What the next findings are about.
    pub(super) fn about(&mut self, subject: &str) {
        subject.clone_into(&mut self.subject);
        if !self.as_json {
            self.printer.line(Tone::Strong.of(subject));
        }
    }

    pub(super) fn fine(&mut self, text: impl Into<String>) {
        self.add(Level::Fine, text.into(), None);
    }

    pub(super) fn note(&mut self, text: impl Into<String>, remedy: impl Into<Option<String>>) {
        self.add(Level::Note, text.into(), remedy.into());
    }

    pub(super) fn broken(&mut self, text: impl Into<String>, remedy: impl Into<Option<String>>) {
        self.add(Level::Broken, text.into(), remedy.into());
    }

    fn add(&mut self, level: Level, text: String, remedy: Option<String>) {
        self.broken += usize::from(level == Level::Broken);
        if self.as_json {
            let finding = json!({"about": self.subject, "level": level.name(), "text": text, "remedy": remedy});
            self.findings.push(finding);
            return;
        }
        // Padded before it is coloured: colours have no width.
        self.printer.line(format!("  {} {text}", level.tone().of(format!("{:<6}", level.name()))));
        if let Some(remedy) = remedy {
            self.printer.line(format!("         {} {remedy}", Tone::Faint.of("→")));
        }
    }

    /// The last word; whether nothing is broken.
    pub(super) fn end(self) -> bool {
        if self.as_json {
            self.printer.json(&json!({"healthy": self.broken == 0, "findings": self.findings}));
        } else {
            let verdict = match self.broken {
                0 => Tone::Good.of("nothing is broken"),
                1 => Tone::Bad.of("1 thing is broken"),
                count => Tone::Bad.of(format!("{count} things are broken")),
            };
            self.printer.line(format!("\n{verdict}"));
        }
        self.broken == 0
    }
}
