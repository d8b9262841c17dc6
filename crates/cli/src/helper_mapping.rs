use dockerconfig::{Document, HelperName, KeyFormat};
use protocol::{ErrorMessage, ServerUrl};

use crate::context::Context;
use crate::helpers::{UNIVERSAL, name_of};
use crate::image::Image;

/// What a config is to say.
pub(crate) struct HelperMapping {
    /// Each registry with the short name of its helper.
    pub(crate) helpers: Vec<(ServerUrl, &'static str)>,
    /// Whether every other registry goes to the helper for everything.
    pub(crate) store: bool,
}

impl HelperMapping {
    pub(crate) fn of(registries: &[String], store: bool, context: &Context<'_>) -> Result<Self, ErrorMessage> {
        let mut helpers = Vec::new();
        for text in registries {
            let image = Image::with_host(text)?;
            let server = ServerUrl::parse(image.server())
                .map_err(|error| ErrorMessage { what: error.to_string(), hint: None })?;
            let cloud = context.setup.registry_of(&server).map(|(registry, _)| registry.cloud());
            helpers.push((server, cloud.map_or(UNIVERSAL, name_of)));
        }
        Ok(HelperMapping { store: store || helpers.is_empty(), helpers })
    }

    /// The helpers that it needs.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.helpers.iter().map(|(_, name)| *name).collect();
        names.extend(self.store.then_some(UNIVERSAL));
        names.sort_unstable();
        names.dedup();
        names
    }

    pub(crate) fn apply(&self, document: &mut Document, format: KeyFormat) {
        let helper = |name| HelperName::parse(name).expect("our own helpers have proper names");
        for (server, name) in &self.helpers {
            // A store serves it already, unless another helper is named.
            let is_named = document.cred_helpers().iter().any(|(key, _)| *key == format.key(server));
            if self.store && !is_named {
                document.add_marker(server);
                continue;
            }
            document.set_cred_helper(server, format, &helper(name));
            // Some clients look up Docker Hub by the host of the image.
            if format == KeyFormat::Docker && server.key() == crate::image::DOCKER_HUB {
                document.set_cred_helper(server, KeyFormat::Podman, &helper(name));
            }
        }
        if self.store {
            document.set_creds_store(&helper(UNIVERSAL));
        }
    }
}
