//! Tests of the public editor, on real files. C1 and so on are the rules of the project's
//! conformance list for editors of Docker's config, derived from what Docker's family reads and writes.
//! (C1, C11, C19 and C20 are tested beside their code; C16's other half, calling the helper, by the command's tests.)

#![allow(clippy::unwrap_used)]

/// Real docker and podman, where they are installed.
#[cfg(unix)]
mod clients;
/// Whole texts before and after an edit.
mod golden;
/// A process killed at every step of a save.
mod killed;
/// Which source wins for each client.
mod lookups;
/// The migration of plaintext logins to a helper: which login each client gets, before and after.
mod migrating;
/// For every document and edit: only the named member changes, and undo restores the bytes.
mod properties;
/// What is read, what is refused, and where.
mod reading;
/// Concurrent editors and logins.
mod together;
/// Several users: root in another's home, another's lock.
#[cfg(target_os = "linux")]
mod users;
/// Links, modes and mounts in an edit.
mod writing;
