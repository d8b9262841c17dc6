use clap::Args;
use std::process::ExitCode;
use std::time::SystemTime;

use broker::ProvideRequest;
use protocol::{Credentials, ErrorMessage};
use serde_json::json;

use crate::context::Context;
use crate::image::Image;
use crate::{provide, time};

/// Print the password for a registry, from the cache or newly minted
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  credmint token 123456789012.dkr.ecr.eu-west-1.amazonaws.com | docker login -u AWS --password-stdin \\
      123456789012.dkr.ecr.eu-west-1.amazonaws.com
  credmint token --json ghcr.io/owner/app:1")]
pub(crate) struct Token {
    /// A registry or an image
    #[arg(value_name = "REGISTRY|IMAGE")]
    pub(crate) registry: String,
    /// Print the username instead
    #[arg(long, conflicts_with = "json")]
    pub(crate) username: bool,
    /// Print username, password and expiry as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn run(which: &Token, context: &Context<'_>) -> Result<ExitCode, ErrorMessage> {
    let image = Image::with_host(&which.registry)?;
    let found = credentials(&image, context)?;
    if which.json {
        let expires = expiry(&image, context).map(time::iso);
        context.printer.json(&json!({
            "registry": image.registry,
            "username": found.username,
            "password": found.secret.expose(),
            "expires": expires,
        }));
    } else if which.username {
        context.printer.line(&found.username);
    } else {
        context.printer.secret(&found.secret);
    }
    Ok(ExitCode::SUCCESS)
}

/// What Docker would be given for this registry by the helper for everything.
///
/// # Errors
/// There is nothing, or it could not be had.
pub(crate) fn credentials(image: &Image, context: &Context<'_>) -> Result<Credentials, ErrorMessage> {
    let client = context.helpers.universal(context.setup.settings.timeout)?;
    let found = provide::ask(&client, &ProvideRequest::for_registry(image.server())?)?.ok_or_else(|| ErrorMessage {
        what: format!("no credentials for {}", image.registry),
        hint: Some(format!("sign in to its cloud, or run: credmint login {}", image.registry)),
    })?;
    Ok(Credentials { server: image.server().to_owned(), username: found.username, secret: found.secret })
}

/// When what is kept for this registry ends, if that is known.
pub(crate) fn expiry(image: &Image, context: &Context<'_>) -> Option<SystemTime> {
    let client = context.helpers.universal(context.setup.settings.timeout).ok()?;
    let facts = client.inspect(image.server()).ok()?;
    let kept = if facts["login"].is_null() { &facts["token"] } else { &facts["login"] };
    time::of_seconds(&kept["expires"])
}
