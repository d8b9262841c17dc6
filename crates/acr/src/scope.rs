use broker::Scope;
use protocol::ServerUrl;
use registry::{AcrRegistry, Registry};
use settings::{Fingerprint, Rule, Setup};

use crate::{az_config, managed_source};

/// What minting needs to know.
#[derive(Clone, Debug)]
pub struct Target {
    pub(crate) registry: AcrRegistry,
    pub(crate) rule: Option<Rule>,
}

pub(crate) fn of(server: &ServerUrl, setup: &Setup) -> Option<Scope<Target>> {
    let (Registry::Acr(registry), rule) = setup.registry_of(server)? else { return None };
    Some(Scope {
        // A token opens one registry.
        service: format!("acr:{}", registry.login_server),
        identity: identity(setup, rule),
        // Few owners allow anonymous pulls; for the others Docker would report that the image does not exist.
        public: false,
        target: Target { registry, rule: rule.cloned() },
    })
}

/// What chooses the identity, or the service that gives its token.
const VARIABLES: [&str; 27] = [
    "AZURE_TOKEN_CREDENTIALS",
    "AZURE_AUTHORITY_HOST",
    "AZURE_TENANT_ID",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_CLIENT_CERTIFICATE_PATH",
    "AZURE_CLIENT_CERTIFICATE_PASSWORD",
    "AZURE_CLIENT_SEND_CERTIFICATE_CHAIN",
    "AZURE_FEDERATED_TOKEN_FILE",
    "SYSTEM_OIDCREQUESTURI",
    "SYSTEM_ACCESSTOKEN",
    "AZURESUBSCRIPTION_CLIENT_ID",
    "AZURESUBSCRIPTION_TENANT_ID",
    "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID",
    "IDENTITY_ENDPOINT",
    "IDENTITY_HEADER",
    "IDENTITY_SERVER_THUMBPRINT",
    "IMDS_ENDPOINT",
    "MSI_ENDPOINT",
    "MSI_SECRET",
    "AZURE_POD_IDENTITY_AUTHORITY_HOST",
    "AZURE_CONFIG_DIR",
    "AZURE_CLOUD_NAME",
    "ARM_CLOUD_METADATA_URL",
    "AZD_CONFIG_DIR",
    "AZD_AUTH_ENDPOINT",
    "AZD_AUTH_KEY",
];

fn identity(setup: &Setup, rule: Option<&Rule>) -> String {
    let environment = &setup.environment;
    let mut print = Fingerprint::new();
    for name in VARIABLES {
        print.variable(environment, name);
    }
    for (name, value) in [
        ("tenant", rule.and_then(|rule| rule.tenant.as_ref())),
        ("client_id", rule.and_then(|rule| rule.client_id.as_ref())),
        ("authority", rule.and_then(|rule| rule.authority.as_ref())),
        ("audience", rule.and_then(|rule| rule.audience.as_ref())),
    ] {
        print.add(name, value.map(|value| value.as_bytes()));
    }
    if let Some(rule) = rule {
        rule.narrowing.add_to(&mut print);
    }
    let named = ["AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE"].map(|name| environment.path(name));
    let of_programs = az_config::chosen_by(environment, &setup.places);
    named
        .into_iter()
        .flatten()
        .chain(of_programs)
        .chain(managed_source::agent(environment))
        .for_each(|file| _ = print.file(&file));
    print.boot().pod(environment).workload(setup.workload.as_ref());
    print.finish()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::path::Path;

    use settings::Narrowing;

    use super::*;

    const REGISTRY: &str = "contoso.azurecr.io";

    /// What Azure's libraries or az read besides, and why it may not be in the name.
    const LEFT_OUT: [(&str, &str); 8] = [
        ("AZURE_USERNAME", "passwords of people are not taken here"),
        ("AZURE_PASSWORD", "passwords of people are not taken here"),
        ("AZURE_REGIONAL_AUTHORITY_NAME", "it is not read here"),
        ("AZURE_IDENTITY_DISABLE_MULTITENANTAUTH", "it is not read here"),
        ("AZURE_SUBSCRIPTION_ID", "a token is of a tenant"),
        ("AZURE_CORE_OUTPUT", "the output format"),
        ("HTTPS_PROXY", "a proxy, which TLS protects from"),
        ("SSL_CERT_FILE", "trusted certificates"),
    ];

    fn scope(server: &str, setup: &Setup) -> Scope<Target> {
        of(&ServerUrl::parse(server).unwrap(), setup).unwrap_or_else(|| panic!("{server}"))
    }

    #[test]
    fn a_token_is_of_one_registry() {
        let mut setup = Setup::of(Path::new("/nowhere"), &[]);
        for (server, service) in [
            (REGISTRY, "acr:contoso.azurecr.io"),
            ("https://Contoso.azurecr.io/v2/", "acr:contoso.azurecr.io"),
            ("contoso.azurecr.cn", "acr:contoso.azurecr.cn"),
            ("contoso.eastus.geo.azurecr.io", "acr:contoso.eastus.geo.azurecr.io"),
        ] {
            let scope = scope(server, &setup);
            assert_eq!((scope.service.as_str(), scope.public), (service, false), "{server}");
        }
        assert!(of(&ServerUrl::parse("docker.io").unwrap(), &setup).is_none());
        let target = ServerUrl::parse(REGISTRY).ok();
        setup.settings.rules = vec![Rule { pattern: "r.example".into(), target, ..Rule::default() }];
        assert_eq!(scope("r.example", &setup).id(), scope(REGISTRY, &setup).id(), "a custom domain shares the token");
    }

    #[test]
    fn every_variable_that_chooses_the_identity_is_in_its_fingerprint() {
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
        let pod = |name: &'static str| identity(&[("KUBERNETES_SERVICE_HOST", "10.0.0.1"), ("HOSTNAME", name)]);
        assert!(seen.insert(pod("a")) && seen.insert(pod("b")), "the pod does not count");
        assert!(!seen.insert(identity(&[("HOSTNAME", "laptop")])), "a name of a machine chooses nothing");
    }

    #[test]
    fn every_file_that_chooses_the_identity_is_in_its_fingerprint() {
        let home = tempfile::tempdir().unwrap();
        let file = |name: &str| home.path().join(name).to_str().unwrap().to_owned();
        let (key, token, az, azd) = (file("key.pem"), file("token"), file("az"), file("azd"));
        for variables in [
            vec![("AZURE_CLIENT_CERTIFICATE_PATH", key.as_str())],
            vec![("AZURE_FEDERATED_TOKEN_FILE", token.as_str())],
            vec![],
            vec![("AZURE_CONFIG_DIR", az.as_str()), ("AZD_CONFIG_DIR", azd.as_str())],
        ] {
            let identity = || scope(REGISTRY, &Setup::of(home.path(), &variables)).identity;
            let mut seen = HashSet::from([identity()]);
            let files: &[&str] = match variables.first() {
                None => &[
                    ".azure/azureProfile.json",
                    ".azure/config",
                    ".azure/clouds.config",
                    ".azd/auth.json",
                    ".azd/config.json",
                ],
                Some(("AZURE_CONFIG_DIR", _)) => &["az/azureProfile.json", "az/config", "azd/auth.json"],
                Some(("AZURE_FEDERATED_TOKEN_FILE", _)) => &["token"],
                Some(_) => &["key.pem"],
            };
            for name in files {
                for text in ["1", "22"] {
                    let path = home.path().join(name);
                    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                    std::fs::write(path, text).unwrap();
                    assert!(seen.insert(identity()), "{name} with {text} does not count");
                }
            }
        }
    }

    #[test]
    fn the_rule_is_in_the_fingerprint() {
        let mut setup = Setup::of(Path::new("/nowhere"), &[]);
        let mut seen = HashSet::from([scope(REGISTRY, &setup).identity]);
        for rule in [
            Rule { tenant: Some("x".into()), ..Rule::default() },
            Rule { client_id: Some("x".into()), ..Rule::default() },
            Rule { authority: Some("x".into()), ..Rule::default() },
            Rule { audience: Some("x".into()), ..Rule::default() },
            Rule { narrowing: Narrowing { repositories: vec!["x".into()], ..Narrowing::default() }, ..Rule::default() },
            Rule { narrowing: Narrowing { repositories: vec!["y".into()], ..Narrowing::default() }, ..Rule::default() },
        ] {
            setup.settings.rules = vec![Rule { pattern: "*".into(), ..rule }];
            assert!(seen.insert(scope(REGISTRY, &setup).identity));
        }
    }
}
