//! The black-box suite: it runs the real programs, unmodified, and checks their output.
//!
//! See `tests/README.md` for how to run it against other builds and how to add a case.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // In a test a panic is the message.
#![allow(clippy::duplicate_mod)] // One list of statements, several helpers.

/// A private home, a clean environment, and strict assertions about outputs.
mod home;

/// A desktop session with a real keychain.
#[cfg(target_os = "linux")]
mod session;

/// Docker's helper protocol, statement by statement, with the helper of a cloud.
mod protocol;

/// The same statements, with the helper for all registries.
#[path = "protocol.rs"]
mod protocol_of_credmint;

/// Amazon ECR from Docker's stdin to the vault, against a pretend AWS.
mod ecr;

/// Every source of an AWS identity.
mod identity;

/// AWS identities that fail, and unusual names.
#[cfg(unix)]
mod identity_faults;

/// Comparison with Amazon's own programs.
#[cfg(unix)]
#[path = "reference/aws/mod.rs"]
mod aws_reference;

/// Metadata services: slow, busy and absent.
#[cfg(target_os = "linux")]
mod metadata;

/// The name of a token contains its identity.
#[cfg(unix)]
mod names;

/// Google Artifact Registry: every source of an identity.
mod gcr;

/// Google Artifact Registry: faults.
mod gcr_faults;

/// Comparison with google-auth and gcloud.
#[cfg(target_os = "linux")]
#[path = "reference/google/mod.rs"]
mod google_reference;

/// GitHub Packages: every source of a token, and the hosts it is sent to.
mod ghcr;

/// Comparison with gh.
#[cfg(target_os = "linux")]
#[path = "reference/github.rs"]
mod github_reference;

/// GitHub Packages: faults.
mod ghcr_faults;

/// Self-signed JWTs of Google service accounts.
#[cfg(unix)]
mod gcr_jwt;

/// Azure Container Registry: every source of an identity.
#[cfg(unix)]
mod acr;

/// Azure Container Registry: faults.
#[cfg(unix)]
mod acr_faults;

/// The accounts of the Azure CLI and the Azure Developer CLI.
#[cfg(unix)]
mod az;

/// Comparison with Azure's SDK for Python and the real az.
#[cfg(target_os = "linux")]
#[path = "reference/azure/mod.rs"]
mod azure_reference;

/// Every message, as snapshots that are reviewed: `tests/messages/*.txt`.
#[cfg(unix)]
mod messages;

/// The outage of a cloud is not reported as a mistake of its user.
#[cfg(unix)]
mod outages;

/// Behind a company's proxy.
#[cfg(unix)]
mod proxies;

/// The command `credmint`: config, status, tokens, exports, the cache.
mod cli;

/// `credmint doctor`.
mod doctor;

/// The requests of `credmint doctor` to registries.
#[cfg(target_os = "linux")]
mod doctor_registries;

/// Every remedy that doctor prints, followed word for word.
#[cfg(target_os = "linux")]
mod remedies;

/// Installing and removing it.
#[cfg(target_os = "linux")]
mod installers;

/// The targets, and which machine gets which programs.
#[cfg(target_os = "linux")]
mod targets;

/// `credmint migrate`.
mod migrate;

/// `credmint login` and `logout`.
#[cfg(target_os = "linux")]
mod login;

/// Prompts at a terminal.
#[cfg(target_os = "linux")]
mod terminal;

/// The spinner at a terminal.
#[cfg(target_os = "linux")]
mod progress;

/// The plugin for kubelet.
#[cfg(unix)]
mod kubelet;

/// Pods with service accounts.
#[cfg(unix)]
mod service_accounts;

/// `credmint kubelet install`.
#[cfg(unix)]
mod nodes;

/// The credential helper for Bazel.
#[cfg(unix)]
mod bazel;

/// The helper for all registries: every cloud's tokens, and logins for the rest.
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

/// Oracle's registry, whose requests are signed.
#[cfg(target_os = "linux")]
mod oracle;

/// Alibaba Cloud's registry, whose requests are signed, too.
#[cfg(target_os = "linux")]
mod alibaba;

/// A client pulls with an exchanged token.
#[cfg(target_os = "linux")]
mod exchange_pull;

/// Exchanges: faults.
#[cfg(unix)]
mod exchange_faults;

/// Faults: bad input, broken vaults, no network, many calls at once.
mod faults;

/// Single flight: one process mints, the others wait.
#[cfg(unix)]
mod single_flight;

/// The out-of-process worker of a helper.
#[cfg(unix)]
mod out_of_process;

/// A real Secret Service: working, locked, hanging.
#[cfg(target_os = "linux")]
mod keychain;

/// A canary secret must appear only in the response and the vault.
mod leaks;

/// Attacks by other users, hostile files, hostile programs.
#[cfg(target_os = "linux")]
mod threats;

/// Root in another user's home.
#[cfg(target_os = "linux")]
mod sudo;

/// Each system call of every writing command fails once.
#[cfg(target_os = "linux")]
mod syscalls;

/// Thousands of processes with rotating identities.
#[cfg(target_os = "linux")]
mod soak;

/// Bugs found by fuzzing stay fixed.
mod corpus;

/// Limits on processes and threads.
#[cfg(target_os = "linux")]
mod limits;

/// Spellings of addresses, and other commands of helpers.
#[cfg(unix)]
mod spellings;

/// Architecture rules.
mod edges;

/// The commands and settings in README and the reference work.
mod readme;

/// The picture of a terminal in the README.
#[cfg(target_os = "linux")]
mod picture;

/// `credmint daemon`, and the engine in `credmint doctor`.
mod daemon;

/// The commands that `credmint guide` prints.
mod guide;
