//! `credmint guide`: everything that is done with an image, as commands that can be pasted.
//!
//! Its texts are in `texts`, as Markdown with holes: `shared.md`, `mirror.md`, `scan-and-sign.md` and
//! `machine.md` for every registry, one file for each kind, and `ci.md`. `facts` and `kind` fill the holes, `shell` turns the commands into
//! those of the person's system. A command's id stays what it is: scripts and tests look for it.
//! `pages` are the topics that are about no image.

mod facts;
mod holes;
mod kind;
pub(crate) mod man_page;
mod options;
pub(crate) mod pages;
mod shell;
mod template;
mod topic;

use std::process::ExitCode;

use protocol::ErrorMessage;
use serde_json::{Value, json};

use crate::context::Context;
use crate::image::Image;
use crate::printer::Tone;
pub(crate) use options::Guide;
use shell::Shell;
use template::{Rendered, Texts};
pub(crate) use topic::Topic;
use topic::{Ci, System};

/// For every registry.
const SHARED: &str = concat!(
    include_str!("texts/shared.md"),
    "\n",
    include_str!("texts/mirror.md"),
    "\n",
    include_str!("texts/scan-and-sign.md"),
    "\n",
    include_str!("texts/machine.md"),
);

/// Prints the guide to an image, or those topics of it that were asked for.
pub(crate) fn run(which: &Guide, context: &Context<'_>) -> Result<ExitCode, ErrorMessage> {
    let Some(image) = &which.image else { return pages::run(which, context) };
    let image = Image::parse(image)?;
    let mut holes = facts::about(&image)?;
    if let Some(to) = &which.to {
        facts::add_target(&Image::parse(to)?, &image, &mut holes)?;
    }
    let own = kind::text_of(&image, &context.setup, &mut holes)?;
    let system = which.system.unwrap_or_else(System::of_this_machine);
    holes.add_text("sudo", system.sudo());
    holes.add_text("reload", system.reload());
    facts::add_github(which.github.as_deref(), &mut holes);
    let shell = if system == System::Windows { Shell::Power } else { Shell::Posix };
    let texts = |frame| Texts { frame, own, common: SHARED, holes: &holes, shell };
    let of = |topic: Topic| -> Option<Rendered> {
        Some(match topic {
            Topic::Ci if which.ci == Ci::None => return None,
            _ if topic.is_for_owners() && image.is_official() => texts(SHARED).topic("official"),
            Topic::Ci => texts(include_str!("texts/ci.md")).topic(which.ci.section()?),
            Topic::Mirror if which.to.is_none() => texts(SHARED).topic("mirror-nowhere"),
            Topic::Sign => texts(SHARED).topic(which.ci.signing()),
            Topic::System => texts(SHARED).topic(system.section()),
            Topic::Troubleshooting | Topic::Keychains | Topic::Wsl | Topic::Switch | Topic::Limits => {
                Rendered { text: pages::Page::of(topic)?.text.to_owned(), steps: Vec::new() }
            }
            _ => texts(SHARED).topic(topic.section()),
        })
    };
    let wanted = if which.topic.is_empty() { Topic::ALL } else { &which.topic };
    let topics: Vec<_> = wanted.iter().filter_map(|topic| Some((*topic, of(*topic)?))).collect();
    if which.json {
        let topics: Vec<_> = topics.iter().map(|(topic, rendered)| document(*topic, rendered)).collect();
        context.printer.json(&Value::Array(topics));
        return Ok(ExitCode::SUCCESS);
    }
    context.printer.line(Tone::Strong.of(format!("# {}", holes.fill("@image@", Shell::Plain))));
    for (topic, rendered) in &topics {
        context.printer.line(Tone::Strong.of(format!("\n## {}\n", topic.title())));
        context.printer.line(rendered.text.trim_end());
    }
    Ok(ExitCode::SUCCESS)
}

fn document(topic: Topic, rendered: &Rendered) -> Value {
    let commands: Vec<_> = rendered
        .steps
        .iter()
        .map(|step| {
            let mut command = json!({"id": step.id, "about": step.about, "run": step.run});
            if let Some((name, text)) = &step.file {
                command["file"] = json!({"name": name, "text": text});
            }
            command
        })
        .collect();
    json!({"topic": topic.section(), "title": topic.title(), "text": rendered.text, "commands": commands})
}
