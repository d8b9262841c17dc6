use std::time::Duration;

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::imds;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::profile::{self, ProfileFileCredentialsProvider, ProfileSet};
use aws_config::provider_config::ProviderConfig;
use aws_config::web_identity_token::WebIdentityTokenCredentialsProvider;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use broker::MintError;
use settings::{Environment, Rule};

use crate::failure::{self, Source};

/// How long to wait for a metadata service before concluding that there is none.
const METADATA_LIMIT: Duration = Duration::from_secs(1);

/// Finds out who signs: the profile that a rule names, else the first source of the SDK's own chain
/// that has an identity. `direct` reaches metadata services, which no proxy can.
///
/// # Errors
/// Nobody is signed in, or the first source that has an identity fails to give it: a later one
/// would be somebody else.
pub(crate) async fn credentials(
    proxied: &ProviderConfig,
    direct: &ProviderConfig,
    environment: &Environment,
    rule: Option<&Rule>,
) -> Result<Credentials, MintError> {
    let named = rule.and_then(|rule| rule.profile.as_deref());
    if let Some(name) = named {
        let provider = ProfileFileCredentialsProvider::builder().profile_name(name).configure(proxied).build();
        return match provider.provide_credentials().await {
            Ok(credentials) => Ok(credentials),
            Err(error) => Err(failed(Source::Profile, &error, Some(name)).await),
        };
    }
    let mut imds_client = imds::Client::builder()
        .configure(direct)
        .connect_timeout(METADATA_LIMIT)
        .read_timeout(METADATA_LIMIT)
        .max_attempts(1);
    imds_client = imds_client.operation_timeout(2 * METADATA_LIMIT);
    let sources: [(Source, Box<dyn ProvideCredentials>); 5] = [
        (Source::Keys, Box::new(EnvironmentVariableCredentialsProvider::new())),
        (Source::Profile, Box::new(ProfileFileCredentialsProvider::builder().configure(proxied).build())),
        (Source::WebIdentity, Box::new(WebIdentityTokenCredentialsProvider::builder().configure(proxied).build())),
        (Source::Container, Box::new(EcsCredentialsProvider::builder().configure(direct).build())),
        (
            Source::Instance,
            Box::new(ImdsCredentialsProvider::builder().configure(direct).imds_client(imds_client.build()).build()),
        ),
    ];
    for (source, provider) in &sources {
        match provider.provide_credentials().await {
            Ok(credentials) => {
                log::debug!("the identity comes from {source}");
                return Ok(credentials);
            }
            // Whoever names a profile that is not there does not want the next best identity.
            Err(CredentialsError::CredentialsNotLoaded(_)) if *source == Source::Profile => {
                if let Some(name) = environment.text("AWS_PROFILE")
                    && !profile_exists(&name).await
                {
                    return Err(failure::no_such_profile(&name));
                }
            }
            Err(CredentialsError::CredentialsNotLoaded(_)) => log::debug!("no identity from {source}"),
            // No metadata service answers where there is none.
            Err(error) if *source == Source::Instance => log::debug!("no identity from {source}: {error}"),
            Err(error) => return Err(failed(*source, &error, None).await),
        }
    }
    Err(failure::nobody())
}

async fn failed(source: Source, error: &CredentialsError, named: Option<&str>) -> MintError {
    let profiles = profiles(named).await;
    let name = named.map(str::to_owned).or_else(|| Some(profiles.as_ref()?.selected_profile().to_owned()));
    if let (Some(name), Some(profiles)) = (&name, &profiles)
        && source == Source::Profile
        && profiles.get_profile(name).is_none()
    {
        return failure::no_such_profile(name);
    }
    let session = profiles.as_ref().zip(name.as_deref()).and_then(|(profiles, name)| session_profile(profiles, name));
    failure::no_identity(source, error, name.as_deref(), session.as_deref())
}

async fn profile_exists(name: &str) -> bool {
    // A file that cannot be read is another failure.
    profiles(Some(name)).await.is_none_or(|profiles| profiles.get_profile(name).is_some())
}

async fn profiles(named: Option<&str>) -> Option<ProfileSet> {
    let name = named.map(|name| name.to_owned().into());
    profile::load(&Default::default(), &Default::default(), &Default::default(), name).await.ok()
}

/// The profile whose session `aws sso login` or `aws login` renews: a role's profile points to it.
fn session_profile(profiles: &ProfileSet, name: &str) -> Option<String> {
    let mut name = name;
    // Profiles may point at each other in a circle.
    for _ in 0..10 {
        let profile = profiles.get_profile(name)?;
        if ["sso_session", "sso_start_url", "login_session"].iter().any(|key| profile.get(key).is_some()) {
            return Some(name.to_owned());
        }
        name = profile.get("source_profile")?;
    }
    None
}
