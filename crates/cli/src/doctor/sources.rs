use dockerconfig::{Client, ConfigFile, Document, Search, Winner, winner};
use protocol::ServerUrl;

use super::Configs;
use super::report::Report;
use crate::context::Context;
use crate::helpers::name_of;
use crate::image::Image;
use crate::signed_in::signed_in;

/// Which source wins for this image, in each family of clients.
pub(super) fn look(image: &Image, configs: &Configs, context: &Context<'_>, report: &mut Report<'_>) {
    report.about(&format!("Who is asked for {}", image.registry));
    for (client, names) in [
        (Client::Docker, "docker, buildx, compose"),
        (Client::Podman, "podman, buildah, skopeo"),
        (Client::GoContainerRegistry, "crane, ko, kaniko, cosign"),
    ] {
        match of(client, image, configs).and_then(|winner| winner.source) {
            Some(source) => report.fine(format!("{names}: {source}")),
            None => report.note(format!("{names}: nobody, the request is anonymous"), wire(client, image)),
        }
    }
    let cloud = ServerUrl::parse(image.server()).ok();
    let cloud = cloud.and_then(|server| Some(context.setup.registry_of(&server)?.0.cloud()));
    if let Some(cloud) = cloud
        && !signed_in(&context.setup).iter().any(|identity| identity.cloud == cloud)
    {
        report.note(
            format!("no {cloud} identity can be seen from here; one of this machine may be asked for"),
            super::how_to_sign_in(image),
        );
    }
    if let Some(cloud) = cloud {
        report.fine(format!("a {cloud} registry: docker-credential-{} mints its tokens", name_of(cloud)));
    }
}

fn wire(client: Client, image: &Image) -> String {
    match client {
        Client::Podman => format!("credmint configure --podman {}", image.registry),
        _ => format!("credmint configure {}", image.registry),
    }
}

/// What a client would ask.
pub(super) fn of(client: Client, image: &Image, configs: &Configs) -> Option<Winner> {
    let server = ServerUrl::parse(image.server()).ok()?;
    let mut files: Vec<(std::path::PathBuf, Document)> = Vec::new();
    match (client, &configs.docker) {
        (Client::Docker, Some(docker)) => files.push(docker.clone()),
        _ => {
            let paths = configs.surroundings.files(client, configs.system);
            files.extend(paths.into_iter().filter_map(|path| {
                let document = path.exists().then(|| ConfigFile::at(path.clone()).read().ok()).flatten()?;
                Some((path, document))
            }));
        }
    }
    let repository = image.repository.as_deref();
    Some(winner(client, &Search { server: &server, repository, variable: &configs.variable, files: &files }))
}
