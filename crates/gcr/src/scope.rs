use broker::Scope;
use protocol::ServerUrl;
use registry::Registry;
use settings::{Fingerprint, Rule, Setup};

use crate::{gcloud_config, subject_token};

/// What minting needs to know.
#[derive(Clone, Debug)]
pub struct Target {
    /// The domain of the Google Cloud whose token it is to be; `None`: whichever the identity is of.
    pub(crate) universe: Option<&'static str>,
    pub(crate) rule: Option<Rule>,
}

pub(crate) fn of(server: &ServerUrl, setup: &Setup) -> Option<Scope<Target>> {
    let (Registry::Gcr(registry), rule) = setup.registry_of(server)? else { return None };
    // A token of one universe is never to go to another, so they do not share names either.
    let service = match registry.universe {
        Some(registry::GOOGLE) => "gcr".to_owned(),
        Some(universe) => format!("gcr:{universe}"),
        None => "gcr:declared".to_owned(),
    };
    Some(Scope {
        service,
        identity: identity(setup, rule),
        // Any repository may be open to all, and many are: gcr.io/distroless, us-docker.pkg.dev/google-samples.
        public: true,
        target: Target { universe: registry.universe, rule: rule.cloned() },
    })
}

/// What chooses the identity. Of the files in which gcloud keeps its accounts' credentials and tokens
/// none is here: they change with every refresh, and the configuration has the account.
const VARIABLES: [&str; 25] = [
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES",
    "GCE_METADATA_HOST",
    "GCE_METADATA_IP",
    "NO_GCE_CHECK",
    "CLOUDSDK_CONFIG",
    "CLOUDSDK_ACTIVE_CONFIG_NAME",
    "CLOUDSDK_CORE_ACCOUNT",
    "CLOUDSDK_CORE_UNIVERSE_DOMAIN",
    "CLOUDSDK_AUTH_TOKEN_HOST",
    "CLOUDSDK_AUTH_MTLS_TOKEN_HOST",
    "CLOUDSDK_AUTH_ACCESS_TOKEN",
    "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE",
    "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE",
    "CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT",
    "CLOUDSDK_AUTH_AUTHORITY_SELECTOR",
    "CLOUDSDK_AUTH_AUTHORIZATION_TOKEN_FILE",
    "CLOUDSDK_AUTH_DISABLE_CREDENTIALS",
    "CLOUDSDK_AUTH_SERVICE_ACCOUNT_USE_SELF_SIGNED_JWT",
    "CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS",
    // If the subject of a federation is an AWS identity.
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
];

fn identity(setup: &Setup, rule: Option<&Rule>) -> String {
    let environment = &setup.environment;
    let mut print = Fingerprint::new();
    for name in VARIABLES {
        print.variable(environment, name);
    }
    let impersonated = rule.and_then(|rule| rule.impersonate.as_ref());
    print.add("impersonate", impersonated.map(|account| account.as_bytes()));
    if rule.is_some_and(|rule| rule.self_signed_jwt) {
        print.add("self_signed_jwt", Some(b""));
    }
    // It is an error: no token of another table may hide that.
    if let Some(rule) = rule {
        rule.narrowing.add_to(&mut print);
    }
    match gcloud_config::credentials_file(setup, rule) {
        Some((path, _)) => {
            print.file(&path);
            if let Some(files) = subject_token::files_named_in(&path, environment) {
                // The subject may be the machine's own identity.
                print.boot();
                files.iter().for_each(|file| _ = print.file(file));
            }
        }
        // Only then it can be the machine's identity or that of gcloud's active account. What Google writes
        // into the firmware to identify instances is readable for root only.
        None => {
            print.boot();
            if let Some(configuration) = gcloud_config::gcloud_configuration(setup) {
                print.file(&configuration);
            }
            for name in &gcloud_config::GCLOUD_OVERRIDES[1..] {
                environment.path(name).iter().for_each(|file| _ = print.file(file));
            }
        }
    }
    print.pod(environment).workload(setup.workload.as_ref());
    if setup.workload.is_some() {
        print.add("audience", rule.and_then(|rule| rule.audience.as_ref()).map(|audience| audience.as_bytes()));
    }
    print.finish()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::path::Path;

    use super::*;

    const REGISTRY: &str = "europe-docker.pkg.dev";

    /// What Google's libraries or gcloud read besides, and why it may not be in the name.
    const LEFT_OUT: [(&str, &str); 11] = [
        ("GOOGLE_CLOUD_PROJECT", "a token is of no project"),
        ("GOOGLE_CLOUD_QUOTA_PROJECT", "it is not read here"),
        ("CLOUDSDK_CORE_PROJECT", "a token is of no project"),
        ("GCE_METADATA_ROOT", "only Python's library reads it"),
        ("GCE_METADATA_TIMEOUT", "a timeout"),
        ("GOOGLE_API_USE_CLIENT_CERTIFICATE", "there is no mutual TLS here"),
        ("CLOUDSDK_PYTHON", "the interpreter of gcloud"),
        ("CLOUDSDK_AUTH_LOGIN_CONFIG_FILE", "used at sign-in only"),
        ("HTTPS_PROXY", "a proxy, which TLS protects from"),
        ("SSL_CERT_FILE", "trusted certificates"),
        ("XDG_CONFIG_HOME", "neither Google's libraries nor gcloud follow it"),
    ];

    fn scope(server: &str, setup: &Setup) -> Scope<Target> {
        of(&ServerUrl::parse(server).unwrap(), setup).unwrap_or_else(|| panic!("{server}"))
    }

    #[test]
    fn one_token_serves_all_registries_of_a_universe() {
        let mut setup = Setup::of(Path::new("/nowhere"), &[]);
        for (server, service) in [
            (REGISTRY, "gcr"),
            ("gcr.io", "gcr"),
            ("eu.gcr.io", "gcr"),
            ("docker.us-central1.rep.pkg.dev", "gcr"),
            ("docker.s3nsregistry.fr", "gcr:s3nsapis.fr"),
        ] {
            let scope = scope(server, &setup);
            assert_eq!((scope.service.as_str(), scope.public), (service, true), "{server}");
        }
        assert!(of(&ServerUrl::parse("docker.io").unwrap(), &setup).is_none());
        let provider = Some(registry::Cloud::Google);
        setup.settings.rules = vec![Rule { pattern: "registry.example".into(), provider, ..Rule::default() }];
        assert_eq!(scope("registry.example", &setup).service, "gcr:declared");
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
        let write = |name: &str, text: &str| {
            let path = home.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let identity = |variables: &[(&str, &str)]| scope(REGISTRY, &Setup::of(home.path(), variables)).identity;
        let mut seen = HashSet::from([identity(&[])]);
        for (name, text) in [
            (".config/gcloud/configurations/config_default", "[core]\naccount = jane\n"),
            (".config/gcloud/configurations/config_default", "[core]\naccount = john.x\n"),
            (".config/gcloud/active_config", "work"),
            (".config/gcloud/configurations/config_work", "[core]\naccount = jane\n"),
            (".config/gcloud/application_default_credentials.json", "{}"),
            (".config/gcloud/application_default_credentials.json", "{ }"),
        ] {
            write(name, text);
            assert!(seen.insert(identity(&[])), "{name} with {text} does not count");
        }
        write(".config/gcloud/configurations/config_work", "[core]\naccount = other-user\n");
        assert!(!seen.insert(identity(&[])), "gcloud's account counts only where it may be asked");
        let key = write("key.json", "{}");
        let variable = [("GOOGLE_APPLICATION_CREDENTIALS", key.as_str())];
        assert!(seen.insert(identity(&variable)));
        write("key.json", "{  }");
        assert!(seen.insert(identity(&variable)), "an edited key does not count");
        // The job of a runner signs in with the same file as the one before it, and with another subject.
        for source in [
            r#""credential_source": {"file": "SUBJECT"}"#,
            r#""credential_source": {"executable": {"command": "x", "output_file": "SUBJECT"}}"#,
            r#""source_credentials": {"type": "external_account", "credential_source": {"file": "SUBJECT"}}"#,
        ] {
            let subject = write("subject", "one");
            let federation = format!("{{\"type\": \"external_account\", {source}}}");
            write("key.json", &federation.replace("SUBJECT", &subject));
            assert!(seen.insert(identity(&variable)), "{source}");
            write("subject", "another");
            assert!(seen.insert(identity(&variable)), "another subject does not count: {source}");
        }
        for name in ["CLOUDSDK_AUTH_ACCESS_TOKEN_FILE", "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE"] {
            let bare = tempfile::tempdir().unwrap();
            let token = write("gcloud-token", "one");
            let identity = || scope(REGISTRY, &Setup::of(bare.path(), &[(name, &token)])).identity;
            let one = identity();
            write("gcloud-token", "another");
            assert_ne!(one, identity(), "what {name} names does not count");
        }
        let program = write("bin/subject", "one");
        let path = home.path().join("bin");
        let of_program = [("GOOGLE_APPLICATION_CREDENTIALS", key.as_str()), ("PATH", path.to_str().unwrap())];
        let executable =
            r#"{"type": "external_account", "credential_source": {"executable": {"command": "COMMAND x"}}}"#;
        for command in [program.as_str(), "subject"] {
            write("key.json", &executable.replace("COMMAND", command));
            assert!(seen.insert(identity(&of_program)), "{command}");
            write("bin/subject", "another");
            assert!(seen.insert(identity(&of_program)), "another program does not count: {command}");
        }
        let folder = write("other/application_default_credentials.json", "{}");
        let folder = Path::new(&folder).parent().unwrap().to_str().unwrap();
        assert!(seen.insert(identity(&[("CLOUDSDK_CONFIG", folder)])));
        write("other/application_default_credentials.json", "{   }");
        assert!(seen.insert(identity(&[("CLOUDSDK_CONFIG", folder)])));
    }

    #[test]
    fn the_rule_is_in_the_fingerprint() {
        let mut setup = Setup::of(Path::new("/nowhere"), &[]);
        let mut seen = HashSet::from([scope(REGISTRY, &setup).identity]);
        for rule in [
            Rule { impersonate: Some("pull@p.iam.gserviceaccount.com".into()), ..Rule::default() },
            Rule { credentials_file: Some("/key.json".into()), ..Rule::default() },
            Rule { self_signed_jwt: true, ..Rule::default() },
        ] {
            setup.settings.rules = vec![Rule { pattern: "*".into(), ..rule }];
            assert!(seen.insert(scope(REGISTRY, &setup).identity));
        }
        let target = ServerUrl::parse(REGISTRY).ok();
        setup.settings.rules = vec![Rule { pattern: "*".into(), target, ..Rule::default() }];
        assert!(!seen.insert(scope("docker.corp.example", &setup).identity), "a custom domain shares the token");
    }
}
