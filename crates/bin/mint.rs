//! `credmint-mint`: mints what the helpers beside it miss. It has the clouds' SDKs in it, so that they do not.

mod allocator;

use std::process::ExitCode;

use registry::Cloud;

fn main() -> ExitCode {
    broker::answer(|server, setup, deadline| match setup.registry_of(server).map(|(registry, _)| registry.cloud()) {
        Some(Cloud::Azure) => broker::mint(acr::Acr, server, setup, deadline),
        Some(Cloud::Google) => broker::mint(gcr::Gcr, server, setup, deadline),
        Some(Cloud::GitHub) => broker::mint(ghcr::Ghcr, server, setup, deadline),
        Some(Cloud::Aws) | None => broker::mint(ecr::Ecr, server, setup, deadline),
    })
}
