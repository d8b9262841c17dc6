use std::path::Path;

use protocol::{Credentials, Secret, ServerUrl};

use crate::keys::HUB;
use crate::lookup::{Client, ImageQuery, Logins, Source, sources};

/// What a client finds for an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A user and a password.
    Login(String, Secret),
    /// The `registrytoken` of the entry with this key.
    Token(String),
}

impl From<Credentials> for Outcome {
    fn from(login: Credentials) -> Self {
        Outcome::Login(login.username, login.secret)
    }
}

/// Everything that a client may find for an image: clients in Go use any of several entries whose keys
/// normalize to the same host, as their maps have no order.
#[derive(Clone, Debug)]
pub(crate) struct Outcomes(Vec<Option<Outcome>>);

impl Outcomes {
    /// Whether a client that found a login before still finds one of the same; one that found none may find one.
    pub(crate) fn preserves(&self, earlier: &Outcomes) -> bool {
        earlier.is_nothing() || self.0.iter().all(|answer| earlier.0.contains(answer))
    }

    pub(crate) fn has(&self, answer: &Outcome) -> bool {
        self.0.iter().flatten().any(|other| other == answer)
    }

    pub(crate) fn is_nothing(&self) -> bool {
        self.0 == [None]
    }

    /// The outcome, if there is only one.
    pub(crate) fn only(&self) -> Option<Outcome> {
        match self.0.as_slice() {
            [Some(answer)] => Some(answer.clone()),
            _ => None,
        }
    }
}

/// Simulates a lookup in one file; `answer` is what a helper returns.
pub(crate) fn simulate(
    client: Client,
    asked: ImageQuery<'_>,
    logins: &Logins,
    answer: &dyn Fn(&str, &str) -> Option<Outcome>,
) -> Outcomes {
    let mut found = Vec::new();
    let mut logins = logins.clone();
    for _ in 0..logins.auths.len().max(1) {
        let once = sources(client, asked, Path::new(""), &logins).into_iter().find_map(|source| match source {
            // The key of a repository is not that of a registry: a helper's login for it stays as it is.
            Source::Helper { asked, .. } if is_repository(&asked) => None,
            Source::Helper { helper, asked, .. } => answer(&helper, &asked),
            Source::Entry { key, .. } => in_entry(&key, &logins),
            Source::Variable { .. } => None,
        });
        if !found.contains(&once) {
            found.push(once);
        }
        // Each entry is the first one once.
        let by = usize::from(!logins.auths.is_empty());
        logins.auths.rotate_left(by);
    }
    Outcomes(found)
}

fn in_entry(key: &str, logins: &Logins) -> Option<Outcome> {
    let auth = logins.auths.iter().find(|auth| auth.server == key)?;
    let token = || auth.registry_token.as_ref().map(|_| Outcome::Token(key.to_owned()));
    auth.login().map(Outcome::from).or_else(token)
}

fn is_repository(asked: &str) -> bool {
    asked != HUB && ServerUrl::parse(asked).is_ok_and(|server| !server.path().is_empty())
}
