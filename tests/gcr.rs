use std::time::Duration;

use pretend_cloud::{Behaviour, Google, GoogleCall};
use serde_json::{Value, json};

use crate::home::{GCR, Home, NOT_FOUND, Outcome, skip};

pub(crate) const EUROPE: &str = "europe-docker.pkg.dev";
const PULLER: &str = "puller@pretend.iam.gserviceaccount.com";
const ADC: &str = ".config/gcloud/application_default_credentials.json";

/// A home in which nobody is signed in, and where no metadata server is looked for.
pub(crate) fn home() -> Home {
    let mut home = Home::new();
    home.set("NO_GCE_CHECK", "true");
    home
}

/// One with a service account's key.
pub(crate) fn with_key(google: &Google) -> Home {
    let mut home = home();
    name_file(&mut home, &google.key_file(PULLER));
    home
}

/// One whose service account's key signs its own tokens.
pub(crate) fn signing_itself(google: &Google) -> Home {
    let home = with_key(google);
    home.settings("[[registry]]\nmatch = \"*.pkg.dev\"\nself_signed_jwt = true\n");
    home
}

/// Lets `GOOGLE_APPLICATION_CREDENTIALS` name this file.
pub(crate) fn name_file(home: &mut Home, file: &Value) {
    let path = home.write("credentials.json", file.to_string());
    home.set("GOOGLE_APPLICATION_CREDENTIALS", path);
}

/// One on a machine whose metadata server is the pretend Google.
pub(crate) fn on_machine(google: &Google) -> Home {
    let mut home = home();
    home.unset("NO_GCE_CHECK").set("GCE_METADATA_HOST", google.addr().to_string());
    home
}

/// A program of this name on the `PATH`.
pub(crate) fn put_program(home: &mut Home, name: &str, script: &str) {
    home.script(&format!("bin/{name}"), script);
    home.set("PATH", format!("{}:/usr/bin:/bin", home.path("bin").display()));
}

pub(crate) fn get(home: &Home, server: &str) -> Outcome {
    home.run(GCR, &["get"], server)
}

/// Who minted this answer.
#[track_caller]
pub(crate) fn minted_by(google: &Google, outcome: &Outcome) -> String {
    let (_, username, secret) = outcome.credentials();
    assert_eq!(username, "oauth2accesstoken");
    let token = google.minted().into_iter().find(|token| token.token == secret);
    token.unwrap_or_else(|| panic!("never minted: {outcome:?}")).identity
}

#[test]
fn the_second_get_is_cached_and_one_token_serves_all_registries() {
    let google = Google::start();
    let home = with_key(&google);
    let first = get(&home, EUROPE);
    assert_eq!(minted_by(&google, &first), PULLER);
    for host in ["https://europe-docker.pkg.dev/v2/", "gcr.io", "us.gcr.io", "docker.us-central1.rep.pkg.dev"] {
        assert_eq!(get(&home, host).secret(), first.secret(), "{host}");
    }
    assert_eq!((google.calls(GoogleCall::Token), google.all_calls()), (1, 1));
}

#[test]
fn foreign_hosts_are_not_found_without_any_request() {
    let google = Google::start();
    let home = with_key(&google);
    for host in ["docker.io", "us-maven.pkg.dev", "gcr.io.attacker.com", "notgcr.io", "gcr.io:8443", "http://gcr.io"] {
        get(&home, host).is_not_found();
    }
    assert_eq!(google.all_calls(), 0);
}

#[test]
fn a_user_signs_in_by_the_variable_or_where_gcloud_keeps_it() {
    let google = Google::start();
    let mut home = home();
    home.write(ADC, google.user_file("jane").to_string());
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), "user jane");
    home.write(ADC, google.user_file("john").to_string() + "\n");
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), "user john", "an edited file is another identity");
    let other = home.write("other/application_default_credentials.json", google.user_file("joan").to_string());
    home.set("CLOUDSDK_CONFIG", other.parent().unwrap());
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), "user joan");
    name_file(&mut home, &google.user_file("jack"));
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), "user jack", "the variable comes first");
    home.unset("GOOGLE_APPLICATION_CREDENTIALS");
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), "user joan");
    assert_eq!(google.calls(GoogleCall::Token), 4, "coming back finds the token of before");
}

#[test]
fn a_user_of_a_workforce_pool_signs_in() {
    let google = Google::start();
    let mut home = home();
    name_file(&mut home, &google.workforce_file("jane"));
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), "workforce jane");
}

#[test]
fn a_machine_is_its_service_account() {
    let google = Google::start();
    let mut home = on_machine(&google);
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), "machine");
    let calls = google.all_calls();
    get(&home, EUROPE).credentials();
    assert_eq!(google.all_calls(), calls, "a cached get asks nobody");
    home.write(ADC, google.user_file("jane").to_string());
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), "user jane", "a file comes first");
    home.unset("GCE_METADATA_HOST").set("GCE_METADATA_IP", google.addr().to_string());
    std::fs::remove_file(home.path(ADC)).unwrap();
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), "machine");
    home.set("NO_GCE_CHECK", "true");
    get(&home, EUROPE).is_not_found();
    assert_eq!(google.strange_requests(), [""; 0]);
}

#[test]
fn pods_of_one_node_do_not_share_a_token() {
    let google = Google::start();
    let mut home = on_machine(&google);
    home.set("KUBERNETES_SERVICE_HOST", "10.0.0.1").set("HOSTNAME", "web-0");
    let first = get(&home, EUROPE).secret();
    assert_ne!(get(home.set("HOSTNAME", "web-1"), EUROPE).secret(), first);
    assert_eq!(get(home.set("HOSTNAME", "web-0"), EUROPE).secret(), first);
}

#[test]
fn a_federated_identity_comes_from_a_file() {
    let google = Google::start();
    let mut home = home();
    let token = home.write("token", "header.job.signature\n");
    name_file(&mut home, &google.federation_file(json!({"file": token})));
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), "subject job");
    let token = home.write("token.json", json!({"t": "header.task.signature"}).to_string());
    let format = json!({"type": "json", "subject_token_field_name": "t"});
    name_file(&mut home, &google.federation_file(json!({"file": token, "format": format})));
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), "subject task");
    std::fs::remove_file(token).unwrap();
    let gone = home.path("gone");
    name_file(&mut home, &google.federation_file(json!({"file": gone})));
    get(&home, EUROPE).explains(&["the federated identity", "subject token", "gone"]);
}

#[test]
fn the_next_job_of_a_runner_gets_a_token_of_its_own() {
    let google = Google::start();
    let mut home = home();
    let token = home.write("token", "header.job.signature");
    name_file(&mut home, &google.federation_file(json!({"file": token})));
    let first = get(&home, EUROPE);
    assert_eq!(get(&home, EUROPE).secret(), first.secret());
    home.write("token", "header.another-job.signature");
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), "subject another-job");
}

#[test]
fn a_federated_identity_comes_from_an_address() {
    let google = Google::start();
    let mut home = home();
    let format = json!({"type": "json", "subject_token_field_name": "value"});
    let source = |bearer: &str| {
        let url = format!("{}/subject?audience=x", google.url());
        json!({"url": url, "headers": {"Authorization": bearer}, "format": format})
    };
    name_file(&mut home, &google.federation_file(source("bearer of-the-job")));
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), "subject job");
    name_file(&mut home, &google.federation_file(source("bearer of-another")));
    get(&home, EUROPE).explains(&["HTTP 401", "credential_source"]);
}

#[test]
fn a_federated_identity_comes_from_a_program_that_is_allowed() {
    let google = Google::start();
    let mut home = home();
    let answer = json!({
        "version": 1, "success": true, "token_type": "urn:ietf:params:oauth:token-type:id_token",
        "id_token": "header.program.signature", "expiration_time": 4_102_444_800_u64,
    });
    let script = format!(
        "test \"$GOOGLE_EXTERNAL_ACCOUNT_INTERACTIVE$1\" = 0--now && test -n \"$GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE\" && echo '{answer}'"
    );
    put_program(&mut home, "subject", &script);
    let command = format!("{} --now", home.path("bin/subject").display());
    let file = google.federation_file(json!({"executable": {"command": command, "timeout_millis": 5000}}));
    name_file(&mut home, &file);
    get(&home, EUROPE).explains(&["GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1"]);
    home.set("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1");
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), "subject program");
    // What it has kept is used without running it.
    let kept = home.write("kept.json", answer.to_string());
    let file = google.federation_file(json!({"executable": {"command": "/nowhere", "output_file": kept}}));
    name_file(&mut home, &file);
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), "subject program");
    std::fs::remove_file(kept).unwrap();
    home.run(GCR, &["erase"], EUROPE).is_silent();
    get(&home, EUROPE).explains(&["cannot run its program"]);
}

#[test]
fn a_federated_identity_is_one_of_aws() {
    let google = Google::start();
    let mut home = home();
    let at = |path: &str| format!("{}/latest/{path}", google.url());
    let file = google.federation_file(json!({
        "environment_id": "aws1",
        "region_url": at("meta-data/placement/availability-zone"),
        "url": at("meta-data/iam/security-credentials"),
        "imdsv2_session_token_url": at("api/token"),
        "regional_cred_verification_url":
            "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
    }));
    name_file(&mut home, &file);
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), "aws ASIAROLE", "the instance's role");
    let calls = google.calls(GoogleCall::AwsMetadata);
    home.set("AWS_ACCESS_KEY_ID", "AKIAJOB").set("AWS_SECRET_ACCESS_KEY", google.aws_secret());
    home.set("AWS_REGION", "eu-west-1");
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), "aws AKIAJOB", "the keys of the environment");
    assert_eq!(google.calls(GoogleCall::AwsMetadata), calls);
    home.set("AWS_SECRET_ACCESS_KEY", "another");
    get(&home, EUROPE).explains(&[
        "the federated identity",
        "Google rejected its credentials",
        "workload identity pool",
    ]);
}

#[test]
fn a_federated_identity_becomes_a_service_account() {
    let google = Google::start();
    let mut home = home();
    let token = home.write("token", "header.job.signature");
    let mut file = google.federation_file(json!({"file": token}));
    file["service_account_impersonation_url"] = google.impersonation_url(PULLER).into();
    file["service_account_impersonation"] = json!({"token_lifetime_seconds": 1800});
    name_file(&mut home, &file);
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), format!("{PULLER} by subject job"));
    let left = google.minted()[1].expires.duration_since(std::time::SystemTime::now()).unwrap();
    assert!(left <= Duration::from_secs(1800) && left > Duration::from_secs(1700), "{left:?}");
}

#[test]
fn a_file_impersonates_by_delegates() {
    let google = Google::start();
    let mut home = home();
    let file = json!({
        "type": "impersonated_service_account",
        "service_account_impersonation_url": google.impersonation_url(PULLER),
        "delegates": ["projects/-/serviceAccounts/between@pretend.iam.gserviceaccount.com"],
        "source_credentials": google.user_file("jane"),
    });
    name_file(&mut home, &file);
    let expected =
        format!("{PULLER} by user jane through projects/-/serviceAccounts/between@pretend.iam.gserviceaccount.com");
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), expected);
}

#[test]
fn settings_choose_the_file_for_a_registry() {
    let google = Google::start();
    let home = with_key(&google);
    let file = home.write("other.json", google.user_file("jane").to_string());
    home.settings(&format!("[[registry]]\nmatch = \"us-docker.pkg.dev\"\ncredentials_file = '{}'\n", file.display()));
    assert_eq!(minted_by(&google, &get(&home, "us-docker.pkg.dev")), "user jane");
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), PULLER);
    home.settings("[[registry]]\nmatch = \"us-docker.pkg.dev\"\ncredentials_file = '/gone.json'\n");
    get(&home, "us-docker.pkg.dev").explains(&["/gone.json: it does not exist", "credentials_file"]);
}

#[test]
fn a_custom_domain_stands_for_its_target_or_says_whose_it_is() {
    let google = Google::start();
    let home = with_key(&google);
    get(&home, "docker.corp.example").is_not_found();
    home.settings(&format!(
        "[[registry]]\nmatch = \"docker.corp.example\"\nprovider = \"gcr\"\ntarget = \"{EUROPE}\"\n\
         [[registry]]\nmatch = \"other.example:5000\"\nprovider = \"gcr\"\n"
    ));
    let (server, username, secret) = get(&home, "docker.corp.example").credentials();
    assert_eq!((server.as_str(), username.as_str()), ("docker.corp.example", "oauth2accesstoken"));
    assert_eq!(get(&home, EUROPE).secret(), secret, "they share the token");
    assert_eq!(minted_by(&google, &get(&home, "other.example:5000")), PULLER);
}

/// A pretend gcloud whose account is the one of its configuration.
fn put_gcloud(home: &mut Home, account: &str) {
    home.write(".config/gcloud/credentials.db", "");
    home.write(".config/gcloud/configurations/config_default", format!("[core]\naccount = {account}\n"));
    let answer = json!({
        "configuration": {"active_configuration": "default", "properties": {"core": {"account": account}}},
        "credential": {"access_token": format!("of-{account}"), "token_expiry": "2100-01-01T00:00:00Z"},
    });
    put_program(
        home,
        "gcloud",
        &format!(
            "test \"$CLOUDSDK_CORE_DISABLE_PROMPTS\" = 1 && test ! -t 0 && echo '{answer}' && echo run >> \"$HOME/runs\""
        ),
    );
}

#[test]
fn gclouds_active_account_is_the_last_resort() {
    let google = Google::start();
    let mut home = home();
    put_gcloud(&mut home, "jane@corp.example");
    assert_eq!(get(&home, EUROPE).secret(), "of-jane@corp.example");
    assert_eq!(get(&home, EUROPE).secret(), "of-jane@corp.example");
    assert_eq!(std::fs::read_to_string(home.path("runs")).unwrap(), "run\n", "it is started once");
    put_gcloud(&mut home, "john.doe@corp.example");
    assert_eq!(get(&home, EUROPE).secret(), "of-john.doe@corp.example", "another account is another token");
    home.unset("NO_GCE_CHECK").set("GCE_METADATA_HOST", google.addr().to_string());
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), "machine", "the machine comes before it");
    google.on(GoogleCall::MetadataToken, Behaviour::Refuse { status: 404, code: "x", message: "no account".into() });
    home.run(GCR, &["erase"], EUROPE).is_silent();
    assert_eq!(get(&home, EUROPE).secret(), "of-john.doe@corp.example", "a machine may have no account");
}

#[test]
fn gcloud_is_not_started_without_an_account() {
    let mut home = home();
    put_program(&mut home, "gcloud", "echo run >> \"$HOME/runs\"; exit 1");
    get(&home, EUROPE).is_not_found();
    assert!(!home.path("runs").exists());
    std::thread::sleep(Duration::from_millis(3_200));
    home.write(".config/gcloud/credentials.db", "");
    get(&home, EUROPE).explains(&["gcloud's active account", "gcloud failed", "gcloud auth print-access-token"]);
    put_program(
        &mut home,
        "gcloud",
        "echo 'ERROR: (gcloud.config.config-helper) You do not currently have an active account selected.' >&2; exit 1",
    );
    std::thread::sleep(Duration::from_millis(3_200));
    get(&home, EUROPE).is_not_found();
}

#[test]
fn an_account_of_gclouds_without_gcloud_is_an_error_that_names_it() {
    let mut home = home();
    home.set("PATH", "/nowhere");
    home.write(".config/gcloud/credentials.db", "");
    get(&home, EUROPE).is_not_found();
    let configuration =
        home.write(".config/gcloud/configurations/config_default", "[core]\naccount = jane@corp.example\n");
    get(&home, EUROPE).explains(&["credentials.db", "gcloud is not on PATH", "install gcloud"]);
    std::fs::remove_file(&configuration).unwrap();
    get(&home, EUROPE).is_not_found();
    home.set("CLOUDSDK_CORE_ACCOUNT", "jane@corp.example");
    get(&home, EUROPE).explains(&["gcloud is not on PATH"]);
    home.unset("CLOUDSDK_CORE_ACCOUNT").set("CLOUDSDK_AUTH_ACCESS_TOKEN", "c4n4ry");
    let line = get(&home, EUROPE).explains(&["CLOUDSDK_AUTH_ACCESS_TOKEN", "gcloud is not on PATH"]).to_owned();
    assert!(!line.contains("c4n4ry"));
}

#[test]
fn gcloud_renews_what_the_settings_would_renew() {
    let mut home = home();
    put_gcloud(&mut home, "jane@corp.example");
    put_program(&mut home, "gcloud", "echo \"$@\" > \"$HOME/arguments\"; exit 1");
    for (settings, expected) in [("", "600s"), ("refresh_before = 60\n", "60s"), ("refresh_before = 7200\n", "3600s")] {
        home.settings(settings);
        get(&home, EUROPE).explains(&["gcloud failed"]);
        let arguments = std::fs::read_to_string(home.path("arguments")).unwrap();
        assert!(arguments.contains(&format!("--min-expiry={expected} ")), "{arguments}");
    }
}

/// As the machines of who reaches Google by addresses of their own have it.
#[test]
fn settings_impersonate_where_gcloud_does() {
    let google = Google::start();
    let mut home = home();
    put_gcloud(&mut home, "jane@corp.example");
    let by = google.minted_for("user jane");
    let answer = json!({
        "configuration": {"properties": {"api_endpoint_overrides": {"iamcredentials": format!("{}/", google.url())}}},
        "credential": {"access_token": by, "token_expiry": "2100-01-01T00:00:00Z"},
    });
    put_program(&mut home, "gcloud", &format!("echo '{answer}'"));
    home.settings(&format!("[[registry]]\nmatch = \"*.pkg.dev\"\nimpersonate = \"{PULLER}\"\n"));
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), format!("{PULLER} by user jane"));
}

#[test]
fn logins_are_kept_listed_and_erased() {
    let google = Google::start();
    let home = with_key(&google);
    let minted = get(&home, EUROPE).secret();
    let login = json!({"ServerURL": EUROPE, "Username": "_json_key", "Secret": "a key"});
    home.run(GCR, &["store"], login.to_string());
    let (_, username, secret) = get(&home, EUROPE).credentials();
    assert_eq!((username.as_str(), secret.as_str()), ("_json_key", "a key"), "a stored login wins");
    let listed: Value = serde_json::from_str(&home.run(GCR, &["list"], "unused").stdout).unwrap();
    assert_eq!(listed[format!("https://{EUROPE}")].as_str().or(listed[EUROPE].as_str()), Some("_json_key"), "{listed}");
    home.run(GCR, &["erase"], EUROPE).is_silent();
    assert_ne!(get(&home, EUROPE).secret(), minted, "the minted token was erased too");
    assert_eq!(google.calls(GoogleCall::Token), 2);
    assert_eq!(get(&home, "r.example").stdout.trim(), NOT_FOUND);
}

/// What the pretend gcloud of the other tests answers is what the real one does.
#[test]
fn the_real_gcloud_is_understood() {
    let google = Google::start();
    let mut home = home();
    home.set("CLOUDSDK_CORE_DISABLE_USAGE_REPORTING", "true").set("CLOUDSDK_CORE_CHECK_GCE_METADATA", "false");
    if !home.shell("command -v gcloud").status().unwrap().success() {
        return skip("the_real_gcloud_is_understood", "gcloud is not installed");
    }
    // On a busy machine it takes longer than the time limit that we have unless told otherwise.
    home.settings("timeout = 120");
    get(&home, EUROPE).is_not_found();
    home.write(".config/gcloud/credentials.db", "");
    get(&home, EUROPE).is_not_found();
    let file = home.write("user.json", google.user_file("jane").to_string());
    home.set("CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE", file);
    home.set("CLOUDSDK_AUTH_TOKEN_HOST", format!("{}/token", google.url()));
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), "user jane");
    google.on(
        GoogleCall::Token,
        Behaviour::Refuse { status: 400, code: "invalid_grant", message: "Token has been expired or revoked.".into() },
    );
    home.run(GCR, &["erase"], EUROPE).is_silent();
    std::fs::remove_dir_all(home.path(".config/gcloud")).unwrap();
    get(&home, EUROPE).explains(&["gcloud's active account", "the session has expired", "gcloud auth login"]);
}
