use dockerconfig::Document;
use settings::VaultChoice;
use vault::{StoreStatus, VaultError};

use super::configs::Configs;
use super::finding::{Remedy, Section};
use super::{gitlab_runner, ownership, policy};
use crate::context::Context;
use crate::identities;
use crate::status::entry_count;

/// The entries of each store of the vault, or why it cannot be read.
pub(super) struct Vault(Vec<StoreStatus>);

impl Vault {
    pub(super) fn survey(context: &Context<'_>) -> Self {
        Vault(broker::open(&context.setup).survey())
    }

    /// Whether credmint's helpers cannot do their work for it.
    pub(super) fn is_broken(&self, context: &Context<'_>) -> bool {
        self.0.iter().any(|found| found.names.as_ref().is_err_and(|error| !is_passed_over(error, context)))
    }

    /// The remedy for a locked keychain, whose logins the helpers cannot return.
    pub(super) fn unlocked(&self) -> Option<Remedy> {
        let errors = self.0.iter().filter_map(|found| found.names.as_ref().err().or(found.error.as_ref()));
        errors.filter(|error| matches!(error, VaultError::Locked { .. })).map(unlock_hint).next()
    }
}

fn unlock_hint(error: &VaultError) -> Remedy {
    let unlock_hint = error.unlock_hint().unwrap_or_else(|| "unlock or start the keychain".to_owned());
    Remedy::advice(unlock_hint).or_run("export CREDMINT_VAULT=file")
}

/// Checked only if nothing else was chosen.
fn is_passed_over(error: &VaultError, context: &Context<'_>) -> bool {
    let is_auto = context.setup.settings.vault == VaultChoice::Auto;
    is_auto && !matches!(error, VaultError::TimedOut { .. } | VaultError::Failed { .. })
}

/// The stores, the detected identities, and the peculiarities of the system.
pub(super) fn check(configs: &Configs, kept: &Vault, context: &Context<'_>) -> Section {
    let mut section = Section::about("This machine");
    match &context.broken_settings {
        Some(why) => section.broken(
            format!("{why}; credmint's helpers do not work until this is fixed"),
            Remedy::advice("fix it in an editor"),
        ),
        None => {
            for file in context.setup.places.settings.iter().filter(|file| file.exists()) {
                section.ok(format!("settings: {}", file.display()));
            }
        }
    }
    policy::survey(&context.setup, &mut section);
    let has_strange_owners = ownership::check(context, &mut section);
    vault(kept, has_strange_owners, context, &mut section);
    let identities = identities::detect(&context.setup);
    for identity in &identities {
        section.ok(format!("{} identity: {}", identity.cloud, identity.source));
    }
    if identities.is_empty() {
        section.note("no cloud identity detected", None);
    }
    gitlab_runner::check(&context.setup, &mut section);
    system(configs.docker.as_ref().map(|(_, document)| document), context, &mut section);
    section
}

fn vault(kept: &Vault, has_strange_owners: bool, context: &Context<'_>, section: &mut Section) {
    for StoreStatus { place, names, error } in &kept.0 {
        if let Ok(names) = names {
            section.ok(format!("{place}: {}", entry_count(names.len() as u64)));
        }
        match names.as_ref().err().or(error.as_ref()) {
            None => {}
            Some(error @ VaultError::Absent { .. }) if is_passed_over(error, context) => {
                section.note(error.to_string(), None);
            }
            Some(error) if is_passed_over(error, context) => {
                let text = format!("{error}: its tokens are minted again and its logins are not found until then");
                section.note(text, unlock_hint(error));
            }
            // The folder's owner has been named already.
            Some(_) if has_strange_owners && place.starts_with("files") => {}
            Some(error) if place.starts_with("files") => {
                section.broken(error.to_string(), Remedy::advice("make this directory yours, with mode 0700"));
            }
            Some(error) => section.broken(error.to_string(), unlock_hint(error)),
        }
    }
    if kept.0.iter().all(|found| found.names.is_err() || found.place.starts_with("files")) {
        section.note("logins are stored unencrypted, in files that only you can read", None);
    }
}

#[cfg(target_os = "linux")]
fn system(config: Option<&Document>, context: &Context<'_>, section: &mut Section) {
    let docker = context.helpers.path_of("docker").and_then(|program| std::fs::canonicalize(program).ok());
    if docker.is_some_and(|program| program.starts_with("/snap") || program.ends_with("snap")) {
        section.broken(
            "docker is installed as a snap, which cannot run credential helpers",
            Remedy::advice("install Docker's own packages: https://docs.docker.com/engine/install/"),
        );
    }
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().to_ascii_lowercase();
    let store = config.and_then(Document::creds_store).unwrap_or_default();
    if kernel.contains("microsoft") && store.starts_with("desktop") {
        section.note(
            "WSL: docker-credential-desktop.exe works only while Docker Desktop is running",
            Remedy::run("credmint configure --store"),
        );
    }
    if let Some(user) = context.setup.places.sudo_user(&context.setup.environment) {
        section.note(
            format!("running under sudo: the config, identities and keychain of {user} are not used"),
            Remedy::advice("run docker without sudo: https://docs.docker.com/engine/install/linux-postinstall/"),
        );
    }
}

#[cfg(not(target_os = "linux"))]
fn system(_: Option<&Document>, _: &Context<'_>, _: &mut Section) {}
