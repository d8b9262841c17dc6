use std::io::{Read, Write};
use std::process::ExitCode;

use protocol::{Deadline, Explained, ServerUrl};

use super::wire;
use crate::{MintError, Minted, Provider};

/// The whole of `credmint-mint`'s `main`: reads which token is wanted, has it minted, tells.
pub fn answer<P: Provider>(provider: P) -> ExitCode {
    protocol::forbid_core_dumps();
    let mut question = Vec::new();
    let read = std::io::stdin().lock().take(1 << 16).read_to_end(&mut question);
    let Some((server, deadline)) = read.ok().and_then(|_| wire::asked(&question)) else {
        // Somebody tried it by hand.
        let _ = std::io::stderr().write_all(b"credmint-mint is started by the credential helpers beside it\n");
        return ExitCode::FAILURE;
    };
    // Whoever asked may have gone.
    let _ = std::io::stdout().write_all(&wire::told(&mint(&provider, &server, deadline)));
    ExitCode::SUCCESS
}

fn mint<P: Provider>(provider: &P, server: &ServerUrl, deadline: Deadline) -> Result<Minted, MintError> {
    let failed = |what| MintError::Failed(Explained { what, hint: None });
    let setup = crate::setup().map_err(|failure| failed(failure.to_string()))?;
    let scope = provider.scope(server, &setup).ok_or_else(|| failed(format!("{server} is of no cloud")))?;
    provider.mint(&scope, &setup, deadline)
}
