use std::fmt;

use protocol::ServerUrl;
use settings::Setup;

use crate::image::Image;
use crate::printer::Tone;
use crate::quote::quoted;

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// As it should be.
    Ok,
    /// Worth knowing; it may be intended.
    Note,
    /// It does not work.
    Broken,
}

impl Level {
    pub(super) fn name(self) -> &'static str {
        match self {
            Level::Ok => "ok",
            Level::Note => "note",
            Level::Broken => "broken",
        }
    }

    pub(super) fn tone(self) -> Tone {
        match self {
            Level::Ok => Tone::Success,
            Level::Note => Tone::Warning,
            Level::Broken => Tone::Error,
        }
    }
}

/// The remedy of a finding. A command can be pasted, and the finding is gone afterwards;
/// advice is for what no command can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Remedy {
    pub(super) advice: Option<String>,
    pub(super) command: Option<String>,
}

impl Remedy {
    pub(super) fn run(command: impl Into<String>) -> Self {
        Remedy { advice: None, command: Some(command.into()) }
    }

    pub(super) fn advice(text: impl Into<String>) -> Self {
        Remedy { advice: Some(text.into()), command: None }
    }

    /// Advice, with a command as the alternative.
    pub(super) fn or_run(self, command: impl Into<String>) -> Self {
        Remedy { command: Some(command.into()), ..self }
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.advice, &self.command) {
            (Some(advice), Some(command)) => write!(f, "{advice}, or run `{command}`"),
            (Some(advice), None) => f.write_str(advice),
            (None, Some(command)) => write!(f, "run `{command}`"),
            (None, None) => Ok(()),
        }
    }
}

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) level: Level,
    pub(super) text: String,
    pub(super) remedy: Option<Remedy>,
}

/// The findings about one subject.
#[derive(Clone, Debug)]
pub(super) struct Section {
    pub(super) subject: String,
    pub(super) findings: Vec<Finding>,
}

impl Section {
    pub(super) fn about(subject: impl Into<String>) -> Self {
        Section { subject: subject.into(), findings: Vec::new() }
    }

    pub(super) fn ok(&mut self, text: impl Into<String>) {
        self.add(Level::Ok, text, None);
    }

    pub(super) fn note(&mut self, text: impl Into<String>, remedy: impl Into<Option<Remedy>>) {
        self.add(Level::Note, text, remedy);
    }

    pub(super) fn broken(&mut self, text: impl Into<String>, remedy: impl Into<Option<Remedy>>) {
        self.add(Level::Broken, text, remedy);
    }

    fn add(&mut self, level: Level, text: impl Into<String>, remedy: impl Into<Option<Remedy>>) {
        self.findings.push(Finding { level, text: text.into(), remedy: remedy.into() });
    }
}

/// How exchanges of identity tokens are set up.
pub(super) const EXCHANGE_GUIDE: &str = "credmint guide --topic robots";

/// How to sign in to an image's registry: the guide of its cloud, or `credmint login`.
pub(super) fn how_to_sign_in(image: &Image, setup: &Setup) -> Remedy {
    let server = ServerUrl::parse(image.server()).ok();
    if server.as_ref().and_then(|server| setup.rule_of(server)).is_some_and(|rule| rule.exchange.is_some()) {
        return Remedy::run(EXCHANGE_GUIDE);
    }
    if server.is_some_and(|server| setup.registry_of(&server).is_some()) {
        let name = image.repository.as_deref().unwrap_or("app");
        return Remedy::run(format!("credmint guide --topic sign-in {}/{name}", image.registry));
    }
    Remedy::run(format!("credmint login {}", quoted(&image.registry)))
}

/// The first few of many names.
pub(super) fn some(names: &[impl AsRef<str>]) -> String {
    const FEW: usize = 5;
    let shown: Vec<_> = names.iter().take(FEW).map(AsRef::as_ref).collect();
    let shown = shown.join(", ");
    if names.len() > FEW { format!("{shown} and {} more", names.len() - FEW) } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_names_are_counted() {
        assert_eq!(some(&["a", "b"]), "a, b");
        assert_eq!(some(&["a"; 7]), "a, a, a, a, a and 2 more");
    }
}
