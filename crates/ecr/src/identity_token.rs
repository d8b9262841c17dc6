//! Identity tokens of an AWS identity, for a service that trusts AWS as an OpenID provider.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetWebIdentityToken.html>

use aws_config::Region;
use aws_sdk_sts::error::ProvideErrorMetadata;
use broker::MintError;
use protocol::{Deadline, Secret};
use settings::{Fingerprint, Setup};
use tokio::time::timeout;

use crate::mint::{FILES, config};
use crate::profiles::Profiles;
use crate::scope::{self, Service, Target, named_profile};
use crate::service_config::of_service;
use crate::transport::Clients;
use crate::{error, validation};

/// Seconds; what a token lives that is exchanged at once.
const SHORT: u64 = 300;

/// Adds whose token [`identity_token`] gives: the settings that choose the identity, and the region.
pub fn add_identity(print: &mut Fingerprint, setup: &Setup) {
    print.add("aws", Some(scope::identity(setup, None).as_bytes()));
    for name in REGIONS {
        print.variable(&setup.environment, name);
    }
}

const REGIONS: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];

/// An identity token of this machine's AWS identity for one audience, and what that depends on, as in
/// [`broker::Minted::requires`]; `ttl` in seconds. Only within a runtime.
///
/// # Errors
/// No AWS identity, no region, or STS rejects it.
pub async fn identity_token(
    audience: &str,
    ttl: Option<u64>,
    setup: &Setup,
    deadline: Deadline,
) -> Result<(Secret, Option<String>), MintError> {
    setup.environment.check_paths(&FILES).map_err(MintError::from)?;
    validation::validate(setup)?;
    let named = named_profile(&setup.environment);
    let profiles = Profiles::load(setup, named.as_deref()).map_err(MintError::from)?;
    let clients = Clients::new(&setup.environment, profiles.value("ca_bundle")).map_err(MintError::from)?;
    let text = |name: &&str| setup.environment.text(name);
    let region = REGIONS.iter().find_map(text).or_else(|| profiles.value("region"));
    let somewhere = region.clone().unwrap_or_else(|| "us-east-1".to_owned());
    let target = Target { service: Service::Private, region: somewhere, fips: false, dual_stack: false, rule: None };
    let asked = async {
        let (config, requires) = config(&target, setup, &profiles, &clients, deadline).await?;
        // The global endpoint does not have this call.
        let region = region.ok_or_else(|| MintError::failed("no AWS region is set", "set AWS_REGION"))?;
        let settings = aws_sdk_sts::config::Builder::from(&of_service(&config, "STS"));
        let client = aws_sdk_sts::Client::from_conf(settings.region(Region::new(region)).build());
        let ttl = i32::try_from(ttl.unwrap_or(SHORT).clamp(60, 3600)).unwrap_or(300);
        let request = client.get_web_identity_token().audience(audience).signing_algorithm("RS256");
        let output = request.duration_seconds(ttl).send().await.map_err(|error| {
            let code = error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or("no response");
            let remedy = match code {
                "OutboundWebIdentityFederationDisabled" | "OutboundWebIdentityFederationDisabledException" => {
                    "to enable it in the account, run `aws iam enable-outbound-web-identity-federation`"
                }
                "AccessDenied" => "grant the identity `sts:GetWebIdentityToken`",
                _ => "run `aws sts get-caller-identity`",
            };
            MintError::failed(format!("AWS STS in {} gave no identity token ({code})", target.region), remedy)
        })?;
        Ok::<_, MintError>((output, requires))
    };
    let (output, requires) =
        timeout(deadline.remaining(), asked).await.map_err(|_| error::credentials_timed_out())??;
    let token = output.web_identity_token.filter(|token| !token.is_empty());
    let nothing = || MintError::failed("AWS STS sent a malformed response", "run `aws sts get-caller-identity`");
    token.map(|token| (Secret::new(token), requires)).ok_or_else(nothing)
}
