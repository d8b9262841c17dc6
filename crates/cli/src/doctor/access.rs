use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use dockerconfig::ConfigError;

use super::config_file::{ClientConfig, Owner};
use super::finding::{Remedy, Section};
use crate::context::Context;
use crate::quote::quoted;

/// Says why a file cannot be read, and what makes it readable.
pub(super) fn unreadable(
    place: &ClientConfig,
    error: &ConfigError,
    folder: Option<&Path>,
    context: &Context<'_>,
) -> (String, Remedy) {
    let path = &place.path;
    let ConfigError::Unreadable { source, .. } = error else {
        let by_hand = Remedy::advice("fix it in an editor: Docker cannot read it either");
        // GNU's and busybox's sed; others have no such escapes.
        let has_mark =
            cfg!(target_os = "linux") && std::fs::read(path).is_ok_and(|text| text.starts_with(b"\xef\xbb\xbf"));
        let unmark = || Remedy::run(format!("sed -i '1s/^\\xef\\xbb\\xbf//' {}", quoted(path)));
        return (error.to_string(), if has_mark { unmark() } else { by_hand });
    };
    if let Some(file) = file_in_the_way(path) {
        let what = match (folder, place.owner) {
            (Some(_), _) => "--config must be a directory",
            (None, Owner::Helm) => "HELM_CONFIG_HOME must be a directory",
            (None, _) => "DOCKER_CONFIG must be a directory",
        };
        let text = format!("{}: {what}, but {} is a file", path.display(), file.display());
        let named = file.parent().filter(|_| file.file_name() == path.file_name());
        let remedy = match (folder, named) {
            (Some(_), Some(named)) => Remedy::run(format!("credmint doctor --config {}", quoted(named))),
            (Some(_), None) => Remedy::advice("pass the directory of config.json"),
            (None, Some(named)) if place.owner == Owner::Docker => {
                Remedy::run(format!("export DOCKER_CONFIG={}", quoted(named)))
            }
            (None, _) if place.owner == Owner::Docker && is_named(context) => Remedy::run("unset DOCKER_CONFIG"),
            (None, _) => Remedy::run(aside(&file)),
        };
        return (text, remedy);
    }
    let remedy = match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => {
            let text = format!("{} is a directory, expected a file", path.display());
            let is_empty = std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
            let remedy = if is_empty { format!("rmdir {}", quoted(path)) } else { aside(path) };
            return (text, Remedy::run(remedy));
        }
        Ok(found) if !found.is_file() => Remedy::run(aside(path)),
        _ if source.kind() == ErrorKind::PermissionDenied => permission(path, folder, context),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => permission(path, folder, context),
        _ if path.symlink_metadata().is_ok_and(|found| found.is_symlink()) => Remedy::run(aside(path)),
        _ => Remedy::advice("check the disk and the path"),
    };
    (error.to_string(), remedy)
}

/// The part of a path that is a file instead of a folder.
fn file_in_the_way(path: &Path) -> Option<PathBuf> {
    path.ancestors().skip(1).find(|part| part.is_file()).map(Path::to_owned)
}

fn is_named(context: &Context<'_>) -> bool {
    context.setup.environment.raw("DOCKER_CONFIG").is_some()
}

fn aside(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    format!("mv {} {}", quoted(path), quoted(path.with_file_name(format!("{name}.old"))))
}

/// Opens the part of the path that denies access, if it is ours or in our home.
#[cfg(unix)]
fn permission(path: &Path, folder: Option<&Path>, context: &Context<'_>) -> Remedy {
    use std::os::unix::fs::MetadataExt;
    let mut parts: Vec<&Path> = path.ancestors().collect();
    parts.reverse();
    // If it cannot be examined, its folder denies access.
    let shut = parts.iter().position(|part| part.symlink_metadata().is_err()).map_or(path, |nth| parts[nth.max(1) - 1]);
    let Ok(found) = shut.metadata() else { return Remedy::advice("check its permissions") };
    let is_home = context.setup.places.home.as_ref().is_some_and(|home| shut.starts_with(home));
    if found.uid() == rustix::process::geteuid().as_raw() {
        let mode = if found.is_dir() { "u+rwx" } else { "u+rw" };
        return Remedy::run(format!("chmod {mode} {}", quoted(shut)));
    }
    match (is_home, folder) {
        (true, _) => Remedy::run(take_over(&[shut])),
        (false, None) if is_named(context) => Remedy::run("unset DOCKER_CONFIG"),
        (false, _) => Remedy::advice(format!("ask the owner of {} for access", shut.display())),
    }
}

#[cfg(not(unix))]
fn permission(_: &Path, _: Option<&Path>, _: &Context<'_>) -> Remedy {
    Remedy::advice("check its permissions")
}

/// The command that gives paths to the user who runs it.
#[cfg(unix)]
pub(super) fn take_over(paths: &[impl AsRef<Path>]) -> String {
    let paths: Vec<_> = paths.iter().map(quoted).collect();
    format!("sudo chown -R \"$(id -u):$(id -g)\" {}", paths.join(" "))
}

/// The command by which root gives paths to the owner of a home.
#[cfg(unix)]
pub(super) fn give_back(paths: &[impl AsRef<Path>], user: u32, group: u32) -> String {
    let paths: Vec<_> = paths.iter().map(quoted).collect();
    format!("chown -R {user}:{group} {}", paths.join(" "))
}

/// Others must not read a password, nor choose which programs are run with ours.
#[cfg(unix)]
pub(super) fn modes(place: &ClientConfig, holds_logins: bool, section: &mut Section) {
    use std::os::unix::fs::PermissionsExt;
    let Ok(found) = place.path.metadata() else { return };
    let (mode, path) = (found.permissions().mode() & 0o777, place.path.display());
    let remedy = |mode: &str| Remedy::run(format!("chmod {mode} {}", quoted(&place.path)));
    if holds_logins && mode & 0o007 != 0 {
        section.broken(format!("{path} has mode {mode:04o}: other users can read the passwords in it"), remedy("600"));
    } else if mode & 0o002 != 0 {
        section.broken(format!("{path} has mode {mode:04o}: other users can change it"), remedy("o-w"));
    } else if holds_logins && mode & 0o070 != 0 {
        section.note(format!("{path} has mode {mode:04o}: its group can read the passwords in it"), remedy("600"));
    }
}

#[cfg(not(unix))]
pub(super) fn modes(_: &ClientConfig, _: bool, _: &mut Section) {}
