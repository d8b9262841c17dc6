use crate::target::ConfigFlags;
use clap::Args;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use dockerconfig::{Document, HelperName, KeyFormat, Migration, Plan, diff};
use protocol::{Client, ErrorMessage};
use serde_json::json;
use settings::VaultChoice;

use crate::build::install_with;
use crate::context::Context;
use crate::docker::{explained, warn_other_lock_holder};
use crate::helper_mapping::HelperMapping;
use crate::helper_queries::{CachedQueries, INTERACTIVE_TIMEOUT, PROBE_TIMEOUT};
use crate::helpers::{UNIVERSAL, cloud_of, file_name};
use crate::migrate::{LoginWriter, described, of_helper, report_skipped, shadowed};
use crate::printer::Tone;
use crate::target::Target;
use crate::{aliases, identities, podman};

/// Set up Docker to use credmint
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  credmint configure                              propose a setup and ask
  credmint configure --store                      one helper for every registry
  credmint configure ghcr.io public.ecr.aws       only these registries
  credmint configure --check --store              exit 1 if something would change")]
pub(crate) struct Configure {
    /// Only these registries, each with the helper of its cloud
    pub(crate) registries: Vec<String>,
    /// One helper for every registry (credsStore); registries that are named also get an entry in auths
    #[arg(long)]
    pub(crate) store: bool,
    /// Print what would change, without changing it
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Exit with 1 if something would change, without changing it
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) check: bool,
    /// Do not prompt
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Also move logins that would no longer be found into the keychain
    #[arg(long)]
    pub(crate) migrate: bool,
    /// Also answer as ecr-login, gcloud and acr-env: create links for those names that are free
    #[arg(long)]
    pub(crate) aliases: bool,
    #[command(flatten)]
    pub(crate) place: ConfigFlags,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn run(which: &Configure, context: &Context<'_>) -> Result<ExitCode, ErrorMessage> {
    let mapping = HelperMapping::of(&which.registries, which.store, context)?;
    let target = Target::of(&which.place, context)?;
    let proposes = which.registries.is_empty() && !which.store;
    if which.aliases && !which.dry_run && !which.check {
        aliases::link(context)?;
        if proposes && !which.yes {
            return Ok(ExitCode::SUCCESS);
        }
    }
    if mapping.store && target.key_format == KeyFormat::Podman {
        return Err(ErrorMessage {
            what: "podman does not support credsStore".to_owned(),
            hint: Some("name the registries, for example `credmint configure --podman ghcr.io`".to_owned()),
        });
    }
    for name in mapping.names() {
        check_helper(name, context)?;
    }
    let found = target.file.preview(|document| mapping.apply(document, target.key_format)).map_err(explained)?;
    let helper = HelperName::parse(UNIVERSAL).expect("our own helper has a proper name");
    // Moving a login is worth a prompt of the keychain.
    let queries = CachedQueries::new(context, if which.migrate { INTERACTIVE_TIMEOUT } else { PROBE_TIMEOUT })?;
    let migration = Migration { clients: target.clients, helper: &helper, helpers: &queries, only_shadowed: true };
    let plan = migration.plan(&found.before, &found.after);
    let mut then = found.after.clone();
    if which.migrate {
        let all: Vec<_> = plan.moves.iter().map(|moved| moved.login.clone()).collect();
        migration.apply(&found.before, &mut then, &all);
    }
    let path = target.path();
    let difference = diff(&path, &found.before, &then);
    let changes = !difference.is_empty();
    let facts = |applied: bool| json!({"config": path, "changes": changes, "applied": applied, "diff": difference});
    let unchanged = |code: ExitCode| {
        if which.json {
            context.printer.json(&facts(false));
        }
        Ok(code)
    };
    if which.check {
        if !which.json {
            let verdict = if changes { "would change" } else { "is up to date" };
            context.printer.note(format!("{path} {verdict}"));
        }
        return unchanged(if changes { ExitCode::FAILURE } else { ExitCode::SUCCESS });
    }
    if proposes && !which.json {
        print_proposal(context);
    }
    if which.dry_run {
        if !which.json {
            context.printer.line(difference.trim_end());
            report_shadowed(&plan, which.migrate, &target, context);
        }
        return unchanged(ExitCode::SUCCESS);
    }
    if proposes && !which.yes && changes {
        if which.json || !std::io::stdin().is_terminal() {
            context.printer.failure(&ErrorMessage {
                what: "no terminal: nothing was changed".to_owned(),
                hint: Some(format!("pass --yes, or run `{}`", target.command("configure --store"))),
            });
            return unchanged(ExitCode::from(2));
        }
        if !confirm(&difference, context)? {
            context
                .printer
                .note(format!("nothing was changed; to apply it, run `{}`", target.command("configure --store")));
            return Ok(ExitCode::SUCCESS);
        }
    }
    let mut writer = LoginWriter::new(context)?;
    if which.migrate {
        for moved in &plan.moves {
            writer.store(&moved.login, &moved.keys.join(", "));
        }
        for other in &plan.shadowed {
            writer.store(&other.login, &shadowed(other));
        }
        if writer.failed {
            return Err(ErrorMessage {
                what: format!("{path} was not changed: a login that could not be moved would no longer be found"),
                hint: Some("run this without --migrate to change it anyway".to_owned()),
            });
        }
    }
    let edit = |document: &mut Document| {
        let found = document.clone();
        mapping.apply(document, target.key_format);
        migration.apply(&found, document, &writer.stored);
    };
    let edited = target.file.edit(edit).map_err(explained)?;
    warn_other_lock_holder(edited.other_lock_holder.as_ref(), context);
    if which.json {
        context.printer.json(&facts(true));
    } else {
        report(&mapping, &path, changes, context);
        match (changes, edited.undoable) {
            (false, _) => {}
            (true, true) => context.printer.note(format!("   to undo, run `{}`", target.command("unconfigure"))),
            (true, false) => {
                context.printer.note("   cannot be undone later: no undo record can be written next to the file")
            }
        }
    }
    report_shadowed(&plan, which.migrate, &target, context);
    podman::note_earlier_file(&mapping, &target, context);
    report_replaced_store(&edited.before, &edited.after, which, context)
}

/// Rejects a helper that Docker would not find, or that is not ours.
fn check_helper(name: &str, context: &Context<'_>) -> Result<(), ErrorMessage> {
    let (file, helpers) = (file_name(name), &context.helpers);
    let Some(program) = helpers.on_path(name) else {
        if let Some(cloud) = cloud_of(name).filter(|cloud| !context.build.has(*cloud)) {
            let what = format!("{file} not found on PATH: {}", context.build.does_not_support(cloud));
            return Err(ErrorMessage { what, hint: Some(install_with(cloud)) });
        }
        let hint = match helpers.ours(name).as_deref().and_then(std::path::Path::parent) {
            Some(folder) => format!("add {} to PATH, where Docker looks for helpers", folder.display()),
            None => "reinstall credmint: its programs must be in one directory".to_owned(),
        };
        return Err(ErrorMessage { what: format!("{file} not found on PATH"), hint: Some(hint) });
    };
    let version = Client::new(&program, Duration::from_secs(5)).version().map_err(|error| ErrorMessage {
        what: format!("{file} does not work: {error}"),
        hint: Some("reinstall credmint".to_owned()),
    })?;
    if version.contains("(credmint)") {
        return Ok(());
    }
    Err(ErrorMessage {
        what: format!("{} is not part of credmint", program.display()),
        hint: Some("put credmint's directory before it on PATH, or remove it".to_owned()),
    })
}

fn print_proposal(context: &Context<'_>) {
    let identities = identities::detect(&context.setup);
    for identity in &identities {
        context.printer.note(format!("{} identity: {}", identity.cloud, identity.source));
    }
    for (pattern, name, source) in identities::exchanges(&context.setup) {
        context.printer.note(format!("{pattern}: {name} mints for the identity token of {source}"));
    }
    if identities.is_empty() {
        context.printer.note("no cloud identity detected; logins will be stored in the keychain");
    }
    context.printer.note("proposal: one helper for every registry, for cloud tokens and stored logins");
}

fn confirm(difference: &str, context: &Context<'_>) -> Result<bool, ErrorMessage> {
    context.printer.note(difference.trim_end());
    context.printer.ask("Apply this change? [Y/n] ");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).map_err(|error| ErrorMessage { what: error.to_string(), hint: None })?;
    context.printer.start_spinner();
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "" | "y" | "yes"))
}

fn report(mapping: &HelperMapping, path: &str, changed: bool, context: &Context<'_>) {
    let verdict = if changed { "configured" } else { "already configured" };
    context.printer.note(format!("{} {path} {verdict}", Tone::Success.of("ok")));
    for (server, name) in &mapping.helpers {
        context.printer.note(format!("   {server} → {}", file_name(name)));
    }
    if mapping.store {
        context.printer.note(format!("   every registry → {}", file_name(UNIVERSAL)));
    }
}

/// What clients no longer find with the new mapping.
fn report_shadowed(plan: &Plan, migrated: bool, target: &Target, context: &Context<'_>) {
    if !migrated {
        let plain = plan.moves.iter().map(|moved| described(&moved.keys.join(", "), &moved.login.username));
        let logins: Vec<_> = plain.chain(plan.shadowed.iter().map(shadowed)).collect();
        if !logins.is_empty() {
            let what = format!("these logins are no longer found: {}", logins.join("; "));
            let mut remedies: Vec<_> = plan.shadowed.iter().map(|other| migrate_from(&other.helper)).collect();
            remedies.sort_unstable();
            remedies.dedup();
            if !plan.moves.is_empty() {
                remedies.insert(0, target.command("migrate"));
            }
            let remedy = remedies.join(" && ");
            context.printer.note(format!("{} {what}\n   to move them, run `{remedy}`", Tone::Warning.of("warning:")));
        }
    }
    plan.skipped.iter().for_each(|other| report_skipped(other, context));
}

fn migrate_from(helper: &str) -> String {
    format!("credmint migrate --from {helper}")
}

/// The logins of the previous store.
fn report_replaced_store(
    before: &Document,
    after: &Document,
    which: &Configure,
    context: &Context<'_>,
) -> Result<ExitCode, ErrorMessage> {
    let replaced = before.creds_store().filter(|store| after.creds_store().as_ref() != Some(store));
    let replaced = replaced.filter(|store| !context.helpers.is_ours(store) && !shares_keychain(store, context));
    let Some(store) = replaced else { return Ok(ExitCode::SUCCESS) };
    if which.migrate {
        return of_helper(&store, false, context);
    }
    context.printer.note(format!(
        "{} logins in {} are no longer used\n   to move them, run `{}`",
        Tone::Warning.of("warning:"),
        file_name(&store),
        migrate_from(&store)
    ));
    Ok(ExitCode::SUCCESS)
}

/// Whether another helper stores its logins where ours does, under the same names.
fn shares_keychain(store: &str, context: &Context<'_>) -> bool {
    let theirs = if cfg!(windows) { "wincred" } else { "secretservice" };
    store == theirs && matches!(context.setup.settings.vault, VaultChoice::Auto | VaultChoice::Keychain)
}
