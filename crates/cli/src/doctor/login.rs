use std::time::Duration;

use dockerconfig::{Client as Reads, Source};
use protocol::{Client as Helper, Credentials};

use super::check_context::CheckContext;
use super::finding::{Remedy, Section, how_to_sign_in};
use super::{policy, sources};
use crate::helpers::{file_name, is_ours};
use crate::image::Image;

/// The credentials that Docker would send to a registry, and their source.
#[derive(Clone)]
pub(super) struct Login {
    pub(super) credentials: Credentials,
    origin: Origin,
}

#[derive(Clone, Copy)]
enum Origin {
    /// Stored with one of credmint's helpers.
    Stored,
    /// Minted by one of them.
    Minted,
    /// Of another helper, or in plain text in Docker's config.
    Docker,
}

impl Login {
    pub(super) fn user(&self) -> &str {
        &self.credentials.username
    }

    /// How to come by a better one.
    pub(super) fn renew(&self, image: &Image, check: &CheckContext<'_>) -> Remedy {
        let registry = &image.registry;
        match self.origin {
            Origin::Stored => Remedy::run(format!("credmint login {registry}")),
            Origin::Minted => Remedy::run(format!("credmint cache clear {registry}")),
            Origin::Docker => check.configs.docker(&format!("login {registry}")),
        }
    }
}

/// Looks up what Docker would send; `Err` if it would send nothing because of an error.
pub(super) fn of(image: &Image, check: &CheckContext<'_>, section: &mut Section) -> Result<Option<Login>, ()> {
    match sources::of(Reads::Docker, image, check.configs).and_then(|found| found.source) {
        Some(Source::Helper { helper, .. }) if check.failing_helpers.contains(&helper) => {
            section.note(format!("skipped: {} does not work, see above", file_name(&helper)), None);
            Err(())
        }
        Some(Source::Helper { helper, asked, .. }) => by_helper(&helper, &asked, image, check, section),
        Some(Source::Entry { key, .. }) => {
            let document = check.configs.docker.as_ref().map(|(_, document)| document);
            let auth = document.and_then(|document| document.auths().into_iter().find(|auth| auth.server == key));
            let credentials = auth.and_then(|auth| auth.login());
            Ok(credentials.map(|credentials| Login { credentials, origin: Origin::Docker }))
        }
        Some(Source::Variable { .. }) => {
            section.note("skipped: the credentials in DOCKER_AUTH_CONFIG are not checked", None);
            Err(())
        }
        None => Ok(None),
    }
}

fn by_helper(
    helper: &str,
    asked: &str,
    image: &Image,
    check: &CheckContext<'_>,
    section: &mut Section,
) -> Result<Option<Login>, ()> {
    let Some(program) = check.helpers.on_path(helper) else { return Err(()) };
    let client = Helper::new(program, check.setup.settings.timeout + Duration::from_secs(5));
    match client.get(asked) {
        Ok(Some(credentials)) => {
            section.ok(format!("{} returned the credentials of {}", file_name(helper), credentials.username));
            let origin = match is_ours(helper).then(|| client.inspect(asked).ok()).flatten() {
                Some(kept) if kept["login"].is_null() => Origin::Minted,
                Some(_) => Origin::Stored,
                None => Origin::Docker,
            };
            Ok(Some(Login { credentials, origin }))
        }
        Ok(None) => {
            let text = format!("{} has no credentials for it, so docker's requests are anonymous", file_name(helper));
            // The denial by the policy was already reported.
            let remedy = policy::refusal(image, check.setup).is_none().then(|| how_to_sign_in(image, check.setup));
            section.note(text, remedy);
            Ok(None)
        }
        Err(error) => {
            section.broken(format!("{}: {error}", file_name(helper)), None);
            Err(())
        }
    }
}
