use serde_json::Value;
use web::Proxies;

use super::info::EngineState;
use super::{DaemonConfig, Engine};
use crate::context::Context;
use crate::daemon::without_user;
use crate::doctor::finding::{Remedy, Section};

/// How the engine is that pulls and pushes: by its own settings, and not by this shell's.
pub(in crate::doctor) fn check(engine: &Engine, context: &Context<'_>) -> Option<Section> {
    let mut section = Section::about("Docker engine");
    let address = &engine.address;
    match engine.state.as_ref()? {
        // Who has neither an engine nor a client of it uses another one, as podman.
        EngineState::NotRunning if !engine.is_expected => return None,
        EngineState::NotQueried => return None,
        EngineState::NotRunning => section.note(format!("not running: nothing listens at {address}"), start()),
        EngineState::PermissionDenied => {
            let advice = "add yourself to the group docker (which is equivalent to root) and log in again";
            section.note(
                format!("permission denied at {address}"),
                Remedy::advice(advice).or_run("sudo usermod --append --groups docker \"$USER\""),
            );
        }
        EngineState::NoEcho => section.note(format!("no response from {address}"), start()),
        EngineState::Running(info) => {
            section.ok(format!("running: version {} at {address}", info["ServerVersion"].as_str().unwrap_or_default()));
            mirrors(info, &engine.configured, &mut section);
            insecure(info, &engine.configured, &mut section);
            proxies(info, &engine.configured, context, &mut section);
        }
    }
    Some(section)
}

fn start() -> Remedy {
    match () {
        () if cfg!(any(windows, target_os = "macos")) => Remedy::run("docker desktop start"),
        () => Remedy::run("sudo systemctl start docker"),
    }
}

/// What is in `daemon.json` counts from the next reload on, and from the next start.
fn reload(verb: &str) -> Remedy {
    match () {
        () if cfg!(any(windows, target_os = "macos")) => Remedy::run("docker desktop restart"),
        () => Remedy::run(format!("sudo systemctl {verb} docker")),
    }
}

fn mirrors(info: &Value, configured: &DaemonConfig, section: &mut Section) {
    let mirrors = texts(&info["RegistryConfig"]["Mirrors"]);
    if !mirrors.is_empty() {
        section.note(format!("mirrors of Docker Hub: {}", mirrors.join(", ")), None);
    }
    let bare = |address: &String| address.trim_end_matches('/').to_owned();
    let known: Vec<_> = mirrors.iter().map(bare).collect();
    let missing: Vec<_> = configured.mirrors.iter().map(bare).filter(|mirror| !known.contains(mirror)).collect();
    if !missing.is_empty() {
        let text = format!("mirror {} in daemon.json is not active yet", missing.join(", "));
        section.note(text, reload("reload"));
    }
}

fn insecure(info: &Value, configured: &DaemonConfig, section: &mut Section) {
    let registries = &info["RegistryConfig"];
    // Its own machine is trusted by every engine.
    let is_usual = |network: &String| ["127.0.0.0/8", "::1/128"].contains(&network.as_str());
    let mut found: Vec<_> = texts(&registries["InsecureRegistryCIDRs"]);
    found.retain(|network| !is_usual(network));
    let indices = registries["IndexConfigs"].as_object().into_iter().flatten();
    found.extend(indices.filter(|(_, index)| index["Secure"] == false).map(|(host, _)| host.clone()));
    if !found.is_empty() {
        section.note(format!("insecure registries: {}", found.join(", ")), None);
    }
    let missing: Vec<_> =
        configured.insecure.iter().filter(|entry| !found.contains(entry) && !is_usual(entry)).collect();
    if !missing.is_empty() {
        let missing: Vec<_> = missing.into_iter().map(String::as_str).collect();
        let text = format!("insecure registry {} in daemon.json is not active yet", missing.join(", "));
        section.note(text, reload("reload"));
    }
}

fn proxies(info: &Value, configured: &DaemonConfig, context: &Context<'_>, section: &mut Section) {
    let text = |name: &str| info[name].as_str().filter(|value| !value.is_empty());
    let (https, excluded) = (text("HttpsProxy").or(text("HttpProxy")), text("NoProxy"));
    match https {
        Some(proxy) => {
            let but = excluded.map(|list| format!(", except for {list}")).unwrap_or_default();
            section.note(format!("pulls and pushes use the proxy {}{but}", without_user(proxy)), None);
        }
        None if configured.proxy => {
            section.note("proxy in daemon.json is not active yet", reload("restart"));
        }
        None => {
            // On this machine alone the shell's proxy is likely to be the engine's, too.
            let shells = Proxies::of(&context.setup.environment).ok().and_then(|proxies| proxies.https);
            if let Some(proxy) = shells {
                let address = format!("{}://{}", proxy.scheme, proxy.authority);
                let text = format!("no proxy; {} of this shell does not apply to the engine", proxy.variable);
                section.note(text, Remedy::run(format!("sudo credmint daemon --proxy {address}")));
            }
        }
    }
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
