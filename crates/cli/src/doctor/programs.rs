use std::path::Path;
use std::time::Duration;

use dockerconfig::HelperName;
use protocol::{Client, ServerUrl};

use super::Configs;
use super::report::Report;
use crate::context::Context;
use crate::helpers::{EVERYTHING, file_name, name_of};

/// The program that mints for the helpers.
const MINTER: &str = "credmint-mint";
/// Whoever needs longer to tell a version is ill.
const PATIENCE: Duration = Duration::from_secs(5);

/// Is every helper there that Docker would run, is it ours, and of one version?
pub(super) fn look(configs: &Configs, context: &Context<'_>, report: &mut Report<'_>) {
    report.about("Helpers");
    let Some((_, document)) = &configs.docker else { return };
    let mut named: Vec<(String, Vec<String>)> = Vec::new();
    if let Some(store) = document.creds_store() {
        named.push((store, vec!["every registry".to_owned()]));
    }
    for (host, helper) in document.cred_helpers().into_iter().filter(|(_, helper)| !helper.is_empty()) {
        match named.iter_mut().find(|(name, _)| *name == helper) {
            Some((_, hosts)) => hosts.push(host),
            None => named.push((helper, vec![host])),
        }
    }
    if named.is_empty() {
        report.note("Docker's config names none", "credmint configure".to_owned());
    }
    for (name, hosts) in &named {
        helper(name, hosts, context, report);
    }
    minter(context, report);
}

fn helper(name: &str, hosts: &[String], context: &Context<'_>, report: &mut Report<'_>) {
    let (file, of) = (file_name(name), hosts.join(", "));
    if HelperName::parse(name).is_err() {
        report.broken(format!("{name:?}, named for {of}, is no helper's name"), None);
        return;
    }
    let Some(program) = context.helpers.on_path(name) else {
        let remedy = match context.helpers.ours(name).as_deref().and_then(Path::parent) {
            Some(folder) => format!("add {} to PATH, where Docker looks", folder.display()),
            None if name == EVERYTHING || is_cloud(name) => "install credmint again".to_owned(),
            None => format!("install it, or: credmint configure {}", hosts.first().map_or("", String::as_str)),
        };
        report.broken(format!("{file}, for {of}, is not on the path"), remedy);
        return;
    };
    let place = program.display();
    match Client::new(&program, PATIENCE).version() {
        // Many answer nothing to this question and work all the same.
        Err(error) if !(name == EVERYTHING || is_cloud(name)) => {
            report.note(format!("{place}, for {of}, does not tell its version: {error}"), None);
        }
        Err(error) => {
            report.broken(format!("{place}, for {of}, does not answer: {error}"), "install credmint again".to_owned())
        }
        Ok(version) if version.contains("(credmint)") => {
            let ours = env!("CARGO_PKG_VERSION");
            if version.split_whitespace().last() == Some(ours) {
                report.fine(format!("{place} answers for {of}"));
            } else {
                report.broken(
                    format!("{place}, for {of}, is of another version than credmint {ours}"),
                    "install credmint again, and remove the older one".to_owned(),
                );
            }
        }
        Ok(_) => foreign(&file, hosts, context, report),
    }
}

/// Another vendor's helper, for a registry that one of ours is for or for others.
fn foreign(file: &str, hosts: &[String], context: &Context<'_>, report: &mut Report<'_>) {
    let mint = hosts
        .iter()
        .find(|host| ServerUrl::parse(host).is_ok_and(|server| context.setup.registry_of(&server).is_some()));
    match mint {
        Some(host) => {
            report.note(format!("{file} answers for {host}, not credmint"), format!("credmint configure {host}"));
        }
        None => report.fine(format!("{file}, which is not credmint's, answers for {}", hosts.join(", "))),
    }
}

fn minter(context: &Context<'_>, report: &mut Report<'_>) {
    let Some(helper) = context.helpers.ours(EVERYTHING) else {
        report.broken(format!("{} is not there", file_name(EVERYTHING)), "install credmint again".to_owned());
        return;
    };
    // A link leads to the folder in which they lie together.
    let real = std::fs::canonicalize(&helper).unwrap_or(helper);
    let file = format!("{MINTER}{}", std::env::consts::EXE_SUFFIX);
    if real.with_file_name(&file).is_file() || context.helpers.path_of(&file).is_some() {
        report.fine(format!("{MINTER} is there, to mint what is not cached"));
    } else {
        report.broken(
            format!("{MINTER} is neither beside {} nor on the path: no token can be minted", real.display()),
            "install credmint again: its programs belong together".to_owned(),
        );
    }
}

fn is_cloud(name: &str) -> bool {
    use registry::Cloud;
    [Cloud::Aws, Cloud::Azure, Cloud::Google, Cloud::GitHub].into_iter().any(|cloud| name_of(cloud) == name)
}
