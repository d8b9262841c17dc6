use clap::Args;
use std::process::ExitCode;

use broker::ProvideResponse;
use protocol::ErrorMessage;
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
    let found = provided(&image, context)?;
    if which.json {
        let expires = found.expires.map(time::iso);
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

/// What a client would be given that names this registry or image.
///
/// # Errors
/// There is nothing, or it could not be had.
pub(crate) fn provided(image: &Image, context: &Context<'_>) -> Result<ProvideResponse, ErrorMessage> {
    let client = context.helpers.universal(context.setup.settings.timeout)?;
    provide::ask(&client, &image.question()?)?.ok_or_else(|| ErrorMessage {
        what: format!("no credentials for {}", image.registry),
        hint: Some(format!("sign in to its cloud, or run `credmint login {}`", image.registry)),
    })
}
