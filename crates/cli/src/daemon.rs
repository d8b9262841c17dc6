//! `credmint daemon`: what the engine does on its own account, edited in its `daemon.json`.
//!
//! The engine pulls and pushes by itself: mirrors, registries without TLS and the proxy are its
//! settings, and no variable of the shell reaches it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use dockerconfig::DaemonProxy::{Excluded, Http, Https};
use dockerconfig::{ConfigError, ConfigFile, DaemonFile, DaemonList, Document, System, diff};
use protocol::ErrorMessage;
use serde_json::json;

use crate::context::Context;
use crate::docker::{config_paths, explained};
use crate::printer::Tone;
use crate::quote::quoted;

/// Edit the Docker engine's daemon.json: mirrors, insecure registries, proxy
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  credmint daemon                                             show the current settings
  sudo credmint daemon --mirror https://mirror.example        a mirror of Docker Hub
  sudo credmint daemon --insecure registry.lan:5000           a registry without TLS
  sudo credmint daemon --proxy http://proxy.lan:3128 --no-proxy localhost,.lan
  sudo credmint daemon --remove --mirror https://mirror.example
  credmint daemon --check --mirror https://mirror.example     exit 1 if something would change")]
pub(crate) struct Daemon {
    /// Pull from this mirror before Docker Hub
    #[arg(long, value_name = "URL", value_parser = mirror)]
    mirror: Vec<String>,
    /// Allow this registry or network to be used without TLS, or with an untrusted certificate
    #[arg(long, value_name = "HOST[:PORT]", value_parser = insecure)]
    insecure: Vec<String>,
    /// Pull and push through this proxy
    #[arg(long, value_name = "URL", value_parser = proxy)]
    proxy: Option<String>,
    /// Use no proxy for these hosts, separated by commas
    #[arg(long, value_name = "HOSTS")]
    no_proxy: Option<String>,
    /// Remove the named settings instead of adding them
    #[arg(long)]
    remove: bool,
    /// Undo what this command did
    #[arg(long, conflicts_with_all = ["mirror", "insecure", "proxy", "no_proxy", "remove", "check"])]
    undo: bool,
    /// Print what would change, without changing it
    #[arg(long)]
    dry_run: bool,
    /// Exit with 1 if something would change, without changing it
    #[arg(long, conflicts_with = "dry_run")]
    check: bool,
    /// Edit the config of the user's rootless engine
    #[arg(long)]
    rootless: bool,
    /// Edit the config of Docker Desktop's engine
    #[arg(long, conflicts_with = "rootless")]
    desktop: bool,
    /// Edit this daemon.json
    #[arg(long, value_name = "FILE", conflicts_with_all = ["rootless", "desktop"])]
    file: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Daemon {
    fn names_something(&self) -> bool {
        !(self.mirror.is_empty() && self.insecure.is_empty()) || self.touches_proxies()
    }

    fn touches_proxies(&self) -> bool {
        self.proxy.is_some() || self.no_proxy.is_some()
    }

    fn apply(&self, document: &mut Document) {
        for (list, elements) in [(DaemonList::Mirrors, &self.mirror), (DaemonList::Insecure, &self.insecure)] {
            for element in elements {
                match self.remove {
                    true => document.remove_from(list, element),
                    false => document.add_to(list, element),
                }
            }
        }
        for (member, value) in [(Http, &self.proxy), (Https, &self.proxy), (Excluded, &self.no_proxy)] {
            let Some(value) = value else { continue };
            match self.remove {
                false => document.set_daemon_proxy(member, value),
                true if document.daemon_proxy(member).as_ref() == Some(value) => document.remove_daemon_proxy(member),
                true => {}
            }
        }
    }

    /// The flags that name the file, for the commands in messages.
    fn flags(&self) -> String {
        match &self.file {
            Some(file) => format!(" --file {}", quoted(file)),
            None if self.rootless => " --rootless".to_owned(),
            None if self.desktop => " --desktop".to_owned(),
            None => String::new(),
        }
    }
}

pub(crate) fn run(which: &Daemon, context: &Context<'_>) -> Result<ExitCode, ErrorMessage> {
    let place = place(which, context)?;
    let file = ConfigFile::at(place.path());
    let path = file.path().display().to_string();
    if which.undo {
        return undo(which, &file, &place, context);
    }
    if !which.names_something() {
        return show(which, &file, context);
    }
    let found = file.preview(|document| which.apply(document)).map_err(explained)?;
    let difference = diff(&path, &found.before, &found.after);
    let changes = !difference.is_empty();
    let json = |applied: bool| json!({"file": path, "changes": changes, "applied": applied, "diff": difference});
    if which.check || which.dry_run {
        if which.json {
            context.printer.json(&json(false));
        } else if which.check {
            let verdict = if changes { "would change" } else { "is up to date" };
            context.printer.note(format!("{path} {verdict}"));
        } else {
            context.printer.line(difference.trim_end());
        }
        return Ok(if which.check && changes { ExitCode::FAILURE } else { ExitCode::SUCCESS });
    }
    file.edit(|document| which.apply(document)).map_err(|error| refused(error, &place))?;
    if which.json {
        context.printer.json(&json(true));
        return Ok(ExitCode::SUCCESS);
    }
    let good = Tone::Success.of("ok");
    if !changes {
        context.printer.note(format!("{good} {path} is already up to date"));
        return Ok(ExitCode::SUCCESS);
    }
    context.printer.note(difference.trim_end());
    context.printer.note(format!("{good} changed {path}; the engine does not use it yet"));
    context.printer.note(format!("   to apply it, run `{}`", in_force(&place, which.touches_proxies())));
    context.printer.note(format!("   to undo, run `credmint daemon --undo{}`", which.flags()));
    Ok(ExitCode::SUCCESS)
}

fn undo(
    which: &Daemon,
    file: &ConfigFile,
    place: &DaemonFile,
    context: &Context<'_>,
) -> Result<ExitCode, ErrorMessage> {
    let path = file.path().display().to_string();
    let undone = if which.dry_run { file.preview_undo() } else { file.undo() };
    let Some(undone) = undone.map_err(|error| refused(error, place))? else {
        context.printer.note(format!("{path}: nothing to undo"));
        return Ok(ExitCode::SUCCESS);
    };
    let difference = diff(&path, &undone.before, &undone.after);
    if which.dry_run {
        context.printer.line(difference.trim_end());
        return Ok(ExitCode::SUCCESS);
    }
    context.printer.note(difference.trim_end());
    context.printer.note(format!("{} restored {path}", Tone::Success.of("ok")));
    if !undone.kept.is_empty() {
        context.printer.note(format!("   not undone, changed by others since: {}", undone.kept.join(", ")));
    }
    context.printer.note(format!("   to apply it, run `{}`", in_force(place, true)));
    Ok(ExitCode::SUCCESS)
}

fn show(which: &Daemon, file: &ConfigFile, context: &Context<'_>) -> Result<ExitCode, ErrorMessage> {
    let document = file.read().map_err(explained)?;
    let (mirrors, insecure) = (document.list(DaemonList::Mirrors), document.list(DaemonList::Insecure));
    let proxy = |member| document.daemon_proxy(member).map(|value| without_user(&value));
    let path = file.path().display().to_string();
    if which.json {
        context.printer.json(&json!({
            "file": path,
            "mirrors": mirrors,
            "insecure": insecure,
            "proxies": {"http": proxy(Http), "https": proxy(Https), "excluded": document.daemon_proxy(Excluded)},
        }));
        return Ok(ExitCode::SUCCESS);
    }
    let lines: Vec<_> = [
        ("registry mirrors", (!mirrors.is_empty()).then(|| mirrors.join(", "))),
        ("insecure registries", (!insecure.is_empty()).then(|| insecure.join(", "))),
        ("proxy for http", proxy(Http)),
        ("proxy for https", proxy(Https)),
        ("no proxy for", document.daemon_proxy(Excluded)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some(format!("{name}: {}", value?)))
    .collect();
    if lines.is_empty() {
        context.printer.note(format!("{path} has no registry settings"));
    }
    lines.into_iter().for_each(|line| context.printer.line(line));
    Ok(ExitCode::SUCCESS)
}

/// Which engine's file is meant.
fn place(which: &Daemon, context: &Context<'_>) -> Result<DaemonFile, ErrorMessage> {
    if let Some(file) = &which.file {
        return Ok(DaemonFile::Rootful(file.clone()));
    }
    let system = System::this();
    let wanted = |place: &&DaemonFile| match place {
        DaemonFile::Rootful(_) => !which.rootless && !which.desktop,
        DaemonFile::Rootless(_) => which.rootless,
        // macOS has no other engine.
        DaemonFile::Desktop(_) => which.desktop || system == System::MacOs && !which.rootless,
    };
    config_paths(context).daemon(system).iter().find(wanted).cloned().ok_or_else(|| ErrorMessage {
        what: "no such engine on this system".to_owned(),
        hint: Some("pass its daemon.json with --file".to_owned()),
    })
}

fn refused(error: ConfigError, place: &DaemonFile) -> ErrorMessage {
    let is_denied = matches!(&error, ConfigError::Unwritable { source, .. } | ConfigError::Unreadable { source, .. }
        if source.kind() == std::io::ErrorKind::PermissionDenied);
    let explained = explained(error);
    let hint = match place {
        DaemonFile::Rootful(_) if is_denied && cfg!(unix) => "the file belongs to root: run this again with sudo",
        DaemonFile::Rootful(_) if is_denied => "the file belongs to administrators: run this again as one",
        _ => return explained,
    };
    ErrorMessage { hint: Some(hint.to_owned()), ..explained }
}

/// dockerd takes up mirrors and insecure registries while it runs, and proxies at its start:
/// <https://docs.docker.com/reference/cli/dockerd/#configuration-reload-behavior>.
fn in_force(place: &DaemonFile, restart: bool) -> String {
    let verb = if restart { "restart" } else { "reload" };
    match place {
        DaemonFile::Desktop(_) => "docker desktop restart".to_owned(),
        DaemonFile::Rootless(_) => format!("systemctl --user {verb} docker"),
        DaemonFile::Rootful(_) if cfg!(windows) => "Restart-Service docker".to_owned(),
        DaemonFile::Rootful(_) => format!("sudo systemctl {verb} docker"),
    }
}

/// In the format of dockerd, which does not start with an invalid one.
///
/// Source: `ValidateMirror` in <https://github.com/moby/moby/blob/master/daemon/pkg/registry/config.go>.
fn mirror(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let rest = rest.ok_or("expected a URL, such as https://mirror.example")?;
    authority(rest.strip_suffix('/').unwrap_or(rest))?;
    Ok(text.to_owned())
}

fn insecure(text: &str) -> Result<String, String> {
    let network = text.split_once('/').filter(|(base, bits)| {
        let most = match base.parse() {
            Ok(std::net::IpAddr::V4(_)) => 32,
            Ok(std::net::IpAddr::V6(_)) => 128,
            Err(_) => return false,
        };
        bits.parse::<u8>().is_ok_and(|bits| bits <= most)
    });
    if network.is_none() {
        authority(text)?;
    }
    Ok(text.to_owned())
}

/// `HOST` or `HOST:PORT`, and nothing else.
fn authority(text: &str) -> Result<(), String> {
    let is_plain =
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte));
    if is_plain { Ok(()) } else { Err("expected a host with an optional port, such as registry.lan:5000".to_owned()) }
}

fn proxy(text: &str) -> Result<String, String> {
    let url = web::Url::parse(text).map_err(|_| "expected a URL, such as http://proxy.lan:3128".to_owned())?;
    match url.scheme() {
        // An argument can be seen by everybody on the machine, and so can this file.
        _ if !url.username().is_empty() || url.password().is_some() => Err(
            "must not contain a user or password: set those in the engine's environment with `systemctl edit docker`"
                .to_owned(),
        ),
        "http" | "https" | "socks5" | "socks5h" if url.host_str().is_some() => Ok(text.to_owned()),
        _ => Err("expected a URL that begins with http://, https:// or socks5://".to_owned()),
    }
}

/// An address of a proxy as it may be shown.
pub(crate) fn without_user(address: &str) -> String {
    let (scheme, rest) = address.split_once("://").map_or(("", address), |(scheme, rest)| (scheme, rest));
    let shown = rest.rsplit_once('@').map_or(rest, |(_, host)| host).trim_end_matches('/');
    if scheme.is_empty() { shown.to_owned() } else { format!("{scheme}://{shown}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_dockerd_would_not_start_with_is_rejected() {
        for (text, counts) in [
            ("https://mirror.example", true),
            ("http://mirror.example:5000/", true),
            ("mirror.example", false),
            ("https://me:secret@mirror.example", false),
            ("https://mirror.example/path", false),
            ("https://mirror.example?x", false),
            ("https://", false),
        ] {
            assert_eq!(mirror(text).is_ok(), counts, "{text}");
        }
        for (text, counts) in [
            ("registry.lan:5000", true),
            ("10.0.0.0/8", true),
            ("fd00::/8", true),
            ("10.0.0.0/33", false),
            ("http://registry.lan", false),
            ("registry.lan/app", false),
            ("", false),
        ] {
            assert_eq!(insecure(text).is_ok(), counts, "{text}");
        }
        for (text, counts) in [
            ("http://proxy.lan:3128", true),
            ("proxy.lan:3128", false),
            ("ftp://proxy.lan", false),
            ("http://me:secret@proxy.lan", false),
        ] {
            assert_eq!(proxy(text).is_ok(), counts, "{text}");
        }
    }

    #[test]
    fn a_proxy_is_shown_without_its_user() {
        for (address, shown) in [
            ("http://me:se@cret@proxy.lan:3128/", "http://proxy.lan:3128"),
            ("me:secret@proxy.lan", "proxy.lan"),
            ("http://proxy.lan", "http://proxy.lan"),
        ] {
            assert_eq!(without_user(address), shown);
        }
    }
}
