use crate::target::ConfigFlags;
use clap::Args;
use std::process::ExitCode;

use dockerconfig::{Document, UndoOutcome, diff};
use protocol::{ErrorMessage, ServerUrl};

use crate::context::Context;
use crate::docker::{explained, warn_other_lock_holder};
use crate::helpers::{UNIVERSAL, file_name, is_alias, is_ours};
use crate::image::Image;
use crate::printer::Tone;
use crate::target::Target;

/// Undo what configure did
#[derive(Args, Debug)]
pub(crate) struct Unconfigure {
    /// Remove only these registries
    pub(crate) registries: Vec<String>,
    /// Print what would change, without changing it
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) place: ConfigFlags,
}

pub(crate) fn run(which: &Unconfigure, context: &Context<'_>) -> Result<ExitCode, ErrorMessage> {
    let target = Target::of(&which.place, context)?;
    let servers = which.registries.iter().map(|text| {
        let image = Image::with_host(text)?;
        ServerUrl::parse(image.server()).map_err(|error| ErrorMessage { what: error.to_string(), hint: None })
    });
    let servers = servers.collect::<Result<Vec<_>, _>>()?;
    let path = target.path();
    if servers.is_empty() {
        let undone = if which.dry_run { target.file.preview_undo() } else { target.file.undo() };
        if let Some(undone) = undone.map_err(explained)? {
            if which.dry_run {
                context.printer.line(diff(&path, &undone.before, &undone.after).trim_end());
            } else {
                report(&undone, &target, context);
            }
            return Ok(ExitCode::SUCCESS);
        }
    }
    let mut others: Vec<String> = Vec::new();
    let ours = |helper: &str| is_ours(helper) && !is_alias(helper) && context.helpers.is_ours(helper);
    let remove = |document: &mut Document| {
        for (host, helper) in document.cred_helpers() {
            let Ok(server) = ServerUrl::parse(&host) else { continue };
            if !(servers.is_empty() || servers.contains(&server)) {
                continue;
            }
            if ours(&helper) {
                document.remove_helper_of_key(&host);
            } else if is_ours(&helper) {
                others.push(format!("{host} → {}", file_name(&helper)));
            }
        }
        if servers.is_empty() && document.creds_store().as_deref() == Some(UNIVERSAL) {
            document.remove_creds_store();
        }
    };
    let edited =
        if which.dry_run { target.file.preview(remove) } else { target.file.edit(remove) }.map_err(explained)?;
    warn_other_lock_holder(edited.other_lock_holder.as_ref(), context);
    let difference = diff(&path, &edited.before, &edited.after);
    match (which.dry_run, difference.is_empty()) {
        (_, true) => context.printer.note(format!("{path} does not use credmint")),
        (true, false) => context.printer.line(difference.trim_end()),
        (false, false) => context.printer.note(format!("{} removed credmint from {path}", Tone::Success.of("ok"))),
    }
    others.sort_unstable();
    others.dedup();
    for other in others {
        context.printer.note(format!("{} {other}: not credmint's helper", Tone::Dim.of("kept")));
    }
    Ok(ExitCode::SUCCESS)
}

fn report(undone: &UndoOutcome, target: &Target, context: &Context<'_>) {
    let (path, good) = (target.path(), Tone::Success.of("ok"));
    let note = |text: String| context.printer.note(text);
    if undone.moved.is_empty() {
        note(format!("{good} restored {path}"));
    } else {
        note(format!("{good} removed credmint from {path}"));
        note(format!(
            "{} these logins were moved to the keychain, where clients no longer look: {}",
            Tone::Warning.of("warning:"),
            undone.moved.join(", ")
        ));
        note(format!("   to use them again, run `{} REGISTRY` or `docker login`", target.command("configure")));
    }
    if !undone.kept.is_empty() {
        note(format!("   not undone, changed by others since: {}", undone.kept.join(", ")));
    }
}
