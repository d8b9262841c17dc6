//! The black-box suite: it runs the real programs, unmodified, and looks at what they say.
//!
//! See `tests/README.md` for how to run it against other builds and how to add a case.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // In a test a panic is the message.
#![allow(clippy::duplicate_mod)] // One list of statements, several helpers.

/// A private home, a clean environment, and a strict look at what a program answers.
mod home;

/// A desktop session with a real keychain.
#[cfg(target_os = "linux")]
mod session;

/// Docker's helper protocol, statement by statement, as the helper of a cloud speaks it.
mod protocol;

/// The same statements, held against the helper for everything.
#[path = "protocol.rs"]
mod protocol_of_credmint;

/// Amazon ECR from Docker's stdin to the vault, against a pretend AWS.
mod ecr;

/// Whose token it is: every source of an AWS identity.
mod identity;

/// Google Artifact Registry: every source of an identity, and whose token it is.
mod gcr;

/// Google Artifact Registry when something is wrong.
mod gcr_faults;

/// GitHub Packages: every source of a token, and to whom it goes.
mod ghcr;

/// GitHub Packages when something is wrong.
mod ghcr_faults;

/// Azure Container Registry: every source of an identity, and whose token it is.
#[cfg(unix)]
mod acr;

/// Azure Container Registry when something is wrong.
#[cfg(unix)]
mod acr_faults;

/// The command for people: config, status, tokens, exports, the cache.
mod cli;

/// The command for people when something is wrong.
mod doctor;

/// Installing and removing it.
#[cfg(target_os = "linux")]
mod installers;

/// Signing in and out with the command for people.
#[cfg(target_os = "linux")]
mod login;

/// A terminal for what asks.
#[cfg(target_os = "linux")]
mod terminal;

/// What a terminal shows while something takes its time.
#[cfg(target_os = "linux")]
mod progress;

/// The plugin for kubelet.
#[cfg(unix)]
mod kubelet;

/// Pods that sign in with their service accounts.
#[cfg(unix)]
mod service_accounts;

/// What is put on nodes for kubelet.
#[cfg(unix)]
mod nodes;

/// The credential helper for Bazel.
#[cfg(unix)]
mod bazel;

/// The helper for everything: every cloud's tokens, and logins for the rest.
mod router;

/// Everything that can go wrong: bad input, dead vaults, no network, many at once.
mod faults;

/// A helper and the program that mints for it.
#[cfg(unix)]
mod apart;

/// A real Secret Service, alive, locked and hanging.
#[cfg(target_os = "linux")]
mod keychain;

/// A canary secret must not come out anywhere but in the reply and the vault.
mod leaks;

/// Attacks by other users, hostile files, hostile programs.
#[cfg(target_os = "linux")]
mod threats;

/// Every system call of what writes, failing in turn.
#[cfg(target_os = "linux")]
mod syscalls;

/// Thousands of processes with rotating identities.
#[cfg(target_os = "linux")]
mod soak;

/// What fuzzing has found stays mended.
mod corpus;

/// What may depend on what.
mod edges;

/// Everything that README prints works.
mod readme;

/// The commands that `credmint guide` prints.
mod guide;
