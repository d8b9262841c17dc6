//! AWS identities that exist and do not work, and names and files as people have them.

use pretend_cloud::{Aws, Behaviour, Ca, Call};

use crate::home::{Home, REGISTRY};
use crate::identity::{minted_by, sign_on, without_keys};

const ROLE: &str = "[profile r]\nrole_arn = arn:aws:iam::123456789012:role/pull\nsource_profile = base\n\
                    [profile base]\naws_access_key_id = AKIABASE\naws_secret_access_key = s\n";

/// Without keys in the environment, with this `~/.aws/config`, and a profile of it if one is named.
fn with_config(aws: &Aws, config: &str, profile: &str) -> Home {
    let mut home = Home::signed_in(aws);
    without_keys(&mut home);
    home.write(".aws/config", config);
    home.set("AWS_PROFILE", profile);
    home
}

#[test]
fn profiles_are_found_by_the_names_that_people_give_them() {
    let aws = Aws::start();
    let config = "[profile \"My MacBook Pro\"]\naws_access_key_id = AKIAMAC\naws_secret_access_key = s\n\
                  [profile büro]\n  aws_access_key_id = AKIABUERO\n  aws_secret_access_key = s\n\
                  [profile sso]\nsso_session = my corp\nsso_account_id = 123456789012\nsso_role_name = Dev\n\
                  [sso-session \"my corp\"]\nsso_region = us-east-1\nsso_start_url = https://corp.example/start\n";
    for (name, key) in [("My MacBook Pro", "AKIAMAC"), ("büro", "AKIABUERO")] {
        assert_eq!(minted_by(&aws, &with_config(&aws, config, name).get(REGISTRY)), key);
        let home = with_config(&aws, config, "");
        home.settings(&format!("[[registry]]\nmatch = \"*\"\nprofile = \"{name}\"\n"));
        assert_eq!(minted_by(&aws, &home.get(REGISTRY)), key);
    }
    let home = with_config(&aws, config, "sso");
    home.get(REGISTRY)
        .explains(&["no token for AWS profile sso: the session has expired", "aws sso login --profile sso"]);
    sign_on(&home, "'my corp'", "2099-01-01T00:00:00+00:00");
    assert!(minted_by(&aws, &home.get(REGISTRY)).starts_with("ASIASSO"));
}

#[test]
fn a_second_factor_is_named() {
    let aws = Aws::start();
    let config = format!(
        "{ROLE}[profile m]\nrole_arn = arn:aws:iam::123456789012:role/admin\nsource_profile = base\nmfa_serial = arn:aws:iam::123456789012:mfa/jane\n"
    );
    let home = with_config(&aws, &config, "m");
    home.get(REGISTRY).explains(&[
        "profile m",
        "arn:aws:iam::123456789012:mfa/jane",
        "credential_process",
        "aws sso login",
    ]);
    assert_eq!(aws.all_calls(), 0);
}

#[test]
fn a_captive_portal_is_reported_by_its_host_and_status() {
    for (call, status) in [(Call::EcrToken, 200), (Call::AssumeRole, 200), (Call::AssumeRole, 302)] {
        let aws = Aws::start();
        aws.on(call, Behaviour::Page(status));
        let line = with_config(&aws, ROLE, "r")
            .get(REGISTRY)
            .explains(&["127.0.0.1", "web page", "sign in to the network"])
            .to_owned();
        assert!(line.contains(&format!("HTTP {status}")) && !line.contains("canary"), "{line}");
    }
}

#[test]
fn a_disabled_region_is_reported() {
    let aws = Aws::start();
    let refusal = Behaviour::Refuse { status: 403, code: "RegionDisabledException", message: "canary".into() };
    aws.on(Call::AssumeRole, refusal);
    with_config(&aws, ROLE, "r").get(REGISTRY).explains(&["AWS STS is disabled in this region", "region"]);
}

#[test]
fn a_wrong_clock_is_reported_wherever_it_is_noticed() {
    for (skew, way) in [(3_600, "60 minutes behind that of AWS"), (-3_600, "60 minutes ahead of that of AWS")] {
        let aws = Aws::start();
        aws.set_clock_skew(skew);
        // The SDK detects the clock skew and retries, if allowed.
        with_config(&aws, ROLE, "r").get(REGISTRY).credentials();
        with_config(&aws, ROLE, "r")
            .set("AWS_MAX_ATTEMPTS", "1")
            .get(REGISTRY)
            .explains(&[way, "set this machine's clock"]);
        Home::signed_in(&aws).set("AWS_MAX_ATTEMPTS", "1").get(REGISTRY).explains(&[way, "set this machine's clock"]);
    }
}

#[test]
fn the_agent_of_a_node_that_is_busy_is_called_again() {
    let aws = Aws::start();
    aws.on(Call::ContainerCredentials, Behaviour::StumbleTimes(429, 2));
    let mut home = with_config(&aws, "", "");
    home.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/v1/credentials", aws.url()));
    home.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", pretend_cloud::CONTAINER_AUTHORIZATION);
    assert!(minted_by(&aws, &home.get(REGISTRY)).starts_with("ASIACONTAINER"));
    assert_eq!(aws.calls(Call::ContainerCredentials), 3);
}

#[test]
fn private_authorities_are_those_of_the_variable_then_the_profile() {
    let ca = Ca::new();
    let aws = Aws::start_tls("127.0.0.1:0".parse().unwrap(), &ca, &["127.0.0.1"]);
    let mut home = with_config(&aws, "", "");
    let (ours, other) = (home.write("ours.pem", ca.pem()), home.write("other.pem", Ca::new().pem()));
    let keys = "aws_access_key_id = AKIA\naws_secret_access_key = s\n";
    let config = format!("[default]\nca_bundle = {}\n{keys}", ours.display());
    home.write(".aws/config", &config);
    home.set("SSL_CERT_FILE", &other);
    assert_eq!(minted_by(&aws, &home.get(REGISTRY)), "AKIA", "the profile's come before those for all programs");
    home.set("CREDMINT_VAULT", "none").set("AWS_CA_BUNDLE", &other);
    home.get(REGISTRY).explains(&["certificate"]);
    home.write(".aws/config", format!("[default]\n{keys}"));
    home.set("AWS_CA_BUNDLE", &ours).get(REGISTRY).credentials();
    std::fs::create_dir(home.path("authorities")).unwrap();
    std::fs::copy(&ours, home.path("authorities/ours.pem")).unwrap();
    let folder = home.path("authorities");
    home.unset("AWS_CA_BUNDLE").set("SSL_CERT_DIR", folder).get(REGISTRY).credentials();
}

#[test]
fn half_a_key_is_not_skipped() {
    let aws = Aws::start();
    let mut home = with_config(&aws, ROLE, "base");
    home.set("AWS_ACCESS_KEY_ID", "AKIA").get(REGISTRY).explains(&["AWS_SECRET_ACCESS_KEY is missing"]);
    home.unset("AWS_ACCESS_KEY_ID").get(REGISTRY).credentials();
    let home = with_config(&aws, "[default]\naws_secret_access_key = canary\n", "");
    home.get(REGISTRY).explains(&["aws_access_key_id is missing"]);
}
