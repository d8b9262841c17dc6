use std::path::Path;
use std::process::ExitCode;

use dockerconfig::{HelperName, Reader};
use protocol::{Credentials, Explained, ServerUrl};

use crate::arguments::Migrate;
use crate::context::Context;
use crate::docker::{editable, explained};
use crate::helpers::EVERYTHING;
use crate::printer::Tone;

pub(crate) fn run(which: &Migrate, context: &Context<'_>) -> Result<ExitCode, Explained> {
    into_vault(which.config.as_deref(), which.podman, which.dry_run, context)
}

/// Moves the plaintext logins of a config into the vault. Each is stored and read back before
/// anything is blanked, and one that cannot be stays where it is.
pub(crate) fn into_vault(
    config: Option<&Path>,
    podman: bool,
    dry_run: bool,
    context: &Context<'_>,
) -> Result<ExitCode, Explained> {
    let file = editable(config, podman, context)?;
    let document = file.read().map_err(explained)?;
    let found: Vec<(String, Credentials)> =
        document.auths().iter().filter_map(|auth| Some((auth.server.clone(), auth.login()?))).collect();
    if found.is_empty() {
        context.printer.note(format!("no plaintext login is in {}", file.path().display()));
        return Ok(ExitCode::SUCCESS);
    }
    let client = context.helpers.everything(context.setup.settings.timeout)?;
    let (mut moved, mut failed) = (Vec::new(), false);
    for (server, login) in found {
        if dry_run {
            context.printer.line(format!("{server}  {}", login.username));
            continue;
        }
        let kept = client.store(&login).and_then(|()| client.get(&server));
        match kept {
            Ok(Some(kept)) if kept.username == login.username && kept.secret == login.secret => {
                context.printer.note(format!("{} {server} ({})", Tone::Good.of("moved"), login.username));
                moved.push(login);
            }
            Ok(_) => {
                failed = true;
                context
                    .printer
                    .note(format!("{} {server}: it did not come back from the vault as it was", Tone::Bad.of("left")));
            }
            Err(error) => {
                failed = true;
                context.printer.note(format!("{} {server}: {error}", Tone::Bad.of("left")));
            }
        }
    }
    let reader = if podman { Reader::Podman } else { Reader::Docker };
    let helper = HelperName::parse(EVERYTHING).expect("our own helper has a proper name");
    let blank = |document: &mut dockerconfig::Document| {
        let is_store = document.creds_store().as_deref() == Some(EVERYTHING);
        for login in &moved {
            // Who signed in anew meanwhile keeps that login where it is.
            if document.hand_over(login)
                && !is_store
                && let Ok(address) = ServerUrl::parse(&login.server)
            {
                document.set_cred_helper(&address, reader, &helper);
            }
        }
    };
    if !moved.is_empty() {
        file.edit(blank).map_err(explained)?;
        context.printer.note(format!("{} is without them now", file.path().display()));
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
