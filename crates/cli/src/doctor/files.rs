use std::path::{Path, PathBuf};

use dockerconfig::{Document, System, UnusedKey, WarningKind, servers_of_variable};
use protocol::ServerUrl;

use super::access::{modes, unreadable};
use super::config_file::{ClientConfig, Owner};
use super::configs::Configs;
use super::finding::{Remedy, Section, some};
use crate::context::Context;
use crate::docker::config_paths;

/// Checks that all clients can read the files, and that their entries have an effect.
pub(super) fn check(folder: Option<&Path>, context: &Context<'_>) -> (Configs, Section) {
    let mut section = Section::about("Docker's config");
    let place = ClientConfig::docker(folder, context);
    let (mut docker, mut others) = (None, Vec::new());
    match &place {
        None => section.broken("HOME is not set, so the config cannot be located", Remedy::advice("set HOME")),
        Some(place) if is_absent(&place.path) => {
            let remedy = Remedy::run(place.credmint("configure --store"));
            section.note(format!("{} does not exist, so no helper is configured", place.path.display()), remedy);
            docker = Some((place.path.clone(), Document::empty()));
        }
        Some(place) => docker = read(place, folder, context, &mut section).map(|read| (place.path.clone(), read)),
    }
    let mut seen: Vec<PathBuf> = place.iter().map(|place| place.path.clone()).collect();
    for other in ClientConfig::others(context) {
        // Docker's own is among those that podman reads.
        if !seen.contains(&other.path) && !is_absent(&other.path) {
            others.extend(read(&other, None, context, &mut section).map(|document| (other.clone(), document)));
        }
        seen.push(other.path);
    }
    let variable = variable(context, &mut section);
    let paths = config_paths(context);
    (Configs { config_paths: paths, system: System::this(), docker, place, others, variable }, section)
}

/// Whether the file does not exist; one that cannot be accessed is another problem.
fn is_absent(path: &Path) -> bool {
    path.metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

fn read(place: &ClientConfig, folder: Option<&Path>, context: &Context<'_>, section: &mut Section) -> Option<Document> {
    let document = match place.file().read() {
        Ok(document) => document,
        Err(error) => {
            let (text, remedy) = unreadable(place, &error, folder, context);
            section.broken(text, remedy);
            return None;
        }
    };
    for warning in document.warnings() {
        let text = format!("{}, {}: {}", place.path.display(), warning.at, warning.kind);
        match &warning.kind {
            WarningKind::DuplicateKey(name) => {
                section.broken(text, Remedy::advice(format!("remove one {name} in an editor")))
            }
            WarningKind::MisspelledKey(given, meant) if has(&document, meant) => {
                section.note(text, Remedy::advice(format!("remove {given} in an editor: {meant} is also set")));
            }
            WarningKind::InvalidAuth(_) | WarningKind::MisspelledKey(..) => section.broken(text, fix(folder)),
            WarningKind::EmptyFile | WarningKind::TrailingData | WarningKind::KeyCase(..) => {
                section.note(text, fix(folder))
            }
        }
    }
    if place.owner != Owner::Helm {
        keys(place, &document, folder, section);
    }
    let holds_logins = logins(place, &document, section);
    modes(place, holds_logins, section);
    if document.warnings().is_empty() {
        section.ok(format!("{} is read the same way by all clients", place.path.display()));
    }
    Some(document)
}

fn has(document: &Document, member: &str) -> bool {
    match member {
        "credsStore" => document.creds_store().is_some(),
        "credHelpers" => !document.cred_helpers().is_empty(),
        "auths" => !document.auths().is_empty(),
        _ => false,
    }
}

/// What [`Document::repair`] does.
fn fix(folder: Option<&Path>) -> Remedy {
    let folder = folder.map(|folder| format!(" --config {}", crate::quote::quoted(folder))).unwrap_or_default();
    Remedy::run(format!("credmint doctor --fix{folder}"))
}

/// Plaintext logins, and those that Docker ignores. Returns whether there are any.
fn logins(place: &ClientConfig, document: &Document, section: &mut Section) -> bool {
    let logins = document.auths();
    let names = |is_hidden: bool| -> Vec<&str> {
        let hidden: std::collections::HashSet<_> = match place.owner {
            Owner::Podman => Default::default(),
            Owner::Docker | Owner::Helm if document.creds_store().is_none() => Default::default(),
            _ => document.shadowed_by_creds_store().into_iter().map(|auth| auth.server).collect(),
        };
        let plain = logins.iter().filter(|auth| auth.login().is_some());
        plain.map(|auth| auth.server.as_str()).filter(|server| hidden.contains(*server) == is_hidden).collect()
    };
    let (seen, hidden) = (names(false), names(true));
    // podman's keys for several logins of one registry; a helper is queried by host only.
    let (namespaces, seen): (Vec<_>, Vec<_>) = seen.iter().partition(|server| {
        is_namespace(server) || seen.iter().any(|other| is_namespace(other) && other.starts_with(&format!("{server}/")))
    });
    let path = place.path.display();
    let migrate = || Remedy::run(place.credmint("migrate"));
    for (names, where_to) in [(&seen, ""), (&hidden, ", which Docker ignores because of credsStore")] {
        let text = match names.as_slice() {
            [] => continue,
            [one] => format!("plaintext login for {one} in {path}{where_to}"),
            many => format!("{} plaintext logins in {path}{where_to}: {}", many.len(), some(many)),
        };
        section.note(text, migrate());
    }
    if !namespaces.is_empty() {
        let names = some(&namespaces);
        let text = format!("plaintext logins in {path} that no helper can store, as they are for a namespace: {names}");
        section.note(text, Remedy::advice("use short-lived logins with minimal permissions"));
    }
    !(seen.is_empty() && namespaces.is_empty() && hidden.is_empty())
}

/// `quay.io/team`; a path behind a scheme is a spelling of the registry.
fn is_namespace(server: &str) -> bool {
    server.contains('/') && !server.contains("://")
}

/// Keys that no client looks up.
fn keys(place: &ClientConfig, document: &Document, folder: Option<&Path>, section: &mut Section) {
    let client = if place.owner == Owner::Podman { "podman" } else { "Docker" };
    let helpers = document.cred_helpers();
    for UnusedKey { key, asked } in document.unused_keys(place.key_format()) {
        match asked {
            Some(asked) if helpers.iter().any(|(other, _)| *other == asked) => {
                section.note(format!("credHelpers has {key}, which is not used, next to {asked}"), fix(folder));
            }
            Some(asked) => {
                section.broken(format!("credHelpers has {key}, but {client} looks up {asked}"), fix(folder));
            }
            None => section.broken(
                format!("credHelpers has {key}, which is not a host; {client} does not support patterns"),
                Remedy::advice(format!("name each host with `{}`", place.credmint("configure HOST")))
                    .or_run(remove(folder)),
            ),
        }
    }
}

fn remove(folder: Option<&Path>) -> String {
    fix(folder).command.unwrap_or_default()
}

/// `DOCKER_AUTH_CONFIG`, which takes precedence over every helper and file.
fn variable(context: &Context<'_>, section: &mut Section) -> Vec<String> {
    let Some(text) = context.setup.environment.text("DOCKER_AUTH_CONFIG") else { return Vec::new() };
    let unset = || Remedy::advice("keep it if this is intended").or_run("unset DOCKER_AUTH_CONFIG");
    match servers_of_variable(&text) {
        Ok(servers) => {
            section
                .note(format!("DOCKER_AUTH_CONFIG is set: docker uses no helper for {}", servers.join(", ")), unset());
            servers
        }
        Err(ignored) => {
            section.note(ignored.to_string(), unset());
            Vec::new()
        }
    }
}

/// The registries of Docker's config, each as the address that Docker sends to a helper.
pub(super) fn wired(document: &Document) -> Vec<String> {
    let helpers = document.cred_helpers().into_iter().filter(|(_, helper)| !helper.is_empty());
    helpers.map(|(host, _)| host).filter(|host| ServerUrl::parse(host).is_ok()).collect()
}
