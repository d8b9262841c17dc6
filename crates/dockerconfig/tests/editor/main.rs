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
/// Plaintext logins on their way to a helper: who is given what, before and after.
mod migrating;
/// Any document, any edit: only the named member changes, and undo gives back the bytes.
mod properties;
/// What is read, what is refused, and where.
mod reading;
/// Editors and a login at once.
mod together;
/// More users than one: root in another's home, another's lock.
#[cfg(target_os = "linux")]
mod users;
/// What an edit does to a file and what it leaves alone: links, modes, mounts.
mod writing;
