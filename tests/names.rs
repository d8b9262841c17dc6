//! The name of a token contains its identity: what selects an identity, and what a program depends on that
//! gives one, is another token when it changes.

use std::io::Write;
use std::process::{Command, Stdio};

use pretend_cloud::{Aws, Call};

use crate::home::{ECR, GCR, Home, REGISTRY, files, skip};
use crate::identity::{SSO_CONFIG, minted_by, sign_on, without_keys};

/// What a `credential_process` prints.
fn printed(key: &str) -> String {
    format!("{{\"Version\":1,\"AccessKeyId\":\"{key}\",\"SecretAccessKey\":\"s\"}}\n")
}

fn keys(key: &str) -> String {
    format!("[default]\naws_access_key_id = {key}\naws_secret_access_key = s\n")
}

fn home_without_keys(aws: &Aws) -> Home {
    let mut home = Home::signed_in(aws);
    without_keys(&mut home);
    home
}

#[test]
fn a_program_that_names_a_variable_is_called_again_when_it_changes() {
    let aws = Aws::start();
    let mut home = home_without_keys(&aws);
    home.write(".aws/config", "[default]\ncredential_process = cat $STAGE\n");
    let [dev, prod] = ["AKIADEV", "AKIAPROD"].map(|key| home.write(key, printed(key)));
    assert_eq!(minted_by(&aws, &home.set("STAGE", &dev).get(REGISTRY)), "AKIADEV");
    assert_eq!(minted_by(&aws, &home.get(REGISTRY)), "AKIADEV");
    assert_eq!(aws.calls(Call::EcrToken), 1, "the same stage is served from the vault");
    assert_eq!(minted_by(&aws, &home.set("STAGE", prod).get(REGISTRY)), "AKIAPROD");
    assert_eq!(minted_by(&aws, &home.set("STAGE", dev).get(REGISTRY)), "AKIADEV");
}

#[test]
fn a_script_that_reads_a_variable_is_called_again_when_it_changes() {
    let aws = Aws::start();
    let mut home = home_without_keys(&aws);
    let script = home.script("identity", "cat \"$STAGE\"");
    home.write(".aws/config", format!("[default]\ncredential_process = {}\n", script.display()));
    let [dev, prod] = ["AKIADEV", "AKIAPROD"].map(|key| home.write(key, printed(key)));
    assert_eq!(minted_by(&aws, &home.set("STAGE", dev).get(REGISTRY)), "AKIADEV");
    assert_eq!(minted_by(&aws, &home.set("STAGE", prod).get(REGISTRY)), "AKIAPROD");
}

#[test]
fn another_program_on_the_path_gets_another_token() {
    let aws = Aws::start();
    let mut home = home_without_keys(&aws);
    home.write(".aws/config", "[default]\ncredential_process = who-am-i\n");
    for key in ["AKIAONE", "AKIATWO"] {
        let script = home.script(&format!("{key}/who-am-i"), &format!("echo '{}'", printed(key).trim()));
        home.set("PATH", format!("{}:/usr/bin:/bin", script.parent().unwrap().display()));
        assert_eq!(minted_by(&aws, &home.get(REGISTRY)), key);
    }
    home.script("AKIATWO/who-am-i", &format!("echo '{}'", printed("AKIAEDITED").trim()));
    assert_eq!(minted_by(&aws, &home.get(REGISTRY)), "AKIAEDITED");
}

#[test]
fn a_copy_of_the_same_size_and_time_gets_another_token() {
    let aws = Aws::start();
    let home = home_without_keys(&aws);
    for (name, key) in [("one", "AKIAONE"), ("two", "AKIATWO")] {
        home.write(name, keys(key));
        home.write(".aws/.keep", "");
        let line = format!("touch -d @1 {name} && cp -p {name} .aws/credentials");
        assert!(home.shell(&line).current_dir(home.path("")).status().unwrap().success());
        assert_eq!(minted_by(&aws, &home.get(REGISTRY)), key);
    }
}

#[test]
fn a_relative_path_is_one_of_the_present_folder() {
    let aws = Aws::start();
    let mut home = home_without_keys(&aws);
    home.set("AWS_SHARED_CREDENTIALS_FILE", "credentials");
    for key in ["AKIAONE", "AKIATWO"] {
        let file = home.write(&format!("{key}/credentials"), keys(key));
        let mut child =
            home.command(ECR, &["get"]).current_dir(file.parent().unwrap()).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(REGISTRY.as_bytes()).unwrap();
        let output = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
        let token = aws.minted().into_iter().find(|token| output.contains(&token.password));
        assert_eq!(token.unwrap().access_key, key);
    }
}

#[test]
fn a_new_sign_in_gets_another_token() {
    let aws = Aws::start();
    let mut home = home_without_keys(&aws);
    home.write(".aws/config", SSO_CONFIG);
    home.set("AWS_PROFILE", "dev");
    for times in [1, 2] {
        sign_on(&home, "corp", "2099-01-01T00:00:00Z");
        home.get(REGISTRY).credentials();
        home.get(REGISTRY).credentials();
        assert_eq!(aws.calls(Call::SsoCredentials), times);
    }
    // `aws sso logout` removes the session.
    std::fs::remove_dir_all(home.path(".aws/sso")).unwrap();
    home.get(REGISTRY).explains(&["aws sso login --profile dev"]);
}

/// AWS's own command takes it, and so does its SDK for Go; the others do not.
#[test]
fn the_other_variable_for_a_profile_counts_where_the_first_is_not_set() {
    let aws = Aws::start();
    let mut home = home_without_keys(&aws);
    let named = |name: &str, key: &str| keys(key).replace("default", name);
    home.write(".aws/credentials", keys("AKIADEFAULT") + &named("one", "AKIAONE") + &named("two", "AKIATWO"));
    assert_eq!(minted_by(&aws, &home.get(REGISTRY)), "AKIADEFAULT");
    assert_eq!(minted_by(&aws, &home.set("AWS_DEFAULT_PROFILE", "one").get(REGISTRY)), "AKIAONE");
    assert_eq!(minted_by(&aws, &home.set("AWS_PROFILE", "two").get(REGISTRY)), "AKIATWO");
    home.unset("AWS_PROFILE").set("AWS_DEFAULT_PROFILE", "absent");
    home.get(REGISTRY).explains(&["no AWS profile absent"]);
}

/// The real gcloud: it needs no network for that.
#[test]
fn a_token_that_gcloud_was_given_is_passed_through_and_not_kept() {
    if !Command::new("gcloud").arg("--version").output().is_ok_and(|output| output.status.success()) {
        return skip("a_token_that_gcloud_was_given_is_passed_through_and_not_kept", "there is no gcloud");
    }
    let mut home = Home::of(GCR);
    // gcloud takes its time on a busy machine.
    home.settings("timeout = 120");
    home.set("NO_GCE_CHECK", "true");
    let mut get = |variable: &str, value: String| {
        let secret = home.set(variable, value).get("europe-docker.pkg.dev").secret();
        home.unset(variable);
        secret
    };
    assert_eq!(get("CLOUDSDK_AUTH_ACCESS_TOKEN", "ya29.a-canary".into()), "ya29.a-canary");
    assert_eq!(get("CLOUDSDK_AUTH_ACCESS_TOKEN", "ya29.b-canary".into()), "ya29.b-canary");
    let file = home.write("token", "ya29.c-canary");
    let get = |value: &str| {
        home.write("token", value);
        home.get("europe-docker.pkg.dev").secret()
    };
    // By a property of gcloud's configuration, without a variable.
    let properties = format!("[auth]\naccess_token_file = {}\n", file.display());
    std::fs::create_dir_all(home.path(".config/gcloud/configurations")).unwrap();
    std::fs::write(home.path(".config/gcloud/configurations/config_default"), properties).unwrap();
    assert_eq!(get("ya29.c-canary"), "ya29.c-canary");
    assert_eq!(get("ya29.d-canary"), "ya29.d-canary");
    for path in files(&home.path("data")).into_iter().chain(files(&home.path("run"))).chain(files(&home.path("cache")))
    {
        assert!(!String::from_utf8_lossy(&std::fs::read(&path).unwrap()).contains("canary"), "{}", path.display());
    }
}
