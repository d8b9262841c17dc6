//! `docker-credential-credmint`: one `credsStore` for every registry.

use std::collections::BTreeMap;

use pretend_cloud::{Aws, Google, GoogleCall};
use serde_json::Value;

use crate::gcr::EUROPE;
use crate::ghcr::{Company, PACKAGES};
use crate::home::{CREDMINT, ECR, GCR, GHCR, Home, REGISTRY, files};

const HUB: &str = "https://index.docker.io/v1/";
const OWN: &str = "registry.corp.example:5000";

fn get(home: &Home, server: &str) -> crate::home::Outcome {
    home.run(CREDMINT, &["get"], server)
}

fn list(home: &Home) -> BTreeMap<String, String> {
    serde_json::from_str(&home.run(CREDMINT, &["list"], "").stdout).unwrap()
}

#[test]
fn every_cloud_mints_and_its_own_helper_finds_the_token() {
    let (aws, google) = (Aws::start(), Google::start());
    let mut home = Home::signed_in(&aws);
    let key = home.write("key.json", google.key_file("puller@pretend.iam.gserviceaccount.com").to_string());
    home.set("GOOGLE_APPLICATION_CREDENTIALS", key).set("GITHUB_TOKEN", "ghs_of_the_job");
    let (amazon, europe) = (get(&home, REGISTRY).secret(), get(&home, EUROPE).secret());
    assert_eq!(get(&home, PACKAGES).secret(), "ghs_of_the_job");
    assert_eq!(home.run(ECR, &["get"], REGISTRY).secret(), amazon);
    assert_eq!(home.run(GCR, &["get"], EUROPE).secret(), europe);
    assert_eq!(home.run(GHCR, &["get"], PACKAGES).secret(), "ghs_of_the_job");
    assert_eq!((aws.all_calls(), google.calls(GoogleCall::Token)), (1, 1));
}

#[test]
fn what_a_cloud_s_helper_minted_serves_the_store() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    assert_eq!(home.run(ECR, &["get"], REGISTRY).secret(), get(&home, REGISTRY).secret());
    assert_eq!(aws.all_calls(), 1);
}

#[test]
fn every_other_registry_is_a_login() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    home.set("GITHUB_TOKEN", "ghs_of_the_job");
    for server in [HUB, OWN, "quay.io", "ghcr.io.attacker.example", "http://ghcr.io"] {
        get(&home, server).is_not_found();
        let login = format!("{{\"ServerURL\":\"{server}\",\"Username\":\"me\",\"Secret\":\"of {server}\"}}");
        assert_eq!(home.run(CREDMINT, &["store"], login).code, 0);
        assert_eq!(get(&home, server).credentials(), (server.into(), "me".into(), format!("of {server}")));
    }
    assert_eq!(aws.all_calls(), 0);
    home.run(CREDMINT, &["erase"], OWN).is_silent();
    get(&home, OWN).is_not_found();
    assert_eq!(get(&home, HUB).secret(), format!("of {HUB}"));
}

#[test]
fn a_login_for_a_cloud_s_registry_wins_until_it_is_erased() {
    let mut home = Home::new();
    home.set("GITHUB_TOKEN", "ghs_of_the_job");
    let login = format!("{{\"ServerURL\":\"{PACKAGES}\",\"Username\":\"me\",\"Secret\":\"ghp_mine\"}}");
    assert_eq!(home.run(CREDMINT, &["store"], login).code, 0);
    assert_eq!(get(&home, PACKAGES).secret(), "ghp_mine");
    assert_eq!(home.run(GHCR, &["get"], PACKAGES).secret(), "ghp_mine", "for the cloud's helper, too");
    home.run(CREDMINT, &["erase"], PACKAGES).is_silent();
    assert_eq!(get(&home, PACKAGES).secret(), "ghs_of_the_job");
}

#[test]
fn list_names_logins_and_tokens_of_every_cloud() {
    let (aws, google) = (Aws::start(), Google::start());
    let mut home = Home::signed_in(&aws);
    let key = home.write("key.json", google.key_file("puller@pretend.iam.gserviceaccount.com").to_string());
    home.set("GOOGLE_APPLICATION_CREDENTIALS", key);
    get(&home, REGISTRY).credentials();
    get(&home, EUROPE).credentials();
    home.run(CREDMINT, &["store"], format!("{{\"ServerURL\":\"{HUB}\",\"Username\":\"me\",\"Secret\":\"s\"}}"));
    let listed = list(&home);
    assert_eq!(listed.get(HUB).map(String::as_str), Some("me"), "{listed:?}");
    for server in listed.keys() {
        get(&home, server).credentials();
    }
    assert_eq!(listed, list(&home));
}

/// Testcontainers looks in the list of a `credHelpers` helper for the name that the image has.
#[test]
fn list_names_a_login_as_docker_s_configuration_does() {
    let home = Home::new();
    home.run(CREDMINT, &["store"], format!("{{\"ServerURL\":\"{HUB}\",\"Username\":\"me\",\"Secret\":\"s\"}}"));
    home.write(
        ".docker/config.json",
        format!(r#"{{"credHelpers": {{"{HUB}": "credmint", "docker.io": "credmint", "quay.io": "credmint"}}}}"#),
    );
    let listed = list(&home);
    assert_eq!(listed.keys().collect::<Vec<_>>(), ["docker.io", HUB], "and no name without a login");
    assert_eq!(get(&home, "docker.io").secret(), "s");
}

#[test]
fn an_app_s_token_for_a_namespace_is_requested_with_the_namespace() {
    let mut company = Company::with_app();
    company.github.install(8, "other-org", true);
    company.home.set("PATH", "/usr/bin:/bin");
    let mut accounts = Vec::new();
    for namespace in ["ghcr.io/octo-org/app", "ghcr.io/other-org/app"] {
        let secret = get(&company.home, namespace).secret();
        accounts.push(company.github.minted().into_iter().find(|token| token.token == secret).unwrap().account);
    }
    assert_eq!(accounts, ["octo-org", "other-org"]);
}

#[test]
fn no_server_s_name_is_ever_a_path_or_a_program() {
    let mut home = Home::new();
    let trap = home.script("bin/docker-credential-trap", "echo trapped > \"$0.ran\"");
    home.set("PATH", trap.parent().unwrap());
    for server in
        ["../bin/docker-credential-trap", "trap", "docker-credential-trap", "$(trap)", "`trap`", "-v", "a;trap"]
    {
        get(&home, server).is_not_found();
    }
    assert_eq!(files(&home.path("bin")), [trap]);
}

#[test]
fn what_it_tells_of_a_registry_holds_no_secret() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    let secret = get(&home, REGISTRY).secret();
    let outcome = home.run(CREDMINT, &["inspect"], REGISTRY);
    assert!(!outcome.stdout.contains(&secret) && !outcome.stderr.contains(&secret));
    let facts: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(facts["service"], "ecr:aws:us-east-1", "{facts}");
    assert!(facts["token"]["expires"].is_number(), "{facts}");
}
