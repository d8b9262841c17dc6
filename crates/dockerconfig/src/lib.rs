//! Reads and edits Docker's `config.json`, podman's `auth.json` and dockerd's `daemon.json`.
//!
//! Many programs write these files: Docker, Docker Desktop, podman, IDEs, people. Docker itself drops
//! unknown members and overwrites what it cannot read. An edit of this crate changes the bytes of the
//! member that it names and no others, and keeps what other programs write at the same time:
//!
//! ```text
//!  ConfigPaths ── path ──▶ ConfigFile::edit(|document| …)
//!                               │  lock the directory · read · check ──▶ Malformed: line, column; unchanged
//!                               │  Document: splice the text         ──▶ same text: unchanged
//!                               │  undo record: members, never logins
//!                               ▼  temporary file · fsync · exchange · verify ──▶ changed by others: retry
//!                           EditOutcome { before, after, saved } ──▶ diff, with secrets hidden
//! ```
//!
//! [`lookup`] shows where each family of clients looks for the credentials of a registry, and
//! [`Migration`] which logins can move to a helper so that all of them still find the same login.
//! Nothing here reads the environment, runs a helper or knows a registry.
//!
//! ```
//! use dockerconfig::{Client, ConfigFile, HelperName, LookupQuery, Source, diff, lookup};
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("config.json");
//! let text = "{\n  \"detachKeys\": \"ctrl-z\"\n}\n";
//! std::fs::write(&path, text).unwrap();
//!
//! // One helper for every registry.
//! let file = ConfigFile::at(&path);
//! let helper = HelperName::parse("credmint").unwrap();
//! let edited = file.edit(|document| document.set_creds_store(&helper)).unwrap();
//! assert!(diff("config.json", &edited.before, &edited.after).contains("+  \"credsStore\": \"credmint\""));
//!
//! // Docker now calls it for this image.
//! let server = protocol::ServerUrl::parse("ghcr.io").unwrap();
//! let files = [(path.clone(), edited.after)];
//! let query = LookupQuery { server: &server, repository: Some("owner/app"), variable: &[], files: &files };
//! assert!(matches!(lookup(Client::Docker, &query).source, Some(Source::Helper { is_store: true, .. })));
//!
//! // And back, byte for byte.
//! file.undo().unwrap();
//! assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
//! ```

mod auth;
mod check;
mod daemon;
mod diff;
mod document;
mod error;
mod file;
mod helper;
mod json_text;
mod keys;
mod layout;
mod lock;
mod lock_holder;
mod lookup;
mod migration;
mod paths;
mod registry_entries;
mod repair;
mod resolved_path;
mod save;
mod simulation;
mod span;
mod undo;
mod variable;

pub use auth::Auth;
pub use check::{Malformed, Position, Warning, WarningKind};
pub use daemon::{DaemonList, DaemonProxy};
pub use diff::diff;
pub use document::Document;
pub use error::ConfigError;
pub use file::{ConfigFile, EditOutcome, UndoOutcome};
pub use helper::{HelperName, InvalidHelperName};
pub use keys::KeyFormat;
pub use lock_holder::LockHolder;
pub use lookup::{Client, LookupQuery, LookupResult, Source, lookup};
pub use migration::{HelperQueries, Migration, Move, Plan, ShadowedLogin, Skipped};
pub use paths::{ConfigPaths, DaemonFile, System};
pub use repair::UnusedKey;
pub use save::Saved;
pub use variable::{VariableError, servers_of_variable};
