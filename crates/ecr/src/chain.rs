//! The credential chain: the sources of credentials of the ECR helper, in order.

use std::time::Duration;

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::imds;
use aws_config::imds::client::ImdsResponseRetryClassifier;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::login::LoginCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::retries::classifiers::SharedRetryClassifier;
use broker::{MintError, Principal};
use protocol::Deadline;
use registry::Cloud;
use settings::{Conditions, MetadataPresence, Rule, Setup};

use crate::assume_role::assume;
use crate::profiles::Profiles;
use crate::role_chain::{self, Base, Role};
use crate::{conditions, credential_process, error, instance, principal, rejection, scope, sso, web_identity};

/// A source of credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`.
    EnvironmentKeys,
    /// `AWS_WEB_IDENTITY_TOKEN_FILE` and `AWS_ROLE_ARN`.
    WebIdentity,
    /// That of `AWS_PROFILE`, else `default`: keys, roles, single sign-on, `credential_process` (see `role_chain.rs`).
    Profile,
    /// An agent of ECS or EKS.
    Container,
    /// The metadata service of EC2.
    Instance,
}

/// The chain: that of most of AWS's SDKs. Two things come before it: the role of a pod's service account
/// (`mint.rs`), and the profile that a rule of credmint's settings names ([`Chain::credentials`]).
/// <https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>
const CHAIN: [Source; 5] =
    [Source::EnvironmentKeys, Source::WebIdentity, Source::Profile, Source::Container, Source::Instance];

/// How long the instance's metadata service may take for one response, and altogether.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(3);
const TOTAL_TIMEOUT: Duration = Duration::from_secs(8);

/// What the sources need.
pub(crate) struct Chain<'a> {
    /// For services on the network.
    pub(crate) config: &'a SdkConfig,
    /// The region in which roles are assumed.
    pub(crate) region: &'a Region,
    pub(crate) proxied: &'a ProviderConfig,
    /// For metadata services, which no proxy can reach.
    pub(crate) direct: &'a ProviderConfig,
    pub(crate) profiles: &'a Profiles,
    pub(crate) setup: &'a Setup,
    pub(crate) deadline: Deadline,
}

impl Chain<'_> {
    /// The credentials of the profile that a rule names, else of the first source that has some; and the
    /// conditions under which they are chosen again, as far as the name of the token does not have them.
    ///
    /// # Errors
    /// There are none, or the first source that has some fails: a later one would be another principal.
    pub(crate) async fn credentials(&self, rule: Option<&Rule>) -> Result<(Credentials, Conditions), MintError> {
        if rule.is_some_and(|rule| rule.profile.is_some()) {
            return match self.of_profile().await? {
                Some(credentials) => Ok((credentials, self.conditions())),
                None => Err(error::no_credentials(self.profiles)),
            };
        }
        for source in CHAIN {
            let found = match source {
                Source::EnvironmentKeys => self.of_environment().await?,
                Source::WebIdentity => {
                    error::missing_profile(self.profiles)?;
                    self.of_web_identity().await?
                }
                Source::Profile => self.of_profile().await?,
                Source::Container => self.of_container().await?,
                Source::Instance => self.of_instance(false).await?,
            };
            if let Some(credentials) = found {
                log::debug!("the credentials come from {source:?}");
                let is_profile = source == Source::Profile;
                return Ok((credentials, if is_profile { self.conditions() } else { Conditions::default() }));
            }
            log::debug!("no credentials from {source:?}");
        }
        Err(error::no_identity())
    }

    fn conditions(&self) -> Conditions {
        conditions::conditions(self.profiles, &self.setup.environment, scope::home(self.setup).as_deref())
    }

    async fn of_environment(&self) -> Result<Option<Credentials>, MintError> {
        let provided = EnvironmentVariableCredentialsProvider::new().provide_credentials().await;
        if provided.is_err() {
            error::incomplete_key(&self.setup.environment)?;
        }
        found(provided, &principal::environment_keys())
    }

    /// The token and the role that the environment names.
    async fn of_web_identity(&self) -> Result<Option<Credentials>, MintError> {
        const FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
        let environment = &self.setup.environment;
        let (Some(file), Some(arn)) = (environment.path(FILE), environment.text("AWS_ROLE_ARN")) else {
            return Ok(None);
        };
        let session_name = environment.text("AWS_ROLE_SESSION_NAME");
        let role = Role { arn, session_name, ..Role::default() };
        web_identity::of_file(&role, &file, FILE, self.config, self.region.clone()).await.map(Some)
    }

    async fn of_container(&self) -> Result<Option<Credentials>, MintError> {
        let provider = EcsCredentialsProvider::builder().configure(self.direct).build();
        found(provider.provide_credentials().await, &principal::container())
    }

    /// The role of the instance; `is_named` is that a profile names it.
    async fn of_instance(&self, is_named: bool) -> Result<Option<Credentials>, MintError> {
        let presence = self.presence();
        let error = match self.instance(presence)?.provide_credentials().await {
            Ok(credentials) => return Ok(Some(credentials)),
            Err(error) => error,
        };
        log::debug!("no credentials from the instance: {error}");
        let not_loaded = matches!(error, CredentialsError::CredentialsNotLoaded(_));
        if rejection::has_role(&error) || is_named {
            return Err(rejection::of_credentials(&principal::instance(), &error));
        }
        // A public registry is served without credentials; for others this is the reason.
        let is_there = match presence {
            MetadataPresence::Certain => !not_loaded,
            MetadataPresence::Configured => instance::gives_no_session(&error),
            MetadataPresence::Unknown | MetadataPresence::Unlikely => false,
        };
        if is_there {
            let accepts = web::accepts_connection(&self.address(), presence).await;
            return Err(instance::unusable(&error, accepts));
        }
        // No metadata service, or that of another cloud, or an instance without a role.
        Ok(None)
    }

    /// The credentials of the chosen profile, after its roles; `None` if it has none of any kind.
    async fn of_profile(&self) -> Result<Option<Credentials>, MintError> {
        error::missing_profile(self.profiles)?;
        let Some((base, roles)) = role_chain::resolve(self.profiles)? else { return Ok(None) };
        let mut credentials = self.of_base(base).await?;
        for role in &roles {
            let principal = principal::role_of_profile(&role.arn, self.profiles.name());
            credentials = assume(role, &principal, self.config, self.region.clone(), credentials).await?;
        }
        Ok(Some(credentials))
    }

    async fn of_base(&self, base: Base) -> Result<Credentials, MintError> {
        let missing = |source: &str| {
            let principal = principal::profile(self.profiles.name());
            let remedy = "run the command there, or correct credential_source in ~/.aws/config";
            principal.no_token_but(format!("its credential_source, {source}, has no credentials"), remedy)
        };
        match base {
            Base::Keys(credentials) => Ok(credentials),
            Base::Environment => self.of_environment().await?.ok_or_else(|| missing("Environment")),
            Base::Container => self.of_container().await?.ok_or_else(|| missing("EcsContainer")),
            Base::Instance => self.of_instance(true).await?.ok_or_else(|| missing("Ec2InstanceMetadata")),
            Base::WebIdentity { role, token_file } => {
                let key = "web_identity_token_file in ~/.aws/config";
                web_identity::of_file(&role, token_file.as_ref(), key, self.config, self.region.clone()).await
            }
            Base::Sso(sso) => {
                let home = scope::home(self.setup);
                sso::credentials(&sso, self.profiles, home.as_deref(), self.config).await
            }
            Base::Login(session) => {
                let provider = LoginCredentialsProvider::builder(session).configure(self.proxied).build();
                let provided = provider.provide_credentials().await;
                provided.map_err(|error| rejection::of_sign_in(&error, self.profiles))
            }
            Base::Process(command) => {
                credential_process::credentials(&command, self.profiles.name(), self.deadline).await
            }
        }
    }

    fn endpoint(&self) -> Option<String> {
        let environment = &self.setup.environment;
        let named = environment.text("AWS_EC2_METADATA_SERVICE_ENDPOINT");
        named.or_else(|| self.profiles.value("ec2_metadata_service_endpoint"))
    }

    fn address(&self) -> String {
        let mode = self.setup.environment.text("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
        let mode = mode.or_else(|| self.profiles.value("ec2_metadata_service_endpoint_mode"));
        let usual = match mode.as_deref() {
            Some(mode) if mode.eq_ignore_ascii_case("ipv6") => "http://[fd00:ec2::254]",
            _ => "http://169.254.169.254",
        };
        self.endpoint().unwrap_or_else(|| usual.to_owned())
    }

    fn presence(&self) -> MetadataPresence {
        MetadataPresence::of(Cloud::Aws, self.endpoint().is_some())
    }

    /// The role of the EC2 instance. The SDK's own client waits one second for a response, which is not
    /// enough for an instance that has just started, and takes as long if there is no such service.
    fn instance(&self, presence: MetadataPresence) -> Result<SharedCredentialsProvider, MintError> {
        let retries =
            ImdsResponseRetryClassifier::default().with_retry_connect_timeouts(presence == MetadataPresence::Certain);
        let client = imds::Client::builder()
            .configure(self.direct)
            .endpoint(self.address())
            .map_err(|_| {
                MintError::failed(
                    "the endpoint of the instance's metadata service is not a URL",
                    "check AWS_EC2_METADATA_SERVICE_ENDPOINT",
                )
            })?
            .connect_timeout(presence.connect_limit())
            .read_timeout(RESPONSE_TIMEOUT)
            .operation_attempt_timeout(RESPONSE_TIMEOUT)
            .operation_timeout(TOTAL_TIMEOUT)
            .retry_classifier(SharedRetryClassifier::new(retries))
            .build();
        let provider = ImdsCredentialsProvider::builder().configure(self.direct).imds_client(client).build();
        Ok(SharedCredentialsProvider::new(provider))
    }
}

/// `None` if a source has no credentials; an error if it has some and fails.
fn found(
    provided: Result<Credentials, CredentialsError>,
    principal: &Principal,
) -> Result<Option<Credentials>, MintError> {
    match provided {
        Ok(credentials) => Ok(Some(credentials)),
        Err(CredentialsError::CredentialsNotLoaded(_)) => Ok(None),
        Err(error) => Err(rejection::of_credentials(principal, &error)),
    }
}
