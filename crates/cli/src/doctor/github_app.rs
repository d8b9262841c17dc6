//! A GitHub App's token that signs in and must not pull: the package in GitHub's API.

use std::time::Duration;

use protocol::{Deadline, ServerUrl};
use registry::Registry;
use settings::Setup;
use web::{Client, Response};

use super::finding::{Remedy, Section};
use super::login::Login;
use crate::device_flow::api;
use crate::image::Image;

/// Timeout for one response.
const ANSWER: Duration = Duration::from_secs(15);
/// How the tokens of Apps begin, a job's `GITHUB_TOKEN` among them.
/// <https://docs.github.com/authentication/keeping-your-account-and-data-secure/about-authentication-to-github>
const OF_APPS: &str = "ghs_";

/// Explains why an image of GitHub's registry could not be pulled with an App's token, as far as GitHub shows it.
pub(super) async fn explain(image: &Image, login: &Login, client: &Client, setup: &Setup, section: &mut Section) {
    let server = ServerUrl::parse(image.server()).ok();
    let Some((Registry::Ghcr(registry), _)) = server.as_ref().and_then(|server| setup.registry_of(server)) else {
        return;
    };
    let package = image.repository.as_deref().and_then(|name| name.split_once('/'));
    let token = login.credentials.secret.expose();
    let Some((owner, name)) = package.filter(|_| token.starts_with(OF_APPS)) else { return };
    // A name with slashes is one part of the address.
    let name_in_path = name.replace('/', "%2F");
    let mut is_known = false;
    for kind in ["orgs", "users"] {
        let path = format!("/{kind}/{owner}/packages/container/{name_in_path}");
        let request = client.proxied().get(format!("{}{path}", api(&registry.github)));
        let request = request.bearer_auth(token);
        let request = request.header("accept", "application/vnd.github+json");
        match Response::once(request, Deadline::after(ANSWER)).await {
            Ok(response) if response.is_success() => is_known = true,
            Ok(response) if matches!(response.status, 401 | 403 | 404) => {}
            // An outage has nothing to do with the package.
            _ => return,
        }
    }
    match is_known {
        true => section.note(
            format!("the package {name} of {owner} exists and the App's token sees it, but may not pull it"),
            Remedy::advice(
                "set GH_TOKEN to a classic token with read:packages (GitHub documents no App for private packages), or for a job's GITHUB_TOKEN give its repository access under Manage Actions access",
            ),
        ),
        false => section.note(
            format!("the App's token sees no package {name} of {owner}: there is none, or the App has no access to it"),
            Remedy::advice(format!("look as a member: https://{}/orgs/{owner}/packages", registry.github)),
        ),
    }
}
