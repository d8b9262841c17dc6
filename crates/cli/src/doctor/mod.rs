//! `credmint doctor`: what a support engineer would look at, in that order.
//!
//! Each look gives a section of findings and prints nothing; `report` shows them.

mod access;
mod challenge;
mod check_context;
mod config_file;
mod configs;
mod engine;
mod exchange;
mod files;
mod finding;
mod fix;
mod github_app;
mod gitlab_runner;
mod helper_probe;
mod helper_programs;
mod limits;
mod login;
mod machine;
mod ownership;
mod policy;
mod proxies;
mod registries;
mod registry_check;
mod report;
mod sources;
mod token_claims;

use clap::Args;
use std::collections::HashSet;
use std::path::PathBuf;
use std::process::ExitCode;

use protocol::ErrorMessage;

use crate::context::Context;
use crate::image::Image;

use configs::Configs;
use report::Report;

/// Find problems and print how to fix them
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  credmint doctor                         the config, the helpers, the keychain, and each registry
  credmint doctor ghcr.io/owner/app:1     and whether this image can be pulled and pushed
  credmint doctor --fix                   repair misspelled keys and invalid entries first
  credmint doctor --offline --json        for scripts; exits with 1 if something is broken")]
pub(crate) struct Doctor {
    /// A registry or an image
    #[arg(value_name = "REGISTRY|IMAGE")]
    pub(crate) image: Option<String>,
    /// Contact no registry
    #[arg(long)]
    pub(crate) offline: bool,
    /// First repair what is unambiguous in the configs of Docker, podman and helm
    #[arg(long)]
    pub(crate) fix: bool,
    /// Docker's config directory
    #[arg(long, value_name = "DIR")]
    pub(crate) config: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn run(which: &Doctor, context: &Context<'_>) -> Result<ExitCode, ErrorMessage> {
    let image = which.image.as_deref().map(Image::parse).transpose()?;
    let mut report = Report::new(context.printer, which.json);
    if which.fix {
        report.add(fix::run(which.config.as_deref(), context));
    }
    let (configs, found) = files::check(which.config.as_deref(), context);
    report.add(found);
    let vault = machine::Vault::survey(context);
    let (failing_helpers, found) = helper_programs::check(&configs, &vault, which.offline, context);
    report.add(found);
    report.add(machine::check(&configs, &vault, context));
    if let Some(image) = &image {
        report.add(sources::check(image, &configs, context));
    }
    let images = match image {
        Some(image) => vec![image],
        None => wired(&configs),
    };
    report.add(proxies::check(images.first(), which.offline, context));
    let engine = engine::Engine::find(&configs, which.offline, context);
    engine::check(&engine, context).into_iter().for_each(|section| report.add(section));
    if !which.offline {
        registries::check(&images, &configs, &failing_helpers, &engine, context, &mut report);
    }
    Ok(if report.end() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The registries that Docker's config names.
fn wired(configs: &Configs) -> Vec<Image> {
    let hosts = configs.docker.iter().flat_map(|(_, document)| files::wired(document));
    // Docker Hub may be named twice: for docker and for others.
    let mut seen = HashSet::new();
    hosts.filter_map(|host| Image::parse(&host).ok()).filter(|image| seen.insert(image.registry.clone())).collect()
}
