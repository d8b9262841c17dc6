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

/// What the AWS SDK's credential chain reads from the environment, and the endpoints that it uses.
/// The region is left out, since the registry has its own. What stands in the profile that counts, such
/// as a program or a session, is known once it has been read: see `conditions.rs`.
const VARIABLES: [&str; 27] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
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

pub(crate) fn identity(setup: &Setup, rule: Option<&Rule>) -> String {
    let environment = &setup.environment;
    let mut print = Fingerprint::new();
    for name in VARIABLES {
        print.variable(environment, name);
    }
    let home = home(setup);
    print.add("home", home.as_ref().map(|home| home.as_os_str().as_encoded_bytes()));
    files(setup).iter().for_each(|path| _ = print.file(path));
    // On EKS all pods have the same variables, and pods of one node may share the kernel's keyring:
    // only these files differ. They are rotated about once a day; so is the registry's token.
    for variable in ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE"] {
        environment.path(variable).iter().for_each(|path| _ = print.file(path));
    }
    // A rule that chooses nothing counts like none: a custom domain shares its target's token.
    let none = Rule::default();
    let rule = rule.unwrap_or(&none);
    for value in [&rule.profile, &rule.role_arn, &rule.external_id, &rule.region] {
        print.add("rule", value.as_ref().map(|value| value.as_bytes()));
    }
    rule.narrowing.add_to(&mut print);
    print.workload(setup.workload.as_ref());
    // A profile may take the instance's identity, whatever the environment has.
    if rule.profile.is_some() || chosen_by_nothing(environment) {
        print.add("machine", machine().as_deref());
    }
    print.finish()
}

/// The user's home as the SDK finds it: by this variable, else by the system.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/file-location.html>
pub(crate) fn home(setup: &Setup) -> Option<PathBuf> {
    setup.environment.path("HOME").or_else(|| setup.places.home.clone())
}

/// The files with the profiles.
pub(crate) fn files(setup: &Setup) -> [PathBuf; 2] {
    let home = home(setup);
    [("AWS_CONFIG_FILE", "~/.aws/config"), ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")].map(
        |(name, usual)| {
            let path = setup.environment.path(name).unwrap_or_else(|| usual.into());
            at_home(filled_in(path, &setup.environment), home.as_deref())
        },
    )
}

/// The profile that the environment names. AWS's SDKs know the first of these variables; its own
/// command and that of Go know the second one as well.
/// <https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-envvars.html>
pub(crate) fn named_profile(environment: &Environment) -> Option<String> {
    environment.text("AWS_PROFILE").or_else(|| environment.text("AWS_DEFAULT_PROFILE"))
}

/// The path with variables filled in, as AWS's command reads it: `$NAME` and `${NAME}`, if they are set.
fn filled_in(path: PathBuf, environment: &Environment) -> PathBuf {
    let Some(mut rest) = path.to_str().filter(|path| path.contains('$')) else { return path };
    let mut filled = String::new();
    while let Some((before, after)) = rest.split_once('$') {
        filled.push_str(before);
        let is_of_name = |sign: char| sign.is_ascii_alphanumeric() || sign == '_';
        let (name, next) = match after.strip_prefix('{').and_then(|after| after.split_once('}')) {
            Some(braced) => braced,
            None => after.split_at(after.find(|sign| !is_of_name(sign)).unwrap_or(after.len())),
        };
        match environment.text(name).filter(|_| !name.is_empty()) {
            Some(value) => filled.push_str(&value),
            None => filled.push_str(&rest[before.len()..rest.len() - next.len()]),
        }
        rest = next;
    }
    (filled + rest).into()
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

/// The id of an EC2 instance, from its firmware.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/identify_ec2_instances.html>
fn machine() -> Option<Vec<u8>> {
    if cfg!(target_os = "linux") { std::fs::read("/sys/devices/virtual/dmi/id/board_asset_tag").ok() } else { None }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::path::Path;

    use settings::{Access, Narrowing};

    use super::*;

    const REGISTRY: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";

    /// What the SDK or AWS's command read besides, and why it may not be in the name.
    const LEFT_OUT: [(&str, &str); 14] = [
        ("AWS_REGION", "the registry has its own"),
        ("AWS_DEFAULT_REGION", "the registry has its own"),
        ("AWS_ACCOUNT_ID", "the keys say whose they are"),
        ("AWS_ACCOUNT_ID_ENDPOINT_MODE", "ECR has no endpoints of accounts"),
        ("AWS_MAX_ATTEMPTS", "retries and timeouts"),
        ("AWS_RETRY_MODE", "retries and timeouts"),
        ("AWS_METADATA_SERVICE_TIMEOUT", "retries and timeouts"),
        ("AWS_EXECUTION_ENV", "it stands in the user agent"),
        ("AWS_SDK_UA_APP_ID", "it stands in the user agent"),
        ("AWS_CREDENTIAL_EXPIRATION", "the keys say whose they are"),
        ("AWS_CA_BUNDLE", "trusted certificates"),
        ("HTTPS_PROXY", "a proxy, which TLS protects from"),
        ("STAGE", "what a program in a profile reads is a condition of the token: see `depends`"),
        ("PATH", "which program a profile runs is a condition of the token: see `depends`"),
    ];

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
        for (name, why) in LEFT_OUT {
            assert!(!seen.insert(identity(&[(name, "1")])), "{name} counts, and need not: {why}");
        }
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
        for name in ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE"] {
            for text in ["one pod", "another pod"] {
                std::fs::write(&token, text).unwrap();
                assert!(seen.insert(identity(&[(name, token.to_str().unwrap())])), "what {name} names does not count");
            }
        }
        let other_home = tempfile::tempdir().unwrap();
        assert!(seen.insert(identity(&[("HOME", other_home.path().to_str().unwrap())])), "the home does not count");
    }

    #[test]
    fn variables_in_a_path_are_filled_in() {
        let environment = Environment::of([("HOME", "/home/alice"), ("X", "y")]);
        for (path, expected) in [
            ("$HOME/config", "/home/alice/config"),
            ("${HOME}/$X/${X}z$X", "/home/alice/y/yzy"),
            ("/a$/b$UNSET/${UNSET}/c${", "/a$/b$UNSET/${UNSET}/c${"),
            ("/plain", "/plain"),
        ] {
            assert_eq!(filled_in(path.into(), &environment), Path::new(expected), "{path}");
        }
    }

    #[test]
    fn the_rule_is_in_the_fingerprint() {
        let mut setup = Setup::of(Path::new("/nowhere"), &[]);
        let mut seen = HashSet::from([scope(REGISTRY, &setup).identity]);
        let text = || Some("x".to_owned());
        for rule in [
            Rule { profile: text(), ..Rule::default() },
            Rule { role_arn: text(), ..Rule::default() },
            Rule { role_arn: text(), external_id: text(), ..Rule::default() },
            Rule { region: text(), ..Rule::default() },
            Rule { narrowing: Narrowing { access: Some(Access::Pull), ..Narrowing::default() }, ..Rule::default() },
            Rule { narrowing: Narrowing { session_policy: text(), ..Narrowing::default() }, ..Rule::default() },
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
