mod auditing;
mod list;
mod logins;
mod permission;
mod renew;

use std::time::SystemTime;

use protocol::{Credentials, Deadline, ErrorMessage, Failure, Helper, ServerUrl};
use serde_json::{Value, json};
use settings::{Conditions, OnFailure, Setup, VaultChoice, Workload};
use vault::{Choice, Entry, Key, Vault, VaultError};

use crate::freshness::Freshness;
use crate::login_expiry::login_expiry;
use crate::principal::SESSION_EXPIRED;
use crate::provide::{ProvideRequest, ProvideResponse};
use crate::served_hosts::ServedHosts;
use crate::single_flight::SingleFlight;
use crate::{ExistingToken, Provider, Scope};

pub(crate) use permission::provider_of;

/// The credential helper of a cloud: the provider, the vault and the settings behind Docker's four actions.
pub struct Broker<P> {
    provider: P,
    setup: Setup,
    vault: Vault,
    served_hosts: ServedHosts,
    names: Vec<String>,
    single_flight: SingleFlight,
    clock: fn() -> SystemTime,
    deadline: Deadline,
    /// Whether kubelet asks, on a node of a cluster.
    on_node: bool,
}

/// The credentials that are returned, and their expiry if known.
struct Found {
    credentials: Credentials,
    expires: Option<SystemTime>,
    /// Whether `list` names this server anyway: it is a login, or a token that was minted for this server.
    is_listed: bool,
    origin: Origin,
}

/// How credentials were come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Login,
    Cached,
    Existing,
    Minted,
}

/// What the vault holds for a registry.
struct Cached {
    login: Option<Entry>,
    token: Option<(Entry, Freshness)>,
}

impl<P: Provider> Broker<P> {
    /// Assembles a helper without opening anything. The timeout of the settings starts here.
    pub fn new(provider: P, setup: Setup, vault: Vault, clock: fn() -> SystemTime) -> Self {
        let deadline = Deadline::after(setup.settings.timeout);
        // Without a vault, there is nothing that a waiter could find.
        let shared = (setup.settings.vault != VaultChoice::None).then_some(&setup.places);
        let folder = shared.and_then(|places| places.runtime.as_ref().or(places.cache.as_ref()));
        let single_flight = SingleFlight::new(folder.map(|folder| folder.join("mint-locks")), clock);
        let lasting = (setup.settings.vault != VaultChoice::None).then(|| setup.places.data.clone()).flatten();
        let served_hosts = ServedHosts::new(lasting);
        Broker {
            provider,
            setup,
            vault,
            served_hosts,
            names: Vec::new(),
            single_flight,
            clock,
            deadline,
            on_node: false,
        }
    }

    /// Sets the names by which Docker's configuration may refer to this helper, for `list`.
    #[must_use]
    pub fn with_names(mut self, names: Vec<String>) -> Self {
        self.names = names;
        self
    }

    /// Loads the stored login of a registry, unless it has expired, and the cached token of a scope. Both
    /// in one call, because each round trip to a keychain costs time.
    fn look_up(&self, login: &ServerUrl, scope: Option<&Scope<P::Target>>) -> Result<Cached, VaultError> {
        // The token first: a keychain sends the attributes of its logins while the token is being opened.
        let mut keys: Vec<_> = scope.map(|scope| Key::Token(scope.id())).into_iter().collect();
        keys.push(Key::Login(login.clone()));
        let mut loaded = self.vault.load_all(&keys);
        let login = match loaded.pop().unwrap_or(Ok(None)) {
            // A cloud's registry can be reached without a stored login.
            Err(error) if scope.is_some() => {
                log::warn!("cannot load the login from the vault: {error}");
                None
            }
            stored => stored?.and_then(|stored| self.unexpired(stored, login, scope.is_some())),
        };
        let token = loaded.pop().and_then(|token| self.usable(token));
        Ok(Cached { login, token })
    }

    /// The login with its expiry, unless it has expired.
    fn unexpired(&self, mut login: Entry, server: &ServerUrl, of_cloud: bool) -> Option<Entry> {
        // A login that another helper stored has no expiry beside it.
        let expiry = || login_expiry(&login.username, login.secret.expose(), login.issued).filter(|_| of_cloud);
        login.expires = login.expires.or_else(expiry);
        if login.expires.is_some_and(|expiry| expiry <= (self.clock)()) {
            log::info!("the stored login for {server} has expired");
            return None;
        }
        Some(login)
    }

    fn token(&self, scope: &Scope<P::Target>) -> Option<(Entry, Freshness)> {
        self.usable(self.vault.load(&Key::Token(scope.id())))
    }

    fn usable(&self, token: Result<Option<Entry>, VaultError>) -> Option<(Entry, Freshness)> {
        let token = token.inspect_err(|error| log::warn!("cannot load the token from the vault: {error}")).ok()??;
        let token = Entry { expires: self.end_of_token(token.issued, token.expires), ..token };
        if !self.conditions_are_met(&token) {
            log::debug!("the cached token for {} was minted under other conditions", token.server);
            return None;
        }
        let freshness = Freshness::of(&token, (self.clock)(), self.setup.settings.refresh_before);
        log::debug!("cached token for {}: {freshness:?}", token.server);
        Some((token, freshness))
    }

    /// Whether everything that the token depends on is unchanged since it was minted.
    fn conditions_are_met(&self, token: &Entry) -> bool {
        token.requires.as_ref().is_none_or(|requires| Conditions::are_met(requires, &self.setup.environment))
    }

    /// Signs in as a pod's service account from now on, if it is for the cloud of the image.
    fn use_workload(&mut self, workload: Option<Workload>, image: &ServerUrl) -> Result<(), Failure> {
        let Some(workload) = workload else { return Ok(()) };
        let Some((registry, rule)) = self.setup.registry_of(image) else { return Ok(()) };
        if workload.authenticates_to(registry.cloud(), rule).map_err(Failure::Stop)? {
            self.setup.workload = Some(workload);
            self.disable_cache();
        }
        Ok(())
    }

    /// For a pod's service account: it gets no login of the machine, its tokens are cached by kubelet and
    /// not here, and neither tokens nor errors are shared between pods.
    fn disable_cache(&mut self) {
        self.vault = Vault::new(Choice::None, vault::Places::default());
        self.single_flight = SingleFlight::new(None, self.clock);
    }

    /// The credentials of a registry: a stored login, else a cached token, else an existing token, else a
    /// minted one. The client requests `server`, and needs the credentials for `image`.
    fn find(&self, server: &ServerUrl, image: &ServerUrl, scope: Option<Scope<P::Target>>) -> Result<Found, Failure> {
        self.permit(image)?;
        let refused = scope.as_ref().and_then(|scope| self.refuses_scope(image, scope));
        let scope = scope.filter(|_| refused.is_none());
        let login = self.setup.login_of(image, server);
        let cached = self.look_up(login.server, scope.as_ref()).map_err(|error| cannot_read(login.server, &error))?;
        let login_counts = login.is_named || cached.login.is_some();
        let refused = refused.or_else(|| self.refuses_login(image).filter(|_| login_counts));
        let stored = cached.login.filter(|_| self.refuses_login(image).is_none());
        match (stored, scope, cached.token) {
            (Some(login), ..) => Ok(found(server, login)),
            (None, None, _) => Err(match refused {
                Some(refusal) => Failure::NotFoundBecause(refusal),
                // The pull would go on anonymously.
                None if login.is_named => no_login(login.server),
                None => Failure::NotFound,
            }),
            (None, Some(_), Some((token, Freshness::Fresh))) => Ok(found(server, token)),
            (None, Some(scope), token) => {
                let token = token.map(|(token, _)| token);
                match self.provider.existing_token(&scope, &self.setup) {
                    Ok(Some(ExistingToken { username, secret })) => {
                        let credentials = Credentials { server: server.original().to_owned(), username, secret };
                        Ok(Found { credentials, expires: None, is_listed: false, origin: Origin::Existing })
                    }
                    Ok(None) => self.renew(server, &scope, token),
                    Err(error) => self.fall_back(server, &scope, token, error.into()),
                }
            }
        }
    }

    /// Records the registry for `list`, which names it even after its token has expired. Requests for a
    /// pod's service account are not recorded.
    fn record_served(&self, server: &ServerUrl, found: &Found) {
        if !found.is_listed && self.setup.workload.is_none() {
            self.served_hosts.add(&server.key(), &found.credentials.username, (self.clock)());
        }
    }

    /// The remedy if the home folder does not exist.
    fn missing_home(&self) -> Option<String> {
        let home = self.setup.places.home.as_ref().filter(|_| self.setup.places.data.is_none())?;
        Some(format!("set HOME to an existing folder: {} does not exist", home.display()))
    }

    /// The scope of an image, and whether other images of its registry may have another scope.
    fn scope_of(&self, question: &ProvideRequest) -> (Option<Scope<P::Target>>, bool) {
        let of_registry = self.provider.scope(&question.registry, &self.setup);
        let Some(image) = question.image() else { return (of_registry, false) };
        let of_image = self.provider.scope(&image, &self.setup);
        let id = |scope: &Option<Scope<P::Target>>| scope.as_ref().map(Scope::id);
        let by_rule = self.setup.settings.rules.iter().any(|rule| rule.matches_some_images_of(&question.registry));
        let partial = by_rule || self.permits_some_images_of(&question.registry) || id(&of_registry) != id(&of_image);
        (of_image, partial)
    }
}

impl<P: Provider> Helper for Broker<P> {
    fn get(&self, server: &ServerUrl) -> Result<Credentials, Failure> {
        let scope = self.provider.scope(server, &self.setup);
        let found = self.find(server, server, scope);
        self.audit(server, &found);
        let found = found.map_err(|failure| match failure {
            Failure::Stop(error) if self.setup.on_failure(server) == OnFailure::NotFound => {
                Failure::NotFoundBecause(error)
            }
            Failure::Stop(error) => Failure::Stop(with_not_found_hint(error)),
            failure => failure,
        })?;
        self.record_served(server, &found);
        Ok(found.credentials)
    }

    fn provide(&mut self, question: &str) -> Result<Vec<u8>, Failure> {
        let mut question = ProvideRequest::read(question)?;
        self.on_node = question.on_node;
        let workload = question.workload.take();
        let image = question.image();
        let image = image.as_ref().unwrap_or(&question.registry);
        let (found, partial) = match self.use_workload(workload, image) {
            Ok(()) => {
                let (scope, partial) = self.scope_of(&question);
                (self.find(&question.registry, image, scope), partial)
            }
            Err(failure) => (Err(failure), false),
        };
        self.audit(image, &found);
        let found = found?;
        self.record_served(&question.registry, &found);
        let Found { credentials, expires, .. } = found;
        Ok(ProvideResponse { username: credentials.username, secret: credentials.secret, expires, partial }.to_json())
    }

    fn store(&self, server: &ServerUrl, login: Credentials) -> Result<Option<String>, Failure> {
        let stored = self.store_login(server, login);
        self.audit_login("store", server, &stored);
        stored
    }

    fn erase(&self, server: &ServerUrl) -> Result<Option<String>, Failure> {
        let erased = self.erase_all(server);
        self.audit_login("erase", server, &erased);
        erased
    }

    fn inspect(&self, server: &ServerUrl) -> Result<Value, Failure> {
        let scope = self.provider.scope(server, &self.setup);
        let login = self.setup.login_of(server, server).server;
        let cached = self.look_up(login, scope.as_ref()).map_err(|error| cannot_read(login, &error))?;
        Ok(json!({
            "server": server.key(),
            "service": scope.as_ref().map(|scope| &scope.service),
            "scope": scope.as_ref().map(Scope::id),
            "public": scope.as_ref().is_some_and(|scope| scope.public),
            "login": cached.login.as_ref().map(describe),
            "token": cached.token.as_ref().map(|(token, _)| describe(token)),
            "fresh": cached.token.as_ref().is_some_and(|(_, freshness)| *freshness == Freshness::Fresh),
        }))
    }

    fn list(&self) -> Result<Vec<(String, String)>, Failure> {
        self.list_servers()
    }
}

/// Adds the way to continue without an expired session: some clients call `get` for every registry of their
/// configuration and stop at the first error.
fn with_not_found_hint(error: ErrorMessage) -> ErrorMessage {
    let has_expired = error.what.contains(SESSION_EXPIRED);
    match error.hint {
        Some(hint) if has_expired => {
            let hint = format!("{hint}, or set CREDMINT_ON_FAILURE=not-found to go on without it");
            ErrorMessage { hint: Some(hint), ..error }
        }
        hint => ErrorMessage { hint, ..error },
    }
}

/// An entry without its secret; times in seconds since 1970.
fn describe(entry: &Entry) -> Value {
    let seconds = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    json!({"username": entry.username, "issued": seconds(entry.issued), "expires": entry.expires.map(seconds)})
}

/// The reply repeats the address as the client wrote it, because clients compare the two.
fn found(server: &ServerUrl, entry: Entry) -> Found {
    let is_listed = matches!(entry.key, Key::Login(_)) || entry.server == server.key();
    let origin = if matches!(entry.key, Key::Login(_)) { Origin::Login } else { Origin::Cached };
    let Entry { username, secret, expires, .. } = entry;
    let credentials = Credentials { server: server.original().to_owned(), username, secret };
    Found { credentials, expires, is_listed, origin }
}

fn no_login(server: &ServerUrl) -> Failure {
    Failure::with_hint(
        format!("no login stored for {server}, which a [[registry]] table in credmint's settings names"),
        format!("run `credmint login {}`", server.original()),
    )
}

fn cannot_list(error: &VaultError) -> Failure {
    Failure::Stop(ErrorMessage { what: format!("cannot list the vault: {error}"), hint: error.remedy() })
}

fn cannot_read(server: &ServerUrl, error: &VaultError) -> Failure {
    Failure::Stop(ErrorMessage { what: format!("cannot read the login for {server}: {error}"), hint: error.remedy() })
}
