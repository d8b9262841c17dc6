//! `docker-credential-gcr`: Docker's credential helper for Google Artifact Registry and Container Registry.

mod allocator;

use std::process::ExitCode;

/// The actions of Google's own program of this name:
/// <https://github.com/GoogleCloudPlatform/docker-credential-gcr#readme>.
const FOREIGN_ACTIONS: &[(&str, &str)] = &[
    ("gcr-login", "gcloud auth application-default login"),
    ("gcr-logout", "gcloud auth application-default revoke, and credmint cache clear gcr.io"),
    ("clear", "credmint cache clear gcr.io"),
    ("configure-docker", "credmint configure gcr.io us-docker.pkg.dev (the hosts that you use)"),
    ("config", "credmint status, and credentials_file in credmint's config.toml"),
];

const PROGRAM: protocol::Program = protocol::Program {
    name: "docker-credential-gcr",
    package: env!("CARGO_PKG_NAME"),
    version: env!("CREDMINT_VERSION"),
    foreign_actions: FOREIGN_ACTIONS,
};

fn main() -> ExitCode {
    broker::run(PROGRAM, broker::OutOfProcess(gcr::Gcr))
}
