use protocol::Credentials;

use crate::auth::Auth;
use crate::document::Document;
use crate::helper::HelperName;
use crate::keys::{HUB, is_hub_token, is_namespace, registry_of};
use crate::lookup::{Client, ImageQuery, Logins, Source, sources};
use crate::registry_entries::{RegistryEntries, by_registry};
use crate::simulation::{Outcome, Outcomes, simulate};

/// Queries of helpers: the part of a [`Migration`] that runs programs.
pub trait HelperQueries {
    /// Whether a short name is that of one of our helpers, which all keep logins in the same place.
    fn is_ours(&self, helper: &str) -> bool;
    /// The credentials of a helper; `None` also if it has no login or fails.
    fn credentials(&self, helper: &str, asked: &str) -> Option<Credentials>;
    /// The login that our helpers keep for an address: nothing that would have to be minted.
    fn stored_login(&self, asked: &str) -> Option<Credentials>;
}

/// The plan for moving plaintext logins of a config to where our helpers keep them.
///
/// Clients find one login under many keys, each in its own way, while a helper is called with hosts only. So
/// the lookups of all clients are simulated before and after: an image that had a login has the same one,
/// or the login is skipped and the plan has the reason.
pub struct Migration<'a> {
    /// The clients that read the file. The first that finds a login for a registry decides which key counts.
    pub clients: &'a [Client],
    /// The helper to set where none of ours is set yet.
    pub helper: &'a HelperName,
    /// What helpers have.
    pub helpers: &'a dyn HelperQueries,
    /// Leaves alone what would be found as before.
    pub only_shadowed: bool,
}

/// One login that can move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// The login; its server is the address that the client looks up.
    pub login: Credentials,
    /// The keys in `auths` that have it.
    pub keys: Vec<String>,
    /// The keys that `credHelpers` needs so that every client finds it.
    pub helper_keys: Vec<String>,
    /// The helper behind them.
    pub helper: HelperName,
}

/// A login that is not moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Its key in `auths`.
    pub key: String,
    /// Its user; empty for a `registrytoken` alone.
    pub username: String,
    /// Why, for people.
    pub why: String,
}

/// A login of another helper that is no longer queried for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShadowedLogin {
    /// The other helper.
    pub helper: String,
    /// Its login; its server is the address that the client looks up.
    pub login: Credentials,
}

/// What moves and what stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Logins outside of the file that the new configuration hides; nothing is planned for them.
    pub shadowed: Vec<ShadowedLogin>,
    /// In the order of the text.
    pub moves: Vec<Move>,
    /// The same.
    pub skipped: Vec<Skipped>,
}

impl Migration<'_> {
    /// Plans for a config that is, apart from the logins, to become `wired`; the same document where
    /// nothing else is to change.
    pub fn plan(&self, before: &Document, wired: &Document) -> Plan {
        let (before, wired) = (Logins::of(before), Logins::of(wired));
        let mut plan = Plan::default();
        let mut earlier = by_registry(&before);
        for (registry, after) in by_registry(&wired) {
            let mut found = earlier.remove(&registry).unwrap_or_default();
            found.host.clone_from(&after.host);
            found.logins.store.clone_from(&before.store);
            if self.only_shadowed {
                plan.shadowed.extend(self.shadowed(&found, &after));
            }
            match self.of_registry(&found, after) {
                Ok(Some(moved)) => plan.moved(moved, &found, self.clients),
                Ok(None) => {}
                Err(why) => plan.skipped.extend(found.entries().map(|auth| skipped(auth, &why))),
            }
        }
        self.hub_tokens(&before, &wired, &mut plan);
        let unknown = before.auths.iter().filter(|auth| registry_of(&auth.server).is_none());
        let unknown = unknown.filter(|auth| !auth.is_marker() && !self.only_shadowed);
        plan.skipped.extend(unknown.map(|auth| skipped(auth, "its key is not a registry address")));
        let place = |key: &String| before.auths.iter().position(|auth| auth.server == *key);
        plan.moves.sort_by_key(|moved| moved.keys.first().and_then(place));
        plan.skipped.sort_by_key(|skipped| place(&skipped.key));
        plan
    }

    /// Does what the plan for a document says of the logins that are kept by now; `before` is the
    /// document as it was found. Tells what it did: less than was planned if others have written since.
    pub fn apply(&self, before: &Document, document: &mut Document, kept: &[Credentials]) -> Vec<Move> {
        // What is kept by now is not hidden any more.
        let mut plan = Migration { only_shadowed: false, ..*self }.plan(before, document);
        plan.moves.retain(|moved| kept.contains(&moved.login));
        for moved in &plan.moves {
            for key in &moved.keys {
                document.clear_login(key);
            }
            for key in &moved.helper_keys {
                document.set_helper_of_key(key, &moved.helper);
            }
        }
        plan.moves
    }

    /// The move of the login of one registry; `None` if nothing has to move, else why it cannot.
    fn of_registry(&self, found: &RegistryEntries, wired: RegistryEntries) -> Result<Option<Move>, String> {
        if found.entries().next().is_none() {
            return Ok(None);
        }
        if found.logins.auths.len() > MOST {
            return Err(format!("too many entries for {}", found.host));
        }
        let before = self.without_empty_helpers(found);
        let as_found = |helper: &str, asked: &str| self.helpers.credentials(helper, asked).map(Outcome::from);
        let images = before.images();
        let earlier: Vec<(Client, ImageQuery<'_>, Outcomes)> = self
            .clients
            .iter()
            .flat_map(|client| images.iter().map(move |image| (*client, image.asked())))
            .map(|(client, image)| (client, image, simulate(client, image, &before.logins, &as_found)))
            .collect();
        let ours = |helper: &str| self.helpers.is_ours(helper);
        if self.only_shadowed {
            let unmoved = |helper: &str, asked: &str| match ours(helper) {
                true => self.helpers.stored_login(asked).map(Outcome::from),
                false => as_found(helper, asked),
            };
            let hides = |(client, image, earlier): &(Client, ImageQuery<'_>, Outcomes)| {
                !simulate(*client, *image, &wired.logins, &unmoved).preserves(earlier)
            };
            if !earlier.iter().any(hides) {
                return Ok(None);
            }
        }
        let login = self.the_login(&before, &earlier)?;
        let asked = before.asked();
        if let Some(kept) = self.helpers.stored_login(&asked)
            && Outcome::from(kept.clone()) != login
        {
            let host = &before.host;
            return Err(format!(
                "another login for {host} ({}) is already stored; to remove it, run `credmint logout {host}`",
                kept.username
            ));
        }
        let keys = before.keys_of(&login);
        let mut after = wired;
        after.blank(&keys);
        let named = after.logins.helpers.iter().find(|(key, helper)| *key == asked && ours(helper));
        let named = named.and_then(|(_, helper)| HelperName::parse(helper).ok());
        let helper = named.unwrap_or_else(|| self.helper.clone());
        let moved = |helper: &str, asked: &str| match ours(helper) {
            true => before.is_asked(asked).then(|| login.clone()),
            false => as_found(helper, asked),
        };
        let mut helper_keys = Vec::new();
        for (client, image, earlier) in &earlier {
            let key = image.key(*client);
            let lost = !simulate(*client, *image, &after.logins, &moved).preserves(earlier);
            if lost && earlier.has(&login) && !helper_keys.contains(&key) {
                after.set_helper(&key, helper.as_str());
                helper_keys.push(key);
            }
        }
        for (client, image, earlier) in &earlier {
            if !simulate(*client, *image, &after.logins, &moved).preserves(earlier) {
                return Err(before.why_not(*client, *image));
            }
        }
        let Outcome::Login(username, secret) = login else { return Err(TOKEN.to_owned()) };
        Ok(Some(Move { login: Credentials { server: asked, username, secret }, keys, helper_keys, helper }))
    }

    /// The login of the helper that was used until now.
    fn shadowed(&self, found: &RegistryEntries, wired: &RegistryEntries) -> Option<ShadowedLogin> {
        let client = *self.clients.first()?;
        let image = ImageQuery { host: &found.host, repository: None };
        let asked_first = |logins| match sources(client, image, "".as_ref(), logins).into_iter().next() {
            Some(Source::Helper { helper, asked, .. }) => Some((helper, asked)),
            _ => None,
        };
        let (helper, asked) = asked_first(&found.logins).filter(|(helper, _)| !self.helpers.is_ours(helper))?;
        let (now, _) = asked_first(&wired.logins).filter(|(now, _)| self.helpers.is_ours(now))?;
        let login = self.helpers.credentials(&helper, &asked)?;
        let same =
            self.helpers.stored_login(&asked).is_some_and(|kept| Outcome::from(kept) == Outcome::from(login.clone()));
        (now != helper && !same)
            .then_some(ShadowedLogin { helper, login: Credentials { server: found.asked(), ..login } })
    }

    /// A helper that has nothing hides the login in the file, which is to be found again.
    fn without_empty_helpers(&self, found: &RegistryEntries) -> RegistryEntries {
        let mut before = found.clone();
        before
            .logins
            .helpers
            .retain(|(key, helper)| helper.is_empty() || self.helpers.credentials(helper, key).is_some());
        let asked = found.asked();
        before.logins.store = before.logins.store.filter(|store| self.helpers.credentials(store, &asked).is_some());
        before
    }

    /// The login that the first client that finds any uses for this registry, if it is in the file.
    fn the_login(
        &self,
        before: &RegistryEntries,
        earlier: &[(Client, ImageQuery<'_>, Outcomes)],
    ) -> Result<Outcome, String> {
        let of_host = earlier.iter().filter(|(_, image, _)| image.host == before.host && image.repository.is_none());
        let Some((client, image, found)) = of_host.into_iter().find(|(_, _, found)| !found.is_nothing()) else {
            let namespaces = before.entries().all(|auth| is_namespace(&auth.server));
            return Err(match namespaces {
                true => NAMESPACE.to_owned(),
                false => format!("no client uses it for {}", before.host),
            });
        };
        let Some(login) = found.only() else {
            return Err(format!("{client} may use any of several logins for {}: remove all but one", before.host));
        };
        if matches!(login, Outcome::Token(_)) {
            return Err(TOKEN.to_owned());
        }
        let has = |auth: &&Auth| auth.login().map(Outcome::from).as_ref() == Some(&login);
        match before.logins.auths.iter().find(has) {
            Some(_) if !before.keys_of(&login).is_empty() => Ok(login),
            Some(auth) if auth.registry_token.is_some() => Err(TOKEN.to_owned()),
            Some(_) => Err(NAMESPACE.to_owned()),
            None => Err(match sources(*client, *image, "".as_ref(), &before.logins).first() {
                Some(Source::Helper { helper, .. }) => {
                    format!("{client} gets another login from docker-credential-{helper}")
                }
                _ => format!("{client} uses another login for {}", before.host),
            }),
        }
    }

    /// The tokens of `docker login`'s web login go where the login of Docker Hub goes.
    fn hub_tokens(&self, before: &Logins, wired: &Logins, plan: &mut Plan) {
        let hub = plan.moves.iter().find(|moved| moved.login.server == HUB);
        let named = wired.helpers.iter().find(|(key, _)| key == HUB).map(|(_, helper)| helper.as_str());
        let goes_to_ours = named.or(wired.store.as_deref()).is_some_and(|helper| self.helpers.is_ours(helper));
        let goes = hub.is_some() || goes_to_ours;
        let helper = hub.map_or_else(|| self.helper.clone(), |moved| moved.helper.clone());
        for auth in before.auths.iter().filter(|auth| is_hub_token(&auth.server)) {
            let Some(login) = auth.login() else { continue };
            match goes {
                true => plan.moves.push(Move {
                    login,
                    keys: vec![auth.server.clone()],
                    helper_keys: Vec::new(),
                    helper: helper.clone(),
                }),
                false if self.only_shadowed => {}
                false => plan.skipped.push(skipped(auth, "kept together with the login of Docker Hub")),
            }
        }
    }
}

/// The most entries of one registry; the time grows with their third power.
const MOST: usize = 32;
const NAMESPACE: &str = "it is for some repositories only, and helpers are called for a whole registry";
const TOKEN: &str = "it has a registrytoken, which helpers cannot store";

impl Plan {
    fn moved(&mut self, moved: Move, group: &RegistryEntries, clients: &[Client]) {
        let others = group.entries().filter(|auth| !moved.keys.contains(&auth.server));
        let client = clients.first().map(ToString::to_string).unwrap_or_default();
        let why = format!("duplicate entry for {}: {client} uses {}", group.host, moved.keys.join(", "));
        self.skipped.extend(others.map(|auth| skipped(auth, &why)));
        self.moves.push(moved);
    }
}

fn skipped(auth: &Auth, why: &str) -> Skipped {
    let username = auth.login().map(|login| login.username).unwrap_or_default();
    Skipped { key: auth.server.clone(), username, why: why.to_owned() }
}
