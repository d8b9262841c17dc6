use dockerconfig::{Client, ConfigFile, KeyFormat, LookupQuery, Source, System, lookup};

use crate::context::Context;
use crate::docker::config_paths;
use crate::helper_mapping::HelperMapping;
use crate::printer::Tone;
use crate::target::Target;

/// podman reads another file before the one that lasts, and what is found there is not looked for elsewhere.
pub(crate) fn note_earlier_file(mapping: &HelperMapping, target: &Target, context: &Context<'_>) {
    if target.key_format != KeyFormat::Podman {
        return;
    }
    let places = config_paths(context).podman(System::this(), None);
    let read = |path: &std::path::PathBuf| Some((path.clone(), ConfigFile::at(path).read().ok()?));
    let files: Vec<_> = places.iter().filter(|path| path.exists()).filter_map(read).collect();
    for (server, _) in &mapping.helpers {
        let won = lookup(Client::Podman, &LookupQuery { server, repository: None, variable: &[], files: &files });
        if let Some(Source::Helper { file, .. } | Source::Entry { file, .. }) = won.source
            && file != target.file.path()
            && files.iter().any(|(path, _)| path == target.file.path())
        {
            let registry = KeyFormat::Podman.key(server);
            context.printer.note(format!(
                "{} podman uses another login for {registry}, from {}\n   to remove it, run `podman logout {registry}`",
                Tone::Warning.of("warning:"),
                file.display()
            ));
        }
    }
}
