//! The attributes of items: ours, and those of others.

use std::collections::BTreeMap;
use std::time::SystemTime;

use dbus::arg::{PropMap, RefArg, Variant, prop_cast};
use protocol::ServerUrl;

use super::bus::Items;
use crate::header::{from_seconds, to_seconds};
use crate::{Entry, Key, Name};

/// The schema of our tokens.
const TOKEN: &str = "io.credmint.Token";
/// The schema of the logins of Docker's own helper, and of ours.
/// <https://github.com/docker/docker-credential-helpers/blob/v0.9.6/secretservice/secretservice.c>
const LOGIN: &str = "io.docker.Credentials";

pub(super) type Attributes = BTreeMap<String, String>;

impl Items {
    pub(super) fn are_few(&self) -> bool {
        self.locked.is_empty() && self.unlocked.len() <= 8
    }
}

pub(super) fn logins_query() -> Attributes {
    attributes([("docker_cli", "1")])
}

pub(super) fn login_query(server: &str) -> Attributes {
    attributes([("docker_cli", "1"), ("server", server)])
}

pub(super) fn tokens_query() -> Attributes {
    attributes([("xdg:schema", TOKEN)])
}

pub(super) fn token_query(id: &str) -> Attributes {
    attributes([("xdg:schema", TOKEN), ("credmint", id)])
}

pub(super) fn token_item(id: &str, entry: &Entry) -> Attributes {
    let seconds = |time: SystemTime| to_seconds(time).to_string();
    let mut item = token_query(id);
    item.extend(attributes([("server", &*entry.server), ("username", &*entry.username)]));
    item.insert("issued".to_owned(), seconds(entry.issued));
    item.extend(entry.expires.map(|end| ("expires".to_owned(), seconds(end))));
    item
}

pub(super) fn login_item(server: &str, username: &str) -> Attributes {
    attributes([
        ("xdg:schema", LOGIN),
        ("label", "Docker Credentials"),
        ("docker_cli", "1"),
        ("server", server),
        ("username", username),
    ])
}

fn attributes<const N: usize>(pairs: [(&str, &str); N]) -> Attributes {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The attributes of an item, without its secret.
pub(super) struct ItemAttributes {
    pub(super) attributes: Attributes,
    modified: SystemTime,
}

impl ItemAttributes {
    pub(super) fn of(properties: &PropMap) -> Option<Self> {
        let attributes = properties.get("Attributes").and_then(|Variant(value)| {
            let mut texts = value.as_iter()?.map(|text| text.as_str().map(str::to_owned));
            let mut attributes = Attributes::new();
            while let Some(name) = texts.next() {
                attributes.insert(name?, texts.next()??);
            }
            Some(attributes)
        })?;
        let modified = from_seconds(*prop_cast::<u64>(properties, "Modified").unwrap_or(&0))?;
        Some(ItemAttributes { attributes, modified })
    }

    /// By the attribute, not by the label, which was the address in old versions and is a sentence now.
    pub(super) fn login(&self) -> Option<Name> {
        let server = self.attributes.get("server")?;
        Some(Name {
            key: Key::Login(ServerUrl::parse(server).ok()?),
            server: server.clone(),
            username: self.attributes.get("username").cloned().unwrap_or_default(),
            issued: self.modified,
            expires: None,
        })
    }

    pub(super) fn token(&self) -> Option<Name> {
        let text = |name| self.attributes.get(name).cloned();
        let time = |name| from_seconds(self.attributes.get(name)?.parse().ok()?);
        Some(Name {
            key: Key::Token(text("credmint")?),
            server: text("server")?,
            username: text("username")?,
            issued: time("issued")?,
            expires: time("expires"),
        })
    }
}
