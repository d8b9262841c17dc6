//! `credmint doctor`'s remedies: each thing is broken, the printed command is followed word for word in a
//! shell, and the finding is gone.

mod helpers;

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;

use pretend_cloud::{Aws, RegistryFront, TokenServer};
use serde_json::Value;

use crate::home::{CLI, CREDMINT, Home, program, skip};

const CONFIG: &str = ".docker/config.json";
/// Of user `u` and password `p`.
const LOGIN: &str = "{\"auths\":{\"r.example\":{\"auth\":\"dTpw\"}}}";

fn ours() -> PathBuf {
    program(CLI).parent().unwrap().to_owned()
}

fn home() -> Home {
    installed(Home::new())
}

fn installed(mut home: Home) -> Home {
    home.set("PATH", format!("{}:{}:/usr/bin:/bin", home.path("other").display(), ours().display()));
    home.unset("SUDO_USER");
    home
}

fn with_config(text: &str) -> Home {
    let home = home();
    home.write(CONFIG, text);
    home
}

/// What doctor finds in a shell that has run `line` before.
#[track_caller]
fn findings_after(home: &Home, line: &str, arguments: &str) -> Vec<Value> {
    let script = format!("{{ {line}\n}} >/dev/null\nexec credmint doctor --json {arguments}");
    let output = home.shell(&script).output().unwrap();
    let Ok(facts) = serde_json::from_slice::<Value>(&output.stdout) else { panic!("{line}: {output:?}") };
    facts["findings"].as_array().unwrap().clone()
}

fn text(finding: &Value) -> &str {
    finding["text"].as_str().unwrap()
}

fn broken(findings: &[Value]) -> Vec<&str> {
    findings.iter().filter(|finding| finding["level"] == "broken").map(text).collect()
}

/// The command of the finding with these words.
#[track_caller]
fn command(findings: &[Value], words: &str) -> String {
    let found = findings.iter().find(|finding| text(finding).contains(words));
    let found = found.unwrap_or_else(|| panic!("{words:?} is not found: {findings:#?}"));
    assert!(found["level"] != "ok", "{found}");
    found["command"].as_str().unwrap_or_else(|| panic!("there is no command: {found}")).to_owned()
}

/// Follows the remedy of the finding with these words: it is gone, and nothing else is broken by that.
#[track_caller]
fn follow(home: &Home, arguments: &str, words: &str) -> String {
    let before = findings_after(home, ":", arguments);
    let command = command(&before, words);
    let after = findings_after(home, &command, arguments);
    assert!(!after.iter().any(|finding| text(finding).contains(words)), "after {command}: {after:#?}");
    let news: Vec<_> = broken(&after).into_iter().filter(|text| !broken(&before).contains(text)).collect();
    assert!(news.is_empty(), "after {command}: {news:?}");
    command
}

#[test]
fn odd_configs_are_repaired() {
    for (text, words) in [
        ("", "so no helper is configured"),
        (" \n", "empty file"),
        ("\u{feff}{}", "byte order mark"),
        ("{} x", "text after the end"),
        ("{\"CredsStore\":\"credmint\"}", "is read as credsStore"),
        ("{\"credStore\":\"credmint\"}", "did you mean credsStore?"),
        ("{\"credHelper\":{\"ghcr.io\":\"ghcr\"}}", "did you mean credHelpers?"),
        ("{\"auths\":{\"r.example\":{\"auht\":\"dTpw\"}}}", "did you mean auth?"),
        ("{\"auths\":{\"r.example\":{\"auth\":\"???\"},\"o.example\":{}}}", "docker ignores the whole file"),
        ("{\"credHelpers\":{\"https://ghcr.io\":\"ghcr\"}}", "has https://ghcr.io, but Docker looks up ghcr.io"),
        ("{\"credHelpers\":{\"docker.io\":\"credmint\"}}", "Docker looks up https://index.docker.io/v1/"),
        (
            "{\"credHelpers\":{\"https://ghcr.io\":\"ghcr\",\"ghcr.io\":\"ghcr\"}}",
            "has https://ghcr.io, which is not used",
        ),
        ("{\"credHelpers\":{\"*.azurecr.io\":\"acr\"}}", "does not support patterns"),
        ("{}", "no helper in Docker's config"),
        (LOGIN, "no helper in Docker's config"),
        (LOGIN, "plaintext login for r.example"),
        (
            "{\"auths\":{\"r.example\":{\"auth\":\"dTpw\"}},\"credsStore\":\"credmint\"}",
            "which Docker ignores because of credsStore",
        ),
    ] {
        let home = home();
        let elsewhere = home.path("else where");
        for (path, arguments) in [(home.path(""), ""), (elsewhere, " --config 'else where'")] {
            let file = if arguments.is_empty() { path.join(CONFIG) } else { path.join("config.json") };
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            if !text.is_empty() {
                std::fs::write(&file, text).unwrap();
                std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
            }
            let arguments = arguments.replace("else where", path.to_str().unwrap());
            follow(&home, &format!("--offline{arguments}"), words);
        }
    }
}

#[test]
fn a_repair_that_is_not_possible_ends_no_look() {
    let twice = "{\"auths\":{},\"auths\":{},\"credStore\":\"credmint\"}";
    let home = with_config(twice);
    let found = findings_after(&home, ":", "--offline --fix");
    assert_eq!(broken(&found).len(), 2, "{found:#?}");
    assert_eq!(std::fs::read_to_string(home.path(CONFIG)).unwrap(), twice);
}

#[test]
fn files_of_podman_and_helm_are_repaired_too() {
    for (name, variable) in [
        ("run/containers/auth.json", None),
        ("config/containers/auth.json", None),
        ("named.json", Some("REGISTRY_AUTH_FILE")),
        ("config/helm/registry/config.json", None),
        ("helm/config.json", Some("HELM_REGISTRY_CONFIG")),
    ] {
        let mut home = home();
        let path = home.write(name, LOGIN);
        if let Some(variable) = variable {
            home.set(variable, &path);
        }
        follow(&home, "--offline", &format!("plaintext login for r.example in {}", path.display()));
        let left = std::fs::read_to_string(&path).unwrap();
        assert!(!left.contains("dTpw") && left.contains("r.example"), "{left}");
        assert_eq!(home.run(CREDMINT, &["get"], "r.example").secret(), "p");
        home.write(name, "{\"credHelper\":{\"ghcr.io\":\"ghcr\"}}");
        follow(&home, "--offline", "did you mean credHelpers?");
    }
}

#[test]
fn whatever_occupies_a_file_s_place_is_moved() {
    let words = "config.json";
    let setups: [(&str, &str); 5] = [
        ("mkdir -p .docker/config.json", "is a directory, expected a file"),
        ("mkdir -p .docker/config.json/x", "is a directory, expected a file"),
        ("mkdir .docker && mkfifo .docker/config.json", "not a regular file"),
        ("mkdir .docker && ln -s config.json .docker/config.json", "cannot read"),
        ("echo x > .docker", "is a file"),
    ];
    for (setup, found) in setups {
        let home = home();
        assert!(home.shell(&format!("cd \"$HOME\" && {setup}")).status().unwrap().success());
        let before = findings_after(&home, ":", "--offline");
        assert_eq!(broken(&before).len(), 1, "counted once: {before:#?}");
        assert!(broken(&before)[0].contains(words), "{before:#?}");
        follow(&home, "--offline", found);
    }
}

#[test]
fn a_folder_that_is_named_wrongly_is_named_rightly() {
    let mut home = with_config("{\"credsStore\":\"credmint\"}");
    home.set("DOCKER_CONFIG", home.path(CONFIG));
    let command = follow(&home, "--offline", "DOCKER_CONFIG must be a directory");
    assert_eq!(command, format!("export DOCKER_CONFIG={}", home.path(".docker").display()));
    home.set("DOCKER_CONFIG", home.write("other.json", "{}"));
    assert_eq!(follow(&home, "--offline", "DOCKER_CONFIG must be a directory"), "unset DOCKER_CONFIG");
    home.unset("DOCKER_CONFIG");
    let arguments = format!("--offline --config {}", home.path(CONFIG).display());
    let right = command_of(&home, &arguments, "--config must be a directory");
    let output = home.shell(&format!("{right} --offline")).output().unwrap();
    assert!(output.status.success(), "{right}: {output:?}");
}

#[track_caller]
fn command_of(home: &Home, arguments: &str, words: &str) -> String {
    command(&findings_after(home, ":", arguments), words)
}

#[test]
fn what_others_could_read_or_change_is_closed() {
    for (text, mode, words) in [
        (LOGIN, 0o666, "other users can read the passwords in it"),
        (LOGIN, 0o644, "other users can read the passwords in it"),
        (LOGIN, 0o640, "its group can read the passwords in it"),
        ("{\"credsStore\":\"credmint\"}", 0o666, "other users can change it"),
    ] {
        let home = with_config(text);
        std::fs::set_permissions(home.path(CONFIG), PermissionsExt::from_mode(mode)).unwrap();
        follow(&home, "--offline", words);
    }
    let home = with_config("{\"credsStore\":\"credmint\"}");
    std::fs::set_permissions(home.path(CONFIG), PermissionsExt::from_mode(0o644)).unwrap();
    let found = findings_after(&home, ":", "--offline");
    assert!(!found.iter().any(|finding| text_has(finding, "mode")), "{found:#?}");
}

fn text_has(finding: &Value, words: &str) -> bool {
    text(finding).contains(words)
}

#[test]
fn variables_are_taken_back() {
    let mut home = with_config("{\"credsStore\":\"credmint\"}");
    for value in ["{\"auths\":{\"ghcr.io\":{\"auth\":\"dTpw\"}}}", "{\"credHelpers\":{}}"] {
        home.set("DOCKER_AUTH_CONFIG", value);
        follow(&home, "--offline", "DOCKER_AUTH_CONFIG");
    }
    home.unset("DOCKER_AUTH_CONFIG");
    home.set("CREDMINT_VAULT", "keychain").set("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere");
    follow(&home, "--offline", "Secret Service not available");
    home.set("CREDMINT_VAULT", "file");
    // Port 1 is closed.
    home.set("HTTPS_PROXY", "http://user:canary@127.0.0.1:1");
    follow(&home, "", "HTTPS_PROXY: cannot reach the proxy http://127.0.0.1:1");
    assert!(!format!("{:?}", findings_after(&home, ":", "")).contains("canary"));
}

#[test]
fn every_client_is_wired() {
    for client in ["docker, buildx, compose", "podman, buildah, skopeo", "crane, ko, kaniko, cosign"] {
        let home = home();
        follow(&home, "--offline quay.io/a/b", &format!("{client}: no credentials"));
        let elsewhere = home.path("elsewhere");
        let arguments = format!("--offline quay.io/a/b --config {}", elsewhere.display());
        if client.starts_with("docker") {
            follow(&home, &arguments, "compose: no credentials");
        }
    }
}

#[test]
fn credentials_that_are_rejected_are_replaced() {
    let tokens = TokenServer::beside("/token", |user, password| (user, password) == ("me", "right"));
    let registry = RegistryFront::start_bearer(&tokens, None);
    let host = registry.addr().to_string();
    let home = with_config("{\"credsStore\":\"credmint\"}");
    let login = format!("{{\"ServerURL\":\"{host}\",\"Username\":\"me\",\"Secret\":\"wrong\"}}");
    assert_eq!(home.run(CREDMINT, &["store"], login).code, 0);
    let words = "rejected the credentials of me";
    let command = command_of(&home, &host, words);
    let arguments: Vec<_> = command.strip_prefix("credmint ").unwrap().split(' ').collect();
    let mut terminal = crate::terminal::Terminal::run(&home, CLI, &arguments);
    terminal.sees("Username").types("me").sees("Password").types("right");
    assert_eq!(terminal.ends().0, 0);
    assert!(!findings_after(&home, ":", &host).iter().any(|finding| text_has(finding, words)));
}

#[test]
fn a_token_that_is_rejected_is_minted_again() {
    let aws = Aws::start();
    let registry = RegistryFront::start(&aws, None);
    let host = registry.addr().to_string();
    let home = installed(Home::signed_in(&aws));
    home.settings(&format!(
        "[[registry]]\nmatch = \"{host}\"\nprovider = \"ecr\"\ntarget = \"123456789012.dkr.ecr.us-east-1.amazonaws.com\"\n"
    ));
    home.write(CONFIG, format!("{{\"credHelpers\":{{\"{host}\":\"ecr\"}}}}"));
    findings_after(&home, ":", &host);
    aws.end_tokens();
    follow(&home, &host, "rejected the credentials of AWS");
}

/// What root has made in a user's home, and what a user has shut for itself; for which the test has to be root.
#[test]
fn files_that_root_created_in_a_home_are_given_back() {
    let test = "files_that_root_created_in_a_home_are_given_back";
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        return skip(test, "it has to be root");
    }
    let user = "64123";
    for (setup, words) in [
        (
            "mkdir -p data/credmint run/credmint && chmod 700 data/credmint run/credmint && chown 0 data/credmint run/credmint",
            "belong to another user",
        ),
        ("chown 0 .docker && chmod 700 .docker", "cannot read"),
        ("chown 0 .docker/config.json && chmod 600 .docker/config.json", "cannot read"),
        ("chmod 0 .docker/config.json", "cannot read"),
        ("chmod 0 .docker", "cannot read"),
    ] {
        let mut home = with_config("{\"credsStore\":\"credmint\"}");
        // The programs, where another user can run them, with fakes of `sudo` and `id` for that user.
        let bin = home.path("bin");
        std::fs::create_dir_all(&bin).unwrap();
        for name in [CLI, CREDMINT, crate::home::WORKER] {
            assert!(std::process::Command::new("cp").arg(program(name)).arg(&bin).status().unwrap().success());
        }
        home.script("shims/sudo", "exec \"$@\"");
        home.script("shims/id", &format!("echo {user}"));
        home.set("PATH", format!("{}:{}:/usr/bin:/bin", home.path("shims").display(), bin.display()));
        let prepare = format!("cd \"$HOME\" && chown -R {user}:{user} . && {setup}");
        assert!(home.shell(&prepare).status().unwrap().success());
        let look = || {
            let doctor = bin.join(CLI);
            let arguments = [
                "--reuid",
                user,
                "--regid",
                user,
                "--clear-groups",
                doctor.to_str().unwrap(),
                "doctor",
                "--json",
                "--offline",
            ];
            let output = home.other("setpriv", &arguments).current_dir("/").output().unwrap();
            let facts: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
            facts["findings"].as_array().unwrap().clone()
        };
        let found = look();
        let command = command(&found, words);
        assert!(home.shell(&command).status().unwrap().success(), "{command}");
        let after = look();
        assert!(broken(&after).is_empty(), "{setup}: after {command}: {after:#?}");
    }
}
