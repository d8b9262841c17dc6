use std::time::SystemTime;

use protocol::{ErrorMessage, Failure, ServerUrl};
use settings::Setup;
use vault::{Entry, Key, Location};

use super::{Broker, Found, Origin, found};
use crate::freshness::{Freshness, issued_since};
use crate::single_flight::{Flight, MintLock, Outcome, SharedError};
use crate::{MintError, Minted, Provider, Scope};

impl<P: Provider> Broker<P> {
    /// Mints a token, or waits for the process that is minting it.
    pub(super) fn renew(
        &self,
        server: &ServerUrl,
        scope: &Scope<P::Target>,
        cached: Option<Entry>,
    ) -> Result<Found, Failure> {
        let began = (self.clock)();
        match self.single_flight.acquire(&scope.id(), began, self.deadline) {
            Flight::Mint(lock) => match self.token(scope) {
                // Another process has just minted it. Its waiters use the token, however short its TTL is.
                Some((token, freshness))
                    if freshness == Freshness::Fresh
                        || freshness == Freshness::NearExpiry && issued_since(&token, began) =>
                {
                    Ok(found(server, token))
                }
                _ => self.mint(server, scope, cached, lock),
            },
            Flight::Failed(shared) => self.fall_back(server, scope, cached, shared),
            Flight::TimedOut => {
                let error = ErrorMessage {
                    what: format!("no token for {server}: timed out waiting for another process that is minting it"),
                    hint: Some("check the network, or raise timeout in credmint's settings".to_owned()),
                };
                self.fall_back(server, scope, cached, SharedError { no_identity: false, error })
            }
        }
    }

    fn mint(
        &self,
        server: &ServerUrl,
        scope: &Scope<P::Target>,
        cached: Option<Entry>,
        lock: MintLock,
    ) -> Result<Found, Failure> {
        log::info!("minting a token for {}", scope.service);
        match self.provider.mint(scope, &self.setup, self.deadline) {
            Ok(Minted { username, secret, expires, requires, scope: minted_for }) => {
                let id = scope.id();
                let is_of_scope = minted_for.is_none_or(|minted_for| minted_for == id);
                if !is_of_scope {
                    log::info!("the identity changed while the token was minted: it is not cached");
                }
                let (key, issued) = (Key::Token(id), (self.clock)());
                let expires = self.end_of_token(issued, Some(expires));
                let token = Entry { key, server: server.key(), username, secret, issued, expires, requires };
                let is_cached = is_of_scope && self.conditions_are_met(&token) && self.cache(&token);
                lock.release(if is_cached { Outcome::Cached } else { Outcome::NotCached });
                self.sweep(issued);
                Ok(Found { is_listed: false, origin: Origin::Minted, ..found(server, token) })
            }
            Err(error) => {
                let shared = SharedError::from(error);
                lock.release(Outcome::Failed(shared.clone()));
                self.fall_back(server, scope, cached, shared)
            }
        }
    }

    /// Caches a token and returns whether others will find it. If that fails, the user still gets the token.
    fn cache(&self, token: &Entry) -> bool {
        match self.vault.save(token) {
            Ok(Location::Nowhere) => false,
            Ok(location) => {
                log::debug!("the token is cached: {location:?}");
                true
            }
            Err(error) => {
                log::warn!("cannot cache the token: {error}");
                false
            }
        }
    }

    fn sweep(&self, now: SystemTime) {
        self.single_flight.sweep(now);
        self.vault.sweep(now, |id| self.single_flight.try_acquire(id));
    }

    /// What is returned without a new token: the cached one if it has not expired (another process may have
    /// minted one in the meantime), "not found" for a public registry without an identity, else the error. Whoever
    /// wrote a table for a public registry expects its identity, and is told why there is none.
    pub(super) fn fall_back(
        &self,
        server: &ServerUrl,
        scope: &Scope<P::Target>,
        cached: Option<Entry>,
        shared: SharedError,
    ) -> Result<Found, Failure> {
        let cached = self.token(scope).map(|(token, _)| token).or(cached);
        if let Some(cached) = cached
            && Freshness::of(&cached, (self.clock)(), self.setup.settings.refresh_before) != Freshness::Expired
        {
            log::warn!("serving the cached token for {server} until it expires: {}", shared.error);
            return Ok(found(server, cached));
        }
        if shared.no_identity && scope.public && !self.selects_identity(server) {
            log::info!("no identity, and {server} is public: {}", shared.error);
            return Err(Failure::NotFound);
        }
        Err(if shared.no_identity {
            Failure::NotFoundBecause(self.with_circumstances(scope, shared.error))
        } else {
            Failure::Stop(shared.error)
        })
    }

    fn selects_identity(&self, server: &ServerUrl) -> bool {
        let rule = self.setup.rule_of(server);
        // A command that returns no credentials has decided so.
        rule.is_some_and(|rule| rule.chooses_identity && rule.command.is_none())
    }

    /// Without an identity: on a node, where nobody signs in, the remedy is another one; under sudo, the identities of
    /// the user who called it are in another home.
    fn with_circumstances(&self, scope: &Scope<P::Target>, error: ErrorMessage) -> ErrorMessage {
        if self.on_node && self.setup.workload.is_none() {
            const OR: &str = "or set the variables of an identity under `env` of kubelet's CredentialProviderConfig";
            let remedy = self.provider.remedy_on_node(scope).map(|remedy| format!("{remedy}; {OR}"));
            return ErrorMessage { hint: remedy.or(error.hint), ..error };
        }
        let Setup { places, environment, .. } = &self.setup;
        let (Some(user), Some(home)) = (places.sudo_user(environment), &places.home) else { return error };
        let home = home.display();
        let what = format!("{}; under sudo, the home folder is {home} and not that of {user}", error.what);
        let hint = format!("run it without sudo, or with `sudo -E HOME=~{user}`");
        ErrorMessage { what, hint: Some(error.hint.map_or(hint.clone(), |known| format!("{known}; or {hint}"))) }
    }
}

impl From<MintError> for SharedError {
    fn from(error: MintError) -> Self {
        match error {
            MintError::NoIdentity(error) => SharedError { no_identity: true, error },
            MintError::Failed(error) => SharedError { no_identity: false, error },
        }
    }
}
