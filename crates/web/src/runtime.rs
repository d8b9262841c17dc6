use protocol::ErrorMessage;

/// Runs a future to its end, on a runtime that exists only during this call.
///
/// # Errors
/// The runtime cannot be created, for example without file descriptors.
pub fn run<F: Future>(future: F) -> Result<F::Output, ErrorMessage> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| ErrorMessage { what: format!("cannot mint a token: {error}"), hint: None })?;
    let output = runtime.block_on(future);
    // A DNS lookup may still be running on its own thread: it is not waited for.
    runtime.shutdown_background();
    Ok(output)
}
