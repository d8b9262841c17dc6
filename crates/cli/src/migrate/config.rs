use std::path::PathBuf;
use std::process::ExitCode;

use dockerconfig::{HelperName, Migration, Move, ShadowedLogin, Skipped, System};
use protocol::{Credentials, ErrorMessage};

use super::login_writer::LoginWriter;
use crate::context::Context;
use crate::docker::{config_paths, explained, warn_other_lock_holder};
use crate::helper_queries::{CachedQueries, INTERACTIVE_TIMEOUT};
use crate::helpers::{UNIVERSAL, file_name};
use crate::printer::Tone;
use crate::target::{ConfigFlags, Target};

/// Moves the plaintext logins of a config into the vault. Each is stored and read back before
/// anything is blanked, and what would make a client find another login stays.
pub(crate) fn of_config(place: &ConfigFlags, dry_run: bool, context: &Context<'_>) -> Result<ExitCode, ErrorMessage> {
    let target = Target::of(place, context)?;
    let others = others(place, &target, context);
    let mut code = ExitCode::SUCCESS;
    let mut found = false;
    for path in std::iter::once(target.file.path().to_owned()).chain(others.iter().cloned()) {
        let target = Target::of(place, context)?.at(&path);
        let Some((moved, failed)) = of_file(&target, dry_run, context)? else { continue };
        found = true;
        if others.contains(&path) {
            // It is gone at the next start, and what was wired in it with it.
            wire(&moved, place, context)?;
        }
        if failed {
            code = ExitCode::FAILURE;
        }
    }
    if !found {
        context.printer.note(format!("no plaintext login in {}", target.path()));
    }
    Ok(code)
}

/// podman signs in to another file than the one that lasts.
fn others(place: &ConfigFlags, target: &Target, context: &Context<'_>) -> Vec<PathBuf> {
    if !place.podman || place.config.is_some() {
        return Vec::new();
    }
    let paths = config_paths(context);
    let docker = paths.docker(None);
    let places = paths.podman(System::this(), None).into_iter();
    places.filter(|path| path != target.file.path() && Some(path) != docker.as_ref() && path.exists()).collect()
}

/// What moved, and whether something stayed; `None` if the file has no login.
fn of_file(target: &Target, dry_run: bool, context: &Context<'_>) -> Result<Option<(Vec<Move>, bool)>, ErrorMessage> {
    // No prompt for a file that cannot be edited.
    let document = target.file.preview(|_| ()).map_err(explained)?.before;
    if document.auths().iter().all(dockerconfig::Auth::is_marker) {
        return Ok(None);
    }
    let helper = HelperName::parse(UNIVERSAL).expect("our own helper has a proper name");
    let queries = CachedQueries::new(context, INTERACTIVE_TIMEOUT)?;
    let migration = Migration { clients: target.clients, helper: &helper, helpers: &queries, only_shadowed: false };
    let plan = migration.plan(&document, &document);
    if dry_run {
        for moved in &plan.moves {
            context.printer.line(format!("{}  {}", moved.keys.join(", "), moved.login.username));
        }
        plan.skipped.iter().for_each(|other| report_skipped(other, context));
        return Ok(Some((Vec::new(), false)));
    }
    let mut writer = LoginWriter::new(context)?;
    for moved in &plan.moves {
        writer.store(&moved.login, &moved.keys.join(", "));
    }
    plan.skipped.iter().for_each(|other| report_skipped(other, context));
    let mut moved = Vec::new();
    if !writer.stored.is_empty() {
        let edit = |document: &mut dockerconfig::Document| {
            let found = document.clone();
            migration.apply(&found, document, &writer.stored)
        };
        let edited = target.file.edit(edit).map_err(explained)?;
        warn_other_lock_holder(edited.other_lock_holder.as_ref(), context);
        moved = edited.value;
        context.printer.note(format!("removed them from {}", target.path()));
        for login in writer.stored.iter().filter(|login| !moved.iter().any(|moved| moved.login == **login)) {
            writer.failed = true;
            context.printer.note(format!(
                "{} {}: the file was changed by another program meanwhile",
                Tone::Error.of("skipped"),
                login.server
            ));
        }
    }
    Ok(Some((moved, writer.failed || !plan.skipped.is_empty())))
}

/// Names the helper for what moved in the file that lasts, too.
fn wire(moved: &[Move], place: &ConfigFlags, context: &Context<'_>) -> Result<(), ErrorMessage> {
    let target = Target::of(place, context)?;
    let servers: Vec<_> = moved
        .iter()
        .filter(|moved| !moved.helper_keys.is_empty())
        .filter_map(|moved| Some((protocol::ServerUrl::parse(&moved.login.server).ok()?, &moved.helper)))
        .collect();
    if !servers.is_empty() {
        let edit = |document: &mut dockerconfig::Document| {
            servers.iter().for_each(|(server, helper)| document.set_cred_helper(server, target.key_format, helper));
        };
        target.file.edit(edit).map_err(explained)?;
        context.printer.note(format!("{} now uses the helper", target.path()));
    }
    Ok(())
}

/// Names a login that stays.
pub(crate) fn report_skipped(skipped: &Skipped, context: &Context<'_>) {
    context.printer.note(format!(
        "{} {}: {}",
        Tone::Warning.of("skipped"),
        described(&skipped.key, &skipped.username),
        skipped.why
    ));
}

/// A login by its registry and its user.
pub(crate) fn described(key: &str, username: &str) -> String {
    if username.is_empty() { key.to_owned() } else { format!("{key} ({username})") }
}

/// A login of another helper by its registry, its user and the helper.
pub(crate) fn shadowed(other: &ShadowedLogin) -> String {
    let Credentials { server, username, .. } = &other.login;
    format!("{} in {}", described(server, username), file_name(&other.helper))
}
