use std::path::Path;

use dockerconfig::ConfigError;

use super::config_file::{ClientConfig, Owner};
use super::finding::{Remedy, Section};
use crate::context::Context;
use crate::docker::explained;

/// Repairs what has one right outcome in the files that doctor looks at. What cannot be read, or only be
/// decided by a person, is named by the looks that follow.
pub(super) fn run(folder: Option<&Path>, context: &Context<'_>) -> Section {
    let mut section = Section::about("Repairs");
    let mut seen = Vec::new();
    for place in ClientConfig::docker(folder, context).into_iter().chain(ClientConfig::others(context)) {
        if seen.contains(&place.path) || !place.path.is_file() || place.file().read().is_err() {
            continue;
        }
        let format = place.key_format();
        let edited = place.file().edit(|document| match place.owner {
            Owner::Helm => document.repair_names(),
            Owner::Docker | Owner::Podman => document.repair(format),
        });
        match edited {
            Ok(edited) => {
                edited.value.iter().for_each(|done| section.ok(format!("{}: {done}", place.path.display())));
            }
            Err(ConfigError::Ambiguous { .. }) => {}
            Err(error) => {
                let error = explained(error);
                section.broken(error.what, error.hint.map(Remedy::advice));
            }
        }
        seen.push(place.path);
    }
    if section.findings.is_empty() {
        section.ok("nothing to repair automatically");
    }
    section
}
