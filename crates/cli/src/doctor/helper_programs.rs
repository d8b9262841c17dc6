use std::collections::HashSet;
use std::path::Path;

use dockerconfig::{Document, HelperName};
use protocol::{Client, ClientError, ServerUrl};
use registry::Cloud;

use super::config_file::{ClientConfig, Owner};
use super::configs::Configs;
use super::finding::{Remedy, Section, some};
use super::helper_probe::{self, ConfiguredHelper, LIMIT};
use super::machine::Vault;
use crate::build::install_with;
use crate::context::Context;
use crate::helpers::{UNIVERSAL, cloud_of, file_name, is_ours};
use crate::quote::quoted;

/// The program that mints for the helpers.
const MINTER: &str = "credmint-mint";

/// Checks that every helper that Docker would run exists, is ours, has this version, and works. Returns the
/// short names of those that do not.
pub(super) fn check(
    configs: &Configs,
    vault: &Vault,
    offline: bool,
    context: &Context<'_>,
) -> (HashSet<String>, Section) {
    let mut section = Section::about("Helpers");
    build(context, &mut section);
    let mut failing_helpers = HashSet::new();
    let look = |helper: &ConfiguredHelper, place: &ClientConfig, section: &mut Section| {
        HelperCheck { helper, place, vault, offline, context }.at_all(section)
    };
    if let (Some((_, document)), Some(place)) = (&configs.docker, &configs.place) {
        let named = named(document, Some(context));
        if named.is_empty() {
            let migrate = if document.auths().iter().any(|auth| auth.login().is_some()) { " --migrate" } else { "" };
            let remedy = Remedy::run(place.credmint(&format!("configure --store{migrate}")));
            section.note("no helper in Docker's config", remedy);
        }
        for helper in &named {
            if !look(helper, place, &mut section) {
                failing_helpers.insert(helper.name.clone());
            }
        }
    }
    for (place, document) in &configs.others {
        let reads_store = place.owner != Owner::Podman;
        for helper in named(document, None).iter_mut().filter(|helper| reads_store || !helper.hosts.is_empty()) {
            helper.is_store &= reads_store;
            look(helper, place, &mut section);
        }
    }
    minter(context, &mut section);
    (failing_helpers, section)
}

/// The clouds that are built in, and those that are not.
fn build(context: &Context<'_>, section: &mut Section) {
    let build = &context.build;
    let missing: Vec<_> = Cloud::ALL.into_iter().filter(|cloud| !build.has(*cloud)).collect();
    let Some(first) = missing.first() else {
        let names = build.provider_names().join(", ");
        section.ok(format!("credmint {} with all clouds: {names}", build.version));
        return;
    };
    let names = missing.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    section.note(
        format!("credmint {} is built without {names}: only stored logins work for their registries", build.version),
        Remedy::advice(install_with(*first)),
    );
}

/// The store, and every other helper with its servers. Docker uses a default store if its config has no
/// credentials; `picks` has the PATH to look for it.
fn named(document: &Document, picks: Option<&Context<'_>>) -> Vec<ConfiguredHelper> {
    let mut named: Vec<ConfiguredHelper> = Vec::new();
    let helpers = document.cred_helpers();
    if let Some(name) = document.creds_store() {
        let keys: HashSet<_> = helpers.iter().map(|(key, _)| key).collect();
        let markers = document.auths().into_iter().map(|auth| auth.server).filter(|server| !keys.contains(server));
        named.push(ConfiguredHelper { name, is_store: true, hosts: Vec::new(), markers: markers.collect() });
    } else if let Some(name) = picks.filter(|_| document.uses_default_store()).and_then(picked) {
        named.push(ConfiguredHelper { name: name.to_owned(), is_store: true, hosts: Vec::new(), markers: Vec::new() });
    }
    for (host, name) in helpers.into_iter().filter(|(_, name)| !name.is_empty()) {
        match named.iter_mut().find(|helper| helper.name == name) {
            Some(helper) => helper.hosts.push(host),
            None => named.push(ConfiguredHelper { name, is_store: false, hosts: vec![host], markers: Vec::new() }),
        }
    }
    named
}

/// <https://github.com/docker/cli/blob/master/cli/config/credentials/default_store_linux.go>
fn picked(context: &Context<'_>) -> Option<&'static str> {
    let name = match std::env::consts::OS {
        "windows" => "wincred",
        "macos" => "osxkeychain",
        _ if context.helpers.path_of("pass").is_some() => "pass",
        _ => "secretservice",
    };
    context.helpers.on_path(name).map(|_| name)
}

struct HelperCheck<'a> {
    helper: &'a ConfiguredHelper,
    place: &'a ClientConfig,
    vault: &'a Vault,
    offline: bool,
    context: &'a Context<'a>,
}

impl HelperCheck<'_> {
    /// Whether it works.
    fn at_all(&self, section: &mut Section) -> bool {
        let name = &self.helper.name;
        let (file, of) = (file_name(name), self.of());
        if HelperName::parse(name).is_err() {
            section.broken(format!("{name:?}, set for {of}, is not a valid helper name"), self.instead());
            return false;
        }
        let Some(program) = self.context.helpers.on_path(name) else {
            let left_out = cloud_of(name).filter(|cloud| !self.context.build.has(*cloud));
            let remedy = match (self.own_folder(), left_out) {
                (Some(folder), _) => Some(first_on_path(&folder)),
                (None, Some(cloud)) => Some(Remedy::advice(install_with(cloud))),
                (None, None) if is_ours(name) => Some(Remedy::advice("reinstall credmint")),
                (None, None) => {
                    self.instead().map(|instead| Remedy { advice: Some("install it".to_owned()), ..instead })
                }
            };
            section.broken(format!("{file}, set for {of}, not found on PATH"), remedy);
            return false;
        };
        let limit = LIMIT.min(self.context.setup.settings.timeout);
        let version = Client::new(&program, limit).version();
        // Under the names of other vendors' helpers, ours may be linked.
        let is_ours = is_ours(name) || version.as_ref().is_ok_and(|version| version.contains("(credmint)"));
        if is_ours { self.ours(&program, version, section) } else { self.foreign(&program, version, section) }
    }

    fn ours(&self, program: &Path, version: Result<String, ClientError>, section: &mut Section) -> bool {
        let (place, of) = (program.display(), self.of());
        let version = match version {
            Ok(version) => version,
            Err(error) => {
                let why = helper_probe::why(program, &error);
                section.broken(format!("{place}, set for {of}, does not work: {why}"), self.own_first());
                return false;
            }
        };
        let own = self.context.build.version;
        if !version.contains("(credmint)") {
            section.broken(
                format!("{place}, set for {of}, is not credmint's, but comes before credmint's on PATH"),
                self.own_first(),
            );
            return false;
        }
        if version.split_whitespace().last() != Some(own) {
            section.broken(format!("{place}, set for {of}, has another version than credmint {own}"), self.own_first());
            return false;
        }
        // With invalid settings it cannot work, which is reported there.
        if self.context.broken_settings.is_some() {
            return false;
        }
        match helper_probe::probe(program, self.helper, self.offline, self.context) {
            Ok(()) => {
                section.ok(format!("{place} works for {of}"));
                true
            }
            // Problems of the credential store are reported with the machine.
            Err(_) if self.vault.is_broken(self.context) => {
                section.note(format!("{place}, set for {of}, has no credential store: see below"), None);
                false
            }
            Err(why) => {
                section.broken(format!("{place}, set for {of}, does not work: {why}"), self.vault.unlocked());
                false
            }
        }
    }

    fn foreign(&self, program: &Path, version: Result<String, ClientError>, section: &mut Section) -> bool {
        let (file, of) = (file_name(&self.helper.name), self.of());
        let asked = match version {
            // Many do not support `version`, but those that can be run exit.
            Err(error @ (ClientError::Missing { .. } | ClientError::TimedOut { .. })) => {
                Err(helper_probe::why(program, &error))
            }
            _ => helper_probe::probe(program, self.helper, self.offline, self.context),
        };
        if let Err(why) = asked {
            // Credmint in its place would find the same keychain locked.
            let shares = self.helper.name == "secretservice";
            let remedy = match self.vault.unlocked().filter(|_| shares) {
                Some(Remedy { advice, command: Some(command) }) => self.instead().map(|instead| Remedy {
                    advice,
                    command: instead.command.map(|instead| format!("{command}; {instead}")),
                }),
                _ => self.instead(),
            };
            section.broken(format!("{file}, set for {of}, does not work: {why}"), remedy);
            return false;
        }
        let is_clouds = |host: &&String| {
            ServerUrl::parse(host).is_ok_and(|server| self.context.setup.registry_of(&server).is_some())
        };
        let clouds: Vec<_> = self.helper.hosts.iter().filter(is_clouds).map(String::as_str).collect();
        if clouds.is_empty() {
            section.ok(format!("{file}, not part of credmint, works for {of}"));
        } else {
            let remedy = Remedy::run(self.place.credmint(&format!("configure {}", clouds.join(" "))));
            section.note(format!("{file} is set for {}, not credmint", some(&clouds)), remedy);
        }
        true
    }

    /// The registries it is set for.
    fn of(&self) -> String {
        let store = self.helper.is_store.then(|| "every registry".to_owned());
        let hosts = (!self.helper.hosts.is_empty()).then(|| some(&self.helper.hosts));
        let of = store.into_iter().chain(hosts).collect::<Vec<_>>().join(", ");
        match self.place.owner {
            Owner::Docker => of,
            Owner::Podman => format!("{of} in podman"),
            Owner::Helm => format!("{of} in helm"),
        }
    }

    /// The command that sets credmint instead of this helper.
    fn instead(&self) -> Option<Remedy> {
        let hosts = self.helper.hosts.iter().filter(|host| ServerUrl::parse(host).is_ok());
        let hosts: Vec<_> = hosts.map(|host| host.trim_start_matches("https://").trim_end_matches("/v1/")).collect();
        let store = self.helper.is_store.then_some("--store");
        let arguments: Vec<_> = store.into_iter().chain(hosts).collect();
        let configure = || Remedy::run(self.place.credmint(&format!("configure {}", arguments.join(" "))));
        (!arguments.is_empty()).then(configure)
    }

    /// The directory of our own helper of this name.
    fn own_folder(&self) -> Option<std::path::PathBuf> {
        let program = self.context.helpers.ours(&self.helper.name)?;
        program.parent().map(Path::to_owned)
    }

    fn own_first(&self) -> Remedy {
        let folder = self.own_folder().filter(|folder| {
            let first = self.context.helpers.on_path(&self.helper.name);
            is_ours(&self.helper.name) && first.is_some_and(|first| first.parent() != Some(folder))
        });
        folder.map_or_else(|| Remedy::advice("reinstall credmint"), |folder| first_on_path(&folder))
    }
}

fn first_on_path(folder: &Path) -> Remedy {
    Remedy::run(format!("export PATH={}:\"$PATH\"", quoted(folder)))
}

fn minter(context: &Context<'_>, section: &mut Section) {
    let again = || Remedy::advice("reinstall credmint: its programs must be in one directory");
    let Some(helper) = context.helpers.ours(UNIVERSAL) else {
        section.broken(format!("{} not found", file_name(UNIVERSAL)), again());
        return;
    };
    // A link leads to the folder of all programs.
    let real = std::fs::canonicalize(&helper).unwrap_or(helper);
    let file = format!("{MINTER}{}", std::env::consts::EXE_SUFFIX);
    if real.with_file_name(&file).is_file() || context.helpers.path_of(&file).is_some() {
        section.ok(format!("{MINTER} found"));
    } else {
        section.broken(
            format!("{MINTER} not found, neither next to {} nor on PATH: no token can be minted", real.display()),
            again(),
        );
    }
}
