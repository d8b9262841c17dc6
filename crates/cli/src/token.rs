use std::process::ExitCode;
use std::time::SystemTime;

use protocol::{ClientError, Credentials, Explained};
use serde_json::json;

use crate::arguments::Token;
use crate::context::Context;
use crate::image::Image;
use crate::time;

pub(crate) fn run(which: &Token, context: &Context<'_>) -> Result<ExitCode, Explained> {
    let image = Image::parse(&which.registry)?;
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
pub(crate) fn credentials(image: &Image, context: &Context<'_>) -> Result<Credentials, Explained> {
    let client = context.helpers.everything(context.setup.settings.timeout)?;
    match client.get(image.server()) {
        Ok(Some(found)) => Ok(found),
        Ok(None) => Err(Explained {
            what: format!("there are no credentials for {}", image.registry),
            hint: Some(format!("sign in to its cloud, or: credmint login {}", image.registry)),
        }),
        Err(error) => Err(explained(error)),
    }
}

/// When what is kept for this registry ends, if that is known.
pub(crate) fn expiry(image: &Image, context: &Context<'_>) -> Option<SystemTime> {
    let client = context.helpers.everything(context.setup.settings.timeout).ok()?;
    let facts = client.inspect(image.server()).ok()?;
    let kept = if facts["login"].is_null() { &facts["token"] } else { &facts["login"] };
    time::of_seconds(&kept["expires"])
}

/// A helper's failure as ours: the sentence is its own.
pub(crate) fn explained(error: ClientError) -> Explained {
    Explained { what: error.to_string(), hint: None }
}
