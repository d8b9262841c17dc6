use clap::Args;
use std::process::ExitCode;

use protocol::ErrorMessage;
use serde_json::{Value, json};
use vault::{Key, Name};

use crate::context::Context;
use crate::helpers::{file_name, name_of};
use crate::identities;
use crate::printer::Tone;
use crate::time;

/// Show configured helpers, detected identities, cached tokens and stored logins
#[derive(Args, Debug)]
pub(crate) struct Status {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn run(which: &Status, context: &Context<'_>) -> Result<ExitCode, ErrorMessage> {
    let (facts, broken) = facts(context);
    if which.json {
        context.printer.json(&facts);
    } else {
        show(&facts, context);
    }
    Ok(if broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What is set up, and whether a part of it is broken.
fn facts(context: &Context<'_>) -> (Value, bool) {
    let docker = crate::docker::config(None, context);
    let (document, unreadable) = match docker.as_ref().map(dockerconfig::ConfigFile::read) {
        Some(Ok(document)) => (Some(document), None),
        Some(Err(error)) => (None, Some(error.to_string())),
        None => (None, None),
    };
    let broken: Vec<&String> = unreadable.iter().chain(&context.broken_settings).collect();
    let places = broker::open(&context.setup).survey();
    let names: Vec<&Name> = places.iter().filter_map(|found| found.names.as_ref().ok()).flatten().collect();
    let of_kind = |tokens: bool| {
        let names = names.iter().filter(|name| matches!(name.key, Key::Token(_)) == tokens);
        names.map(|name| described(name)).collect::<Vec<_>>()
    };
    let identities = identities::detect(&context.setup)
        .into_iter()
        .map(|identity| json!({"cloud": name_of(identity.cloud), "source": identity.source}));
    let wired: Vec<_> = document.iter().flat_map(|document| document.cred_helpers()).collect();
    let kept = kept(&wired.iter().map(|(host, _)| host.as_str()).collect::<Vec<_>>(), context);
    let registries = wired.iter().zip(&kept).map(|((host, helper), kept)| registry(host, helper, kept, context));
    let facts = json!({
        "version": context.build.version,
        "docker": {
            "config": docker.as_ref().map(|file| file.path().display().to_string()),
            "credsStore": document.as_ref().and_then(|document| document.creds_store()),
            "broken": unreadable,
        },
        "healthy": broken.is_empty(),
        "broken": broken,
        "registries": registries.collect::<Vec<_>>(),
        "identities": identities.collect::<Vec<_>>(),
        "vault": {
            "choice": format!("{:?}", context.setup.settings.vault).to_lowercase(),
            "places": places.iter().map(|found| json!({
                "place": found.place,
                "entries": found.names.as_ref().ok().map(Vec::len),
                "trouble": found.names.as_ref().err().or(found.error.as_ref()).map(ToString::to_string),
            })).collect::<Vec<_>>(),
        },
        "tokens": of_kind(true),
        "logins": of_kind(false),
        "settings": context.setup.places.settings.iter().filter(|path| path.exists())
            .map(|path| path.display().to_string()).collect::<Vec<_>>(),
    });
    let is_broken = !broken.is_empty();
    (facts, is_broken)
}

/// The number of registries per helper process; their names are far below the limit of a request.
const AT_ONCE: usize = 500;

/// The login and the cached token of each of these registries.
fn kept(hosts: &[&str], context: &Context<'_>) -> Vec<Value> {
    let client = context.helpers.universal(context.setup.settings.timeout).ok();
    let ask = |hosts: &[&str]| client.as_ref().and_then(|client| client.inspect_all(hosts).ok());
    hosts.chunks(AT_ONCE).flat_map(|hosts| ask(hosts).unwrap_or_else(|| vec![Value::Null; hosts.len()])).collect()
}

/// The helper of a registry in Docker's config, and its login or cached token.
fn registry(host: &str, helper: &str, kept: &Value, context: &Context<'_>) -> Value {
    let expires = |kind: &str| time::of_seconds(&kept[kind]["expires"]);
    json!({
        "registry": host,
        "helper": file_name(helper),
        "program": context.helpers.on_path(helper).map(|program| program.display().to_string()),
        "service": kept["service"],
        "login": kept["login"]["username"],
        "expires": expires("token").map(time::iso),
        "expires_in": expires("token").map(time::relative),
    })
}

fn described(name: &Name) -> Value {
    json!({
        "registry": name.server,
        "username": name.username,
        "issued": time::iso(name.issued),
        "expires": name.expires.map(time::iso),
        "expires_in": name.expires.map(time::relative),
    })
}

fn show(facts: &Value, context: &Context<'_>) {
    let printer = context.printer;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let heading = |title: &str| printer.line(Tone::Strong.of(title));
    for broken in facts["broken"].as_array().into_iter().flatten() {
        printer.line(format!("{} {}", Tone::Error.of("broken:"), text(broken)));
    }
    heading("Docker");
    match facts["docker"]["config"].as_str() {
        Some(config) => printer.line(format!("  {config}")),
        None => printer.line("  no config: HOME is not set"),
    }
    if let Some(store) = facts["docker"]["credsStore"].as_str() {
        let missing = context.helpers.on_path(store).is_none().then(missing);
        printer.line(columns(&["every registry", &file_name(store), &missing.unwrap_or_default()]));
    }
    for registry in facts["registries"].as_array().into_iter().flatten() {
        let state = match (registry["program"].is_null(), registry["login"].as_str(), registry["expires_in"].as_str()) {
            (true, ..) => missing(),
            (_, Some(user), _) => format!("login of {user}"),
            (_, _, Some(end)) => format!("token, expires {end}"),
            _ => Tone::Dim.of("nothing cached"),
        };
        printer.line(format!("  {}  {}  {state}", text(&registry["registry"]), text(&registry["helper"])));
    }
    heading("Detected identities");
    for identity in facts["identities"].as_array().into_iter().flatten() {
        printer.line(format!("  {:<5} {}", text(&identity["cloud"]), text(&identity["source"])));
    }
    if facts["identities"].as_array().is_none_or(Vec::is_empty) {
        printer.line(Tone::Dim.of("  no cloud identity detected"));
    }
    for (title, key) in [("Cached tokens", "tokens"), ("Stored logins", "logins")] {
        heading(title);
        for entry in facts[key].as_array().into_iter().flatten() {
            let end = entry["expires_in"].as_str().map(|end| format!("expires {end}")).unwrap_or_default();
            let end = if end.is_empty() { end } else { Tone::Dim.of(end) };
            printer.line(columns(&[&text(&entry["registry"]), &text(&entry["username"]), &end]));
        }
        if facts[key].as_array().is_none_or(Vec::is_empty) {
            printer.line(Tone::Dim.of("  none"));
        }
    }
    heading("Credential stores");
    for place in facts["vault"]["places"].as_array().into_iter().flatten() {
        let state = match place["trouble"].as_str() {
            Some(error) => Tone::Warning.of(error),
            None => entry_count(place["entries"].as_u64().unwrap_or_default()),
        };
        printer.line(format!("  {}: {state}", text(&place["place"])));
    }
}

/// How much a credential store holds.
pub(crate) fn entry_count(count: u64) -> String {
    match count {
        0 => "empty".to_owned(),
        1 => "1 entry".to_owned(),
        count => format!("{count} entries"),
    }
}

/// What there is of these, and no space behind the last one.
fn columns(cells: &[&str]) -> String {
    let cells: Vec<_> = cells.iter().copied().filter(|cell| !cell.is_empty()).collect();
    format!("  {}", cells.join("  "))
}

fn missing() -> String {
    Tone::Error.of("not found on PATH")
}
