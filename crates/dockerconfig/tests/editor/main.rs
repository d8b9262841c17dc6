//! The editor from outside, on real files. C1 and so on are the statements of the project's
//! conformance list for editors of Docker's config, drawn from what Docker's family reads and writes.
//! (C1, C11, C19 and C20 stand beside their code; C16's other half, asking the helper, is the command's.)

#![allow(clippy::unwrap_used)]

/// Real docker and podman, where they are installed.
#[cfg(unix)]
mod clients;
/// Texts before and after, whole.
mod golden;
/// A process killed at every step of a save.
mod killed;
/// Which source wins, for each client.
mod lookups;
/// Any document, any edit: only the named member changes, and undo gives back the bytes.
mod properties;
/// Says aloud that something could not be tested here; where nothing may be skipped, fails. The test
/// harness keeps to itself what a passing test prints, but not what it writes.
#[allow(clippy::disallowed_methods)] // Tests may.
#[cfg_attr(windows, allow(dead_code))] // Nothing is skipped there.
fn skip(why: &str) {
    assert!(std::env::var("CREDMINT_TESTS").as_deref() != Ok("all"), "cannot be tested: {why}");
    std::io::Write::write_all(&mut std::io::stderr(), format!("skipped: {why}\n").as_bytes()).unwrap();
}

/// What is read, what is refused, and where.
mod reading;
/// Editors and a login at once.
mod together;
/// What an edit does to a file and what it leaves alone: links, modes, mounts.
mod writing;
