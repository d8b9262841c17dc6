use std::time::SystemTime;

use protocol::{Credentials, Deadline, Explained, Failure, Helper, ServerUrl};
use serde_json::{Value, json};
use settings::{Setup, VaultChoice};
use vault::{Entry, Key, Name, Resting, Vault, VaultError};

use crate::freshness::Freshness;
use crate::login::end_of_login;
use crate::provide::{Provided, Question};
use crate::turn::{Shared, Turn, Turnstile};
use crate::{AtHand, MintError, Provider, Scope};

/// A helper made of a cloud, a vault and the settings.
pub struct Broker<P> {
    provider: P,
    setup: Setup,
    vault: Vault,
    turnstile: Turnstile,
    clock: fn() -> SystemTime,
    deadline: Deadline,
}

/// Credentials, and when they end where that is known.
struct Found {
    credentials: Credentials,
    expires: Option<SystemTime>,
}

/// What the vault has for a registry.
struct Kept {
    login: Option<Entry>,
    token: Option<(Entry, Freshness)>,
}

impl<P: Provider> Broker<P> {
    /// Puts a helper together; asks and opens nothing. The time limit of the settings starts here.
    pub fn new(provider: P, setup: Setup, vault: Vault, clock: fn() -> SystemTime) -> Self {
        let deadline = Deadline::after(setup.settings.timeout);
        // What is kept nowhere cannot be waited for.
        let shared = (setup.settings.vault != VaultChoice::None).then_some(&setup.places);
        let folder = shared.and_then(|places| places.runtime.as_ref().or(places.cache.as_ref()));
        let turnstile = Turnstile::new(folder.map(|folder| folder.join("turns")));
        Broker { provider, setup, vault, turnstile, clock, deadline }
    }

    /// The stored login for a registry, unless it has ended, and the token of a scope. They are asked
    /// for together, because a keychain takes its time for every question.
    fn kept(&self, server: &ServerUrl, scope: Option<&Scope<P::Target>>) -> Result<Kept, VaultError> {
        if let (Some(_), Some(scope)) = (&self.setup.workload, scope) {
            // A login is the machine's: not for whoever signs in with an account of his own.
            return Ok(Kept { login: None, token: self.token(scope) });
        }
        // What a keychain's logins say of themselves can be on its way while a token is opened.
        let mut keys: Vec<_> = scope.map(|scope| Key::Token(scope.id())).into_iter().collect();
        keys.push(Key::Login(server.clone()));
        let mut found = self.vault.load_all(&keys);
        let login = match found.pop().unwrap_or(Ok(None)) {
            // A cloud's registry can be reached without.
            Err(error) if scope.is_some() => {
                log::warn!("no login from the vault: {error}");
                None
            }
            login => login?.and_then(|login| self.lasting(login, server, scope.is_some())),
        };
        let token = found.pop().and_then(|token| self.judged(token));
        Ok(Kept { login, token })
    }

    /// The login with its end, unless that is over.
    fn lasting(&self, mut login: Entry, server: &ServerUrl, of_cloud: bool) -> Option<Entry> {
        // Another helper's login does not say when it ends.
        let end = || end_of_login(&login.username, login.secret.expose(), login.issued).filter(|_| of_cloud);
        login.expires = login.expires.or_else(end);
        if login.expires.is_some_and(|end| end <= (self.clock)()) {
            log::info!("the login stored for {server} has ended");
            return None;
        }
        Some(login)
    }

    fn token(&self, scope: &Scope<P::Target>) -> Option<(Entry, Freshness)> {
        self.judged(self.vault.load(&Key::Token(scope.id())))
    }

    fn judged(&self, token: Result<Option<Entry>, VaultError>) -> Option<(Entry, Freshness)> {
        let token = token.inspect_err(|error| log::warn!("no token from the vault: {error}")).ok()??;
        let freshness = Freshness::of(&token, (self.clock)(), self.setup.settings.refresh_before);
        log::debug!("a token is kept for {}: {freshness:?}", token.server);
        Some((token, freshness))
    }

    /// Mints, or waits for the process that does.
    fn renew(&self, server: &ServerUrl, scope: &Scope<P::Target>, kept: Option<Entry>) -> Result<Found, Failure> {
        loop {
            match self.turnstile.wait(&scope.id(), (self.clock)(), self.deadline) {
                Turn::Mint(minter) => {
                    // Another process may have been minting until a moment ago.
                    if let Some((token, Freshness::Fresh)) = self.token(scope) {
                        return Ok(answer(server, token));
                    }
                    log::info!("minting a token for {}", scope.service);
                    return match self.provider.mint(scope, &self.setup, self.deadline) {
                        Ok(minted) => {
                            let token = Entry {
                                key: Key::Token(scope.id()),
                                server: server.key(),
                                username: minted.username,
                                secret: minted.secret,
                                issued: (self.clock)(),
                                expires: Some(minted.expires),
                            };
                            self.keep(&token);
                            drop(minter);
                            Ok(answer(server, token))
                        }
                        Err(error) => {
                            let shared = Shared::from(error);
                            minter.failed(&shared, (self.clock)());
                            self.fall_back(server, scope, kept, shared)
                        }
                    };
                }
                Turn::LookAgain => {
                    if let Some((token, Freshness::Fresh)) = self.token(scope) {
                        return Ok(answer(server, token));
                    }
                }
                Turn::Failed(shared) => return self.fall_back(server, scope, kept, shared),
                Turn::Late => {
                    let what = format!("another process has been minting a token for {server} all the time");
                    let shared = Shared { not_signed_in: false, why: Explained { what, hint: None } };
                    return self.fall_back(server, scope, kept, shared);
                }
            }
        }
    }

    /// That a token cannot be kept must not cost the user the token.
    fn keep(&self, token: &Entry) {
        match self.vault.save(token) {
            Ok(resting) => log::debug!("the token rests in {resting:?}"),
            Err(error) => log::warn!("the token could not be kept: {error}"),
        }
        self.turnstile.sweep(token.issued);
    }

    /// What there is without a new token: the kept one while it lasts, nothing, or the reason.
    fn fall_back(
        &self,
        server: &ServerUrl,
        scope: &Scope<P::Target>,
        kept: Option<Entry>,
        shared: Shared,
    ) -> Result<Found, Failure> {
        if let Some(kept) = kept
            && Freshness::of(&kept, (self.clock)(), self.setup.settings.refresh_before) != Freshness::Ended
        {
            log::warn!("a kept token serves for {server} while it lasts: {}", shared.why);
            return Ok(answer(server, kept));
        }
        if shared.not_signed_in && scope.public {
            log::info!("nobody is signed in and {server} serves the public: {}", shared.why);
            return Err(Failure::NotFound);
        }
        Err(Failure::Stop(shared.why))
    }

    /// Stored, cached, at hand, or minted: for an address, whose login counts, and a token's scope.
    fn find(&self, server: &ServerUrl, scope: Option<Scope<P::Target>>) -> Result<Found, Failure> {
        let kept = self.kept(server, scope.as_ref()).map_err(|error| unreadable(server, &error))?;
        match (kept.login, scope, kept.token) {
            (Some(login), ..) => Ok(answer(server, login)),
            (None, None, _) => Err(Failure::NotFound),
            (None, Some(_), Some((token, Freshness::Fresh))) => Ok(answer(server, token)),
            (None, Some(scope), token) => {
                let token = token.map(|(token, _)| token);
                match self.provider.at_hand(&scope, &self.setup) {
                    Ok(Some(AtHand { username, secret })) => {
                        let credentials = Credentials { server: server.asked().to_owned(), username, secret };
                        Ok(Found { credentials, expires: None })
                    }
                    Ok(None) => self.renew(server, &scope, token),
                    Err(error) => self.fall_back(server, &scope, token, error.into()),
                }
            }
        }
    }

    /// The scope of an image, and whether it is not that of every image of its registry.
    fn scope_of(&self, question: &Question) -> (Option<Scope<P::Target>>, bool) {
        let of_registry = self.provider.scope(&question.registry, &self.setup);
        let Some(image) = question.image() else { return (of_registry, false) };
        let of_image = self.provider.scope(&image, &self.setup);
        let id = |scope: &Option<Scope<P::Target>>| scope.as_ref().map(Scope::id);
        let by_rule = self.setup.settings.rules.iter().any(|rule| rule.tells_images_apart(&question.registry));
        let partial = by_rule || id(&of_registry) != id(&of_image);
        (of_image, partial)
    }

    /// Whether `get` would answer with this entry now.
    fn serves(&self, name: &Name, now: SystemTime) -> bool {
        let scope = ServerUrl::parse(&name.server).ok().and_then(|server| self.provider.scope(&server, &self.setup));
        let end = name.expires.or_else(|| end_of_login(&name.username, "", name.issued).filter(|_| scope.is_some()));
        let is_ours = match &name.key {
            Key::Login(_) => true,
            // A token of an identity that is not the present one is not handed out.
            Key::Token(id) => scope.is_some_and(|scope| scope.id() == *id),
        };
        is_ours && end.is_none_or(|end| end > now)
    }
}

impl<P: Provider> Helper for Broker<P> {
    fn get(&self, server: &ServerUrl) -> Result<Credentials, Failure> {
        self.find(server, self.provider.scope(server, &self.setup)).map(|found| found.credentials)
    }

    fn provide(&mut self, question: &str) -> Result<Vec<u8>, Failure> {
        let mut question = Question::read(question)?;
        let workload = question.workload.take();
        let (registry, rule) = self.setup.registry_of(question.image().as_ref().unwrap_or(&question.registry)).unzip();
        let cloud = registry.map(|registry| registry.cloud());
        self.setup.workload =
            workload.filter(|workload| cloud.is_some_and(|cloud| workload.signs_in(cloud, rule.flatten())));
        let (mut scope, partial) = self.scope_of(&question);
        if let Some(scope) = &mut scope {
            // That nobody is signed in lets the public's clients go on, and this one.
            scope.public |= question.goes_on;
        }
        let Found { credentials, expires } = self.find(&question.registry, scope)?;
        Ok(Provided { username: credentials.username, secret: credentials.secret, expires, partial }.to_json())
    }

    fn store(&self, server: &ServerUrl, login: Credentials) -> Result<Option<String>, Failure> {
        let now = (self.clock)();
        let of_cloud = self.provider.scope(server, &self.setup).is_some();
        let expires = of_cloud.then(|| end_of_login(&login.username, login.secret.expose(), now)).flatten();
        let entry = Entry {
            key: Key::Login(server.clone()),
            server: server.key(),
            username: login.username,
            secret: login.secret,
            issued: now,
            expires,
        };
        match self.vault.save(&entry) {
            Ok(Resting::File(path)) => {
                // Who chose files knows why; a keychain may be missing, locked or broken.
                let chosen = self.setup.settings.vault == VaultChoice::File;
                let why = if chosen { "" } else { ", as no keychain could keep it" };
                Ok(Some(format!("The login for {server} is stored unencrypted in {}{why}.", path.display())))
            }
            Ok(Resting::Nowhere) => Err(Failure::with_hint(
                "no login can be stored: the settings say vault = \"none\"",
                "set vault = \"auto\"",
            )),
            Ok(Resting::Keychain | Resting::Kernel) => Ok(None),
            Err(error) => Err(Failure::Stop(Explained {
                what: format!("the login for {server} could not be stored: {error}"),
                hint: remedy(&error),
            })),
        }
    }

    fn erase(&self, server: &ServerUrl) -> Result<(), Failure> {
        let mut keys = vec![Key::Login(server.clone())];
        if let Some(scope) = self.provider.scope(server, &self.setup) {
            // The token of this identity and those of any other one for the same service.
            let service = format!("{}/", scope.service);
            let others = self.vault.names().inspect_err(|error| log::warn!("no names from the vault: {error}"));
            keys.push(Key::Token(scope.id()));
            keys.extend(
                others
                    .unwrap_or_default()
                    .into_iter()
                    .map(|name| name.key)
                    .filter(|key| matches!(key, Key::Token(id) if id.starts_with(&service) && *id != scope.id())),
            );
        }
        let failures: Vec<_> = keys.iter().filter_map(|key| self.vault.remove(key).err()).collect();
        match failures.first() {
            None => Ok(()),
            Some(error) => Err(Failure::Stop(Explained {
                what: format!("what is kept for {server} could not be erased: {error}"),
                hint: remedy(error),
            })),
        }
    }

    fn inspect(&self, server: &ServerUrl) -> Result<Value, Failure> {
        let scope = self.provider.scope(server, &self.setup);
        let kept = self.kept(server, scope.as_ref()).map_err(|error| unreadable(server, &error))?;
        Ok(json!({
            "server": server.key(),
            "service": scope.as_ref().map(|scope| &scope.service),
            "public": scope.as_ref().is_some_and(|scope| scope.public),
            "login": kept.login.as_ref().map(described),
            "token": kept.token.as_ref().map(|(token, _)| described(token)),
            "fresh": kept.token.as_ref().is_some_and(|(_, freshness)| *freshness == Freshness::Fresh),
        }))
    }

    fn list(&self) -> Result<Vec<(String, String)>, Failure> {
        let names = self.vault.names().map_err(|error| {
            Failure::Stop(Explained { what: format!("the vault could not be listed: {error}"), hint: remedy(&error) })
        })?;
        let now = (self.clock)();
        let mut listed: Vec<(String, String)> = Vec::new();
        for name in names {
            // A login comes before the token of the same server and wins over it.
            if self.serves(&name, now) && !listed.iter().any(|(server, _)| *server == name.server) {
                listed.push((name.server, name.username));
            }
        }
        Ok(listed)
    }
}

impl From<MintError> for Shared {
    fn from(error: MintError) -> Self {
        match error {
            MintError::NotSignedIn(why) => Shared { not_signed_in: true, why },
            MintError::Failed(why) => Shared { not_signed_in: false, why },
        }
    }
}

/// All but the secret; times in seconds since 1970.
fn described(entry: &Entry) -> Value {
    let seconds = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    json!({"username": entry.username, "issued": seconds(entry.issued), "expires": entry.expires.map(seconds)})
}

/// The reply echoes the address as it was asked for: clients compare.
fn answer(server: &ServerUrl, entry: Entry) -> Found {
    let Entry { username, secret, expires, .. } = entry;
    Found { credentials: Credentials { server: server.asked().to_owned(), username, secret }, expires }
}

fn unreadable(server: &ServerUrl, error: &VaultError) -> Failure {
    Failure::Stop(Explained { what: format!("the login for {server} could not be read: {error}"), hint: remedy(error) })
}

fn remedy(error: &VaultError) -> Option<String> {
    let remedy = match error {
        VaultError::Locked { .. } => "unlock it, or set vault = \"file\" in credmint's settings",
        VaultError::Hung { .. } => "restart it, or set vault = \"file\" in credmint's settings",
        VaultError::Absent { .. } => "set vault = \"auto\" or \"file\" in credmint's settings",
        VaultError::Broken { .. } => return None,
    };
    Some(remedy.to_owned())
}
