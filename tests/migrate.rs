//! `credmint migrate`, and what `configure` does about the logins that it hides: no image loses its login.

use serde_json::{Value, json};

use crate::cli::{CONFIG, config, credmint, fails, home, json_of, succeeds};
use crate::home::{CLI, CREDMINT, Home, program};

#[test]
fn migrate_moves_plaintext_logins_and_blanks_only_what_came_back() {
    let home = home();
    // u:p
    home.write(CONFIG, "{\"auths\":{\"r.example\":{\"auth\":\"dTpw\",\"x\":1},\"https://index.docker.io/v1/\":{\"auth\":\"dTpw\"},\"empty.example\":{}}}");
    let listed = succeeds(&home, &["migrate", "--dry-run"]);
    assert_eq!(listed, "r.example  u\nhttps://index.docker.io/v1/  u\n");
    assert!(config(&home).contains("dTpw"));
    let outcome = credmint(&home, &["configure", "--store", "--migrate"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let expected = "{\"auths\":{\"r.example\":{\"x\":1},\"https://index.docker.io/v1/\":{},\"empty.example\":{}},\"credsStore\":\"credmint\",\"credHelpers\":{\"r.example\":\"credmint\",\"docker.io\":\"credmint\"}}";
    assert_eq!(config(&home), expected);
    for server in ["r.example", "docker.io"] {
        assert_eq!(home.run(CREDMINT, &["get"], server).secret(), "p");
    }
}

#[test]
fn migrate_without_a_store_names_the_helper_that_has_them_now() {
    let home = home();
    home.write(CONFIG, "{\"auths\":{\"r.example\":{\"auth\":\"dTpw\"}}}");
    succeeds(&home, &["migrate"]);
    assert_eq!(config(&home), "{\"auths\":{\"r.example\":{}},\"credHelpers\":{\"r.example\":\"credmint\"}}");
}

#[test]
fn migrate_leaves_what_cannot_be_stored() {
    let mut home = home();
    let before = "{\"auths\":{\"r.example\":{\"auth\":\"dTpw\"}}}";
    home.write(CONFIG, before);
    home.set("CREDMINT_VAULT", "none");
    let outcome = credmint(&home, &["migrate"]);
    assert_eq!(outcome.code, 1, "{outcome:?}");
    assert!(outcome.stderr.contains("skipped") && !outcome.stderr.contains("dTpw"), "{outcome:?}");
    assert_eq!(config(&home), before);
}

/// Another helper, which lists two logins and fails to return the second.
fn with_another_helper(home: &mut Home, name: &str) {
    let script = "read -r server\ncase $1/$server in\n\
        list/*) echo '{\"https://r.example\":\"u\",\"stuck.example\":\"u\"}' ;;\n\
        get/https://r.example) echo '{\"ServerURL\":\"\",\"Username\":\"u\",\"Secret\":\"p\"}' ;;\n\
        *) echo 'exit status 2: gpg: decryption failed'; exit 1 ;;\nesac\n";
    home.script(&format!("other/docker-credential-{name}"), script);
    let path = format!("{}:{}", program(CLI).parent().unwrap().display(), home.path("other").display());
    home.set("PATH", format!("{path}:/usr/bin:/bin"));
}

#[test]
fn logins_of_another_helper_are_taken_over_as_far_as_it_gives_them() {
    let mut home = home();
    with_another_helper(&mut home, "pass");
    assert_eq!(credmint(&home, &["migrate", "--from", "pass", "--dry-run"]).stdout, "https://r.example  u\n");
    home.run(CREDMINT, &["get"], "r.example").is_not_found();
    let outcome = credmint(&home, &["migrate", "--from", "pass"]);
    assert_eq!(outcome.code, 1, "{outcome:?}");
    for words in [
        "moved https://r.example (u)",
        "skipped stuck.example: exit status 2",
        "the logins also remain in docker-credential-pass",
    ] {
        assert!(outcome.stderr.contains(words), "{words:?}: {outcome:?}");
    }
    assert_eq!(home.run(CREDMINT, &["get"], "r.example").secret(), "p");
    fails(&home, &["migrate", "--from", "absent"], &["docker-credential-absent not found on PATH"]);
    fails(&home, &["migrate", "--from", "../x"], &["invalid helper name"]);
    fails(&home, &["migrate", "--from", "ecr"], &["credmint's own"]);
}

#[test]
fn a_new_store_reports_which_logins_the_old_one_has() {
    let mut home = home();
    with_another_helper(&mut home, "pass");
    home.write(CONFIG, "{\"credsStore\":\"pass\"}");
    let outcome = credmint(&home, &["configure", "--store"]);
    assert!(outcome.stderr.contains("credmint migrate --from pass"), "{outcome:?}");
    home.write(CONFIG, "{\"credsStore\":\"pass\"}");
    let outcome = credmint(&home, &["configure", "--store", "--migrate"]);
    assert_eq!((outcome.code, home.run(CREDMINT, &["get"], "r.example").secret().as_str()), (1, "p"), "{outcome:?}");
}

#[test]
fn a_migration_names_what_it_leaves_and_why() {
    let home = home();
    // used:today, stale:yesterday
    let text =
        r#"{"auths":{"r.example":{"auth":"dXNlZDp0b2RheQ=="},"https://r.example":{"auth":"c3RhbGU6eWVzdGVyZGF5"}}}"#;
    home.write(CONFIG, text);
    let outcome = credmint(&home, &["migrate"]);
    assert!(outcome.stderr.contains("moved r.example (used)"), "{outcome:?}");
    assert!(outcome.stderr.contains("skipped https://r.example (stale): duplicate entry for r.example"), "{outcome:?}");
    assert_eq!(home.run(CREDMINT, &["get"], "r.example").secret(), "today");
    // The second time, docker gets the stored one.
    let before = config(&home);
    let outcome = credmint(&home, &["migrate"]);
    assert!(outcome.code == 1 && outcome.stderr.contains("skipped https://r.example (stale)"), "{outcome:?}");
    assert_eq!((config(&home), home.run(CREDMINT, &["get"], "r.example").secret().as_str()), (before, "today"));
}

#[test]
fn podmans_namespaces_stay_and_what_it_signs_in_to_for_a_session_is_wired_for_good() {
    let home = home();
    let text =
        r#"{"auths":{"q.example":{"auth":"dTpw"},"q.example/team":{"auth":"djpw"},"r.example":{"auth":"dTpw"}}}"#;
    let file = home.write("run/containers/auth.json", text);
    let outcome = credmint(&home, &["migrate", "--podman"]);
    assert_eq!(outcome.code, 1, "{outcome:?}");
    for words in ["moved r.example (u)", "skipped q.example (u): podman has a separate login for q.example/team"] {
        assert!(outcome.stderr.contains(words), "{words:?}: {outcome:?}");
    }
    let after = json_of(&std::fs::read_to_string(file).unwrap());
    assert_eq!(after["auths"]["q.example/team"], json!({"auth": "djpw"}));
    assert_eq!((&after["auths"]["r.example"], &after["credHelpers"]), (&json!({}), &json!({"r.example": "credmint"})));
    let lasts = json_of(&std::fs::read_to_string(home.path("config/containers/auth.json")).unwrap());
    assert_eq!(lasts["credHelpers"], json!({"r.example": "credmint"}));
}

#[test]
fn configure_reports_which_logins_it_hides_and_takes_them_along() {
    let mut home = home();
    with_another_helper(&mut home, "pass");
    let text = r#"{"auths":{"plain.example":{"auth":"dTpw"}},"credHelpers":{"https://r.example":"pass"}}"#;
    home.write(CONFIG, text);
    let outcome = credmint(&home, &["configure", "plain.example"]);
    let words = "these logins are no longer found: plain.example (u)\n   to move them, run `credmint migrate`\n";
    assert!(outcome.code == 0 && outcome.stderr.contains(words), "{outcome:?}");
    succeeds(&home, &["migrate"]);
    assert_eq!(home.run(CREDMINT, &["get"], "plain.example").secret(), "p");
    home.run(CREDMINT, &["erase"], "plain.example").is_silent();
    home.write(CONFIG, text);
    let difference = succeeds(&home, &["configure", "--migrate", "--dry-run", "plain.example"]);
    assert!(
        difference.contains("-{\"auths\"") && difference.contains("+{\"auths\":{\"plain.example\":{}}"),
        "{difference}"
    );
    succeeds(&home, &["configure", "--migrate", "plain.example"]);
    assert_eq!(home.run(CREDMINT, &["get"], "plain.example").secret(), "p");
    assert_eq!(json_of(&config(&home))["auths"], json!({"plain.example": {}}));
}

#[test]
fn configure_reports_that_another_helper_has_a_login_and_takes_it_along() {
    let mut home = home();
    let script = "read -r server\ncase $1/$server in\n\
        list/*) echo '{\"r.example\":\"u\"}' ;;\n\
        get/r.example) echo '{\"ServerURL\":\"\",\"Username\":\"u\",\"Secret\":\"p\"}' ;;\n\
        *) echo 'credentials not found in native keychain'; exit 1 ;;\nesac\n";
    home.script("other/docker-credential-pass", script);
    let path = format!("{}:{}", program(CLI).parent().unwrap().display(), home.path("other").display());
    home.set("PATH", format!("{path}:/usr/bin:/bin"));
    for text in ["{\"credsStore\":\"pass\"}", "{\"credHelpers\":{\"r.example\":\"pass\"}}"] {
        home.write(CONFIG, text);
        let outcome = credmint(&home, &["configure", "r.example", "quay.io"]);
        let words = "no longer found: r.example (u) in docker-credential-pass\n   to move them, run `credmint migrate --from pass`\n";
        assert!(outcome.code == 0 && outcome.stderr.contains(words), "{outcome:?}");
        home.write(CONFIG, text);
        succeeds(&home, &["configure", "--migrate", "r.example"]);
        assert_eq!(home.run(CREDMINT, &["get"], "r.example").secret(), "p");
        home.run(CREDMINT, &["erase"], "r.example").is_silent();
    }
}

#[test]
fn a_login_that_would_be_hidden_and_cannot_be_moved_stops_a_configure_with_migrate() {
    let mut home = home();
    let before = "{\"auths\":{\"r.example\":{\"auth\":\"dTpw\"}}}";
    home.write(CONFIG, before);
    home.set("CREDMINT_VAULT", "none");
    let outcome = credmint(&home, &["configure", "--store", "--migrate"]);
    assert!(outcome.code == 1 && outcome.stderr.contains("was not changed"), "{outcome:?}");
    assert_eq!(config(&home), before);
}

#[test]
fn of_two_spellings_in_another_helper_the_one_that_docker_asks_for_is_taken() {
    let mut home = home();
    let script = "read -r server\ncase $1/$server in\n\
        list/*) echo '{\"https://r.example\":\"old\",\"r.example\":\"new\",\"http://s.example\":\"u\"}' ;;\n\
        get/https://r.example) echo '{\"ServerURL\":\"\",\"Username\":\"old\",\"Secret\":\"stale\"}' ;;\n\
        get/r.example) echo '{\"ServerURL\":\"\",\"Username\":\"new\",\"Secret\":\"good\"}' ;;\n\
        get/http://s.example) echo '{\"ServerURL\":\"\",\"Username\":\"u\",\"Secret\":\"p\"}' ;;\n\
        *) echo 'credentials not found in native keychain'; exit 1 ;;\nesac\n";
    home.script("other/docker-credential-pass", script);
    let path = format!("{}:{}", program(CLI).parent().unwrap().display(), home.path("other").display());
    home.set("PATH", format!("{path}:/usr/bin:/bin"));
    let outcome = credmint(&home, &["migrate", "--from", "pass"]);
    assert!(outcome.stderr.contains("moved r.example (new)"), "{outcome:?}");
    assert!(outcome.stderr.contains("skipped https://r.example: docker asks for r.example"), "{outcome:?}");
    assert_eq!(home.run(CREDMINT, &["get"], "r.example").secret(), "good");
    assert_eq!(home.run(CREDMINT, &["get"], "s.example").secret(), "p", "docker asks by host alone");
    home.run(CREDMINT, &["store"], "{\"ServerURL\":\"r.example\",\"Username\":\"mine\",\"Secret\":\"own\"}\n");
    let outcome = credmint(&home, &["migrate", "--from", "pass"]);
    assert!(outcome.code == 1 && outcome.stderr.contains("another login (mine) is already stored"), "{outcome:?}");
    assert_eq!(home.run(CREDMINT, &["get"], "r.example").secret(), "own");
}

#[test]
fn unconfigure_says_which_logins_have_moved_and_a_dry_run_shows_what_is_then_done() {
    let home = home();
    let before = "{\n  \"auths\": {\n    \"r.example\": {\"auth\": \"dTpw\"}\n  }\n}\n";
    home.write(CONFIG, before);
    succeeds(&home, &["configure", "--store", "--migrate"]);
    let shown = succeeds(&home, &["unconfigure", "--dry-run"]);
    assert!(shown.contains("-") && shown.contains("credsStore") && !shown.contains("dTpw"), "{shown}");
    let outcome = credmint(&home, &["unconfigure"]);
    assert!(outcome.stderr.contains("where clients no longer look: r.example"), "{outcome:?}");
    assert!(!outcome.stderr.contains("restored"), "{outcome:?}");
    assert_eq!(json_of(&config(&home)), json!({"auths": {"r.example": {}}}));
    // Without a login in it, the very bytes come back, and the dry run shows them.
    home.write(CONFIG, "{\"x\":1}");
    succeeds(&home, &["configure", "ghcr.io", "quay.io"]);
    home.write(CONFIG, config(&home).replace("\"x\":1", "\"x\":2"));
    let shown = succeeds(&home, &["unconfigure", "--dry-run"]);
    assert!(shown.contains("-{\"x\":2,\"credHelpers\"") && shown.contains("+{\"x\":2}"), "{shown}");
    succeeds(&home, &["unconfigure"]);
    assert_eq!(config(&home), "{\"x\":2}");
}

#[test]
fn without_a_record_unconfigure_takes_our_own_helpers_out_alone() {
    let mut home = home();
    let googles =
        home.script("google/docker-credential-gcr", "echo 'Google Container Registry Docker credential helper 2.1.26'");
    let path = format!("{}:{}", googles.parent().unwrap().display(), program(CLI).parent().unwrap().display());
    home.set("PATH", format!("{path}:/usr/bin:/bin"));
    let text = r#"{"credHelpers":{"gcr.io":"gcr","ghcr.io":"ghcr","other.example":"pass"},"credsStore":"credmint"}"#;
    home.write(CONFIG, text);
    let shown = succeeds(&home, &["unconfigure", "--dry-run"]);
    assert!(shown.contains("+{\"credHelpers\":{\"gcr.io\":\"gcr\",\"other.example\":\"pass\"}}"), "{shown}");
    let outcome = credmint(&home, &["unconfigure"]);
    assert!(outcome.stderr.contains("kept gcr.io → docker-credential-gcr: not credmint's"), "{outcome:?}");
    assert_eq!(json_of(&config(&home)), json!({"credHelpers": {"gcr.io": "gcr", "other.example": "pass"}}));
}

#[test]
fn a_store_lists_the_registries_that_are_configured_for_it() {
    let home = home();
    home.write(CONFIG, r#"{"auths":{"https://s.example":{"auth":"dTpw"}}}"#);
    succeeds(&home, &["configure", "--store", "ghcr.io", "docker.io", "s.example"]);
    let after = json_of(&config(&home));
    let expected = json!({"ghcr.io": {}, "https://index.docker.io/v1/": {}, "https://s.example": {"auth": "dTpw"}});
    assert_eq!((&after["auths"], &after["credHelpers"]), (&expected, &Value::Null));
    succeeds(&home, &["unconfigure"]);
    assert_eq!(config(&home), r#"{"auths":{"https://s.example":{"auth":"dTpw"}}}"#);
}

#[test]
fn docker_hub_is_named_as_each_client_asks_for_it() {
    let home = home();
    succeeds(&home, &["configure", "docker.io"]);
    let expected = json!({"https://index.docker.io/v1/": "credmint", "docker.io": "credmint"});
    assert_eq!(json_of(&config(&home))["credHelpers"], expected);
    succeeds(&home, &["unconfigure", "docker.io"]);
    assert_eq!(json_of(&config(&home))["credHelpers"], Value::Null);
}

#[test]
fn helms_passwords_leave_its_file() {
    let mut home = home();
    let file = home.write("config/helm/registry/config.json", r#"{"auths":{"r.example":{"auth":"dTpw"}}}"#);
    succeeds(&home, &["configure", "--store", "--migrate", "--helm"]);
    let after = json_of(&std::fs::read_to_string(&file).unwrap());
    assert_eq!(after, json!({"auths": {"r.example": {}}, "credsStore": "credmint"}));
    assert_eq!(home.run(CREDMINT, &["get"], "r.example").secret(), "p");
    assert!(!home.path(CONFIG).exists(), "docker's own is not touched");
    let named = home.path("elsewhere.json");
    home.set("HELM_REGISTRY_CONFIG", &named);
    succeeds(&home, &["configure", "--store", "--helm"]);
    assert!(named.exists());
}

#[test]
fn podmans_file_is_the_one_that_is_named() {
    let mut home = home();
    let folder = home.path("own").display().to_string();
    let outcome = credmint(&home, &["configure", "--podman", "--config", &folder, "ghcr.io"]);
    assert!(outcome.stderr.contains("own/auth.json configured"), "{outcome:?}");
    assert!(outcome.stderr.contains(&format!("credmint unconfigure --podman --config {folder}")), "{outcome:?}");
    home.set("REGISTRY_AUTH_FILE", home.path("named.json"));
    succeeds(&home, &["configure", "--podman", "ghcr.io"]);
    assert!(home.path("own/auth.json").exists() && home.path("named.json").exists());
}

#[test]
fn a_login_that_podman_finds_first_is_named() {
    let home = home();
    home.write("run/containers/auth.json", r#"{"auths":{"r.example":{"auth":"dTpw"}}}"#);
    let outcome = credmint(&home, &["configure", "--podman", "r.example", "s.example"]);
    assert!(outcome.stderr.contains("podman uses another login for r.example"), "{outcome:?}");
    assert!(
        outcome.stderr.contains("podman logout r.example") && !outcome.stderr.contains("for s.example"),
        "{outcome:?}"
    );
}

#[cfg(unix)]
#[test]
fn aliases_are_linked_where_the_names_are_free() {
    let mut home = home();
    let folder = home.path("programs");
    std::fs::create_dir(&folder).unwrap();
    for name in [CLI, CREDMINT, "docker-credential-ecr", "docker-credential-acr", "docker-credential-gcr"] {
        std::fs::copy(program(name), folder.join(name)).unwrap();
    }
    home.script("other/docker-credential-gcloud", "echo 1");
    home.set("PATH", format!("{}:{}:/usr/bin:/bin", home.path("other").display(), folder.display()));
    let outcome = home.run(folder.join(CLI).to_str().unwrap(), &["configure", "--aliases"], "");
    assert!(outcome.code == 0 && outcome.stderr.contains("docker-credential-gcloud: left unchanged"), "{outcome:?}");
    for (alias, program) in [("ecr-login", "docker-credential-ecr"), ("acr-env", "docker-credential-acr")] {
        let link = folder.join(format!("docker-credential-{alias}"));
        assert_eq!(std::fs::read_link(&link).unwrap().to_str(), Some(program));
        home.run(link.to_str().unwrap(), &["get"], "quay.io").is_not_found();
    }
    assert!(!folder.join("docker-credential-gcloud").exists() && !home.path(CONFIG).exists());
    assert_eq!(home.run(folder.join(CLI).to_str().unwrap(), &["configure", "--aliases"], "").code, 0, "a second time");
}

#[test]
fn a_helper_that_hangs_is_called_once_and_named() {
    let mut home = home();
    let runs = home.path("runs");
    home.script(
        "other/docker-credential-hung",
        &format!("[ \"$1\" = get ] || exit 1\necho run >> '{}'\nexec sleep 300", runs.display()),
    );
    let path = format!("{}:{}", program(CLI).parent().unwrap().display(), home.path("other").display());
    home.set("PATH", format!("{path}:/usr/bin:/bin"));
    home.write(CONFIG, "{\"credHelpers\":{\"a.example\":\"hung\",\"b.example\":\"hung\"}}");
    let outcome = credmint(&home, &["configure", "a.example", "b.example"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(outcome.stderr.contains("docker-credential-hung timed out"), "{outcome:?}");
    assert_eq!(std::fs::read_to_string(runs).unwrap(), "run\n");
}

#[test]
fn tokens_of_a_helper_that_mints_are_not_kept_as_logins() {
    let mut home = home();
    for name in ["ecr-login", "gcloud", "acr-env"] {
        with_another_helper(&mut home, name);
        fails(&home, &["migrate", "--from", name], &["mints tokens", "credmint configure"]);
    }
}
