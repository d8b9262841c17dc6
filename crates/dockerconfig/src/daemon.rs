use crate::Document;
use crate::json_text::PathSegment::Field;
use crate::span::{decode, encode, items};

/// The lists of dockerd's `daemon.json` that are about registries.
///
/// Source: <https://docs.docker.com/reference/cli/dockerd/#daemon-configuration-file>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DaemonList {
    /// `registry-mirrors`: addresses with a scheme, tried before Docker Hub.
    Mirrors,
    /// `insecure-registries`: hosts or networks reached without TLS, or without checking it.
    Insecure,
}

impl DaemonList {
    fn name(self) -> &'static str {
        match self {
            DaemonList::Mirrors => "registry-mirrors",
            DaemonList::Insecure => "insecure-registries",
        }
    }
}

/// The proxy that dockerd itself pulls and pushes through: members of `proxies`, since Docker 23.
///
/// Source: <https://docs.docker.com/engine/daemon/proxy/#daemon-configuration>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DaemonProxy {
    /// `http-proxy`: for registries without TLS.
    Http,
    /// `https-proxy`: for all others.
    Https,
    /// `no-proxy`: hosts and networks that are reached without one, separated by commas.
    Excluded,
}

impl DaemonProxy {
    pub(crate) const ALL: [Self; 3] = [DaemonProxy::Http, DaemonProxy::Https, DaemonProxy::Excluded];

    pub(crate) fn name(self) -> &'static str {
        match self {
            DaemonProxy::Http => "http-proxy",
            DaemonProxy::Https => "https-proxy",
            DaemonProxy::Excluded => "no-proxy",
        }
    }
}

pub(crate) const PROXIES: &str = "proxies";

impl Document {
    /// A member of dockerd's `proxies`; it may hold a password.
    pub fn daemon_proxy(&self, proxy: DaemonProxy) -> Option<String> {
        self.text.string(&[Field(PROXIES), Field(proxy.name())]).filter(|value| !value.is_empty())
    }

    /// Sets a member of dockerd's `proxies`.
    pub fn set_daemon_proxy(&mut self, proxy: DaemonProxy, value: &str) {
        self.text.set(&[Field(PROXIES), Field(proxy.name())], &encode(value));
    }

    /// Removes a member of dockerd's `proxies`, and that with its last one.
    pub fn remove_daemon_proxy(&mut self, proxy: DaemonProxy) {
        let path = [Field(PROXIES), Field(proxy.name())];
        if self.text.find(&path).is_some() {
            self.text.remove(&path);
            if self.text.find(&path[..1]).is_some_and(|object| self.text.members(&object).is_empty()) {
                self.text.remove(&path[..1]);
            }
        }
    }

    /// The elements of a list, in their order.
    pub fn list(&self, list: DaemonList) -> Vec<String> {
        let Some(array) = self.text.find(&[Field(list.name())]) else { return Vec::new() };
        let elements = items(self.text.bytes(), &array).into_iter().map(|item| &self.text.bytes()[item.value]);
        elements.filter(|raw| raw.starts_with(b"\"")).map(decode).collect()
    }

    /// Appends an element that is not in the list yet.
    pub fn add_to(&mut self, list: DaemonList, element: &str) {
        self.text.add(&[Field(list.name())], &encode(element));
    }

    /// Removes an element, and the list with its last one.
    pub fn remove_from(&mut self, list: DaemonList, element: &str) {
        if self.list(list).iter().any(|other| other == element) {
            self.text.subtract(&[Field(list.name())], &encode(element));
            if self.list(list).is_empty() {
                self.text.remove(&[Field(list.name())]);
            }
        }
    }
}
