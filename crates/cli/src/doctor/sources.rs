use std::path::PathBuf;

use dockerconfig::{Client, ConfigFile, Document, LookupQuery, LookupResult, lookup};
use protocol::ServerUrl;
use registry::Cloud;

use super::configs::Configs;
use super::finding::{Remedy, Section, how_to_sign_in};
use super::{exchange, policy};
use crate::build::install_with;
use crate::context::Context;
use crate::helpers::name_of;
use crate::identities;
use crate::image::Image;

/// Which source wins for this image, in each family of clients.
pub(super) fn check(image: &Image, configs: &Configs, context: &Context<'_>) -> Section {
    let mut section = Section::about(format!("Credentials for {}", image.registry));
    let cloud = ServerUrl::parse(image.server()).ok();
    let cloud = cloud.and_then(|server| Some(context.setup.registry_of(&server)?.0.cloud()));
    let left_out = cloud.filter(|cloud| !context.build.has(*cloud));
    for (client, names) in [
        (Client::Docker, "docker, buildx, compose"),
        (Client::Podman, "podman, buildah, skopeo"),
        (Client::GoContainerRegistry, "crane, ko, kaniko, cosign"),
    ] {
        match of(client, image, configs).and_then(|found| found.source) {
            Some(source) => section.ok(format!("{names}: {source}")),
            None => {
                let remedy = left_out.is_none().then(|| wire(client, image, configs));
                section.note(format!("{names}: no credentials, requests are anonymous"), remedy);
            }
        }
    }
    policy::check(image, &context.setup, &mut section);
    if let Some(cloud) = left_out {
        section.note(
            format!("{}: only stored logins work for its registries", context.build.does_not_support(cloud)),
            Remedy::advice(install_with(cloud)).or_run(format!("docker login {}", image.registry)),
        );
        return section;
    }
    let Some(cloud) = cloud else {
        exchange::check(image, context, &mut section);
        return section;
    };
    if !identities::detect(&context.setup).iter().any(|identity| identity.cloud == cloud) {
        section.note(
            format!("no {cloud} identity detected; a metadata service may still provide one"),
            how_to_sign_in(image, &context.setup),
        );
    }
    if cloud == Cloud::GitHub && signs_in_as_app(image, context) {
        section.note(
            "identity is a GitHub App: reports differ on whether its tokens can read private packages",
            Remedy::advice("if pulls are denied, set GH_TOKEN to a classic token with read:packages"),
        );
    }
    section.ok(format!("{cloud} registry: docker-credential-{} mints its tokens", name_of(cloud)));
    section
}

/// Whether a GitHub App is named for this registry, by the settings or the environment.
fn signs_in_as_app(image: &Image, context: &Context<'_>) -> bool {
    let server = ServerUrl::parse(image.server()).ok();
    let rule = server.and_then(|server| context.setup.registry_of(&server)?.1?.app_id.clone());
    rule.is_some() || context.setup.environment.raw("GITHUB_APP_ID").is_some()
}

fn wire(client: Client, image: &Image, configs: &Configs) -> Remedy {
    match client {
        Client::Podman => Remedy::run(format!("credmint configure --podman {}", image.registry)),
        Client::Docker => configs.credmint(&format!("configure {}", image.registry)),
        _ => Remedy::run(format!("credmint configure {}", image.registry)),
    }
}

/// The source that a client would use.
pub(super) fn of(client: Client, image: &Image, configs: &Configs) -> Option<LookupResult> {
    let server = ServerUrl::parse(image.server()).ok()?;
    let repository = image.repository.as_deref();
    let lookup_in = |files: &[(PathBuf, Document)]| {
        lookup(client, &LookupQuery { server: &server, repository, variable: &configs.variable, files })
    };
    if let (Client::Docker, Some(docker)) = (client, &configs.docker) {
        return Some(lookup_in(std::slice::from_ref(docker)));
    }
    let paths = configs.config_paths.files(client, configs.system);
    let read = |path: PathBuf| {
        let document = path.exists().then(|| ConfigFile::at(path.clone()).read().ok()).flatten()?;
        Some((path, document))
    };
    Some(lookup_in(&paths.into_iter().filter_map(read).collect::<Vec<_>>()))
}
