use std::process::ExitCode;
use std::sync::mpsc;
use std::time::Instant;

use protocol::{Client, ClientError, Explained};
use serde_json::json;
use vault::{Key, Name, VaultError};

use crate::arguments::{Cache, CacheAction};
use crate::context::Context;
use crate::image::Image;
use crate::printer::Tone;
use crate::time;

/// As many as a machine with two processors can wait for without pain.
const SIDE_BY_SIDE: usize = 8;

pub(crate) fn run(which: &Cache, context: &Context<'_>) -> Result<ExitCode, Explained> {
    match &which.action {
        CacheAction::List { json } => list(*json, context),
        CacheAction::Clear { registries } => clear(registries, context),
        CacheAction::Warm { registries } => warm(registries, context),
    }
}

fn list(as_json: bool, context: &Context<'_>) -> Result<ExitCode, Explained> {
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
                name.expires.map_or_else(|| "with no end".to_owned(), |end| format!("ends {}", time::relative(end)));
            context.printer.line(format!("{}  {}  {}", name.server, Tone::Faint.of(service(id)), end));
        }
        if tokens.is_empty() {
            context.printer.note("no token is cached");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn clear(registries: &[String], context: &Context<'_>) -> Result<ExitCode, Explained> {
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
        0 => "no token was cached".to_owned(),
        1 => "1 token is forgotten".to_owned(),
        _ => format!("{count} tokens are forgotten"),
    });
    Ok(ExitCode::SUCCESS)
}

/// The services whose tokens the registries use; `None` for all.
fn services(registries: &[String], context: &Context<'_>) -> Result<Option<Vec<String>>, Explained> {
    if registries.is_empty() {
        return Ok(None);
    }
    let client = context.helpers.everything(context.setup.settings.timeout)?;
    let service = |registry: &String| {
        let facts = client.inspect(Image::parse(registry)?.server()).map_err(crate::token::explained)?;
        Ok(facts["service"].as_str().unwrap_or("no cloud's").to_owned())
    };
    registries.iter().map(service).collect::<Result<_, _>>().map(Some)
}

/// Mints for all of them, a few at a time, and says of each how it went.
fn warm(registries: &[String], context: &Context<'_>) -> Result<ExitCode, Explained> {
    let images = registries.iter().map(|text| Image::parse(text)).collect::<Result<Vec<_>, _>>()?;
    let client = context.helpers.everything(context.setup.settings.timeout)?;
    let waiting = std::sync::Mutex::new(images.iter());
    let (sender, answers) = mpsc::channel();
    let mut failed = false;
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE.min(images.len()) {
            let (client, waiting, sender) = (&client, &waiting, sender.clone());
            scope.spawn(move || {
                loop {
                    let next = waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner).next();
                    let Some(image) = next else { return };
                    let started = Instant::now();
                    let answer = warm_one(client, image);
                    if sender.send((image, answer, started.elapsed())).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for (nth, (image, answer, took)) in answers.iter().enumerate() {
            let count = Tone::Faint.of(format!("[{}/{}]", nth + 1, images.len()));
            match answer {
                Ok(()) => context.printer.note(format!(
                    "{count} {} {} {}",
                    Tone::Good.of("ready"),
                    image.registry,
                    Tone::Faint.of(format!("{} ms", took.as_millis()))
                )),
                Err(why) => {
                    failed = true;
                    context.printer.note(format!("{count} {} {}: {why}", Tone::Bad.of("failed"), image.registry));
                }
            }
        }
    });
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn warm_one(client: &Client, image: &Image) -> Result<(), String> {
    match client.get(image.server()) {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err("nobody is signed in and no login is stored".to_owned()),
        Err(ClientError::Refused(sentence)) => Err(sentence),
        Err(error) => Err(error.to_string()),
    }
}

fn tokens(context: &Context<'_>) -> Result<Vec<(String, Name)>, Explained> {
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

pub(crate) fn unusable(error: &VaultError) -> Explained {
    Explained { what: format!("the vault cannot be used: {error}"), hint: Some("credmint doctor says more".to_owned()) }
}
