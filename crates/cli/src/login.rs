use std::io::{IsTerminal, Read};
use std::process::ExitCode;

use protocol::{Credentials, Explained, Secret};
use zeroize::Zeroizing;

use crate::arguments::{Login, Logout};
use crate::context::Context;
use crate::device;
use crate::image::{DOCKER_HUB, Image};
use crate::printer::Tone;
use crate::token::explained;

/// Bytes; no password or token is near this.
const LONGEST: u64 = 256 << 10;

/// Keeps a login in the vault. It is not tried out at the registry, which `credmint doctor` does.
pub(crate) fn login(which: &Login, context: &Context<'_>) -> Result<ExitCode, Explained> {
    let registry = which.registry.as_deref().or(which.device.then_some("ghcr.io"));
    let (server, shown) = server(registry)?;
    let (username, secret) = match which.device {
        true => device::sign_in(&Image::parse(&shown)?, which, context)?,
        false => asked_for(&shown, which, context)?,
    };
    if username.trim().is_empty() || secret.is_empty() {
        return Err(Explained { what: "a login needs a user's name and a password".to_owned(), hint: None });
    }
    context.printer.wait();
    let client = context.helpers.everything(context.setup.settings.timeout)?;
    let login = Credentials { server, username: username.trim().to_owned(), secret };
    client.store(&login).map_err(explained)?;
    context.printer.note(format!("{} the login of {} for {shown} is stored", Tone::Good.of("ok"), login.username));
    Ok(ExitCode::SUCCESS)
}

fn asked_for(shown: &str, which: &Login, context: &Context<'_>) -> Result<(String, Secret), Explained> {
    let username = match &which.username {
        Some(username) => username.clone(),
        None if which.password_stdin => {
            return Err(Explained {
                what: "a password on standard input needs a user's name".to_owned(),
                hint: Some("add --username NAME".to_owned()),
            });
        }
        None => ask_for_username(shown, context)?,
    };
    let secret = if which.password_stdin { piped()? } else { ask_for_password(&username, shown)? };
    Ok((username, secret))
}

pub(crate) fn logout(which: &Logout, context: &Context<'_>) -> Result<ExitCode, Explained> {
    let (server, shown) = server(which.registry.as_deref())?;
    let client = context.helpers.everything(context.setup.settings.timeout)?;
    client.erase(&server).map_err(explained)?;
    context.printer.note(format!("{} nothing is kept for {shown} any more", Tone::Good.of("ok")));
    Ok(ExitCode::SUCCESS)
}

/// The address to keep a login under, and the name to call it by.
fn server(registry: Option<&str>) -> Result<(String, String), Explained> {
    let Some(text) = registry else { return Ok((DOCKER_HUB.to_owned(), "Docker Hub".to_owned())) };
    let image = Image::parse(text)?;
    if image.is_docker_hub() && image.repository.is_none() {
        return Ok((DOCKER_HUB.to_owned(), "Docker Hub".to_owned()));
    }
    if image.repository.is_some() {
        return Err(Explained {
            what: format!("{text} is an image, and a login is for a registry"),
            hint: Some(format!("credmint login {}", image.registry)),
        });
    }
    Ok((image.registry.clone(), image.registry))
}

fn piped() -> Result<Secret, Explained> {
    let mut text = Zeroizing::new(String::new());
    std::io::stdin().lock().take(LONGEST).read_to_string(&mut text).map_err(|error| Explained {
        what: format!("the password cannot be read from standard input: {error}"),
        hint: None,
    })?;
    // Docker takes away one line break too.
    let end = text.trim_end_matches(['\r', '\n']).len();
    Ok(Secret::new(text[..end].to_owned()))
}

fn ask_for_username(registry: &str, context: &Context<'_>) -> Result<String, Explained> {
    if !std::io::stdin().is_terminal() {
        return Err(no_terminal());
    }
    context.printer.ask(format!("Username for {registry}: "));
    let mut text = String::new();
    std::io::stdin().read_line(&mut text).map_err(|_| no_terminal())?;
    Ok(text)
}

fn ask_for_password(username: &str, registry: &str) -> Result<Secret, Explained> {
    if !std::io::stdin().is_terminal() {
        return Err(no_terminal());
    }
    let text = rpassword::prompt_password(format!("Password or access token of {} for {registry}: ", username.trim()))
        .map_err(|_| no_terminal())?;
    Ok(Secret::new(text))
}

fn no_terminal() -> Explained {
    Explained {
        what: "there is no terminal to ask at".to_owned(),
        hint: Some("credmint login -u NAME --password-stdin REGISTRY < FILE".to_owned()),
    }
}
