//! The credential chain: the sources of a token of the GHCR helper, in order.
//!
//! 1. a GitHub App, of credmint's settings or of the environment ([`app_settings`]): its token is minted ([`installation`])
//! 2. the environment: `GH_TOKEN`, `GITHUB_TOKEN` and others ([`token`]): passed on
//! 3. gh's `hosts.yml` ([`hosts`]): passed on
//! 4. `gh auth token`, which reads gh's keychain ([`gh`]): cached for an hour
//!
//! The first source that has an identity is the only one that is used. A token that exists already is passed on
//! before anything is minted, so the chain is in two functions.

use broker::{ExistingToken, MintError, Minted};
use protocol::{Deadline, Secret};
use settings::Setup;

use crate::target::Target;
use crate::{app_settings, error, gh, hosts, installation, token};

/// A token that needs no minting: sources 2 and 3, unless there is an App.
///
/// # Errors
/// A token that Packages does not take, or a file that cannot be read.
pub(crate) fn existing_token(target: &Target, setup: &Setup) -> Result<Option<ExistingToken>, MintError> {
    let environment = &setup.environment;
    if app_settings::is_chosen(target, environment) {
        return Ok(None);
    }
    reject_narrowing(target)?;
    if let Some((variable, secret)) = token::of_environment(&target.github, environment) {
        token::reject_fine_grained(&secret, &format!("in {variable}"))?;
        log::debug!("the token comes from {variable}");
        return Ok(Some(existing(environment.text("GITHUB_ACTOR"), secret)));
    }
    let Some(path) = hosts::path(setup) else { return Ok(None) };
    let account = hosts::account(&path, &target.github)?;
    let Some(hosts::Account { user, token: Some(secret) }) = account else { return Ok(None) };
    token::reject_fine_grained(&secret, &format!("in {}", path.display()))?;
    log::debug!("the token comes from {}", path.display());
    Ok(Some(existing(user, secret)))
}

/// A token that has to be minted or fetched: source 1, else source 4.
///
/// # Errors
/// The App, or gh's account, gets no token; or there is neither.
pub(crate) fn mint(target: &Target, setup: &Setup, deadline: Deadline) -> Result<Minted, MintError> {
    match app_settings::chosen(target, &setup.environment)? {
        Some(app) => installation::token(&app, &setup.environment, deadline),
        None => reject_narrowing(target).and_then(|()| gh::token(&target.github, setup, deadline)),
    }
}

/// The permissions of a token are chosen by its user when it is created: it cannot be narrowed here.
fn reject_narrowing(target: &Target) -> Result<(), MintError> {
    let is_narrowed = target.rule.as_ref().is_some_and(|rule| rule.narrowing.limits_rights());
    if is_narrowed { Err(error::only_apps_narrow()) } else { Ok(()) }
}

fn existing(user: Option<String>, secret: String) -> ExistingToken {
    ExistingToken { username: user.unwrap_or_else(|| token::USERNAME.into()), secret: Secret::new(secret) }
}
