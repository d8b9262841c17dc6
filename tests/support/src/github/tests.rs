use serde_json::Value;

use super::*;
use crate::client::{Answer, fetch};

fn ask(github: &GitHub, path: &str, fields: &[(&str, &str)]) -> Value {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    fetch("POST", &format!("{}{path}", github.url()), &[], body).unwrap().json()
}

fn get(github: &GitHub, path: &str, headers: &[(&str, &str)]) -> Answer {
    fetch("GET", &format!("{}{path}", github.url()), headers, "").unwrap()
}

#[test]
fn only_the_app_sees_its_installations() {
    let github = GitHub::start();
    github.install(7, "octo-org", true);
    let forged = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIxMjM0NTYiLCJpYXQiOjEsImV4cCI6Mn0.c2ln";
    for (authorization, status, words) in [
        ("", 401, "is required"),
        ("Bearer x.y.z", 401, "could not be decoded"),
        (&format!("Bearer {forged}"), 401, "could not be decoded"),
        ("token ghp_x", 401, "is required"),
    ] {
        let answer = get(&github, "/app/installations", &[("authorization", authorization), ("user-agent", "test")]);
        assert_eq!(answer.status, status, "{authorization}");
        assert!(answer.json()["message"].as_str().unwrap().contains(words), "{authorization}: {}", answer.text());
    }
    assert_eq!(get(&github, "/users", &[]).status, 404);
    assert_eq!(github.strange_requests(), ["GET /users"]);
    assert_eq!((github.calls(GitHubCall::Installations), github.all_calls()), (4, 5));
}

#[test]
fn a_device_waits_for_its_user() {
    let github = GitHub::start();
    let codes = ask(&github, "/login/device/code", &[("client_id", "a client"), ("scope", "read:packages")]);
    let code = codes["device_code"].as_str().unwrap();
    let poll = |client: &str| {
        let grant = "urn:ietf:params:oauth:grant-type:device_code";
        ask(
            &github,
            "/login/oauth/access_token",
            &[("client_id", client), ("device_code", code), ("grant_type", grant)],
        )
    };
    assert_eq!(poll("another client")["error"], "incorrect_client_credentials");
    github.set_polls_before_consent(u32::MAX);
    assert_eq!(poll("a client")["error"], "authorization_pending");
    // On a busy machine two polls can be a second apart, which is not too often.
    let slow_down =
        (0..20).map(|_| poll("a client")).find(|answer| answer["error"] != "authorization_pending").unwrap();
    assert_eq!((&slow_down["error"], &slow_down["interval"]), (&"slow_down".into(), &6.into()));
    github.set_polls_before_consent(1);
    std::thread::sleep(Duration::from_secs(1));
    assert!(poll("a client")["access_token"].as_str().unwrap().starts_with("gho_"));
    assert_eq!(poll("a client")["error"], "incorrect_device_code", "a code is good for one token");

    let codes = ask(&github, "/login/device/code", &[("client_id", "a client")]);
    github.deny_devices();
    let grant = "urn:ietf:params:oauth:grant-type:device_code";
    let fields =
        [("client_id", "a client"), ("device_code", codes["device_code"].as_str().unwrap()), ("grant_type", grant)];
    assert_eq!(ask(&github, "/login/oauth/access_token", &fields)["error"], "access_denied");
    assert_eq!(ask(&github, "/login/oauth/access_token", &fields[..2])["error"], "unsupported_grant_type");
}
