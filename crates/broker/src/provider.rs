use std::time::SystemTime;

use protocol::{Deadline, Explained, Secret, ServerUrl};
use settings::Setup;

/// One cloud: it tells which token a registry needs, and mints it.
pub trait Provider {
    /// What minting needs to know of a registry.
    type Target;

    /// Names the token for a registry, without asking anybody and without finding out who the
    /// identity is; `None` means that the registry is not of this cloud. Called on every `get`.
    fn scope(&self, server: &ServerUrl, setup: &Setup) -> Option<Scope<Self::Target>>;

    /// A token that somebody else keeps and that needs no minting: one in a variable or in another
    /// program's file. It is handed on and never put into the vault, where it would be one copy more
    /// and stale after the next change. Called on every `get` for which no login or token is kept, so
    /// it must be cheap; `None`, if there is none, leads to [`Provider::mint`].
    ///
    /// # Errors
    /// See [`MintError`].
    fn at_hand(&self, _scope: &Scope<Self::Target>, _setup: &Setup) -> Result<Option<AtHand>, MintError> {
        Ok(None)
    }

    /// Mints the token. Slow; called only when no cached one serves.
    ///
    /// # Errors
    /// See [`MintError`].
    fn mint(&self, scope: &Scope<Self::Target>, setup: &Setup, deadline: Deadline) -> Result<Minted, MintError>;
}

/// Which token: one token serves every `get` with an equal scope.
#[derive(Clone, Debug)]
pub struct Scope<T> {
    /// The service that mints it and what it is good for: `ecr:aws:us-east-1`. Letters, digits, `.`, `-` and `:`.
    pub service: String,
    /// The fingerprint of the settings that choose the identity, see [`settings::Fingerprint`].
    pub identity: String,
    /// Whether the registry serves the public too, so that without identity Docker may go on without credentials.
    pub public: bool,
    /// What [`Provider::mint`] needs to know.
    pub target: T,
}

impl<T> Scope<T> {
    /// The token's name in the vault.
    pub fn id(&self) -> String {
        format!("{}/{}", self.service, self.identity)
    }
}

/// A token that needs no minting, see [`Provider::at_hand`].
#[derive(Clone, Debug)]
pub struct AtHand {
    /// The user's name that goes with it.
    pub username: String,
    /// The token.
    pub secret: Secret,
}

/// A token fresh from its service.
#[derive(Clone, Debug)]
pub struct Minted {
    /// The user's name that goes with it.
    pub username: String,
    /// The token.
    pub secret: Secret,
    /// When the service stops to accept it.
    pub expires: SystemTime,
}

/// Why there is no new token, named by what the caller does next.
#[derive(Clone, Debug)]
pub enum MintError {
    /// Nobody is signed in. A public registry can be used without credentials, a private one cannot.
    NotSignedIn(Explained),
    /// Somebody is signed in and the token was refused or did not come: a cached one that is still
    /// valid may serve, else the user is told.
    Failed(Explained),
}
