use std::path::{Path, PathBuf};

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
        _ => return None,
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
/// The region is left out, since the registry has its own. So are the files in which sessions of
/// `aws sso login` and `aws login` rest: they change with every refresh of the same session, and
/// which session it is says the profile.
const VARIABLES: [&str; 26] = [
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
    "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
    "AWS_LOGIN_CACHE_DIRECTORY",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_STS",
    "AWS_ENDPOINT_URL_ECR",
    "AWS_ENDPOINT_URL_ECR_PUBLIC",
    "AWS_ENDPOINT_URL_SSO",
    "AWS_ENDPOINT_URL_SSO_OIDC",
    "AWS_ENDPOINT_URL_SIGNIN",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
];

fn identity(setup: &Setup, rule: Option<&Rule>) -> String {
    let environment = &setup.environment;
    let mut print = Fingerprint::new();
    for name in VARIABLES {
        print.variable(environment, name);
    }
    // The SDK looks at this variable before it asks the system.
    let home = environment.path("HOME").or_else(|| setup.places.home.clone());
    print.add("home", home.as_ref().map(|home| home.as_os_str().as_encoded_bytes()));
    for (variable, usual) in
        [("AWS_CONFIG_FILE", "~/.aws/config"), ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")]
    {
        let path = environment.path(variable).unwrap_or_else(|| usual.into());
        print.file(&at_home(path, home.as_deref()));
    }
    // On EKS all pods have the same variables, and pods of one node may share the kernel's keyring:
    // only this file tells them apart. It is renewed about once a day; so is the registry's token.
    if let Some(path) = environment.path("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
        print.file(&path);
    }
    // A rule that chooses nothing counts like none: a custom domain shares its target's token.
    let none = Rule::default();
    let rule = rule.unwrap_or(&none);
    for value in [&rule.profile, &rule.role_arn, &rule.external_id, &rule.region] {
        print.add("rule", value.as_ref().map(|value| value.as_bytes()));
    }
    print.workload(setup.workload.as_ref());
    if chosen_by_nothing(environment) {
        print.add("machine", machine().as_deref());
    }
    print.finish()
}

/// The path with the home in place of `~`, as the SDK reads it.
fn at_home(path: PathBuf, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path,
    }
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::path::Path;

    use super::*;

    const REGISTRY: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";

    fn scope(server: &str, setup: &Setup) -> Scope<Target> {
        of(&ServerUrl::parse(server).unwrap(), setup).unwrap_or_else(|| panic!("{server}"))
    }

    #[test]
    fn the_service_is_the_region_and_the_kind_of_endpoint() {
        let setup = Setup::of(Path::new("/nowhere"), &[]);
        for (server, service, public) in [
            (REGISTRY, "ecr:aws:us-east-1", false),
            ("999999999999.dkr.ecr.us-east-1.amazonaws.com", "ecr:aws:us-east-1", false),
            ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "ecr:aws:eu-west-1", false),
            ("123456789012.dkr.ecr-fips.us-east-1.amazonaws.com", "ecr:aws:us-east-1:fips", false),
            ("123456789012.dkr-ecr.us-east-1.on.aws", "ecr:aws:us-east-1:dual", false),
            ("123456789012.dkr-ecr-fips.us-gov-west-1.on.aws", "ecr:aws-us-gov:us-gov-west-1:fips:dual", false),
            ("public.ecr.aws", "ecr-public", true),
            ("ecr-public.aws.com", "ecr-public:dual", true),
        ] {
            let scope = scope(server, &setup);
            assert_eq!((scope.service.as_str(), scope.public), (service, public), "{server}");
        }
        assert!(of(&ServerUrl::parse("docker.io").unwrap(), &setup).is_none());
    }

    #[test]
    fn whatever_chooses_the_identity_is_in_its_fingerprint() {
        let home = tempfile::tempdir().unwrap();
        let identity = |variables: &[(&str, &str)]| scope(REGISTRY, &Setup::of(home.path(), variables)).identity;
        let mut seen = HashSet::from([identity(&[])]);
        for name in VARIABLES {
            assert!(seen.insert(identity(&[(name, "1")])), "{name} does not count");
            assert!(seen.insert(identity(&[(name, "2")])), "the value of {name} does not count");
        }
        assert!(!seen.insert(identity(&[("AWS_REGION", "eu-west-1")])), "the registry has its own region");
        std::fs::create_dir(home.path().join(".aws")).unwrap();
        for name in ["config", "credentials"] {
            std::fs::write(home.path().join(".aws").join(name), "[default]").unwrap();
            assert!(seen.insert(identity(&[])), "{name} does not count");
            let other = home.path().join(format!("other-{name}"));
            std::fs::write(&other, "[default]").unwrap();
            let variable = if name == "config" { "AWS_CONFIG_FILE" } else { "AWS_SHARED_CREDENTIALS_FILE" };
            assert!(seen.insert(identity(&[(variable, other.to_str().unwrap())])), "{variable} does not count");
            let home = ("HOME", home.path().to_str().unwrap());
            let tilde = format!("~/other-{name}");
            assert!(!seen.insert(identity(&[home, (variable, &tilde)])), "{variable} is not looked for at home");
        }
        let token = home.path().join("token");
        let pod = [("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token.to_str().unwrap())];
        for text in ["one pod", "another pod"] {
            std::fs::write(&token, text).unwrap();
            assert!(seen.insert(identity(&pod)), "the pod's own token does not count");
        }
        let other_home = tempfile::tempdir().unwrap();
        assert!(seen.insert(identity(&[("HOME", other_home.path().to_str().unwrap())])), "the home does not count");
    }

    #[test]
    fn what_a_rule_says_is_in_the_fingerprint() {
        let mut setup = Setup::of(Path::new("/nowhere"), &[]);
        let mut seen = HashSet::from([scope(REGISTRY, &setup).identity]);
        let text = || Some("x".to_owned());
        for rule in [
            Rule { profile: text(), ..Rule::default() },
            Rule { role_arn: text(), ..Rule::default() },
            Rule { role_arn: text(), external_id: text(), ..Rule::default() },
            Rule { region: text(), ..Rule::default() },
        ] {
            setup.settings.rules = vec![Rule { pattern: "*".into(), ..rule }];
            assert!(seen.insert(scope(REGISTRY, &setup).identity));
        }
        setup.settings.rules = vec![Rule { pattern: "other.example".into(), profile: text(), ..Rule::default() }];
        assert!(!seen.insert(scope(REGISTRY, &setup).identity), "a rule for another registry does not count");
        let target = ServerUrl::parse(REGISTRY).ok();
        setup.settings.rules = vec![Rule { pattern: "*".into(), target, ..Rule::default() }];
        assert!(!seen.insert(scope("docker.corp.example", &setup).identity), "a custom domain shares the token");
    }
}
