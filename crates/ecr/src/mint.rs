use std::time::{Duration, SystemTime};

use aws_config::provider_config::ProviderConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_sdk_ecr::config::timeout::TimeoutConfig;
use aws_types::service_config::ServiceConfigKey;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use broker::{MintError, Minted};
use protocol::{Deadline, Explained, Secret};
use settings::{Rule, Setup};
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::failure::{self, Source};
use crate::scope::{Service, Target};
use crate::{identity, service_account, transport};

/// The name under which a role that the settings name is assumed: it stands in CloudTrail.
pub(crate) const SESSION: &str = "credmint";

/// Mints a token. The runtime lives only as long as this call.
pub(crate) fn token(target: &Target, setup: &Setup, deadline: Deadline) -> Result<Minted, MintError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| failed(format!("no token can be minted: {error}")))?;
    let minted = runtime.block_on(mint(target, setup, deadline));
    // A lookup of a name may still be running on a thread of its own: it is not waited for.
    runtime.shutdown_background();
    minted
}

async fn mint(target: &Target, setup: &Setup, deadline: Deadline) -> Result<Minted, MintError> {
    let limited = || deadline.remaining();
    let config = timeout(limited(), config(target, setup, deadline)).await.map_err(|_| failure::late_identity())??;
    let (token, expires) =
        timeout(limited(), ask(target, &config)).await.map_err(|_| failure::late_token(target))??;
    let (username, secret) = split(token).ok_or_else(|| failure::nonsense(target))?;
    let expires =
        expires.and_then(|expires| SystemTime::try_from(expires).ok()).ok_or_else(|| failure::nonsense(target))?;
    if expires <= SystemTime::now() {
        return Err(failure::ended(target));
    }
    Ok(Minted { username, secret, expires })
}

/// The SDK's configuration with the one identity that signs.
async fn config(target: &Target, setup: &Setup, deadline: Deadline) -> Result<SdkConfig, MintError> {
    let rule = target.rule.as_ref();
    let region = Region::new(target.region.clone());
    let sts_region = sts_region(target);
    let (http, direct) = transport::clients(&setup.environment).map_err(MintError::Failed)?;
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_millis(3_100))
        .operation_timeout(deadline.remaining())
        .build();
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .region(region)
        .http_client(http.clone())
        .timeout_config(timeouts.clone())
        .no_credentials();
    let loader = match rule.and_then(|rule| rule.profile.as_ref()) {
        Some(profile) => loader.profile_name(profile),
        None => loader,
    };
    let config = loader.load().await;
    let providers = ProviderConfig::without_region()
        .with_behavior_version(Some(BehaviorVersion::latest()))
        .with_region(Some(sts_region.clone()))
        .with_use_fips(config.use_fips())
        .with_use_dual_stack(config.use_dual_stack())
        .with_timeout_config(timeouts);
    let proxied = providers.clone().with_http_client(http);
    let direct = providers.with_http_client(direct);
    let who = match setup.workload.as_ref().and_then(|workload| Some((workload.aws_role()?, &workload.token))) {
        // It stands in place of whatever a rule says of profiles and roles.
        Some((role, token)) => service_account::credentials(role, token, &config, sts_region).await?,
        None => {
            let who = identity::credentials(&proxied, &direct, rule).await?;
            match rule {
                Some(rule) => assume(rule, &config, sts_region, who).await?,
                None => who,
            }
        }
    };
    Ok(config
        .into_builder()
        .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(who))
        .build())
}

/// Where roles are assumed: in the registry's own partition, unless the settings say where.
pub(crate) fn sts_region(target: &Target) -> Region {
    let named = target.rule.as_ref().and_then(|rule| rule.region.as_ref());
    Region::new(named.unwrap_or(&target.region).clone())
}

/// The role that a rule names, if it names one, assumed by `who`.
pub(crate) async fn assume(
    rule: &Rule,
    config: &SdkConfig,
    region: Region,
    who: Credentials,
) -> Result<Credentials, MintError> {
    let Some(role) = &rule.role_arn else { return Ok(who) };
    let mut provider = AssumeRoleProvider::builder(role).configure(config).region(region).session_name(SESSION);
    if let Some(id) = &rule.external_id {
        provider = provider.external_id(id);
    }
    let provider = provider.build_from_provider(who).await;
    let credentials = provider.provide_credentials().await;
    credentials.map_err(|error| failure::no_identity(&format!("{} {role}", Source::Role), Source::Role, &error))
}

/// Whether the user names an endpoint (`AWS_ENDPOINT_URL`, `endpoint_url` in a profile): it stands for
/// itself, and the SDK refuses to be told of which kind it is.
fn has_endpoint(config: &SdkConfig, service: &str) -> bool {
    let key = ServiceConfigKey::builder().service_id(service).env("AWS_ENDPOINT_URL").profile("endpoint_url").build();
    config.endpoint_url().is_some()
        || key.is_ok_and(|key| config.service_config().is_some_and(|settings| settings.load_config(key).is_some()))
}

pub(crate) type Token = (String, Option<aws_sdk_ecr::primitives::DateTime>);

/// Asks the API that goes with the registry.
pub(crate) async fn ask(target: &Target, config: &SdkConfig) -> Result<Token, MintError> {
    match target.service {
        Service::Private => private(target, config).await,
        Service::Public => public(target, config).await,
    }
}

async fn private(target: &Target, config: &SdkConfig) -> Result<Token, MintError> {
    let mut builder = aws_sdk_ecr::config::Builder::from(config);
    if !has_endpoint(config, "ECR") {
        // Only ever set: what the user's own settings ask for is not taken away.
        if target.fips {
            builder = builder.use_fips(true);
        }
        if target.dual_stack {
            builder = builder.use_dual_stack(true);
        }
    }
    let client = aws_sdk_ecr::Client::from_conf(builder.build());
    let output = client.get_authorization_token().send().await.map_err(|error| failure::refused(target, &error))?;
    let data = output.authorization_data.unwrap_or_default().into_iter().next();
    let data = data.ok_or_else(|| failure::nonsense(target))?;
    Ok((data.authorization_token.ok_or_else(|| failure::nonsense(target))?, data.expires_at))
}

async fn public(target: &Target, config: &SdkConfig) -> Result<Token, MintError> {
    let mut builder = aws_sdk_ecrpublic::config::Builder::from(config);
    if target.dual_stack && !has_endpoint(config, "ECR PUBLIC") {
        builder = builder.use_dual_stack(true);
    }
    let client = aws_sdk_ecrpublic::Client::from_conf(builder.build());
    let output = client.get_authorization_token().send().await.map_err(|error| failure::refused(target, &error))?;
    let data = output.authorization_data.ok_or_else(|| failure::nonsense(target))?;
    Ok((data.authorization_token.ok_or_else(|| failure::nonsense(target))?, data.expires_at))
}

/// The user and the password: the first colon parts them, a password may hold more.
fn split(token: String) -> Option<(String, Secret)> {
    let token = Zeroizing::new(token);
    let decoded = Zeroizing::new(STANDARD.decode(token.as_bytes()).ok()?);
    let (username, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    (!username.is_empty() && !password.is_empty()).then(|| (username.to_owned(), Secret::new(password.to_owned())))
}

fn failed(what: String) -> MintError {
    MintError::Failed(Explained { what, hint: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_split_at_the_first_colon() {
        let split = |text: &str| split(STANDARD.encode(text)).map(|(user, secret)| (user, secret.expose().to_owned()));
        assert_eq!(split("AWS:a:b"), Some(("AWS".into(), "a:b".into())));
        for nonsense in ["", "AWS", "AWS:", ":x"] {
            assert_eq!(split(nonsense), None, "{nonsense}");
        }
        assert!(super::split("not base64!".into()).is_none());
    }
}
