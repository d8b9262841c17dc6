use std::collections::HashSet;

use settings::Setup;

use super::configs::Configs;
use super::engine::Engine;
use crate::helpers::Helpers;

/// What the check of a registry needs. It can be shared between threads.
pub(super) struct CheckContext<'a> {
    pub(super) setup: &'a Setup,
    pub(super) helpers: &'a Helpers,
    pub(super) configs: &'a Configs,
    /// Short names of helpers that do not work.
    pub(super) failing_helpers: &'a HashSet<String>,
    pub(super) engine: &'a Engine,
}
