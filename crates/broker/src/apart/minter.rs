use std::io::{Read, Write};
use std::process::ExitCode;

use protocol::{Deadline, Explained, ServerUrl};
use settings::Setup;

use super::wire;
use crate::{MintError, Minted, Provider};

/// The whole of `credmint-mint`'s `main`: reads which token is wanted, has it minted, tells.
pub fn answer(mint: impl FnOnce(&ServerUrl, &Setup, Deadline) -> Result<Minted, MintError>) -> ExitCode {
    let mut question = Vec::new();
    let read = std::io::stdin().lock().take(1 << 16).read_to_end(&mut question);
    let Some((server, deadline)) = read.ok().and_then(|_| wire::asked(&question)) else {
        // Somebody tried it by hand.
        let _ = std::io::stderr().write_all(b"credmint-mint is started by the credential helpers beside it\n");
        return ExitCode::FAILURE;
    };
    let minted = match crate::setup() {
        Ok(setup) => mint(&server, &setup, deadline),
        Err(failure) => Err(MintError::Failed(Explained { what: failure.to_string(), hint: None })),
    };
    // Whoever asked may have gone.
    let _ = std::io::stdout().write_all(&wire::told(&minted));
    ExitCode::SUCCESS
}

/// A cloud's token, by its own provider.
pub fn mint<P: Provider>(
    provider: P,
    server: &ServerUrl,
    setup: &Setup,
    deadline: Deadline,
) -> Result<Minted, MintError> {
    match provider.scope(server, setup) {
        Some(scope) => provider.mint(&scope, setup, deadline),
        None => Err(MintError::Failed(Explained { what: format!("{server} is another cloud's"), hint: None })),
    }
}
