//! `credmint kubelet`, as kubelet calls it. Requests and responses are compared with the files in
//! `tests/kubelet`, which have the fields and types of kubelet's own:
//! <https://github.com/kubernetes/kubernetes/blob/v1.34.0/staging/src/k8s.io/kubelet/pkg/apis/credentialprovider/v1/types.go>.

use std::collections::BTreeMap;
use std::time::Duration;

use pretend_cloud::{Aws, Behaviour, Call, Google, GoogleCall};
use serde_json::{Value, json};

use crate::acr::{CONTOSO, World};
use crate::gcr;
use crate::ghcr::Company;
use crate::home::{CLI, CREDMINT, Home, Outcome, REGISTRY};

mod response;

pub(crate) use response::{Response, matches, response};

const V1: &str = "credentialprovider.kubelet.k8s.io/v1";

pub(crate) fn request(image: &str) -> Value {
    let mut request: Value = serde_json::from_str(include_str!("kubelet/request.json")).unwrap();
    request["image"] = image.into();
    request
}

pub(crate) fn ask(home: &Home, request: &Value) -> Outcome {
    home.run(CLI, &["kubelet"], request.to_string())
}

fn minutes(life: Option<Duration>) -> u64 {
    life.unwrap().as_secs().div_ceil(60)
}

#[test]
fn kubelet_s_rules_as_they_are_written_here() {
    for (key, image, expected) in [
        ("*.docker.io", "blah.docker.io/a", true),
        ("*.docker.io", "docker.io/a", false),
        ("*.docker.io", "not.right.io/a", false),
        ("app*.k8s.io", "app1.k8s.io/a", true),
        ("*.io", "x.k8s.io/a", false),
        ("registry.io:8080/path", "registry.io:8080/path/a", true),
        ("registry.io:8080/path", "registry.io/path/a", false),
        ("registry.io/path", "registry.io/pathology", true),
        ("registry.io/path", "registry.io/other", false),
        ("index.docker.io", "nginx", true),
        ("index.docker.io", "docker.io/library/nginx", true),
        ("index.docker.io", "quay.io/a", false),
    ] {
        assert_eq!(matches(key, image), expected, "{key} {image}");
    }
}

#[test]
fn a_response_has_kubelets_format() {
    let aws = Aws::start();
    aws.set_token_life(Duration::from_secs(3600));
    let home = Home::signed_in(&aws);
    let outcome = ask(&home, &request(&format!("{REGISTRY}/team/app")));
    let said: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let mut expected: Value = serde_json::from_str(include_str!("kubelet/response.json")).unwrap();
    expected["auth"][REGISTRY]["password"] = aws.minted()[0].password.clone().into();
    let life: u64 = said["cacheDuration"].as_str().unwrap().trim_end_matches('s').parse().unwrap();
    assert!((3270..=3300).contains(&life), "{said}");
    expected["cacheDuration"] = said["cacheDuration"].clone();
    assert_eq!(said, expected);
}

#[test]
fn every_cloud_s_token_with_its_life() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    for registry in [REGISTRY, "public.ecr.aws"] {
        let image = format!("{registry}/team/app");
        let answer = response(&home, &image);
        assert_eq!(answer.found(&image).0, "AWS");
        assert_eq!((answer.key_type.as_str(), minutes(answer.life)), ("Registry", 12 * 60 - 5));
    }
    let google = Google::start();
    let image = "europe-docker.pkg.dev/project/repository/app";
    let answer = response(&gcr::with_key(&google), image);
    assert_eq!(answer.found(image), ("oauth2accesstoken".to_owned(), google.minted()[0].token.clone()));
    assert!((50..=55).contains(&minutes(answer.life)), "{answer:?}");
    let world = World::new();
    let image = format!("{CONTOSO}/app");
    let answer = response(&world.with_secret(), &image);
    assert_eq!(answer.found(&image).1, world.azure.minted()[0].token);
    assert_eq!((answer.key_type.as_str(), minutes(answer.life)), ("Registry", 3 * 60 - 5));
    let company = Company::with_app();
    let answer = response(&company.home, "ghcr.io/octo-org/app");
    assert_eq!(answer.found("ghcr.io/octo-org/app").1, company.github.minted()[0].token);
    assert!((50..=55).contains(&minutes(answer.life)), "{answer:?}");
}

#[test]
fn it_shares_its_cache_with_docker() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    let docker = home.get(REGISTRY).secret();
    let image = format!("{REGISTRY}/app");
    assert_eq!(response(&home, &image).found(&image).1, docker);
    assert_eq!(aws.calls(Call::EcrToken), 1);
}

#[test]
fn the_versions_of_the_conversation() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    let mut request = request(&format!("{REGISTRY}/app"));
    for version in [V1, "credentialprovider.kubelet.k8s.io/v1beta1", "credentialprovider.kubelet.k8s.io/v1alpha1"] {
        request["apiVersion"] = version.into();
        assert_eq!(Response::of(&ask(&home, &request), version).auth.len(), 1);
    }
}

#[test]
fn an_invalid_request_is_rejected_and_not_repeated() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    let with = |field: &str, value: Value| {
        let mut request = request(&format!("{REGISTRY}/app"));
        request[field] = value;
        request.to_string()
    };
    for (text, word) in [
        (with("apiVersion", json!("credentialprovider.kubelet.k8s.io/v2")), "apiVersion"),
        (with("apiVersion", json!(null)), "apiVersion"),
        (with("kind", json!("CredentialProviderResponse")), "CredentialProviderRequest"),
        (with("image", json!("")), "image"),
        (with("image", json!(7)), "image"),
        (with("image", json!("user@canary.example/app")), "neither a registry nor an image"),
        (with("image", json!(REGISTRY)), "not an image name"),
        (with("image", json!("localhost:5000")), "not an image name"),
        (with("image", json!(format!("https://{REGISTRY}/app"))), "not an image name"),
        (with("serviceAccountToken", json!("")), "serviceAccountToken"),
        (with("serviceAccountToken", json!(7)), "serviceAccountToken"),
        (String::new(), "JSON"),
        ("canary".to_owned(), "JSON"),
        ("[]".to_owned(), "CredentialProviderRequest"),
        ("canary ".repeat(3 << 20 >> 3), "larger than"),
        ("\0".repeat(3 << 20), "larger than"),
    ] {
        let outcome = home.run(CLI, &["kubelet"], &text);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{outcome:?}");
        assert!(outcome.stderr.contains(word) && outcome.stderr.len() < 500, "{outcome:?}");
        assert!(text.contains("user@") || !outcome.stderr.contains("canary"), "{outcome:?}");
    }
    assert_eq!(aws.all_calls(), 0);
}

#[test]
fn where_there_is_nothing_kubelet_goes_on() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    let without_identity = gcr::home();
    for (home, image) in [
        (&home, "quay.io/team/app"),
        (&home, "nginx"),
        (&home, "123456789012.dkr.ecr.us-east-1.amazonaws.com.attacker.example/app"),
        (&home, "123456789012.dkr.ecr.us-east-1.amazonaws.com:8443/app"),
        (&without_identity, "gcr.io/distroless/static"),
        (&without_identity, "ghcr.io/owner/app"),
    ] {
        let answer = response(home, image);
        assert!(answer.auth.is_empty() && answer.life == Some(Duration::ZERO), "{image}: {answer:?}");
    }
    assert_eq!(aws.all_calls(), 0);
}

/// Kubelet logs the standard error of a plugin that fails, and pulls on. Of one that succeeds it logs nothing.
#[test]
fn no_identity_for_a_private_registry_is_an_error_in_kubelet_s_log() {
    let without_identity = gcr::home();
    let outcome = ask(&without_identity, &request("123456789012.dkr.ecr.us-east-1.amazonaws.com/app"));
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{outcome:?}");
    assert!(outcome.stderr.contains("AWS") && outcome.stderr.lines().count() == 1, "{outcome:?}");
    // Nobody signs in on a node.
    assert!(outcome.stderr.contains("attach an instance profile"), "{outcome:?}");
    assert!(!outcome.stderr.contains("login"), "{outcome:?}");
    let at_a_desk = without_identity.run(CLI, &["token", REGISTRY], "");
    assert!(at_a_desk.stderr.contains("aws sso login") && !at_a_desk.stderr.contains("profile whose"), "{at_a_desk:?}");
}

#[test]
fn a_rejected_identity_is_an_error_in_kubelet_s_log() {
    let aws = Aws::start();
    let refusal = Behaviour::Refuse { status: 400, code: "AccessDeniedException", message: "no".into() };
    aws.on(Call::EcrToken, refusal);
    let outcome = ask(&Home::signed_in(&aws), &request(&format!("{REGISTRY}/app")));
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{outcome:?}");
    assert!(outcome.stderr.contains("ecr:GetAuthorizationToken"), "{outcome:?}");
}

#[test]
fn it_is_never_kept_longer_than_it_lasts() {
    let google = Google::start();
    for (life, expected) in [(3600, 3300), (1200, 900), (700, 400), (310, 10), (200, 0)] {
        google.set_token_life(Duration::from_secs(life));
        let answer = response(&gcr::with_key(&google), "gcr.io/project/app");
        let kept = answer.life.unwrap().as_secs();
        assert!(kept <= expected && kept + 20 >= expected, "{life}: {kept}");
    }
    assert_eq!(google.calls(GoogleCall::Token), 5);
}

#[test]
fn stored_logins_serve_the_registries_that_they_are_for() {
    let home = Home::new();
    let store = |server: &str, user: &str| {
        let login = json!({"ServerURL": server, "Username": user, "Secret": "stored"});
        assert_eq!(home.run(CREDMINT, &["store"], login.to_string()).code, 0);
    };
    store("registry.example:5000", "ci");
    store("https://index.docker.io/v1/", "me");
    store("other.example", "<token>");
    for (image, user) in [
        ("registry.example:5000/team/app", "ci"),
        ("nginx", "me"),
        ("owner/app", "me"),
        ("docker.io/library/nginx", "me"),
        ("index.docker.io/library/nginx", "me"),
    ] {
        let answer = response(&home, image);
        assert_eq!(answer.found(image), (user.to_owned(), "stored".to_owned()));
        assert_eq!((answer.key_type.as_str(), answer.life), ("Registry", None), "the end is not known");
    }
    assert!(response(&home, "registry.example/team/app").auth.is_empty(), "another port");
    assert!(response(&home, "other.example/app").auth.is_empty(), "kubelet cannot use an identity token");
}

#[test]
fn every_key_matches_the_image_that_was_requested() {
    let mut home = Home::new();
    home.set("GITHUB_TOKEN", "ghs_x");
    home.settings("[[registry]]\nmatch = \"ghcr.io/team-*\"\naccount = \"team\"\n");
    for (server, user) in [("registry.example:5000", "a"), ("localhost", "b"), ("https://index.docker.io/v1/", "c")] {
        let login = json!({"ServerURL": server, "Username": user, "Secret": "s"});
        assert_eq!(home.run(CREDMINT, &["store"], login.to_string()).code, 0);
    }
    let digest = format!("sha256:{}", "0".repeat(64));
    for host in ["ghcr.io/", "GHCR.io/", "ghcr.io:443/", "registry.example:5000/", "localhost/", "", "docker.io/"] {
        for name in ["app", "team-a/app", "a/b/c.d-e_f"] {
            for suffix in ["", ":1.2", &format!("@{digest}"), &format!(":1@{digest}")] {
                let answer = response(&home, &format!("{host}{name}{suffix}"));
                assert_eq!(answer.auth.len(), 1, "{host}{name}{suffix}");
                let key = answer.auth.keys().next().unwrap();
                assert!(matches(key, &format!("{host}{name}")), "{key} for {host}{name}");
                assert!(!key.contains(['*', '@']), "{key}");
            }
        }
    }
}

#[test]
fn a_token_for_some_images_is_kept_for_these_alone() {
    let company = Company::with_app();
    company.github.install(8, "other-org", true);
    for owner in ["octo-org", "other-org"] {
        let image = format!("ghcr.io/{owner}/app");
        let answer = response(&company.home, &format!("{image}:1"));
        assert_eq!((answer.key_type.as_str(), answer.auth.keys().collect::<Vec<_>>()), ("Image", vec![&image]));
        let token = answer.found(&image).1;
        assert_eq!(company.github.minted().into_iter().find(|minted| minted.token == token).unwrap().account, owner);
    }
    // An image without a rule: cached for its registry, its token would also be used for those with one.
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    home.settings(&format!("[[registry]]\nmatch = \"{REGISTRY}/secret\"\nrole_arn = \"arn:aws:iam::1:role/secret\"\n"));
    let (plain, secret) = (format!("{REGISTRY}/app"), format!("{REGISTRY}/secret/app"));
    assert_eq!(response(&home, &plain).key_type, "Image");
    assert_ne!(response(&home, &secret).found(&secret), response(&home, &plain).found(&plain));
    assert_eq!(response(&home, &secret).key_type, "Image");
}

#[test]
fn its_log_contains_no_secret() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    home.log_everything();
    let outcome = ask(&home, &request(&format!("{REGISTRY}/app")));
    assert!(outcome.code == 0 && outcome.stderr.contains("minting a token"), "the log is on: {outcome:?}");
    assert!(!outcome.stderr.contains(&aws.minted()[0].password) && !outcome.stderr.contains("alices-secret"));
}
