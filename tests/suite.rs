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

/// AWS identities that are there and do not work, and names as people give them.
#[cfg(unix)]
mod identity_faults;

/// Amazon's own programs on the same files and variables.
#[cfg(unix)]
#[path = "reference/aws/mod.rs"]
mod aws_reference;

/// Metadata services: who is late, who is busy, and who is not there.
#[cfg(target_os = "linux")]
mod metadata;

/// A token's name tells whose it is.
#[cfg(unix)]
mod names;

/// Google Artifact Registry: every source of an identity, and whose token it is.
mod gcr;

/// Google Artifact Registry when something is wrong.
mod gcr_faults;

/// Whom google-auth and gcloud take for the machine's identity.
#[cfg(target_os = "linux")]
#[path = "reference/google/mod.rs"]
mod google_reference;

/// GitHub Packages: every source of a token, and to whom it goes.
mod ghcr;

/// Which token gh takes.
#[cfg(target_os = "linux")]
#[path = "reference/github.rs"]
mod github_reference;

/// GitHub Packages when something is wrong.
mod ghcr_faults;

/// Tokens that service accounts of Google's sign for themselves.
#[cfg(unix)]
mod gcr_jwt;

/// Azure Container Registry: every source of an identity, and whose token it is.
#[cfg(unix)]
mod acr;

/// Azure Container Registry when something is wrong.
#[cfg(unix)]
mod acr_faults;

/// The accounts of the Azure CLI and the Azure Developer CLI.
#[cfg(unix)]
mod az;

/// Beside Azure's SDK for Python and the real az.
#[cfg(target_os = "linux")]
#[path = "reference/azure/mod.rs"]
mod azure_reference;

/// Every message, as snapshots that are reviewed: `tests/messages/*.txt`.
#[cfg(unix)]
mod messages;

/// A cloud's outage is not told as its user's mistake.
#[cfg(unix)]
mod outages;

/// Behind a company's proxy.
#[cfg(unix)]
mod proxies;

/// The command for people: config, status, tokens, exports, the cache.
mod cli;

/// The command for people when something is wrong.
mod doctor;

/// What the command for people asks registries.
#[cfg(target_os = "linux")]
mod doctor_registries;

/// Every remedy that doctor prints, followed word for word.
#[cfg(target_os = "linux")]
mod remedies;

/// Installing and removing it.
#[cfg(target_os = "linux")]
mod installers;

/// What there are programs for, and who is given which.
#[cfg(target_os = "linux")]
mod targets;

/// Logins on their way from files and other helpers into the vault.
mod migrate;

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

/// Other programs' credentials, by host pattern.
#[cfg(unix)]
mod command;

/// Tokens in exchange for the identity token of a job.
#[cfg(unix)]
mod exchange;

/// Several logins on one host, by the path of an image.
#[cfg(target_os = "linux")]
mod several_logins;

/// Tokens with fewer rights than their identity.
#[cfg(target_os = "linux")]
mod narrowing;

/// What administrators allow, and have logged.
#[cfg(target_os = "linux")]
mod policy;

/// The pipelines for each CI.
#[cfg(target_os = "linux")]
mod ci;

/// What was exchanged opens a registry to a client.
#[cfg(target_os = "linux")]
mod exchange_pull;

/// Such exchanges when something is wrong.
#[cfg(unix)]
mod exchange_faults;

/// Everything that can go wrong: bad input, dead vaults, no network, many at once.
mod faults;

/// Many at once: one mints, and what becomes of the others.
#[cfg(unix)]
mod single_flight;

/// The out-of-process worker of a helper.
#[cfg(unix)]
mod out_of_process;

/// A real Secret Service, alive, locked and hanging.
#[cfg(target_os = "linux")]
mod keychain;

/// A canary secret must not come out anywhere but in the reply and the vault.
mod leaks;

/// Attacks by other users, hostile files, hostile programs.
#[cfg(target_os = "linux")]
mod threats;

/// Root in another user's home.
#[cfg(target_os = "linux")]
mod sudo;

/// Every system call of what writes, failing in turn.
#[cfg(target_os = "linux")]
mod syscalls;

/// Thousands of processes with rotating identities.
#[cfg(target_os = "linux")]
mod soak;

/// What fuzzing has found stays mended.
mod corpus;

/// Where no further process or thread can be started.
#[cfg(target_os = "linux")]
mod limits;

/// Addresses as people write them, and what else is asked of a helper.
#[cfg(unix)]
mod spellings;

/// What may depend on what.
mod edges;

/// What README and the reference print works.
mod readme;

/// The picture of a terminal in the README.
#[cfg(target_os = "linux")]
mod picture;

/// The engine's own settings, and what doctor says of it.
mod daemon;

/// The commands that `credmint guide` prints.
mod guide;
