//! Cached or minted: the one decision behind `get`, `store`, `erase` and `list`.

mod provider;

pub use provider::{MintError, Minted, Provider, Scope};
