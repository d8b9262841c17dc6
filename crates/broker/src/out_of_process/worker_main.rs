use std::fs::File;
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::thread;

use protocol::ErrorMessage;
use settings::Setup;
use zeroize::Zeroizing;

use super::WORKER;
use super::wire::{self, Request};
use super::worker::PROCESS_LIMIT_HINT;
use crate::broker::provider_of;
use crate::{MintError, Minted, Provider};

/// Bytes; a service account's token has about a thousand.
const LONGEST: usize = 64 << 10;

/// The `main` of `credmint-mint`: reads a request, mints the token, writes the response.
pub fn run_worker<P: Provider>(provider: P) -> ExitCode {
    protocol::disable_core_dumps();
    log_panics();
    let request = input().and_then(|mut input| Ok((read_line(&mut input)?, input)));
    let Some((request, input)) = request.ok().and_then(|(line, input)| Some((wire::read_request(&line)?, input)))
    else {
        // Started by hand.
        let _ = io::stderr().write_all(b"credmint-mint is started by the credential helpers beside it\n");
        return ExitCode::FAILURE;
    };
    let minted = match end_with_the_helper(input) {
        Ok(()) => mint(&provider, request),
        Err(error) => Err(MintError::Failed(ErrorMessage {
            what: format!("cannot mint a token: {WORKER} failed to start a thread: {error}"),
            hint: Some(PROCESS_LIMIT_HINT.to_owned()),
        })),
    };
    // The helper may have gone.
    let _ = io::stdout().write_all(&wire::write_response(&minted));
    ExitCode::SUCCESS
}

fn mint<P: Provider>(provider: &P, request: Request) -> Result<Minted, MintError> {
    let Request { server, deadline, workload } = request;
    let failed = |what| MintError::Failed(ErrorMessage { what, hint: None });
    let setup = crate::setup().map_err(|failure| failed(failure.to_string()))?;
    let setup = Setup { workload, ..setup };
    let scope =
        provider.scope(&server, &setup).ok_or_else(|| failed(format!("{server} belongs to no supported cloud")))?;
    // The helper has looked already; it may be older than the policy.
    let refusal = setup.settings.policy.as_ref().and_then(|policy| {
        let by_provider = || policy.refuses_provider(&server, provider_of(&scope.service), setup.rule_of(&server));
        policy.refuses_registry(&server).or_else(by_provider)
    });
    if let Some(refusal) = refusal {
        return Err(MintError::Failed(refusal));
    }
    let minted = provider.mint(&scope, &setup, deadline)?;
    // If the settings changed while the identity was resolved, the token may belong to either identity.
    let id = scope.id();
    let is_unchanged = provider.scope(&server, &setup).is_some_and(|after| after.id() == id);
    Ok(Minted { scope: is_unchanged.then_some(id), ..minted })
}

/// Standard input without std's handle, whose buffer would keep a copy of a service account's token.
fn input() -> io::Result<File> {
    #[cfg(unix)]
    let input = std::os::fd::AsFd::as_fd(&io::stdin()).try_clone_to_owned()?;
    #[cfg(windows)]
    let input = std::os::windows::io::AsHandle::as_handle(&io::stdin()).try_clone_to_owned()?;
    Ok(File::from(input))
}

/// One line; the pipe stays open after it.
fn read_line(input: &mut File) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut line = Zeroizing::new(vec![0; LONGEST]);
    let mut length = 0;
    while length < LONGEST && !line[..length].ends_with(b"\n") {
        match input.read(&mut line[length..]) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    line.truncate(length);
    Ok(line)
}

/// Ends this process, and every program that it has started, as soon as the helper closes the pipe.
///
/// # Errors
/// No further thread can be started. The runtime of an SDK would panic then.
fn end_with_the_helper(mut pipe: File) -> io::Result<()> {
    thread::Builder::new().name("parent".to_owned()).spawn(move || {
        let mut nothing = [0; 64];
        while !matches!(pipe.read(&mut nothing), Ok(0)) {}
        end_all();
    })?;
    let another = thread::Builder::new().spawn(|| {})?;
    let _ = another.join();
    Ok(())
}

fn end_all() {
    #[cfg(unix)]
    {
        use rustix::process::{Signal, getpgrp, getpid, kill_current_process_group};
        // If it was not started by a helper, the group belongs to another program.
        if getpgrp() == getpid() {
            let _ = kill_current_process_group(Signal::KILL);
        }
    }
    // `main` is waiting for a response that is no longer wanted.
    #[allow(clippy::disallowed_methods)]
    std::process::exit(1);
}

/// Logs where a panic happened, without its message: that may contain a secret, and the user sees standard
/// error.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        log::error!("{WORKER} crashed: a panic at {place}");
    }));
}
