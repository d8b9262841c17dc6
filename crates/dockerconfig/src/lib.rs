mod auth;
mod check;
mod daemon;
mod document;
mod helper;
mod span;
mod text;

pub use auth::Auth;
pub use check::{Malformed, Oddity, Position, Remark};
pub use daemon::DaemonList;
pub use document::Document;
pub use helper::{HelperName, NoHelperName, Reader};
