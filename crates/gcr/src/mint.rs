use std::time::SystemTime;

use broker::{MintError, Minted};
use protocol::Deadline;
use settings::Setup;

use crate::credentials_file::CredentialsFile;
use crate::exchange::Exchange;
use crate::identity::Identity;
use crate::impersonation::Impersonation;
use crate::scope::Target;
use crate::{chain, error, federation, gcloud_config, service_account};

/// The user that goes with every access token.
/// <https://cloud.google.com/artifact-registry/docs/docker/authentication#token>
pub(crate) const USER: &str = "oauth2accesstoken";

/// The variables that name files.
const FILES: [&str; 5] = [
    "GOOGLE_APPLICATION_CREDENTIALS",
    "CLOUDSDK_CONFIG",
    "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE",
    "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE",
    "SSL_CERT_FILE",
];

/// Mints an access token, which Google's registries take as a password.
pub(crate) fn token(target: &Target, setup: &Setup, deadline: Deadline) -> Result<Minted, MintError> {
    setup.environment.check_paths(&FILES).map_err(MintError::Failed)?;
    let self_signed_jwt = target.rule.as_ref().is_some_and(|rule| rule.self_signed_jwt);
    let exchange = Exchange::new(&setup.environment, deadline, self_signed_jwt);
    web::run(mint(target, setup, &exchange)).map_err(MintError::Failed)?
}

/// Mints a self-signed JWT, if that is the token: the settings ask for it, or the key is of another universe.
pub(crate) fn offline(target: &Target, setup: &Setup) -> Option<Minted> {
    let rule = target.rule.as_ref();
    let self_signed_jwt = rule.is_some_and(|rule| rule.self_signed_jwt);
    // Both exchange the token for another one.
    let is_exchanged = setup.workload.is_some() || rule.is_some_and(|rule| rule.impersonate.is_some());
    // A table that narrows is an error, which `mint` reports.
    let is_narrowed = rule.is_some_and(|rule| rule.narrowing.limits_rights());
    if is_exchanged || is_narrowed || !self_signed_jwt && target.universe == Some(registry::GOOGLE) {
        return None;
    }
    setup.environment.check_paths(&FILES).ok()?;
    let (path, by) = gcloud_config::credentials_file(setup, rule)?;
    let file = CredentialsFile::read(&path, by).ok()?;
    if target.universe.is_some_and(|wanted| wanted != file.universe) {
        return None;
    }
    let token = service_account::self_signed(&file, self_signed_jwt)?;
    Some(Minted::new(USER, token.secret, token.expires))
}

async fn mint(target: &Target, setup: &Setup, exchange: &Exchange<'_>) -> Result<Minted, MintError> {
    let rule = target.rule.as_ref();
    if rule.is_some_and(|rule| rule.narrowing.limits_rights()) {
        return Err(error::cannot_narrow());
    }
    let workload = setup.workload.as_ref().and_then(|workload| Some((workload, workload.google_provider(rule)?)));
    let mut identity = match &workload {
        Some((workload, provider)) => federation::of_pod(&workload.token, provider, target.universe, exchange).await?,
        None => chain::find(setup, rule, exchange).await?,
    };
    if let Some(wanted) = target.universe.filter(|wanted| *wanted != identity.universe) {
        return Err(error::another_universe(&identity.principal, &identity.universe, wanted));
    }
    // The annotation of a service account overrides the rule.
    let impersonated = workload.as_ref().and_then(|(workload, _)| workload.google_account());
    if let Some(account) = impersonated.or_else(|| rule?.impersonate.as_deref()) {
        let (principal, token) = Impersonation::of(account, &identity).token(&identity, exchange).await?;
        identity = Identity { principal, token, ..identity };
    }
    if identity.token.expires <= SystemTime::now() {
        return Err(identity.principal.expired_token());
    }
    // A token with a few minutes left is returned as well: the metadata server issues no newer one before its own
    // has less than five, and the next `get` requests it again.
    if !identity.token.is_cacheable {
        identity.conditions.never_reuse();
    }
    let requires = identity.conditions.seal(&setup.environment);
    Ok(Minted { requires, ..Minted::new(USER, identity.token.secret, identity.token.expires) })
}
