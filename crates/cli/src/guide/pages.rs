//! The topics that do not concern an image. They are part of the program, so that they are available offline
//! and describe the version that is installed.

use std::fmt::Write;
use std::process::ExitCode;

use protocol::ErrorMessage;
use serde_json::{Value, json};

use super::{Guide, Topic};
use crate::context::Context;
use crate::printer::Tone;

/// A topic that needs no image, in Markdown.
pub(crate) struct Page {
    pub(super) topic: Topic,
    pub(crate) title: &'static str,
    pub(crate) text: &'static str,
}

/// All of them, in the order in which they are listed.
pub(crate) const ALL: &[Page] = &[
    Page {
        topic: Topic::Troubleshooting,
        title: "What clients print: cause and remedy",
        text: include_str!("pages/troubleshooting.md"),
    },
    Page {
        topic: Topic::Keychains,
        title: "Keychains: where tokens and logins rest",
        text: include_str!("pages/keychains.md"),
    },
    Page { topic: Topic::Wsl, title: "Windows Subsystem for Linux", text: include_str!("pages/wsl.md") },
    Page { topic: Topic::Ci, title: "Continuous integration", text: include_str!("pages/ci.md") },
    Page { topic: Topic::Kubernetes, title: "Kubernetes", text: include_str!("pages/kubernetes.md") },
    Page {
        topic: Topic::Robots,
        title: "Registries without a robot's password",
        text: include_str!("pages/robots.md"),
    },
    Page { topic: Topic::Switch, title: "From another helper to credmint", text: include_str!("pages/switch.md") },
    Page { topic: Topic::Limits, title: "Known limits", text: include_str!("pages/limits.md") },
];

impl Page {
    /// Its name on the command line, and behind `credmint-` that of its manual page.
    pub(crate) fn name(&self) -> &'static str {
        self.topic.section()
    }

    pub(super) fn of(topic: Topic) -> Option<&'static Page> {
        ALL.iter().find(|page| page.topic == topic)
    }
}

/// Prints those that were asked for, or which there are.
pub(super) fn run(which: &Guide, context: &Context<'_>) -> Result<ExitCode, ErrorMessage> {
    let pages = which.topic.iter().map(|topic| Page::of(*topic).ok_or_else(|| needs_an_image(*topic)));
    let pages = pages.collect::<Result<Vec<_>, _>>()?;
    let printer = &context.printer;
    if which.json {
        let pages = if pages.is_empty() { ALL.iter().collect() } else { pages };
        let page = |page: &&Page| json!({"topic": page.name(), "title": page.title, "text": page.text, "commands": []});
        printer.json(&Value::Array(pages.iter().map(page).collect()));
        return Ok(ExitCode::SUCCESS);
    }
    if pages.is_empty() {
        printer.line("For an image, run `credmint guide IMAGE`. For a topic without an image, run `credmint guide --topic TOPIC`:\n");
        let list = ALL.iter().fold(String::new(), |mut list, page| {
            let _ = writeln!(list, "  {:16} {}", page.name(), page.title);
            list
        });
        printer.line(list.trim_end());
    }
    for (nth, page) in pages.iter().enumerate() {
        let gap = if nth > 0 { "\n" } else { "" };
        printer.line(Tone::Strong.of(format!("{gap}# {}\n", page.title)));
        printer.line(page.text.trim_end());
    }
    Ok(ExitCode::SUCCESS)
}

fn needs_an_image(topic: Topic) -> ErrorMessage {
    let name = topic.section();
    ErrorMessage {
        what: format!("the topic {name} is about an image, and none was given"),
        hint: Some(format!("run `credmint guide --topic {name} ghcr.io/owner/app:1`")),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::arguments::Arguments;

    #[test]
    fn each_page_exists_once_and_mentions_only_existing_pages() {
        for page in ALL {
            assert_eq!(Page::of(page.topic).map(Page::name), Some(page.name()));
            for mentioned in page.text.split("`credmint guide --topic ").skip(1) {
                let topic = mentioned.split('`').next().unwrap();
                let is_page = ALL.iter().any(|page| page.name() == topic);
                assert!(is_page || topic.ends_with(" IMAGE"), "{}: {topic}", page.name());
            }
        }
    }

    #[test]
    fn each_command_of_ours_is_one_that_there_is() {
        let mut seen = 0;
        for page in ALL {
            let in_text = page.text.split('`').skip(1).step_by(2);
            let blocks = page.text.lines().filter_map(|line| line.strip_prefix("    "));
            for command in in_text.chain(blocks).filter(|code| code.starts_with("credmint ")) {
                let words = command.split(" | ").next().unwrap().split(' ');
                let parsed = Arguments::command().try_get_matches_from(words);
                assert!(parsed.is_ok(), "{}: {command}: {}", page.name(), parsed.unwrap_err());
                seen += 1;
            }
        }
        assert!(seen > 20, "{seen}");
    }
}
