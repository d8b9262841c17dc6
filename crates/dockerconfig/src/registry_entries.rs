use std::collections::BTreeMap;

use protocol::{Secret, ServerUrl};

use crate::auth::Auth;
use crate::keys::{host_of, is_hub, is_hub_token, is_namespace, registry_of};
use crate::lookup::{Client, ImageQuery, Logins};
use crate::simulation::Outcome;

/// All entries of one registry in a config, under any spelling.
#[derive(Clone, Debug, Default)]
pub(crate) struct RegistryEntries {
    /// As an image names it; `docker.io` for Docker Hub.
    pub(crate) host: String,
    /// Its entries and helpers; and the store, which is for all registries.
    pub(crate) logins: Logins,
}

/// An image to look for.
pub(crate) struct Image {
    host: String,
    repository: Option<String>,
}

impl Image {
    pub(crate) fn asked(&self) -> ImageQuery<'_> {
        ImageQuery { host: &self.host, repository: self.repository.as_deref() }
    }
}

impl RegistryEntries {
    /// The entries that are more than markers.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Auth> {
        self.logins.auths.iter().filter(|auth| !auth.is_marker())
    }

    /// Those for which the lookups can differ: of every spelling of the host that an image can have,
    /// and in, below and beside every namespace.
    pub(crate) fn images(&self) -> Vec<Image> {
        let keys = self.logins.auths.iter().map(|auth| &auth.server);
        let keys: Vec<_> = keys.chain(self.logins.helpers.iter().map(|(key, _)| key)).collect();
        // Clients replace Docker Hub's other names by `docker.io` before they look them up.
        let written = keys.iter().map(|key| host_of(key)).filter(|_| self.host != "docker.io");
        let mut hosts: Vec<&str> = [self.host.as_str()].into_iter().chain(written).collect();
        hosts.sort_unstable();
        hosts.dedup();
        let namespaces = keys.iter().filter(|key| is_namespace(key)).filter_map(|key| key.split_once('/'));
        let paths = namespaces.map(|(_, path)| path.trim_end_matches('/'));
        let below = paths.flat_map(|path| [Some(path.to_owned()), Some(format!("{path}/below"))]);
        let repositories: Vec<_> = [None, Some("beside".to_owned())].into_iter().chain(below).collect();
        let image =
            |host: &str, repository: &Option<String>| Image { host: host.to_owned(), repository: repository.clone() };
        hosts.iter().flat_map(|host| repositories.iter().map(|repository| image(host, repository))).collect()
    }

    /// The keys that have a login and nothing beside it.
    pub(crate) fn keys_of(&self, login: &Outcome) -> Vec<String> {
        let has = |auth: &&Auth| {
            let same = auth.login().map(Outcome::from).as_ref() == Some(login);
            same && auth.registry_token.is_none() && !is_namespace(&auth.server)
        };
        self.logins.auths.iter().filter(has).map(|auth| auth.server.clone()).collect()
    }

    pub(crate) fn blank(&mut self, keys: &[String]) {
        for auth in self.logins.auths.iter_mut().filter(|auth| keys.contains(&auth.server)) {
            (auth.username, auth.password, auth.identity_token) = (None, None::<Secret>, None);
        }
    }

    pub(crate) fn set_helper(&mut self, key: &str, helper: &str) {
        self.logins.helpers.retain(|(other, _)| other != key);
        self.logins.helpers.push((key.to_owned(), helper.to_owned()));
    }

    /// The address that Docker looks up, in its usual spelling.
    pub(crate) fn asked(&self) -> String {
        ImageQuery { host: &self.host, repository: None }.key(Client::Docker)
    }

    pub(crate) fn is_asked(&self, asked: &str) -> bool {
        ServerUrl::parse(asked).ok() == ServerUrl::parse(&self.asked()).ok()
    }

    pub(crate) fn why_not(&self, client: Client, image: ImageQuery<'_>) -> String {
        let image = image.repository.map_or_else(|| image.host.to_owned(), |path| format!("{}/{path}", image.host));
        match self.entries().any(|auth| is_namespace(&auth.server)) {
            true => format!("{client} has a separate login for {image}, which a helper for {} would shadow", self.host),
            false => format!("{client} would no longer find the same login for {image}"),
        }
    }
}

/// The entries and helpers of each registry in a config.
pub(crate) fn by_registry(logins: &Logins) -> BTreeMap<String, RegistryEntries> {
    let mut found: BTreeMap<String, RegistryEntries> = BTreeMap::new();
    let mut of = |key: &str, add: &mut dyn FnMut(&mut Logins)| {
        if let Some(server) = registry_of(key).filter(|_| !is_hub_token(key)) {
            let group = found.entry(server.key()).or_insert_with(|| RegistryEntries {
                host: if is_hub(&server) { "docker.io".to_owned() } else { server.authority() },
                logins: Logins { store: logins.store.clone(), ..Logins::default() },
            });
            add(&mut group.logins);
        }
    };
    for auth in &logins.auths {
        of(&auth.server, &mut |group| group.auths.push(auth.clone()));
    }
    for (key, helper) in &logins.helpers {
        of(key, &mut |group| group.helpers.push((key.clone(), helper.clone())));
    }
    found
}
