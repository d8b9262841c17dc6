use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use dockerconfig::{HelperName, Reader};
use protocol::{Client, ClientError, Credentials, Explained, ServerUrl};

use crate::arguments::Migrate;
use crate::context::Context;
use crate::docker::{editable, explained};
use crate::helpers::{EVERYTHING, file_name, is_ours};
use crate::printer::Tone;

/// For another helper, whose keychain may have to ask its user.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) fn run(which: &Migrate, context: &Context<'_>) -> Result<ExitCode, Explained> {
    match &which.from {
        Some(store) => from_helper(store, which.dry_run, context),
        None => into_vault(which.config.as_deref(), which.podman, which.dry_run, context),
    }
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
    let found: Vec<Credentials> = document.auths().iter().filter_map(|auth| auth.login()).collect();
    if found.is_empty() {
        context.printer.note(format!("no plaintext login is in {}", file.path().display()));
        return Ok(ExitCode::SUCCESS);
    }
    if dry_run {
        return Ok(name(&found, context));
    }
    let taken = Taken::over(found, context)?;
    let reader = if podman { Reader::Podman } else { Reader::Docker };
    let helper = HelperName::parse(EVERYTHING).expect("our own helper has a proper name");
    let blank = |document: &mut dockerconfig::Document| {
        let is_store = document.creds_store().as_deref() == Some(EVERYTHING);
        for login in &taken.kept {
            // Who signed in anew meanwhile keeps that login where it is.
            if document.hand_over(login)
                && !is_store
                && let Ok(address) = ServerUrl::parse(&login.server)
            {
                document.set_cred_helper(&address, reader, &helper);
            }
        }
    };
    if !taken.kept.is_empty() {
        file.edit(blank).map_err(explained)?;
        context.printer.note(format!("{} is without them now", file.path().display()));
    }
    Ok(taken.outcome())
}

/// Takes the logins of another helper over, by its own program: that is the one which its keychain
/// lets in. They stay there too.
pub(crate) fn from_helper(store: &str, dry_run: bool, context: &Context<'_>) -> Result<ExitCode, Explained> {
    let store = HelperName::parse(store).map_err(|error| Explained { what: error.to_string(), hint: None })?;
    let file = file_name(store.as_str());
    if is_ours(store.as_str()) {
        return Err(Explained {
            what: format!("{file} is credmint's own: what it keeps is there already"),
            hint: None,
        });
    }
    let program = context.helpers.on_path(store.as_str()).ok_or_else(|| Explained {
        what: format!("{file} is not on the path"),
        hint: Some("name it as Docker's config does: credmint migrate --from pass".to_owned()),
    })?;
    let client = Client::new(program, PATIENCE);
    let refused = |error: ClientError| Explained { what: format!("{file}: {error}"), hint: None };
    let (mut found, mut failed) = (Vec::new(), false);
    for listed in client.list().map_err(refused)?.into_keys() {
        // What docker-credential-secretservice lists since 0.9.0 is each item's label.
        // <https://github.com/docker/docker-credential-helpers/pull/324>
        let server = listed.strip_prefix("Registry credentials for ").unwrap_or(&listed);
        match client.get(server) {
            Ok(Some(login)) => found.push(Credentials { server: server.to_owned(), ..login }),
            Ok(None) => {}
            Err(error) => {
                failed = true;
                context.printer.note(format!("{} {server}: {error}", Tone::Bad.of("left")));
            }
        }
    }
    if found.is_empty() && !failed {
        context.printer.note(format!("{file} has no login"));
        return Ok(ExitCode::SUCCESS);
    }
    if dry_run {
        return Ok(name(&found, context));
    }
    let mut taken = Taken::over(found, context)?;
    taken.failed |= failed;
    if !taken.kept.is_empty() {
        context.printer.note(format!("{file} still has them too"));
    }
    Ok(taken.outcome())
}

/// Names what would move.
fn name(found: &[Credentials], context: &Context<'_>) -> ExitCode {
    for login in found {
        context.printer.line(format!("{}  {}", login.server, login.username));
    }
    ExitCode::SUCCESS
}

/// What came of handing logins to the vault.
struct Taken {
    /// Those that were read back as they are.
    kept: Vec<Credentials>,
    failed: bool,
}

impl Taken {
    fn over(found: Vec<Credentials>, context: &Context<'_>) -> Result<Self, Explained> {
        let client = context.helpers.everything(context.setup.settings.timeout)?;
        let mut taken = Taken { kept: Vec::new(), failed: false };
        for login in found {
            let server = &login.server;
            let why = match client.store(&login).and_then(|()| client.get(server)) {
                Ok(Some(kept)) if kept.username == login.username && kept.secret == login.secret => {
                    context.printer.note(format!("{} {server} ({})", Tone::Good.of("moved"), login.username));
                    taken.kept.push(login);
                    continue;
                }
                Ok(_) => "it did not come back from the vault as it was".to_owned(),
                Err(error) => error.to_string(),
            };
            taken.failed = true;
            context.printer.note(format!("{} {server}: {why}", Tone::Bad.of("left")));
        }
        Ok(taken)
    }

    fn outcome(&self) -> ExitCode {
        if self.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }
}
