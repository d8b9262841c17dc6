//! `credmint`, the command for people, as people and scripts use it.

use pretend_cloud::{Aws, Behaviour, Call};
use serde_json::{Value, json};

use crate::home::{CLI, CREDMINT, ECR, Home, Outcome, REGISTRY, files, program};

const CONFIG: &str = ".docker/config.json";
const IRELAND: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";

/// With the programs on the path, as they are installed.
fn installed(mut home: Home) -> Home {
    let folder = program(CLI).parent().unwrap().to_owned();
    home.set("PATH", format!("{}:/usr/bin:/bin", folder.display()));
    home
}

fn home() -> Home {
    installed(Home::new())
}

fn credmint(home: &Home, arguments: &[&str]) -> Outcome {
    home.run(CLI, arguments, "")
}

#[track_caller]
fn succeeds(home: &Home, arguments: &[&str]) -> String {
    let outcome = credmint(home, arguments);
    assert_eq!(outcome.code, 0, "{arguments:?}: {outcome:?}");
    outcome.stdout
}

#[track_caller]
fn fails(home: &Home, arguments: &[&str], words: &[&str]) {
    let outcome = credmint(home, arguments);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{arguments:?}: {outcome:?}");
    for word in words {
        assert!(outcome.stderr.contains(word), "{word:?} is missing: {outcome:?}");
    }
}

fn config(home: &Home) -> String {
    std::fs::read_to_string(home.path(CONFIG)).unwrap()
}

fn json_of(text: &str) -> Value {
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
fn check_tells_by_its_exit_and_dry_run_by_a_difference() {
    let home = home();
    assert_eq!(credmint(&home, &["configure", "--store", "--check"]).code, 1);
    let difference = succeeds(&home, &["configure", "--store", "--dry-run"]);
    assert!(difference.contains("+\t\"credsStore\": \"credmint\""), "{difference}");
    assert!(!home.path(CONFIG).exists(), "nothing was done yet");
    succeeds(&home, &["configure", "--store"]);
    assert_eq!(credmint(&home, &["configure", "--store", "--check"]).code, 0);
    let facts = json_of(&credmint(&home, &["configure", "ghcr.io", "--check", "--json"]).stdout);
    assert_eq!(facts["changes"], true, "{facts}");
    assert_eq!(succeeds(&home, &["configure", "--store", "--dry-run"]), "\n", "nothing would change");
}

#[test]
fn without_a_terminal_a_proposal_changes_nothing() {
    let home = home();
    let outcome = credmint(&home, &["configure"]);
    assert_eq!(outcome.code, 0);
    assert!(outcome.stderr.contains("nothing was changed") && outcome.stdout.contains("credsStore"), "{outcome:?}");
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
        terminal.sees("Change it? [Y/n]").types(answer);
        let (code, shown) = terminal.ends();
        assert_eq!(code, 0, "{shown}");
        assert!(shown.contains("signed in to ecr by AWS_PROFILE"), "{shown}");
        assert_eq!(home.path(CONFIG).exists(), is_done, "{answer:?}: {shown}");
    }
}

#[test]
fn a_helper_that_docker_would_not_find_or_that_is_not_ours_is_refused() {
    let mut home = Home::new();
    home.set("PATH", "/nowhere");
    fails(&home, &["configure", "ghcr.io"], &["docker-credential-ghcr is not on the path", "add "]);
    let trap = home.script("trap/docker-credential-ghcr", "echo 1.0");
    home.set("PATH", trap.parent().unwrap());
    fails(&home, &["configure", "ghcr.io"], &["is not credmint's"]);
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
    let file = home.path("run/containers/auth.json");
    assert_eq!(json_of(&std::fs::read_to_string(file).unwrap())["credHelpers"], json!({"ghcr.io": "ghcr"}));
    fails(&home, &["configure", "--podman", "--store"], &["no credsStore"]);
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
fn migrate_moves_plaintext_logins_and_blanks_only_what_came_back() {
    let home = home();
    // u:p
    home.write(CONFIG, "{\"auths\":{\"r.example\":{\"auth\":\"dTpw\",\"x\":1},\"https://index.docker.io/v1/\":{\"auth\":\"dTpw\"},\"empty.example\":{}}}");
    let listed = succeeds(&home, &["migrate", "--dry-run"]);
    assert_eq!(listed, "r.example  u\nhttps://index.docker.io/v1/  u\n");
    assert!(config(&home).contains("dTpw"));
    let outcome = credmint(&home, &["configure", "--store", "--migrate"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let expected = "{\"auths\":{\"r.example\":{\"x\":1},\"https://index.docker.io/v1/\":{},\"empty.example\":{}},\"credsStore\":\"credmint\"}";
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
    assert!(outcome.stderr.contains("left") && !outcome.stderr.contains("dTpw"), "{outcome:?}");
    assert_eq!(config(&home), before);
}

/// Another helper, which keeps two logins and refuses to give the second.
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
    for words in
        ["moved https://r.example (u)", "left stuck.example: exit status 2", "docker-credential-pass still has them"]
    {
        assert!(outcome.stderr.contains(words), "{words:?}: {outcome:?}");
    }
    assert_eq!(home.run(CREDMINT, &["get"], "r.example").secret(), "p");
    fails(&home, &["migrate", "--from", "absent"], &["docker-credential-absent is not on the path"]);
    fails(&home, &["migrate", "--from", "../x"], &["a helper's name"]);
    fails(&home, &["migrate", "--from", "ecr"], &["credmint's own"]);
}

#[test]
fn a_new_store_tells_which_logins_the_old_one_keeps() {
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
    assert!(outcome.code == 0 && outcome.stderr.contains("good until 20"), "{outcome:?}");
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
    for words in [
        "docker-credential-ecr  token that ends in 11h",
        "docker-credential-absent  is not on the path",
        "r.example  u",
    ] {
        assert!(shown.contains(words), "{words:?} is missing: {shown}");
    }
    assert!(!shown.contains(&secret) && !facts.to_string().contains(&secret) && !shown.contains("canary"));
    assert_eq!(aws.all_calls(), 1, "status asks nobody");
}

#[test]
fn facts_go_to_standard_output_without_colours_unless_a_terminal_shows_them() {
    let home = home();
    assert!(!succeeds(&home, &["status"]).contains('\u{1b}'));
    fails(&home, &["token", "quay.io"], &["credmint: there are no"]);
}

#[test]
fn completions_and_manual_pages_come_with_it() {
    let mut home = home();
    // They have to work where the settings are broken.
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
    fails(&home, &["status"], &["config.toml", "line 1"]);
}

#[test]
fn a_command_line_that_cannot_be_understood_exits_with_2() {
    let home = home();
    for arguments in [&["bogus"][..], &[], &["token"], &["configure", "--check", "--dry-run"], &["guide"]] {
        assert_eq!(credmint(&home, arguments).code, 2, "{arguments:?}");
    }
    assert!(succeeds(&home, &["--help"]).contains("Examples:"));
    assert_eq!(succeeds(&home, &["--version"]), format!("credmint {}\n", env!("CARGO_PKG_VERSION")));
}
