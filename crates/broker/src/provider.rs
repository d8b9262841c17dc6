use std::time::SystemTime;

use protocol::{Deadline, ErrorMessage, Secret, ServerUrl};
use settings::Setup;

/// A cloud: names the token that a registry needs, and mints it.
pub trait Provider {
    /// What minting needs to know about a registry.
    type Target;

    /// Names the token for a registry; `None` means that the registry does not belong to this cloud. Called on
    /// every `get`, so it must not use the network or resolve the identity.
    fn scope(&self, server: &ServerUrl, setup: &Setup) -> Option<Scope<Self::Target>>;

    /// The user name of minted tokens, for `list`. As cheap as [`Provider::scope`].
    fn username<'a>(&'a self, scope: &'a Scope<Self::Target>) -> &'a str;

    /// An existing token that is passed through: from an environment variable, or from another program's
    /// file. It is never cached, because a cached one would be stale after the next change. Called on every `get`
    /// that finds no login and no cached token, so it must be cheap. `None` leads to [`Provider::mint`].
    ///
    /// # Errors
    /// See [`MintError`].
    fn existing_token(&self, _scope: &Scope<Self::Target>, _setup: &Setup) -> Result<Option<ExistingToken>, MintError> {
        Ok(None)
    }

    /// Mints a token without any request, for example one that is signed with a key on this machine. Called on a
    /// miss before [`Provider::mint`], in the helper itself: no worker process, runtime or TLS is started for it.
    /// `None` if a request is needed, or if it fails: then [`Provider::mint`] reports the error.
    fn mint_offline(&self, _scope: &Scope<Self::Target>, _setup: &Setup) -> Option<Minted> {
        None
    }

    /// How a node of a cluster gets an identity of this cloud, for kubelet's log: nobody signs in there.
    fn remedy_on_node(&self, _scope: &Scope<Self::Target>) -> Option<&'static str> {
        None
    }

    /// Mints the token. Slow; called only if no cached token can be used.
    ///
    /// # Errors
    /// See [`MintError`].
    fn mint(&self, scope: &Scope<Self::Target>, setup: &Setup, deadline: Deadline) -> Result<Minted, MintError>;
}

/// Identifies a token: every `get` with an equal scope is served the same cached token.
#[derive(Clone, Debug)]
pub struct Scope<T> {
    /// The service that mints it and what it is valid for: `ecr:aws:us-east-1`. Letters, digits, `.`, `-` and `:`.
    pub service: String,
    /// The fingerprint of the settings that choose the identity, see [`settings::Fingerprint`].
    pub identity: String,
    /// Whether the registry also has public images: without an identity, Docker may continue anonymously.
    pub public: bool,
    /// For [`Provider::mint`].
    pub target: T,
}

impl<T> Scope<T> {
    /// The token's name in the vault.
    pub fn id(&self) -> String {
        format!("{}/{}", self.service, self.identity)
    }
}

/// A token that is passed through, see [`Provider::existing_token`].
#[derive(Clone, Debug)]
pub struct ExistingToken {
    /// Its user name.
    pub username: String,
    /// The token.
    pub secret: Secret,
}

/// A minted token.
#[derive(Clone, Debug)]
pub struct Minted {
    /// Its user name.
    pub username: String,
    /// The token.
    pub secret: Secret,
    /// Its expiry.
    pub expires: SystemTime,
    /// The conditions under which it may be served again, see [`settings::Conditions::seal`].
    pub requires: Option<String>,
    /// The token's name ([`Scope::id`]) as the out-of-process worker computed it from the settings and files it
    /// used. If they changed after the request, it differs, and the token is not cached.
    pub scope: Option<String>,
}

impl Minted {
    /// A token for the requested scope, without conditions.
    pub fn new(username: impl Into<String>, secret: Secret, expires: SystemTime) -> Self {
        Minted { username: username.into(), secret, expires, requires: None, scope: None }
    }
}

/// Why no token was minted. The variants differ in what the caller does next.
#[derive(Clone, Debug)]
pub enum MintError {
    /// No identity was found. A public registry can still be used anonymously.
    NoIdentity(ErrorMessage),
    /// An identity was found, and minting failed. A cached token is served if it has not expired, else the error
    /// is reported.
    Failed(ErrorMessage),
}

impl MintError {
    /// There is no identity on this machine.
    pub fn no_identity(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        MintError::NoIdentity(ErrorMessage { what: what.into(), hint: Some(remedy.into()) })
    }

    /// Minting failed before a principal was known: a setting or a file cannot be used.
    pub fn failed(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        MintError::Failed(ErrorMessage { what: what.into(), hint: Some(remedy.into()) })
    }
}

impl From<ErrorMessage> for MintError {
    fn from(message: ErrorMessage) -> Self {
        MintError::Failed(message)
    }
}
