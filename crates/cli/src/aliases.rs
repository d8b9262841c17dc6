use std::io;
use std::path::Path;

use protocol::ErrorMessage;

use crate::context::Context;
use crate::helpers::{ALIASES, file_name};
use crate::printer::Tone;

/// Links the names of the clouds' own helpers to ours in the same folder, if the names are free.
pub(crate) fn link(context: &Context<'_>) -> Result<(), ErrorMessage> {
    for (alias, ours) in ALIASES {
        let file = file_name(alias);
        if let Some(program) = context.helpers.on_path(alias) {
            let whose = if context.helpers.is_ours(alias) { "already credmint's" } else { "left unchanged" };
            context.printer.note(format!("{} {}: {whose}", Tone::Dim.of("exists"), program.display()));
            continue;
        }
        let Some(program) = context.helpers.ours(ours) else {
            return Err(ErrorMessage {
                what: format!("{} not found, neither in credmint's directory nor on PATH", file_name(ours)),
                hint: Some("reinstall credmint: its programs must be in one directory".to_owned()),
            });
        };
        let link = program.with_file_name(&file);
        match make(&program, &link) {
            Ok(()) => {
                context.printer.note(format!("{} {} → {}", Tone::Success.of("ok"), link.display(), file_name(ours)))
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                context.printer.note(format!("{} {}: left unchanged", Tone::Dim.of("exists"), link.display()));
            }
            Err(error) => {
                return Err(ErrorMessage {
                    what: format!("cannot link {} to {}: {error}", link.display(), file_name(ours)),
                    hint: Some("run this as the owner of that directory".to_owned()),
                });
            }
        }
    }
    Ok(())
}

/// A relative link, so that the folder can be moved.
#[cfg(unix)]
fn make(program: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(program.file_name().unwrap_or_default(), link)
}

/// Symbolic links take a privilege there.
#[cfg(not(unix))]
fn make(program: &Path, link: &Path) -> io::Result<()> {
    std::fs::hard_link(program, link)
}
