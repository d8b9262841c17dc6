use settings::Rule;

use crate::github::GitHub;

/// What minting needs to know.
#[derive(Clone, Debug)]
pub struct Target {
    pub(crate) github: GitHub,
    /// The owner of the packages, if the address has it.
    pub(crate) owner: Option<String>,
    pub(crate) rule: Option<Rule>,
}
