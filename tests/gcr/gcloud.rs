//! gcloud's active account, the last of the credential chain.

use std::time::Duration;

use pretend_cloud::Behaviour;

use super::*;
use crate::home::skip;

/// A fake gcloud with the account of its configuration.
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
    assert_eq!(get(&home, EUROPE).secret(), "of-john.doe@corp.example", "another account gets another token");
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
fn gcloud_renews_tokens_within_the_refresh_margin_of_the_settings() {
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

/// With an overridden API endpoint, as with Private Service Connect.
#[test]
fn impersonation_of_the_settings_uses_gclouds_endpoint() {
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

/// The fake gcloud of the other tests has the output of the real one.
#[test]
fn the_real_gcloud_works() {
    let google = Google::start();
    let mut home = home();
    home.set("CLOUDSDK_CORE_DISABLE_USAGE_REPORTING", "true").set("CLOUDSDK_CORE_CHECK_GCE_METADATA", "false");
    if !home.shell("command -v gcloud").status().unwrap().success() {
        return skip("the_real_gcloud_is_understood", "gcloud is not installed");
    }
    // On a busy machine it takes longer than the default timeout.
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
