use std::io::{Read, Write};
use std::process::ExitCode;

use protocol::Explained;
use settings::Setup;
use zeroize::Zeroizing;

use super::wire::{self, Asked};
use crate::{MintError, Minted, Provider};

/// Bytes; a service account's token has about a thousand.
const LONGEST: usize = 64 << 10;

/// The whole of `credmint-mint`'s `main`: reads which token is wanted, has it minted, tells.
pub fn answer<P: Provider>(provider: P) -> ExitCode {
    protocol::forbid_core_dumps();
    let mut question = Zeroizing::new(Vec::with_capacity(LONGEST));
    let read = std::io::stdin().lock().take(LONGEST as u64).read_to_end(&mut question);
    let Some(asked) = read.ok().and_then(|_| wire::asked(&question)) else {
        // Somebody tried it by hand.
        let _ = std::io::stderr().write_all(b"credmint-mint is started by the credential helpers beside it\n");
        return ExitCode::FAILURE;
    };
    // Whoever asked may have gone.
    let _ = std::io::stdout().write_all(&wire::told(&mint(&provider, asked)));
    ExitCode::SUCCESS
}

fn mint<P: Provider>(provider: &P, asked: Asked) -> Result<Minted, MintError> {
    let Asked { server, deadline, workload } = asked;
    let failed = |what| MintError::Failed(Explained { what, hint: None });
    let setup = crate::setup().map_err(|failure| failed(failure.to_string()))?;
    let setup = Setup { workload, ..setup };
    let scope = provider.scope(&server, &setup).ok_or_else(|| failed(format!("{server} is of no cloud")))?;
    provider.mint(&scope, &setup, deadline)
}
