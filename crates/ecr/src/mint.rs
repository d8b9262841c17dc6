use std::time::{Duration, SystemTime};

use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_sdk_ecr::config::retry::RetryConfig;
use aws_sdk_ecr::config::timeout::TimeoutConfig;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use broker::{MintError, Minted};
use protocol::{Deadline, ErrorMessage, Secret};
use settings::{Rule, Setup};
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::assume_role::{assume, sts_region};
use crate::chain::Chain;
use crate::profiles::Profiles;
use crate::role_chain::Role;
use crate::scope::{Service, Target, named_profile};
use crate::service_config::{has_endpoint, of_service};
use crate::transport::Clients;
use crate::{error, principal, rejection, session, validation, web_identity};

/// The variables that name files; most of them the SDK reads by itself.
pub(crate) const FILES: [&str; 7] = [
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_LOGIN_CACHE_DIRECTORY",
    "AWS_CA_BUNDLE",
    "SSL_CERT_FILE",
];

/// Mints a token. The runtime lives only as long as this call.
pub(crate) fn token(target: &Target, setup: &Setup, deadline: Deadline) -> Result<Minted, MintError> {
    setup.environment.check_paths(&FILES).map_err(MintError::Failed)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
        MintError::from(ErrorMessage { what: format!("cannot start a runtime: {error}"), hint: None })
    })?;
    let minted = runtime.block_on(mint(target, setup, deadline));
    // A lookup of a name may still be running on a thread of its own: it is not waited for.
    runtime.shutdown_background();
    minted
}

async fn mint(target: &Target, setup: &Setup, deadline: Deadline) -> Result<Minted, MintError> {
    validation::validate(setup)?;
    let rule = target.rule.as_ref();
    let named = rule.and_then(|rule| rule.profile.clone()).or_else(|| named_profile(&setup.environment));
    let profiles = Profiles::load(setup, named.as_deref()).map_err(MintError::Failed)?;
    let clients = Clients::new(&setup.environment, profiles.value("ca_bundle")).map_err(MintError::Failed)?;
    let minted = attempt(target, setup, &profiles, &clients, deadline).await;
    // Whatever the SDK makes of it: a service that is down is not the identity's fault.
    minted.map_err(|error| clients.outage().map_or(error, |outage| error::outage(target, outage)))
}

async fn attempt(
    target: &Target,
    setup: &Setup,
    profiles: &Profiles,
    clients: &Clients,
    deadline: Deadline,
) -> Result<Minted, MintError> {
    let limited = || deadline.remaining();
    let (config, requires) = timeout(limited(), config(target, setup, profiles, clients, deadline))
        .await
        .map_err(|_| error::credentials_timed_out())??;
    let (token, expires) =
        timeout(limited(), ask(target, &config)).await.map_err(|_| error::token_timed_out(target))??;
    let (username, secret) = split(token).ok_or_else(|| error::malformed_response(target))?;
    let expires = expires
        .and_then(|expires| SystemTime::try_from(expires).ok())
        .ok_or_else(|| error::malformed_response(target))?;
    if expires <= SystemTime::now() {
        return Err(error::expired_token(target));
    }
    Ok(Minted { requires, ..Minted::new(username, secret, expires) })
}

/// The SDK's configuration with the credentials that sign, and the conditions under which they are chosen again.
pub(crate) async fn config(
    target: &Target,
    setup: &Setup,
    profiles: &Profiles,
    clients: &Clients,
    deadline: Deadline,
) -> Result<(SdkConfig, Option<String>), MintError> {
    let rule = target.rule.as_ref();
    let region = Region::new(target.region.clone());
    let sts_region = sts_region(target);
    let (http, direct) = (clients.proxied.clone(), clients.direct.clone());
    // All ends with the deadline, see `attempt`: a limit of the SDK's for the same would race with it, and its
    // error is another one.
    let timeouts = TimeoutConfig::builder().connect_timeout(Duration::from_millis(3_100)).build();
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .region(region)
        .http_client(http.clone())
        .timeout_config(timeouts.clone())
        // The SDK reads only the endpoints from the profile.
        .profile_files(EnvConfigFiles::builder().with_contents(EnvConfigFileKind::Config, profiles.endpoints()).build())
        .profile_name("default")
        .no_credentials();
    // What the SDK reads of this by itself it stops at without a reason.
    let attempts = validation::max_attempts(&setup.environment, profiles)?;
    let retries = attempts.map_or_else(RetryConfig::standard, |most| RetryConfig::standard().with_max_attempts(most));
    let config = loader.retry_config(retries.clone()).load().await;
    let providers = ProviderConfig::without_region()
        .with_behavior_version(Some(BehaviorVersion::latest()))
        .with_region(Some(sts_region.clone()))
        .with_use_fips(config.use_fips())
        .with_use_dual_stack(config.use_dual_stack())
        .with_retry_config(retries)
        .with_timeout_config(timeouts);
    let proxied = providers.clone().with_http_client(http);
    let direct = providers.with_http_client(direct);
    let pod_role = setup.workload.as_ref().and_then(|workload| Some((workload.aws_role()?, &workload.token)));
    let (credentials, requires) = match pod_role {
        // The pod's role takes the place of the profiles and roles of a rule.
        Some((role, token)) => {
            let role = session::narrowed(Role { arn: role.to_owned(), ..Role::default() }, rule, target)?;
            (web_identity::of_pod(role, token, &config, sts_region).await?, None)
        }
        None => {
            let chain = Chain {
                config: &config,
                region: &sts_region,
                proxied: &proxied,
                direct: &direct,
                profiles,
                setup,
                deadline,
            };
            let (credentials, conditions) = chain.credentials(rule).await?;
            let credentials = match rule.and_then(named_role) {
                Some(role) => {
                    let role = session::narrowed(role, rule, target)?;
                    let principal = principal::role_of_settings(&role.arn);
                    assume(&role, &principal, &config, sts_region, credentials).await?
                }
                None if rule.is_some_and(|rule| rule.narrowing.limits_rights()) => return Err(error::no_role()),
                None => credentials,
            };
            (credentials, conditions.seal(&setup.environment))
        }
    };
    let provider = aws_credential_types::provider::SharedCredentialsProvider::new(credentials);
    Ok((config.into_builder().credentials_provider(provider).build(), requires))
}

/// The role that a rule names, if it names one.
fn named_role(rule: &Rule) -> Option<Role> {
    let (arn, external_id) = (rule.role_arn.clone()?, rule.external_id.clone());
    Some(Role { arn, external_id, ..Role::default() })
}

pub(crate) type Token = (String, Option<aws_sdk_ecr::primitives::DateTime>);

/// Requests the token from the API that belongs to the registry.
pub(crate) async fn ask(target: &Target, config: &SdkConfig) -> Result<Token, MintError> {
    match target.service {
        Service::Private => private(target, config).await,
        Service::Public => public(target, config).await,
    }
}

async fn private(target: &Target, config: &SdkConfig) -> Result<Token, MintError> {
    let mut builder = aws_sdk_ecr::config::Builder::from(&of_service(config, "ECR"));
    if !has_endpoint(config, "ECR") {
        // Only set, never unset, so that the user's own settings stay.
        if target.fips {
            builder = builder.use_fips(true);
        }
        if target.dual_stack {
            builder = builder.use_dual_stack(true);
        }
    }
    let client = aws_sdk_ecr::Client::from_conf(builder.build());
    let output = client.get_authorization_token().send().await.map_err(|error| rejection::of_ecr(target, &error))?;
    let data = output.authorization_data.unwrap_or_default().into_iter().next();
    let data = data.ok_or_else(|| error::malformed_response(target))?;
    Ok((data.authorization_token.ok_or_else(|| error::malformed_response(target))?, data.expires_at))
}

async fn public(target: &Target, config: &SdkConfig) -> Result<Token, MintError> {
    let mut builder = aws_sdk_ecrpublic::config::Builder::from(&of_service(config, "ECR PUBLIC"));
    if target.dual_stack && !has_endpoint(config, "ECR PUBLIC") {
        builder = builder.use_dual_stack(true);
    }
    let client = aws_sdk_ecrpublic::Client::from_conf(builder.build());
    let output = client.get_authorization_token().send().await.map_err(|error| rejection::of_ecr(target, &error))?;
    let data = output.authorization_data.ok_or_else(|| error::malformed_response(target))?;
    Ok((data.authorization_token.ok_or_else(|| error::malformed_response(target))?, data.expires_at))
}

/// The user and the password: the first colon parts them, a password may hold more.
fn split(token: String) -> Option<(String, Secret)> {
    let token = Zeroizing::new(token);
    let decoded = Zeroizing::new(STANDARD.decode(token.as_bytes()).ok()?);
    let (username, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    (!username.is_empty() && !password.is_empty()).then(|| (username.to_owned(), Secret::new(password.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_split_at_the_first_colon() {
        let split = |text: &str| split(STANDARD.encode(text)).map(|(user, secret)| (user, secret.expose().to_owned()));
        assert_eq!(split("AWS:a:b"), Some(("AWS".into(), "a:b".into())));
        for malformed in ["", "AWS", "AWS:", ":x"] {
            assert_eq!(split(malformed), None, "{malformed}");
        }
        assert!(super::split("not base64!".into()).is_none());
    }
}
