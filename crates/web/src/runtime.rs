use protocol::Explained;

/// Runs a future to its end. The runtime lives only as long as this call.
///
/// # Errors
/// The system refuses what a runtime needs, such as descriptors.
pub fn run<F: Future>(future: F) -> Result<F::Output, Explained> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Explained { what: format!("no token can be minted: {error}"), hint: None })?;
    let output = runtime.block_on(future);
    // A lookup of a name may still be running on a thread of its own: it is not waited for.
    runtime.shutdown_background();
    Ok(output)
}
