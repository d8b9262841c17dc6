//! Docker's `config.json` and its relatives, as documents that survive being edited.
//!
//! Everybody writes this file: Docker, Docker Desktop, podman, IDEs, people. Docker itself drops
//! what it does not know and overwrites what it cannot read. An edit of this crate changes the
//! bytes of the member that it names and no others, and loses nothing that others write meanwhile:
//!
//! ```text
//!  Surroundings ── path ──▶ ConfigFile::edit(|document| …)
//!                               │  lock the folder · read · check ──▶ Malformed: line, column, untouched
//!                               │  Document: splice the text      ──▶ the same: untouched
//!                               │  undo record: members, never logins
//!                               ▼  temporary file · flush · swap · look at what came out ──▶ changed: again
//!                           Edited { before, after, saved } ──▶ diff, with secrets hidden
//! ```
//!
//! [`winner`] says where each family of clients would look for the credentials of a registry.
//! Nothing here reads the environment, runs a helper or knows a registry.

mod auth;
mod check;
mod daemon;
mod diff;
mod document;
mod error;
mod file;
mod helper;
mod layout;
mod lock;
mod lookup;
mod places;
mod save;
mod span;
mod target;
mod text;
mod undo;
mod variable;

pub use auth::Auth;
pub use check::{Malformed, Oddity, Position, Remark};
pub use daemon::DaemonList;
pub use diff::diff;
pub use document::Document;
pub use error::ConfigError;
pub use file::{ConfigFile, Edited, Undone};
pub use helper::{HelperName, NoHelperName, Reader};
pub use lookup::{Client, Search, Source, Winner, winner};
pub use places::{DaemonPlace, Surroundings, System};
pub use save::Saved;
pub use variable::{Ignored, servers_of_variable};
