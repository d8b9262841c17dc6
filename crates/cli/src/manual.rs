use std::process::ExitCode;

use clap::CommandFactory;
use protocol::ErrorMessage;

use crate::arguments::{Arguments, Completions, Man};
use crate::guide::{man_page, pages};
use crate::printer::Printer;

pub(crate) fn completions(which: &Completions, printer: &Printer) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(which.shell, &mut Arguments::command(), "credmint", &mut script);
    printer.bytes(&script);
    ExitCode::SUCCESS
}

/// The command line, with the examples of each help as they are written: wrapped to the width of a
/// terminal, a command could not be pasted any more.
pub(crate) fn command() -> clap::Command {
    with_examples(Arguments::command())
}

fn with_examples(command: clap::Command) -> clap::Command {
    let command = command.mut_subcommands(with_examples);
    // Templates are not wrapped.
    match command.get_after_help().map(ToString::to_string) {
        Some(examples) => command.help_template(format!(
            "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{{all-args}}\n\n{examples}"
        )),
        None => command,
    }
}

/// One page for the program, one for each command, and one for each topic of the guide that is about
/// no image (section 7), as man expects them.
pub(crate) fn pages(which: &Man) -> Result<ExitCode, ErrorMessage> {
    let failed = |error: std::io::Error| ErrorMessage {
        what: format!("cannot write man pages to {}: {error}", which.folder.display()),
        hint: None,
    };
    std::fs::create_dir_all(&which.folder).map_err(failed)?;
    clap_mangen::generate_to(Arguments::command(), &which.folder).map_err(failed)?;
    for page in pages::ALL {
        let file = which.folder.join(format!("credmint-{}.7", page.name()));
        std::fs::write(file, man_page::of(page)).map_err(failed)?;
    }
    Ok(ExitCode::SUCCESS)
}
