use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::build::Build;
use crate::printer::{Printer, Tone};

/// Print version, commit, target and the clouds that are built in
#[derive(Args, Debug)]
pub(crate) struct Version {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn run(which: &Version, build: &Build, printer: &Printer) -> ExitCode {
    if which.json {
        printer.json(&json!({
            "version": build.version,
            "commit": build.commit,
            "target": build.target,
            "providers": build.provider_names(),
        }));
    } else {
        let providers = build.provider_names().join(", ");
        printer.line(Tone::Strong.of(format!("credmint {}", build.version)));
        for (what, fact) in
            [("commit", build.commit.unwrap_or("unknown")), ("target", build.target), ("providers", &providers)]
        {
            printer.line(format!("  {what:<9}  {fact}"));
        }
    }
    ExitCode::SUCCESS
}
