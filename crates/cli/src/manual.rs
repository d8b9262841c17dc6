use std::process::ExitCode;

use clap::CommandFactory;
use protocol::Explained;

use crate::arguments::{Arguments, Completions, Man};
use crate::printer::Printer;

pub(crate) fn completions(which: &Completions, printer: &Printer) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(which.shell, &mut Arguments::command(), "credmint", &mut script);
    printer.bytes(&script);
    ExitCode::SUCCESS
}

/// One page for the program and one for each command, as man expects them.
pub(crate) fn pages(which: &Man) -> Result<ExitCode, Explained> {
    let failed = |error: std::io::Error| Explained {
        what: format!("the manual cannot be written to {}: {error}", which.folder.display()),
        hint: None,
    };
    std::fs::create_dir_all(&which.folder).map_err(failed)?;
    clap_mangen::generate_to(Arguments::command(), &which.folder).map_err(failed)?;
    Ok(ExitCode::SUCCESS)
}
