use std::time::Duration;

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::imds;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::web_identity_token::WebIdentityTokenCredentialsProvider;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use broker::MintError;
use settings::Rule;

use crate::failure::{self, Source};
use crate::profiles::Profiles;

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
    rule: Option<&Rule>,
) -> Result<Credentials, MintError> {
    let container = SharedCredentialsProvider::new(EcsCredentialsProvider::builder().configure(direct).build());
    let instance = instance(direct);
    // A profile's `credential_source` is to reach them in the same way.
    let profile = ProfileFileCredentialsProvider::builder()
        .configure(proxied)
        .with_custom_provider("EcsContainer", container.clone())
        .with_custom_provider("Ec2InstanceMetadata", instance.clone());
    if let Some(name) = rule.and_then(|rule| rule.profile.as_deref()) {
        let provider = profile.profile_name(name).build();
        return match provider.provide_credentials().await {
            Ok(credentials) => Ok(credentials),
            Err(error) => Err(failure::no_profile(&error, &Profiles::load(Some(name)).await)),
        };
    }
    let sources: [(Source, SharedCredentialsProvider); 5] = [
        (Source::Keys, SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new())),
        (Source::Profile, SharedCredentialsProvider::new(profile.build())),
        (
            Source::WebIdentity,
            SharedCredentialsProvider::new(WebIdentityTokenCredentialsProvider::builder().configure(proxied).build()),
        ),
        (Source::Container, container),
        (Source::Instance, instance),
    ];
    for (source, provider) in &sources {
        let error = match provider.provide_credentials().await {
            Ok(credentials) => {
                log::debug!("the identity comes from {source}");
                return Ok(credentials);
            }
            Err(error) => error,
        };
        let not_loaded = matches!(error, CredentialsError::CredentialsNotLoaded(_));
        match source {
            Source::Profile => {
                let profiles = Profiles::load(None).await;
                // Whoever names a profile that is not there does not want the next best identity.
                if !not_loaded || profiles.missing().is_some() {
                    return Err(failure::no_profile(&error, &profiles));
                }
            }
            // No metadata service, or that of another cloud, or an instance without a role.
            Source::Instance if !failure::has_role(&error) => {}
            _ if !not_loaded => return Err(failure::no_identity(&source.to_string(), *source, &error)),
            _ => {}
        }
        log::debug!("no identity from {source}: {error}");
    }
    Err(failure::nobody())
}

/// The role of the EC2 instance, known within [`METADATA_LIMIT`] or about twice that: the SDK's own
/// client tries four times.
fn instance(direct: &ProviderConfig) -> SharedCredentialsProvider {
    let client = imds::Client::builder()
        .configure(direct)
        .connect_timeout(METADATA_LIMIT)
        .read_timeout(METADATA_LIMIT)
        .operation_timeout(2 * METADATA_LIMIT)
        .max_attempts(1)
        .build();
    SharedCredentialsProvider::new(ImdsCredentialsProvider::builder().configure(direct).imds_client(client).build())
}
