use clap::{Args, Subcommand};
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::Instant;

use protocol::{Client, ErrorMessage};
use serde_json::json;
use vault::{Key, Name, VaultError};

use crate::context::Context;
use crate::image::Image;
use crate::printer::Tone;
use crate::{provide, time};

/// List, clear or warm the token cache
#[derive(Args, Debug)]
pub(crate) struct Cache {
    #[command(subcommand)]
    pub(crate) action: CacheAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CacheAction {
    /// List cached tokens and when they expire
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove cached tokens; stored logins stay
    Clear {
        /// Only for these registries
        registries: Vec<String>,
    },
    /// Mint tokens for several registries in parallel
    Warm {
        /// Registries or images
        #[arg(required = true, value_name = "REGISTRY|IMAGE")]
        registries: Vec<String>,
    },
}

/// As many as a machine with two processors can wait for without pain.
const SIDE_BY_SIDE: usize = 8;

pub(crate) fn run(which: &Cache, context: &Context<'_>) -> Result<ExitCode, ErrorMessage> {
    match &which.action {
        CacheAction::List { json } => list(*json, context),
        CacheAction::Clear { registries } => clear(registries, context),
        CacheAction::Warm { registries } => warm(registries, context),
    }
}

fn list(as_json: bool, context: &Context<'_>) -> Result<ExitCode, ErrorMessage> {
    let tokens = tokens(context)?;
    if as_json {
        let tokens = tokens.iter().map(|(id, name)| {
            json!({
                "registry": name.server,
                "service": service(id),
                "username": name.username,
                "issued": time::iso(name.issued),
                "expires": name.expires.map(time::iso),
            })
        });
        context.printer.json(&tokens.collect());
    } else {
        for (id, name) in &tokens {
            let end =
                name.expires.map_or_else(|| "no expiry".to_owned(), |end| format!("expires {}", time::relative(end)));
            context.printer.line(format!("{}  {}  {}", name.server, Tone::Dim.of(service(id)), end));
        }
        if tokens.is_empty() {
            context.printer.note("no cached tokens");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn clear(registries: &[String], context: &Context<'_>) -> Result<ExitCode, ErrorMessage> {
    let vault = broker::open(&context.setup);
    let chosen = services(registries, context)?;
    let mut count = 0;
    for (id, name) in tokens(context)? {
        let is_chosen = chosen.as_ref().is_none_or(|chosen| chosen.iter().any(|service_of| service(&id) == service_of));
        if is_chosen {
            vault.remove(&name.key).map_err(|error| unusable(&error))?;
            count += 1;
        }
    }
    context.printer.note(match count {
        0 => "no cached tokens".to_owned(),
        1 => "removed 1 token".to_owned(),
        _ => format!("removed {count} tokens"),
    });
    Ok(ExitCode::SUCCESS)
}

/// The services whose tokens the registries use; `None` for all.
fn services(registries: &[String], context: &Context<'_>) -> Result<Option<Vec<String>>, ErrorMessage> {
    if registries.is_empty() {
        return Ok(None);
    }
    let client = context.helpers.universal(context.setup.settings.timeout)?;
    let service = |registry: &String| {
        let facts = client.inspect(&Image::with_host(registry)?.name()).map_err(crate::helpers::error_message)?;
        Ok(facts["service"].as_str().unwrap_or("no cloud's").to_owned())
    };
    registries.iter().map(service).collect::<Result<_, _>>().map(Some)
}

/// Mints for all of them, a few at a time, and prints the result of each.
fn warm(registries: &[String], context: &Context<'_>) -> Result<ExitCode, ErrorMessage> {
    let images = registries.iter().map(|text| Image::with_host(text)).collect::<Result<Vec<_>, _>>()?;
    let client = context.helpers.universal(context.setup.settings.timeout)?;
    let waiting = std::sync::Mutex::new(images.iter());
    let (sender, answers) = mpsc::channel();
    let mut failed = false;
    let work = |sender: mpsc::Sender<_>| {
        loop {
            let next = waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner).next();
            let Some(image) = next else { return };
            let started = Instant::now();
            let answer = warm_one(&client, image);
            if sender.send((image, answer, started.elapsed())).is_err() {
                return;
            }
        }
    };
    std::thread::scope(|scope| {
        let work = &work;
        let start = |sender| std::thread::Builder::new().spawn_scoped(scope, move || work(sender)).is_ok();
        let started = (0..SIDE_BY_SIDE.min(images.len())).filter(|_| start(sender.clone())).count();
        // No further thread can be started: one after the other, then.
        if started == 0 {
            work(sender.clone());
        }
        drop(sender);
        for (nth, (image, answer, took)) in answers.iter().enumerate() {
            let count = Tone::Dim.of(format!("[{}/{}]", nth + 1, images.len()));
            match answer {
                Ok(()) => context.printer.note(format!(
                    "{count} {} {} {}",
                    Tone::Success.of("ready"),
                    image.registry,
                    Tone::Dim.of(format!("{} ms", took.as_millis()))
                )),
                Err(why) => {
                    failed = true;
                    context.printer.note(format!("{count} {} {}: {why}", Tone::Error.of("failed"), image.registry));
                }
            }
        }
    });
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn warm_one(client: &Client, image: &Image) -> Result<(), String> {
    let question = image.question().map_err(|error| error.to_string())?;
    match provide::ask(client, &question) {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err("no identity detected and no stored login".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn tokens(context: &Context<'_>) -> Result<Vec<(String, Name)>, ErrorMessage> {
    let names = broker::open(&context.setup).names().map_err(|error| unusable(&error))?;
    let token = |name: Name| match &name.key {
        Key::Token(id) => Some((id.clone(), name)),
        Key::Login(_) => None,
    };
    Ok(names.into_iter().filter_map(token).collect())
}

/// `ecr:aws:us-east-1` of `ecr:aws:us-east-1/4fe1…`.
fn service(id: &str) -> &str {
    id.split_once('/').map_or(id, |(service, _)| service)
}

pub(crate) fn unusable(error: &VaultError) -> ErrorMessage {
    ErrorMessage {
        what: format!("cannot read the credential store: {error}"),
        hint: Some("run `credmint doctor`".to_owned()),
    }
}
