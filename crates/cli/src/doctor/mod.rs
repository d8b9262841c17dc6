//! `credmint doctor`: what a support engineer would look at, in that order.

mod challenge;
mod config;
mod grant;
mod machine;
mod programs;
mod registry;
mod report;
mod sources;

use std::path::PathBuf;
use std::process::ExitCode;

use dockerconfig::{Document, Surroundings, System};
use protocol::Explained;

use crate::arguments::Doctor;
use crate::context::Context;
use crate::image::Image;
use report::Report;

/// Docker's and podman's files as they are, and what looks for them.
struct Configs {
    surroundings: Surroundings,
    system: System,
    /// Docker's config, as read; a broken one is empty here and broken in the report.
    docker: Option<(PathBuf, Document)>,
    /// The servers of `DOCKER_AUTH_CONFIG` that Docker asks before any file.
    variable: Vec<String>,
}

pub(crate) fn run(which: &Doctor, context: &Context<'_>) -> Result<ExitCode, Explained> {
    let image = which.image.as_deref().map(Image::parse).transpose()?;
    let mut report = Report::new(context.printer, which.json);
    let configs = config::look(which.config.as_deref(), context, &mut report);
    programs::look(&configs, context, &mut report);
    machine::look(context, &mut report);
    match &image {
        Some(image) => {
            sources::look(image, &configs, context, &mut report);
            if !which.offline {
                registry::look(image, &configs, context, &mut report);
            }
        }
        None if which.offline => {}
        None => {
            for image in wired(&configs) {
                registry::look(&image, &configs, context, &mut report);
            }
        }
    }
    Ok(if report.end() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A guide is for an image.
fn how_to_sign_in(image: &Image) -> String {
    let name = image.repository.as_deref().unwrap_or("NAME");
    format!("credmint guide {}/{name} tells how to sign in", image.registry)
}

/// The registries that Docker's config names.
fn wired(configs: &Configs) -> Vec<Image> {
    let helpers = configs.docker.iter().flat_map(|(_, document)| document.cred_helpers());
    helpers.filter_map(|(host, _)| Image::parse(&host).ok()).collect()
}
