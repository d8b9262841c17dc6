use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use dockerconfig::{Document, HelperName, Reader, diff};
use protocol::{Client, Explained, ServerUrl};
use serde_json::json;
use settings::VaultChoice;

use crate::arguments::{Configure, Unconfigure};
use crate::context::Context;
use crate::docker::{editable, explained};
use crate::helpers::{EVERYTHING, Helpers, file_name, is_ours, name_of};
use crate::image::Image;
use crate::printer::Tone;
use crate::{migrate, signed_in};

/// What a config is to say.
struct Plan {
    /// Each registry with the short name of its helper.
    helpers: Vec<(ServerUrl, &'static str)>,
    /// Whether every other registry goes to the helper for everything.
    store: bool,
}

impl Plan {
    fn of(which: &Configure, context: &Context<'_>) -> Result<Self, Explained> {
        let mut helpers = Vec::new();
        for text in &which.registries {
            let image = Image::parse(text)?;
            let server =
                ServerUrl::parse(image.server()).map_err(|error| Explained { what: error.to_string(), hint: None })?;
            let cloud = context.setup.registry_of(&server).map(|(registry, _)| registry.cloud());
            helpers.push((server, cloud.map_or(EVERYTHING, name_of)));
        }
        Ok(Plan { store: which.store || helpers.is_empty(), helpers })
    }

    fn names(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.helpers.iter().map(|(_, name)| *name).collect();
        names.extend(self.store.then_some(EVERYTHING));
        names.sort_unstable();
        names.dedup();
        names
    }

    fn apply(&self, document: &mut Document, reader: Reader) {
        let helper = |name| HelperName::parse(name).expect("our own helpers have proper names");
        for (server, name) in &self.helpers {
            document.set_cred_helper(server, reader, &helper(name));
        }
        if self.store {
            document.set_creds_store(&helper(EVERYTHING));
        }
    }
}

pub(crate) fn configure(which: &Configure, context: &Context<'_>) -> Result<ExitCode, Explained> {
    let plan = Plan::of(which, context)?;
    let reader = if which.podman { Reader::Podman } else { Reader::Docker };
    if plan.store && which.podman {
        return Err(Explained {
            what: "podman's auth.json has no credsStore".to_owned(),
            hint: Some("name the registries: credmint configure --podman ghcr.io".to_owned()),
        });
    }
    for name in plan.names() {
        answers(name, &context.helpers)?;
    }
    let file = editable(which.config.as_deref(), which.podman, context)?;
    let preview = file.preview(|document| plan.apply(document, reader)).map_err(explained)?;
    let path = file.path().display().to_string();
    let difference = diff(&path, &preview.before, &preview.after);
    let changes = !difference.is_empty();
    if which.json {
        context.printer.json(&json!({"config": path, "changes": changes, "diff": difference}));
    }
    if which.check {
        if !which.json {
            context.printer.note(if changes {
                format!("{path} would change")
            } else {
                format!("{path} is as it should be")
            });
        }
        return Ok(if changes { ExitCode::FAILURE } else { ExitCode::SUCCESS });
    }
    let proposes = which.registries.is_empty() && !which.store;
    if proposes && !which.json {
        propose(context);
    }
    if which.dry_run || (proposes && !which.yes && !agreed(&difference, context)?) {
        if !which.json {
            context.printer.line(difference.trim_end());
        }
        if proposes && !which.dry_run {
            context.printer.note("nothing was changed; to do it: credmint configure --store");
        }
        return Ok(ExitCode::SUCCESS);
    }
    let edited = file.edit(|document| plan.apply(document, reader)).map_err(explained)?;
    if !which.json {
        report(&plan, &path, changes, context);
        match (changes, edited.undoable) {
            (false, _) => {}
            (true, true) => context.printer.note("   to undo it: credmint unconfigure"),
            (true, false) => context.printer.note("   it cannot be undone: nothing can be written beside the file"),
        }
    }
    if plan.store { hidden(&edited.before, &edited.after, which, context) } else { Ok(ExitCode::SUCCESS) }
}

/// Refuses a helper that Docker would not find, or that is not ours.
fn answers(name: &str, helpers: &Helpers) -> Result<(), Explained> {
    let file = file_name(name);
    let Some(program) = helpers.on_path(name) else {
        let hint = match helpers.ours(name).as_deref().and_then(std::path::Path::parent) {
            Some(folder) => format!("add {} to PATH, where Docker looks for it", folder.display()),
            None => "install credmint again: its programs belong together".to_owned(),
        };
        return Err(Explained { what: format!("{file} is not on the path"), hint: Some(hint) });
    };
    let version = Client::new(&program, Duration::from_secs(5)).version().map_err(|error| Explained {
        what: format!("{file} does not answer: {error}"),
        hint: Some("install credmint again".to_owned()),
    })?;
    if version.contains("(credmint)") {
        return Ok(());
    }
    Err(Explained {
        what: format!("{} is not credmint's", program.display()),
        hint: Some("put credmint's folder before it on PATH, or remove it".to_owned()),
    })
}

fn propose(context: &Context<'_>) {
    let identities = signed_in::signed_in(&context.setup);
    for identity in &identities {
        context.printer.note(format!("signed in to {} by {}", name_of(identity.cloud), identity.source));
    }
    if identities.is_empty() {
        context.printer.note("signed in to no cloud that can be seen from here; logins will be kept in the keychain");
    }
    context.printer.note("one helper for every registry: its cloud's tokens, or the login you store");
}

fn agreed(difference: &str, context: &Context<'_>) -> Result<bool, Explained> {
    if difference.is_empty() {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() {
        return Ok(false);
    }
    context.printer.note(difference.trim_end());
    context.printer.ask("Change it? [Y/n] ");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).map_err(|error| Explained { what: error.to_string(), hint: None })?;
    context.printer.wait();
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "" | "y" | "yes"))
}

fn report(plan: &Plan, path: &str, changed: bool, context: &Context<'_>) {
    let verdict = if changed { "configured" } else { "was configured already" };
    context.printer.note(format!("{} {path} {verdict}", Tone::Good.of("ok")));
    for (server, name) in &plan.helpers {
        context.printer.note(format!("   {server} → {}", file_name(name)));
    }
    if plan.store {
        context.printer.note(format!("   every registry → {}", file_name(EVERYTHING)));
    }
}

/// What Docker no longer sees once a store is set.
fn hidden(
    before: &Document,
    after: &Document,
    which: &Configure,
    context: &Context<'_>,
) -> Result<ExitCode, Explained> {
    let plain = after.hidden_by_a_store();
    let store = before.creds_store().filter(|store| !is_ours(store) && !shares_keychain(store, context));
    let mut code = ExitCode::SUCCESS;
    if which.migrate {
        if !plain.is_empty() {
            code = migrate::into_vault(which.config.as_deref(), which.podman, false, context)?;
        }
        if let Some(store) = store {
            let taken = migrate::from_helper(&store, false, context)?;
            code = if code == ExitCode::SUCCESS { taken } else { code };
        }
        return Ok(code);
    }
    let note = |what: String, remedy: String| {
        context.printer.note(format!("{} {what}\n   to take them along: {remedy}", Tone::Doubtful.of("note:")));
    };
    if !plain.is_empty() {
        let servers: Vec<_> = plain.iter().map(|auth| auth.server.as_str()).collect();
        let what = format!("plaintext logins in the config are not seen any more: {}", servers.join(", "));
        note(what, "credmint migrate".to_owned());
    }
    if let Some(store) = store {
        let what = format!("logins kept by {} are not seen any more", file_name(&store));
        note(what, format!("credmint migrate --from {store}"));
    }
    Ok(code)
}

/// Whether another helper's logins lie where ours do, under the same names.
fn shares_keychain(store: &str, context: &Context<'_>) -> bool {
    let theirs = if cfg!(windows) { "wincred" } else { "secretservice" };
    store == theirs && matches!(context.setup.settings.vault, VaultChoice::Auto | VaultChoice::Keychain)
}

pub(crate) fn unconfigure(which: &Unconfigure, context: &Context<'_>) -> Result<ExitCode, Explained> {
    let file = editable(which.config.as_deref(), which.podman, context)?;
    let servers = which.registries.iter().map(|text| {
        let image = Image::parse(text)?;
        ServerUrl::parse(image.server()).map_err(|error| Explained { what: error.to_string(), hint: None })
    });
    let servers = servers.collect::<Result<Vec<_>, _>>()?;
    let path = file.path().display().to_string();
    if servers.is_empty()
        && !which.dry_run
        && let Some(undone) = file.undo().map_err(explained)?
    {
        context.printer.note(format!("{} {path} is as it was before", Tone::Good.of("ok")));
        if !undone.kept.is_empty() {
            context.printer.note(format!("   left, as others have changed it since: {}", undone.kept.join(", ")));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let remove = |document: &mut Document| {
        for (host, helper) in document.cred_helpers() {
            let Ok(server) = ServerUrl::parse(&host) else { continue };
            if is_ours(&helper) && (servers.is_empty() || servers.contains(&server)) {
                document.remove_cred_helper(&server);
            }
        }
        if servers.is_empty() && document.creds_store().as_deref() == Some(EVERYTHING) {
            document.remove_creds_store();
        }
    };
    let edited = if which.dry_run { file.preview(remove) } else { file.edit(remove) }.map_err(explained)?;
    let difference = diff(&path, &edited.before, &edited.after);
    match (which.dry_run, difference.is_empty()) {
        (_, true) => context.printer.note(format!("{path} names no helper of credmint's")),
        (true, false) => context.printer.line(difference.trim_end()),
        (false, false) => {
            context.printer.note(format!("{} credmint's helpers are taken out of {path}", Tone::Good.of("ok")))
        }
    }
    Ok(ExitCode::SUCCESS)
}
