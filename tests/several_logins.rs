//! Several logins on one host: `[[registry]]` tables whose `match` has a path.

use pretend_cloud::ExchangeCall;
use serde_json::{Value, json};

use crate::exchange::Job;
use crate::exchange_pull::peer;
use crate::home::{CLI, CREDMINT, Home, Outcome, program, skip};

/// Two robots and a login on one host; what is left is the host's own.
const SETTINGS: &str = r#"
[[registry]]
match = "quay.io/team-a/*"
provider = "quay"
robot = "octo-org+puller"

[[registry]]
match = "quay.io/team-b/*"
provider = "quay"
robot = "octo-org+pusher"

[[registry]]
match = "quay.io/team-c"
login = "quay.io/team-c"
"#;

/// kubelet's response for an image: the cache key, the user and the password.
fn kubelet(home: &Home, image: &str) -> (Value, Vec<(String, String, String)>) {
    let request = json!({
        "apiVersion": "credentialprovider.kubelet.k8s.io/v1", "kind": "CredentialProviderRequest", "image": image,
    });
    let outcome = home.run(CLI, &["kubelet"], request.to_string());
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let response: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let auth = response["auth"].as_object().unwrap().iter();
    let auth = auth.map(|(key, login)| (key.clone(), text(&login["username"]), text(&login["password"]))).collect();
    (response["cacheKeyType"].clone(), auth)
}

fn token(home: &Home, image: &str) -> Value {
    let outcome = home.run(CLI, &["token", "--json", image], "");
    assert_eq!(outcome.code, 0, "{outcome:?}");
    serde_json::from_str(&outcome.stdout).unwrap()
}

fn login(home: &Home, registry: &str, username: &str, password: &str) {
    let outcome = home.run(CLI, &["login", "-u", username, "--password-stdin", registry], password);
    assert_eq!(outcome.code, 0, "{outcome:?}");
}

#[test]
fn each_image_is_served_by_its_own_table() {
    let job = Job::with(SETTINGS);
    let [a, b] = ["team-a", "team-b"].map(|team| token(&job.home, &format!("quay.io/{team}/app:1")));
    assert_eq!((&a["username"], &b["username"]), (&json!("octo-org+puller"), &json!("octo-org+pusher")));
    assert_ne!(a["password"], b["password"]);
    assert!(a["expires"].is_string(), "{a}");
    assert_eq!(job.exchanges.calls(ExchangeCall::Quay), 2);
    // Another image of the team has the same token, and so has every other client that names the image.
    assert_eq!(token(&job.home, "quay.io/team-a/other")["password"], a["password"]);
    let password = a["password"].as_str().unwrap().to_owned();
    assert_eq!(
        job.get("quay.io/team-a/app").credentials(),
        ("quay.io/team-a/app".to_owned(), "octo-org+puller".to_owned(), password.clone())
    );
    let served = kubelet(&job.home, "quay.io/team-a/app:1");
    assert_eq!(
        served,
        (json!("Image"), vec![("quay.io/team-a/app".into(), "octo-org+puller".into(), password.clone())])
    );
    let request = r#"{"uri":"https://quay.io/v2/team-a/app/manifests/1"}"#;
    let bazel: Value = serde_json::from_str(&job.home.run(CLI, &["bazel", "get"], request).stdout).unwrap();
    assert!(bazel["headers"]["Authorization"][0].as_str().unwrap().starts_with("Basic "), "{bazel}");
    assert_eq!(job.home.run(CLI, &["cache", "warm", "quay.io/team-b/app"], "").code, 0);
    assert_eq!(job.exchanges.calls(ExchangeCall::Quay), 2, "one mint for each of them");
    // Docker sends only the host, for which there is no table.
    job.get("quay.io").is_not_found();
    job.get("quay.io/team-d/app").is_not_found();
    job.get("quay.io.attacker.example/team-a/app").is_not_found();
    assert_eq!(job.exchanges.calls(ExchangeCall::Quay), 2);
}

#[test]
fn a_table_for_some_images_comes_before_the_host_s_login() {
    let job = Job::with(SETTINGS);
    login(&job.home, "quay.io", "me", "mine");
    assert_eq!(job.get("quay.io").secret(), "mine");
    assert_eq!(token(&job.home, "quay.io/team-d/app")["username"], "me");
    assert_eq!(token(&job.home, "quay.io/team-a/app")["username"], "octo-org+puller");
    // A table that only sets on_failure does not select an identity.
    job.home.settings("[[registry]]\nmatch = \"quay.io/team-a\"\non_failure = \"not-found\"\n");
    assert_eq!(token(&job.home, "quay.io/team-a/app")["username"], "me");
}

#[test]
fn a_named_login_serves_its_images_alone() {
    let job = Job::with(SETTINGS);
    job.get("quay.io/team-c/app").explains(&["no login stored for quay.io/team-c", "credmint login quay.io/team-c"]);
    login(&job.home, "quay.io/team-c", "carol", "of-team-c");
    login(&job.home, "quay.io", "me", "mine");
    assert_eq!(job.get("quay.io/team-c/app").secret(), "of-team-c");
    assert_eq!(token(&job.home, "quay.io/team-c/app:1")["username"], "carol");
    assert_eq!(job.get("quay.io").secret(), "mine");
    assert_eq!(
        kubelet(&job.home, "quay.io/team-c/app").1,
        [("quay.io/team-c/app".into(), "carol".into(), "of-team-c".into())]
    );
    // It goes to no other host, and not over plain HTTP.
    job.get("http://quay.io/team-c/app").is_not_found();
    job.get("quay.io:8443/team-c/app").is_not_found();
    assert_eq!(job.home.run(CLI, &["logout", "quay.io/team-c"], "").code, 0);
    job.get("quay.io/team-c/app").explains(&["no login stored"]);
    assert_eq!(job.get("quay.io").secret(), "mine");
    // Without a table that names it, a path is a mistake.
    let refused = job.home.run(CLI, &["login", "-u", "x", "--password-stdin", "quay.io/team-e"], "y");
    assert!(refused.code == 1 && refused.stderr.contains("is an image: expected a registry"), "{refused:?}");
}

#[test]
fn a_login_may_be_that_of_a_whole_host_for_docker() {
    let home = Home::of(CREDMINT);
    home.settings("[[registry]]\nmatch = \"r.example:5000\"\nlogin = \"r.example:5000/ci\"\n");
    assert_eq!(home.store("r.example:5000", "ci", "stored-by-docker-login").code, 0);
    assert_eq!(home.get("r.example:5000").secret(), "stored-by-docker-login");
    assert_eq!(home.get("r.example:5000/ci").secret(), "stored-by-docker-login");
    home.erase("r.example:5000").is_silent();
    home.get("r.example:5000").explains(&["no login stored for r.example:5000/ci"]);
    for (table, words) in [
        (
            "match = \"quay.io\"\nlogin = \"r.example/ci\"",
            "login is an address of the host in match, such as \"quay.io\"",
        ),
        ("match = \"*.quay.io/a/*\"\nlogin = \"a.quay.io\"", "login is an address of the host in match"),
        ("match = \"quay.io/a/*\"\nlogin = \"https://quay.io/a\"", "such as \"quay.io/a\""),
        ("match = \"quay.io\"\nlogin = \"quay.io/a\"\nprofile = \"x\"", "login cannot be combined"),
        ("match = \"quay.io\"\nlogin = \"quay.io/a\"\nhelper = \"pass\"", "login cannot be combined"),
    ] {
        home.settings(&format!("[[registry]]\n{table}\n"));
        home.get("quay.io").explains(&[words]);
    }
}

#[test]
fn an_export_has_each_login_under_the_key_of_its_images() {
    let job = Job::with(SETTINGS);
    login(&job.home, "quay.io", "me", "mine");
    let exported = |registries: &[&str]| {
        let outcome = job.home.run(CLI, &[&["export"], registries].concat(), "");
        assert_eq!(outcome.code, 0, "{outcome:?}");
        let config: Value = serde_json::from_str(&outcome.stdout).unwrap();
        config["auths"].as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(exported(&["quay.io/team-a/app:1"]), ["quay.io", "quay.io/team-a/app"]);
    let both = ["quay.io/team-a/app:1", "quay.io/team-b/app", "quay.io"];
    assert_eq!(exported(&both), ["quay.io", "quay.io/team-a/app", "quay.io/team-b/app"]);
    assert_eq!(exported(&both[..2]), ["quay.io/team-a/app", "quay.io/team-b/app"]);
}

#[test]
fn crane_asks_a_store_for_the_image_before_its_host() {
    let name = "several_logins::crane_asks_a_store_for_the_image_before_its_host";
    let Some(crane) = peer("crane") else { return skip(name, "crane is neither in $CREDMINT_PEERS nor in $PATH") };
    let mut home = Home::of(CREDMINT);
    home.settings("[[registry]]\nmatch = \"127.0.0.1:1/team-a/*\"\nlogin = \"127.0.0.1:1/team-a\"\n");
    home.write(".docker/config.json", r#"{"credsStore":"credmint"}"#);
    let helpers = program(CREDMINT).parent().unwrap().display().to_string();
    home.set("PATH", format!("{helpers}:/usr/bin:/bin"));
    // The port is closed: crane gets credentials before it connects.
    let manifest = |team: &str| {
        let image = format!("127.0.0.1:1/{team}/app:1");
        Outcome::of("crane", &mut home.other(crane.to_str().unwrap(), &["manifest", &image])).stderr
    };
    let words = "no login stored for 127.0.0.1:1/team-a";
    assert!(manifest("team-a").contains(words), "{}", manifest("team-a"));
    assert!(!manifest("team-b").contains(words), "{}", manifest("team-b"));
    login(&home, "127.0.0.1:1/team-a", "carol", "of-team-a");
    assert!(!manifest("team-a").contains(words), "{}", manifest("team-a"));
}

#[test]
fn skopeo_and_podman_find_the_keys_of_an_export() {
    let job = Job::with(SETTINGS);
    let file = job.home.path("auth.json");
    let file = file.to_str().unwrap();
    let images = ["quay.io/team-a/app:1", "quay.io/team-b/app"];
    assert_eq!(job.home.run(CLI, &["export", "--output", file, images[0], images[1]], "").code, 0);
    for client in ["skopeo", "podman"] {
        let Some(client) = peer(client) else {
            skip(&format!("several_logins: {client}"), "it is neither in $CREDMINT_PEERS nor in $PATH");
            continue;
        };
        for (image, user) in [("quay.io/team-a/app", "octo-org+puller"), ("quay.io/team-b/app", "octo-org+pusher")] {
            let arguments = ["login", "--get-login", "--authfile", file, image];
            let outcome = Outcome::of("client", &mut job.home.other(client.to_str().unwrap(), &arguments));
            assert_eq!(outcome.stdout.trim(), user, "{outcome:?}");
        }
    }
}

#[test]
fn doctor_reports_which_clients_a_table_for_some_images_is_for() {
    let job = Job::with(SETTINGS);
    let findings = |image: &str| job.home.run(CLI, &["doctor", "--offline", image], "").stdout;
    let said = findings("quay.io/team-a/app:1");
    assert!(said.contains("the settings for quay.io/team-a/* apply where a client names the image"), "{said}");
    assert!(said.contains("docker and podman name quay.io only"), "{said}");
    assert!(said.contains("credmint export --output auth.json quay.io/team-a/app"), "{said}");
    assert!(said.contains("the identity token of GitHub Actions is exchanged"), "{said}");
    assert!(!findings("quay.io/team-d/app").contains("apply where a client names"), "{said}");
}
