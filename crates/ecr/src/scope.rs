use broker::Scope;
use protocol::ServerUrl;
use registry::Registry;
use settings::{Environment, Fingerprint, Rule, Setup};

/// What minting needs to know.
#[derive(Clone, Debug)]
pub struct Target {
    pub(crate) service: Service,
    pub(crate) region: String,
    pub(crate) fips: bool,
    pub(crate) dual_stack: bool,
    pub(crate) rule: Option<Rule>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Private,
    Public,
}

pub(crate) fn of(server: &ServerUrl, setup: &Setup) -> Option<Scope<Target>> {
    let (registry, rule) = setup.registry_of(server)?;
    let (service, name, region, fips, dual_stack) = match registry {
        Registry::Ecr(ecr) => (
            Service::Private,
            format!("ecr:{}:{}", ecr.partition.name(), ecr.region),
            ecr.region,
            ecr.fips,
            ecr.dual_stack,
        ),
        // Its one API endpoint is in this region: https://docs.aws.amazon.com/general/latest/gr/ecr-public.html
        Registry::EcrPublic(public) => {
            (Service::Public, "ecr-public".into(), "us-east-1".into(), false, public.dual_stack)
        }
    };
    let flavour = [(fips, ":fips"), (dual_stack, ":dual")];
    let name = flavour.iter().filter(|(on, _)| *on).fold(name, |name, (_, flavour)| name + flavour);
    Some(Scope {
        service: name,
        identity: identity(setup, rule),
        public: service == Service::Public,
        target: Target { service, region, fips, dual_stack, rule: rule.cloned() },
    })
}

/// What the AWS SDK's credential chain reads from the environment, and the endpoints that answer it.
/// The files in the SSO cache are left out: they change with every refresh of the same session.
const VARIABLES: [&str; 21] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_LOGIN_CACHE_DIRECTORY",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_STS",
    "AWS_ENDPOINT_URL_ECR",
    "AWS_ENDPOINT_URL_ECR_PUBLIC",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
];

fn identity(setup: &Setup, rule: Option<&Rule>) -> String {
    let environment = &setup.environment;
    let mut print = Fingerprint::new();
    for name in VARIABLES {
        print.variable(environment, name);
    }
    for (variable, name) in [("AWS_CONFIG_FILE", "config"), ("AWS_SHARED_CREDENTIALS_FILE", "credentials")] {
        let usual = || setup.places.home.as_ref().map(|home| home.join(".aws").join(name));
        if let Some(path) = environment.path(variable).or_else(usual) {
            print.file(&path);
        }
    }
    let rule = rule.map(|rule| [&rule.profile, &rule.role_arn, &rule.external_id, &rule.region]);
    for value in rule.into_iter().flatten() {
        print.add("rule", value.as_ref().map(|value| value.as_bytes()));
    }
    if chosen_by_nothing(environment) {
        print.add("machine", machine().as_deref());
    }
    print.finish()
}

/// Whether the identity may be the instance's: then a disk cloned to another instance must not take
/// its token along.
fn chosen_by_nothing(environment: &Environment) -> bool {
    [
        "AWS_ACCESS_KEY_ID",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    ]
    .iter()
    .all(|name| environment.raw(name).is_none())
}

/// The id of an EC2 instance, as its firmware tells it.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/identify_ec2_instances.html>
fn machine() -> Option<Vec<u8>> {
    if cfg!(target_os = "linux") { std::fs::read("/sys/devices/virtual/dmi/id/board_asset_tag").ok() } else { None }
}
