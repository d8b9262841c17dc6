//! `credmint bazel get`, as Bazel's specification has it:
//! <https://github.com/EngFlow/credential-helper-spec/blob/main/spec.md>.

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pretend_cloud::{Aws, Behaviour, Call, Google};
use serde_json::{Value, json};

use crate::acr::{CONTOSO, World};
use crate::gcr;
use crate::ghcr::Company;
use crate::home::{CLI, CREDMINT, Home, Outcome, REGISTRY};

fn ask(home: &Home, uri: &str) -> Outcome {
    home.run(CLI, &["bazel", "get"], json!({"uri": uri}).to_string())
}

/// The response, in the only format that Bazel reads: an object of lists, and a time without fractions.
#[track_caller]
fn answer(outcome: &Outcome) -> Value {
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome:?}");
    let answer: Value = serde_json::from_str(&outcome.stdout).unwrap();
    for key in answer.as_object().unwrap().keys() {
        assert!(["headers", "expires"].contains(&key.as_str()), "{outcome:?}");
    }
    if let Some(expires) = answer["expires"].as_str() {
        let form: String = expires.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        assert_eq!(form, "0000-00-00T00:00:00Z");
    }
    answer
}

/// The scheme and what comes behind it.
#[track_caller]
fn header(outcome: &Outcome) -> (String, String) {
    let answer = answer(outcome);
    let value = answer["headers"]["Authorization"][0].as_str().unwrap_or_else(|| panic!("{outcome:?}"));
    let (scheme, text) = value.split_once(' ').unwrap();
    (scheme.to_owned(), text.to_owned())
}

fn decoded(text: &str) -> String {
    String::from_utf8(STANDARD.decode(text).unwrap()).unwrap()
}

#[test]
fn each_registry_gets_what_it_takes_of_a_downloader() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    let (scheme, text) = header(&ask(&home, &format!("https://{REGISTRY}/v2/app/manifests/1")));
    assert_eq!((scheme.as_str(), decoded(&text)), ("Basic", format!("AWS:{}", aws.minted()[0].password)));
    let (scheme, text) = header(&ask(&home, "https://public.ecr.aws/v2/a/b/blobs/sha256:0"));
    assert_eq!((scheme.as_str(), decoded(&text)), ("Bearer", format!("AWS:{}", aws.minted()[1].password)));

    let google = Google::start();
    let home = gcr::with_key(&google);
    let found = header(&ask(&home, "https://europe-docker.pkg.dev/v2/p/r/app/manifests/1"));
    let token = google.minted()[0].token.clone();
    assert_eq!(found, ("Bearer".to_owned(), token.clone()));
    let (scheme, text) = header(&ask(&home, "https://europe-docker.pkg.dev/v2/token?service=x&scope=y"));
    assert_eq!((scheme.as_str(), decoded(&text)), ("Basic", format!("oauth2accesstoken:{token}")));

    let world = World::new();
    let (scheme, text) = header(&ask(&world.with_secret(), &format!("https://{CONTOSO}/v2/app/manifests/1")));
    assert_eq!(scheme, "Basic");
    assert!(decoded(&text).ends_with(&world.azure.minted()[0].token));
}

#[test]
fn github_s_packages_are_opened_for_the_owner_in_the_path() {
    let company = Company::with_app();
    company.github.install(8, "other-org", true);
    for owner in ["octo-org", "other-org"] {
        let (scheme, text) = header(&ask(&company.home, &format!("https://ghcr.io/v2/{owner}/app/manifests/1")));
        let minted = company.github.minted().into_iter().find(|minted| minted.token == decoded(&text));
        assert_eq!((scheme.as_str(), minted.unwrap().account.as_str()), ("Bearer", owner));
    }
}

#[test]
fn without_a_file_the_user_signs_in() {
    let mut home = Home::new();
    home.set("GITHUB_TOKEN", "ghs_x");
    for uri in ["ghcr.io", "https://ghcr.io", "https://ghcr.io/v2/", "https://ghcr.io/token?scope=repository:o/a:pull"]
    {
        let (scheme, text) = header(&ask(&home, uri));
        assert_eq!(scheme, "Basic", "{uri}");
        assert!(decoded(&text).ends_with(":ghs_x"), "{uri}");
    }
    assert!(answer(&ask(&home, "ghcr.io")).get("expires").is_none(), "its expiry is unknown");
}

#[test]
#[cfg(target_os = "linux")]
fn the_expiry_is_returned() {
    let google = Google::start();
    google.set_token_life(Duration::from_secs(3600));
    let outcome = ask(&gcr::with_key(&google), "https://gcr.io/v2/p/a/manifests/1");
    let told = answer(&outcome)["expires"].as_str().unwrap().to_owned();
    let told = std::process::Command::new("date").args(["-u", "+%s", "-d", &told]).output().unwrap().stdout;
    let told: u64 = String::from_utf8(told).unwrap().trim().parse().unwrap();
    let end = google.minted()[0].expires.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    assert!((280..=320).contains(&(end - told)), "{told} {end}: five minutes are kept back");
}

#[test]
fn nothing_goes_where_it_does_not_belong() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    home.set("GITHUB_TOKEN", "ghs_x");
    for uri in [
        "https://github.com/bazelbuild/bazel/releases",
        "https://ghcr.io.attacker.example/v2/o/a/manifests/1",
        "https://notghcr.io/v2/",
        "https://ghcr.io@attacker.example/v2/",
        "https://user:password@ghcr.io/v2/",
        "https://ghcr.io:8443/v2/",
        "http://ghcr.io/v2/o/a/manifests/1",
        "grpcs://ghcr.io/build.bazel.remote.execution.v2.Execution/Execute",
        "https://ghcr.io\\@attacker.example/",
        "https://ghcr\u{2024}io/v2/",
        "file:///etc/passwd",
        "",
    ] {
        assert_eq!(answer(&ask(&home, uri)), json!({}), "{uri}");
    }
    let plain = format!("http://{REGISTRY}/v2/app/manifests/1");
    assert_eq!(answer(&ask(&home, &plain)), json!({}));
    assert_eq!(aws.all_calls(), 0);
}

#[test]
fn stored_logins_go_to_their_registries() {
    let home = Home::new();
    let login = json!({"ServerURL": "registry.example:5000", "Username": "ci", "Secret": "stored"});
    assert_eq!(home.run(CREDMINT, &["store"], login.to_string()).code, 0);
    let (scheme, text) = header(&ask(&home, "https://registry.example:5000/v2/app/manifests/1"));
    assert_eq!((scheme.as_str(), decoded(&text).as_str()), ("Basic", "ci:stored"));
    assert_eq!(answer(&ask(&home, "https://registry.example/v2/app/manifests/1")), json!({}));
}

#[test]
fn a_build_that_fails_reports_why() {
    let outcome = ask(&Home::new(), &format!("https://{REGISTRY}/v2/app/manifests/1"));
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{outcome:?}");
    assert!(outcome.stderr.contains("AWS"), "{outcome:?}");
    let aws = Aws::start();
    aws.on(Call::EcrToken, Behaviour::Garbage);
    let mut home = Home::signed_in(&aws);
    home.log_everything();
    let outcome = ask(&home, &format!("https://{REGISTRY}/v2/app/manifests/1"));
    assert!(outcome.code == 1 && !outcome.stderr.contains("alices-secret"), "{outcome:?}");
    for (text, word) in [("", "JSON"), ("[]", "uri"), ("{\"uri\": 1}", "uri"), (&"x".repeat(3 << 20), "larger than")] {
        let outcome = home.run(CLI, &["bazel", "get"], text);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{outcome:?}");
        assert!(outcome.stderr.contains(word), "{outcome:?}");
    }
    // More fields are no error.
    let more = json!({"uri": "https://quay.io/", "later": [1]}).to_string();
    assert_eq!(answer(&home.run(CLI, &["bazel", "get"], more)), json!({}));
}
