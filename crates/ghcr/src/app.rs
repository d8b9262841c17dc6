use settings::Narrowing;

use crate::github::GitHub;
use crate::key::Key;

/// A GitHub App to sign in as.
pub(crate) struct App {
    pub(crate) github: GitHub,
    /// Its id or its client id.
    pub(crate) id: String,
    pub(crate) key: Key,
    pub(crate) installation: Installation,
    /// Fewer rights than the installation has.
    pub(crate) narrowing: Narrowing,
}

/// Which of the App's installations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Installation {
    /// This one.
    Id(String),
    /// That of a user or an organisation.
    Account(String),
    /// That of the owner of the packages, if there is one, else the only one.
    Owner(Option<String>),
}

/// Whether it has the form of a user's or an organisation's name.
pub(crate) fn is_account_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 100
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}
