//! `credmint`, the command for people, as people and scripts use it.

use pretend_cloud::{Aws, Behaviour, Call};
use serde_json::{Value, json};

use crate::home::{CLI, ECR, Home, Outcome, REGISTRY, files, program};

pub(crate) const CONFIG: &str = ".docker/config.json";
const IRELAND: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";

/// With the programs on the path, as they are installed.
fn installed(mut home: Home) -> Home {
    let folder = program(CLI).parent().unwrap().to_owned();
    home.set("PATH", format!("{}:/usr/bin:/bin", folder.display()));
    home
}

pub(crate) fn home() -> Home {
    installed(Home::new())
}

pub(crate) fn credmint(home: &Home, arguments: &[&str]) -> Outcome {
    home.run(CLI, arguments, "")
}

#[track_caller]
pub(crate) fn succeeds(home: &Home, arguments: &[&str]) -> String {
    let outcome = credmint(home, arguments);
    assert_eq!(outcome.code, 0, "{arguments:?}: {outcome:?}");
    outcome.stdout
}

#[track_caller]
pub(crate) fn fails(home: &Home, arguments: &[&str], words: &[&str]) {
    let outcome = credmint(home, arguments);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{arguments:?}: {outcome:?}");
    for word in words {
        assert!(outcome.stderr.contains(word), "{word:?} is missing: {outcome:?}");
    }
}

pub(crate) fn config(home: &Home) -> String {
    std::fs::read_to_string(home.path(CONFIG)).unwrap()
}

pub(crate) fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn configure_names_each_registry_s_helper_and_unconfigure_leaves_no_trace() {
    let home = home();
    let before = "{\n  \"psFormat\": \"x\",\n  \"credHelpers\": {\"old.example\": \"pass\"}\n}\n";
    home.write(CONFIG, before);
    succeeds(&home, &["configure", IRELAND, "ghcr.io", "europe-docker.pkg.dev", "corp1.azurecr.io", "quay.io"]);
    let helpers = json_of(&config(&home))["credHelpers"].clone();
    let expected = json!({
        "old.example": "pass", IRELAND: "ecr", "ghcr.io": "ghcr", "europe-docker.pkg.dev": "gcr",
        "corp1.azurecr.io": "acr", "quay.io": "credmint",
    });
    assert_eq!(helpers, expected);
    assert!(config(&home).starts_with("{\n  \"psFormat\": \"x\",\n  \"credHelpers\": {"), "{}", config(&home));
    succeeds(&home, &["unconfigure"]);
    assert_eq!(config(&home), before);
}

#[test]
fn check_sets_the_exit_code_and_dry_run_prints_a_diff() {
    let home = home();
    assert_eq!(credmint(&home, &["configure", "--store", "--check"]).code, 1);
    let difference = succeeds(&home, &["configure", "--store", "--dry-run"]);
    assert!(difference.contains("+\t\"credsStore\": \"credmint\""), "{difference}");
    assert!(!home.path(CONFIG).exists(), "nothing was done yet");
    succeeds(&home, &["configure", "--store"]);
    assert_eq!(credmint(&home, &["configure", "--store", "--check"]).code, 0);
    for (more, applied) in [("--check", false), ("--dry-run", false), ("--yes", true)] {
        let facts = json_of(&credmint(&home, &["configure", "ghcr.io", "--json", more]).stdout);
        assert_eq!((&facts["changes"], &facts["applied"]), (&json!(true), &json!(applied)), "{facts}");
    }
    assert_eq!(succeeds(&home, &["configure", "--store", "--dry-run"]), "\n", "nothing would change");
}

#[test]
fn without_a_terminal_and_without_a_decision_it_exits_with_2_and_says_what_to_pass() {
    let home = home();
    let outcome = credmint(&home, &["configure"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""), "{outcome:?}");
    assert!(outcome.stderr.contains("nothing was changed") && outcome.stderr.contains("pass --yes"), "{outcome:?}");
    let outcome = credmint(&home, &["configure", "--json"]);
    assert_eq!((outcome.code, &json_of(&outcome.stdout)["applied"]), (2, &json!(false)), "{outcome:?}");
    assert!(!home.path(CONFIG).exists());
    succeeds(&home, &["configure", "--yes"]);
    assert_eq!(json_of(&config(&home))["credsStore"], "credmint");
}

#[cfg(target_os = "linux")]
#[test]
fn at_a_terminal_it_proposes_and_asks() {
    for (answer, is_done) in [("n", false), ("", true)] {
        let mut home = home();
        home.set("AWS_PROFILE", "work");
        let mut terminal = crate::terminal::Terminal::run(&home, CLI, &["configure"]);
        terminal.sees("Apply this change? [Y/n]").types(answer);
        let (code, shown) = terminal.ends();
        assert_eq!(code, 0, "{shown}");
        assert!(shown.contains("AWS identity: AWS_PROFILE"), "{shown}");
        assert_eq!(home.path(CONFIG).exists(), is_done, "{answer:?}: {shown}");
    }
}

#[test]
fn a_helper_that_docker_would_not_find_or_that_is_not_ours_is_rejected() {
    let mut home = Home::new();
    home.set("PATH", "/nowhere");
    fails(&home, &["configure", "ghcr.io"], &["docker-credential-ghcr not found on PATH", "add "]);
    let trap = home.script("trap/docker-credential-ghcr", "echo 1.0");
    home.set("PATH", trap.parent().unwrap());
    fails(&home, &["configure", "ghcr.io"], &["is not part of credmint"]);
    assert!(!home.path(CONFIG).exists());
}

#[test]
fn a_broken_config_is_named_by_line_and_left_alone() {
    let home = home();
    let broken = "{\n  \"auths\": {,}\n}\n";
    home.write(CONFIG, broken);
    fails(&home, &["configure", "--store"], &["config.json", "line 2"]);
    assert_eq!(config(&home), broken);
}

#[test]
fn podman_s_file_gets_helpers_and_no_store() {
    let home = home();
    succeeds(&home, &["configure", "--podman", "ghcr.io"]);
    let file = home.path("config/containers/auth.json");
    assert_eq!(json_of(&std::fs::read_to_string(file).unwrap())["credHelpers"], json!({"ghcr.io": "ghcr"}));
    assert!(!home.path("run/containers").exists(), "there it would be gone at the next start");
    fails(&home, &["configure", "--podman", "--store"], &["does not support credsStore"]);
}

#[test]
fn a_folder_of_one_s_own_is_taken() {
    let mut home = home();
    let folder = home.path("elsewhere").display().to_string();
    succeeds(&home, &["configure", "--config", &folder, "ghcr.io"]);
    assert!(home.path("elsewhere/config.json").exists() && !home.path(CONFIG).exists());
    home.set("DOCKER_CONFIG", home.path("third"));
    succeeds(&home, &["configure", "ghcr.io"]);
    assert!(home.path("third/config.json").exists() && !home.path(CONFIG).exists());
}

#[test]
fn token_prints_what_docker_would_be_given() {
    let aws = Aws::start();
    let home = installed(Home::signed_in(&aws));
    let secret = succeeds(&home, &["token", REGISTRY]);
    assert_eq!(format!("{}\n", home.get(REGISTRY).secret()), secret);
    assert_eq!(succeeds(&home, &["token", "--username", &format!("{REGISTRY}/team/app:1")]), "AWS\n");
    let facts = json_of(&succeeds(&home, &["token", "--json", REGISTRY]));
    assert_eq!((&facts["username"], &facts["password"]), (&json!("AWS"), &json!(secret.trim_end())));
    assert!(facts["expires"].as_str().unwrap().ends_with('Z'), "{facts}");
    assert_eq!(aws.all_calls(), 1);
    fails(&home, &["token", "quay.io"], &["no credentials for quay.io", "credmint login quay.io"]);
    aws.on(Call::EcrToken, Behaviour::Refuse { status: 400, code: "AccessDeniedException", message: "no".into() });
    fails(&home, &["token", IRELAND], &["ecr:GetAuthorizationToken"]);
}

#[test]
fn export_makes_files_that_know_no_helpers() {
    let aws = Aws::start();
    let home = installed(Home::signed_in(&aws));
    let auth = |text: &str| json_of(text)["auths"][REGISTRY]["auth"].as_str().unwrap().to_owned();
    let outcome = credmint(&home, &["export", REGISTRY]);
    assert!(outcome.code == 0 && outcome.stderr.contains("expires 20"), "{outcome:?}");
    let expected = auth(&outcome.stdout);
    let line = succeeds(&home, &["export", "--format", "variable", REGISTRY]);
    assert_eq!((line.matches('\n').count(), auth(&line)), (1, expected.clone()));
    let manifest = json_of(&succeeds(&home, &["export", "--format", "secret", "--name", "pull", REGISTRY]));
    assert_eq!(
        (&manifest["metadata"]["name"], &manifest["type"]),
        (&json!("pull"), &json!("kubernetes.io/dockerconfigjson"))
    );
    let path = home.path("made.json");
    assert_eq!(succeeds(&home, &["export", "-o", path.to_str().unwrap(), REGISTRY]), "");
    assert_eq!(auth(&std::fs::read_to_string(&path).unwrap()), expected);
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions()) & 0o777, 0o600);
    assert_eq!(aws.all_calls(), 1);
}

#[test]
fn the_cache_is_warmed_side_by_side_listed_and_cleared() {
    let aws = Aws::start();
    let home = installed(Home::signed_in(&aws));
    home.store("r.example", "u", "p");
    let outcome = credmint(&home, &["cache", "warm", REGISTRY, IRELAND]);
    assert!(outcome.code == 0 && outcome.stderr.contains("[2/2]"), "{outcome:?}");
    let listed = json_of(&succeeds(&home, &["cache", "list", "--json"]));
    let mut services: Vec<_> =
        listed.as_array().unwrap().iter().map(|token| token["service"].as_str().unwrap()).collect();
    services.sort_unstable();
    assert_eq!(services, ["ecr:aws:eu-west-1", "ecr:aws:us-east-1"]);
    succeeds(&home, &["cache", "clear", IRELAND]);
    assert!(!succeeds(&home, &["cache", "list"]).contains("eu-west-1"));
    succeeds(&home, &["cache", "clear"]);
    assert_eq!(json_of(&succeeds(&home, &["cache", "list", "--json"])), json!([]));
    assert_eq!(home.get("r.example").secret(), "p", "logins stay");
    let outcome = credmint(&home, &["cache", "warm", REGISTRY, "quay.io"]);
    assert!(outcome.code == 1 && outcome.stderr.contains("failed quay.io"), "{outcome:?}");
}

#[test]
fn status_tells_what_is_wired_signed_in_and_kept() {
    let aws = Aws::start();
    let home = installed(Home::signed_in(&aws));
    home.write(CONFIG, format!("{{\"credHelpers\":{{\"{REGISTRY}\":\"ecr\",\"x.example\":\"absent\"}}}}"));
    let secret = home.get(REGISTRY).secret();
    home.store("r.example", "u", "canary");
    let facts = json_of(&succeeds(&home, &["status", "--json"]));
    let [ours, other] = &facts["registries"].as_array().unwrap()[..] else { panic!("{facts}") };
    assert_eq!((&ours["helper"], &ours["service"]), (&json!(ECR), &json!("ecr:aws:us-east-1")), "{facts}");
    assert!(ours["expires_in"].as_str().unwrap().starts_with("in 11h"), "{facts}");
    assert_eq!(other["program"], Value::Null);
    assert_eq!(facts["identities"], json!([{"cloud": "ecr", "source": "AWS_ACCESS_KEY_ID"}]));
    assert_eq!(facts["logins"][0]["registry"], "r.example");
    let shown = succeeds(&home, &["status"]);
    for words in
        ["docker-credential-ecr  token, expires in 11h", "docker-credential-absent  not found on PATH", "r.example  u"]
    {
        assert!(shown.contains(words), "{words:?} is missing: {shown}");
    }
    assert!(!shown.contains(&secret) && !facts.to_string().contains(&secret) && !shown.contains("canary"));
    assert_eq!(aws.all_calls(), 1, "status sends no request");
}

#[test]
fn facts_go_to_standard_output_without_colours_unless_a_terminal_shows_them() {
    let home = home();
    assert!(!succeeds(&home, &["status"]).contains('\u{1b}'));
    fails(&home, &["token", "quay.io"], &["credmint: no credentials for"]);
}

#[test]
fn completions_and_manual_pages_come_with_it() {
    let mut home = home();
    // They must work with invalid settings.
    home.set("CREDMINT_CONFIG", home.settings("broken"));
    for (shell, word) in [
        ("bash", "_credmint"),
        ("zsh", "#compdef credmint"),
        ("fish", "complete -c credmint"),
        ("powershell", "Register-ArgumentCompleter"),
        ("elvish", "edit:completion"),
    ] {
        assert!(succeeds(&home, &["completions", shell]).contains(word), "{shell}");
    }
    let folder = home.path("man");
    succeeds(&home, &["man", folder.to_str().unwrap()]);
    let pages = files(&folder);
    assert!(pages.len() > 10, "{pages:?}");
    for page in pages {
        assert!(std::fs::read_to_string(&page).unwrap().contains(".TH"), "{}", page.display());
    }
    fails(&home, &["token", "ghcr.io"], &["config.toml", "line 1"]);
}

#[test]
fn what_cannot_be_read_is_broken_in_status() {
    let mut home = home();
    home.write(CONFIG, "{\"auths\": {,}}");
    let outcome = credmint(&home, &["status", "--json"]);
    let facts = json_of(&outcome.stdout);
    assert_eq!((outcome.code, &facts["healthy"]), (1, &json!(false)), "{facts}");
    assert!(facts["docker"]["broken"].as_str().unwrap().contains("line 1"), "{facts}");
    assert_eq!(facts["broken"].as_array().unwrap().len(), 1, "{facts}");
    let path = home.settings("vualt = \"file\"\n");
    home.set("CREDMINT_CONFIG", path);
    let outcome = credmint(&home, &["status", "--json"]);
    let broken = json_of(&outcome.stdout)["broken"].to_string();
    assert!(
        outcome.code == 1 && broken.contains("line 1: unknown field `vualt`; did you mean `vault`?"),
        "{outcome:?}"
    );
    home.write(CONFIG, "{}");
    let outcome = credmint(&home, &["status"]);
    assert!(outcome.code == 1 && outcome.stdout.matches("broken:").count() == 1, "{outcome:?}");
}

#[test]
fn a_command_line_that_cannot_be_understood_exits_with_2() {
    let home = home();
    for arguments in [&["bogus"][..], &[], &["token"], &["configure", "--check", "--dry-run"], &["guide", "--to", "x"]]
    {
        assert_eq!(credmint(&home, arguments).code, 2, "{arguments:?}");
    }
    assert!(succeeds(&home, &["--help"]).contains("Examples:"));
    assert_eq!(succeeds(&home, &["--version"]), format!("credmint {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_examples_of_a_help_can_be_pasted_at_any_width() {
    let mut home = home();
    let mut seen = 0;
    for command in ["", "configure", "migrate", "export", "doctor", "token", "login", "guide", "bazel", "completions"] {
        let arguments: Vec<_> = [command, "--help"].into_iter().filter(|word| !word.is_empty()).collect();
        let mut examples = |columns: &str| -> Vec<String> {
            home.set("COLUMNS", columns);
            let help = succeeds(&home, &arguments);
            let (options, examples) = help.split_once("\nExample").unwrap_or_else(|| panic!("{arguments:?}: {help}"));
            assert!(options.contains("Usage:"), "{help}");
            examples.lines().map(str::to_owned).collect()
        };
        let wide = examples("200");
        assert_eq!(wide, examples("30"), "{arguments:?}");
        seen += wide.iter().filter(|line| line.contains("credmint")).count();
    }
    assert!(seen > 20, "{seen}");
}
