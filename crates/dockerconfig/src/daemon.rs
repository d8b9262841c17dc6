use crate::Document;
use crate::span::{decode, encode, items};
use crate::text::Step::Field;

/// The lists of dockerd's `daemon.json` that are about registries.
///
/// Source: <https://docs.docker.com/reference/cli/dockerd/#daemon-configuration-file>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DaemonList {
    /// `registry-mirrors`: addresses with a scheme, asked before Docker Hub.
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

impl Document {
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
