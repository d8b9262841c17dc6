use std::process::ExitCode;

use protocol::Explained;
use serde_json::{Value, json};
use vault::{Key, Name};

use crate::arguments::Status;
use crate::context::Context;
use crate::helpers::{file_name, name_of};
use crate::printer::Tone;
use crate::signed_in::signed_in;
use crate::time;

pub(crate) fn run(which: &Status, context: &Context<'_>) -> Result<ExitCode, Explained> {
    let facts = facts(context);
    if which.json {
        context.printer.json(&facts);
    } else {
        show(&facts, context);
    }
    Ok(ExitCode::SUCCESS)
}

fn facts(context: &Context<'_>) -> Value {
    let docker = crate::docker::config(None, context);
    let document = docker.as_ref().and_then(|file| file.read().ok());
    let places = broker::open(&context.setup).survey();
    let names: Vec<&Name> = places.iter().filter_map(|(_, names)| names.as_ref().ok()).flatten().collect();
    let of_kind = |tokens: bool| {
        let names = names.iter().filter(|name| matches!(name.key, Key::Token(_)) == tokens);
        names.map(|name| described(name)).collect::<Vec<_>>()
    };
    let identities = signed_in(&context.setup)
        .into_iter()
        .map(|identity| json!({"cloud": name_of(identity.cloud), "source": identity.source}));
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "docker": {
            "config": docker.as_ref().map(|file| file.path().display().to_string()),
            "credsStore": document.as_ref().and_then(|document| document.creds_store()),
        },
        "registries": document.iter().flat_map(|document| document.cred_helpers())
            .map(|(host, helper)| registry(&host, &helper, context)).collect::<Vec<_>>(),
        "identities": identities.collect::<Vec<_>>(),
        "vault": {
            "choice": format!("{:?}", context.setup.settings.vault).to_lowercase(),
            "places": places.iter().map(|(place, names)| json!({
                "place": place,
                "entries": names.as_ref().ok().map(Vec::len),
                "trouble": names.as_ref().err().map(ToString::to_string),
            })).collect::<Vec<_>>(),
        },
        "tokens": of_kind(true),
        "logins": of_kind(false),
        "settings": context.setup.places.settings.iter().filter(|path| path.exists())
            .map(|path| path.display().to_string()).collect::<Vec<_>>(),
    })
}

/// Who answers for a registry that Docker's config names, and what is kept for it.
fn registry(host: &str, helper: &str, context: &Context<'_>) -> Value {
    let kept = context.helpers.everything(context.setup.settings.timeout).ok();
    let kept = kept.and_then(|client| client.inspect(host).ok()).unwrap_or_default();
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
    heading("Docker");
    match facts["docker"]["config"].as_str() {
        Some(config) => printer.line(format!("  {config}")),
        None => printer.line("  no config: there is no home folder"),
    }
    if let Some(store) = facts["docker"]["credsStore"].as_str() {
        let missing = context.helpers.on_path(store).is_none().then(missing);
        printer.line(format!("  every registry  {}  {}", file_name(store), missing.unwrap_or_default()));
    }
    for registry in facts["registries"].as_array().into_iter().flatten() {
        let state = match (registry["program"].is_null(), registry["login"].as_str(), registry["expires_in"].as_str()) {
            (true, ..) => missing(),
            (_, Some(user), _) => format!("login of {user}"),
            (_, _, Some(end)) => format!("token that ends {end}"),
            _ => Tone::Faint.of("nothing kept"),
        };
        printer.line(format!("  {}  {}  {state}", text(&registry["registry"]), text(&registry["helper"])));
    }
    heading("Signed in");
    for identity in facts["identities"].as_array().into_iter().flatten() {
        printer.line(format!("  {:<5} {}", text(&identity["cloud"]), text(&identity["source"])));
    }
    if facts["identities"].as_array().is_none_or(Vec::is_empty) {
        printer.line(Tone::Faint.of("  to no cloud that can be seen from here"));
    }
    for (title, key) in [("Cached tokens", "tokens"), ("Stored logins", "logins")] {
        heading(title);
        for entry in facts[key].as_array().into_iter().flatten() {
            let end = entry["expires_in"].as_str().map(|end| format!("ends {end}")).unwrap_or_default();
            printer.line(format!(
                "  {}  {}  {}",
                text(&entry["registry"]),
                text(&entry["username"]),
                Tone::Faint.of(end)
            ));
        }
        if facts[key].as_array().is_none_or(Vec::is_empty) {
            printer.line(Tone::Faint.of("  none"));
        }
    }
    heading("Vault");
    for place in facts["vault"]["places"].as_array().into_iter().flatten() {
        let state = match place["trouble"].as_str() {
            Some(trouble) => Tone::Doubtful.of(trouble),
            None => format!("{} entries", place["entries"]),
        };
        printer.line(format!("  {}: {state}", text(&place["place"])));
    }
}

fn missing() -> String {
    Tone::Bad.of("is not on the path")
}
