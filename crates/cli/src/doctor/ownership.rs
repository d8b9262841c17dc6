use super::finding::Section;
use crate::context::Context;

/// Files of another user in a home, mostly of root under sudo, which the home's owner can neither read nor
/// write. Returns whether there are any.
#[cfg(unix)]
pub(super) fn check(context: &Context<'_>, section: &mut Section) -> bool {
    use std::os::unix::fs::MetadataExt;
    use std::path::PathBuf;

    use super::access::{give_back, take_over};
    use super::finding::Remedy;

    let me = rustix::process::geteuid().as_raw();
    let places = &context.setup.places;
    let Some((home, found)) = places.home.as_ref().and_then(|home| Some((home, home.metadata().ok()?))) else {
        return false;
    };
    let (user, group) = (found.uid(), found.gid());
    // Root checks the home of another user on that user's behalf.
    if user != me && me != 0 {
        return false;
    }
    let settings = places.settings.iter().filter_map(|file| Some(file.parent()?.to_owned()));
    let ours: Vec<PathBuf> = [&places.data, &places.cache, &places.runtime].into_iter().flatten().cloned().collect();
    let docker = context.setup.environment.path("DOCKER_CONFIG").unwrap_or_else(|| home.join(".docker"));
    let mut strange: Vec<PathBuf> = Vec::new();
    for folder in ours.iter().cloned().chain(settings).chain([docker]) {
        // The runtime folder is outside of the home, in a folder of the user.
        let top = if folder.starts_with(home) { Some(home.as_path()) } else { folder.parent() };
        if top.and_then(|top| top.metadata().ok()).is_none_or(|found| found.uid() != user) {
            continue;
        }
        let mut parts: Vec<_> = folder.ancestors().take_while(|part| Some(*part) != top).map(PathBuf::from).collect();
        parts.reverse();
        if ours.contains(&folder) {
            parts.extend(below(&folder));
        }
        // The command for the directory above includes it.
        for found in parts.into_iter().filter(|part| part.metadata().is_ok_and(|found| found.uid() != user)) {
            if !strange.iter().any(|other| found.starts_with(other)) {
                strange.push(found);
            }
        }
    }
    if strange.is_empty() {
        return false;
    }
    let names: Vec<_> = strange.iter().map(|path| path.display().to_string()).collect();
    let remedy = if user == me { take_over(&strange) } else { give_back(&strange, user, group) };
    let whose = if names.len() == 1 { "belongs to another user" } else { "belong to another user" };
    section.broken(format!("{} {whose}, probably created by root under sudo", names.join(", ")), Remedy::run(remedy));
    true
}

/// Everything in a folder of credmint, each folder before its contents. There are two levels.
#[cfg(unix)]
fn below(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = |folder: &std::path::Path| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let found = entries(folder);
    let deeper = found.iter().filter(|path| path.symlink_metadata().is_ok_and(|found| found.is_dir()));
    let deeper: Vec<_> = deeper.flat_map(|folder| entries(folder)).collect();
    found.into_iter().chain(deeper).collect()
}

#[cfg(not(unix))]
pub(super) fn check(_: &Context<'_>, _: &mut Section) -> bool {
    false
}
