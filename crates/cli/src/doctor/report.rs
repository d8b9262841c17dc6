use serde_json::{Value, json};

use super::finding::{Finding, Level, Section};
use crate::printer::{Printer, Tone};

/// The findings, shown at once, or as JSON at the end.
pub(super) struct Report<'a> {
    printer: &'a Printer,
    as_json: bool,
    sections: Vec<Section>,
}

impl<'a> Report<'a> {
    pub(super) fn new(printer: &'a Printer, as_json: bool) -> Self {
        Report { printer, as_json, sections: Vec::new() }
    }

    /// Shows a section and keeps it.
    pub(super) fn add(&mut self, section: Section) {
        self.show(&section);
        self.keep(section);
    }

    /// Keeps a section that was shown.
    pub(super) fn keep(&mut self, section: Section) {
        self.sections.push(section);
    }

    pub(super) fn show(&self, section: &Section) {
        if self.as_json || section.findings.is_empty() {
            return;
        }
        self.printer.line(Tone::Strong.of(&section.subject));
        for Finding { level, text, remedy } in &section.findings {
            // Padded before it is coloured: colours have no width.
            self.printer.line(format!("  {} {text}", level.tone().of(format!("{:<6}", level.name()))));
            if let Some(remedy) = remedy {
                self.printer.line(format!("         {} {remedy}", Tone::Dim.of("→")));
            }
        }
    }

    /// Prints the summary; returns whether nothing is broken.
    pub(super) fn end(self) -> bool {
        let findings = || self.sections.iter().flat_map(|section| &section.findings);
        let broken = findings().filter(|finding| finding.level == Level::Broken).count();
        if self.as_json {
            let findings: Vec<_> = self.sections.iter().flat_map(as_json).collect();
            self.printer.json(&json!({"healthy": broken == 0, "findings": findings}));
        } else {
            let verdict = match broken {
                0 => Tone::Success.of("no problems found"),
                1 => Tone::Error.of("1 problem found"),
                count => Tone::Error.of(format!("{count} problems found")),
            };
            self.printer.line(format!("\n{verdict}"));
        }
        broken == 0
    }
}

/// `remedy` is for people, `command` is the part of it that a shell can run.
fn as_json(section: &Section) -> impl Iterator<Item = Value> {
    section.findings.iter().map(|finding| {
        json!({
            "about": section.subject,
            "level": finding.level.name(),
            "text": finding.text,
            "remedy": finding.remedy.as_ref().map(ToString::to_string),
            "command": finding.remedy.as_ref().and_then(|remedy| remedy.command.as_ref()),
        })
    })
}
