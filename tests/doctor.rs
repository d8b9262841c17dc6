//! `credmint doctor`: what is wrong is found and has a remedy, and what is right is not called wrong.

use pretend_cloud::{Aws, Ca, Proxy, RegistryFront, TokenServer};
use serde_json::Value;

use crate::home::{CLI, CREDMINT, ECR, Home, Outcome, program};

const CONFIG: &str = ".docker/config.json";
const RIGHT: &str = "the-right-canary";

fn home() -> Home {
    installed(Home::new())
}

fn installed(mut home: Home) -> Home {
    let folder = program(CLI).parent().unwrap().to_owned();
    home.set("PATH", format!("{}:/usr/bin:/bin", folder.display()));
    home.unset("SUDO_USER");
    home
}

/// The findings, and that the exit code agrees with them.
#[track_caller]
fn findings(home: &Home, arguments: &[&str]) -> Vec<Value> {
    let outcome = home.run(CLI, &[&["doctor", "--json"], arguments].concat(), "");
    let Ok(facts) = serde_json::from_str::<Value>(&outcome.stdout) else { panic!("{outcome:?}") };
    assert_eq!(facts["healthy"].as_bool(), Some(outcome.code == 0), "{facts:#}");
    assert!(outcome.code < 2, "{outcome:?}");
    facts["findings"].as_array().unwrap().clone()
}

/// The one finding of this level that has these words; gives its remedy.
#[track_caller]
fn finds(findings: &[Value], level: &str, words: &str) -> String {
    let found = findings.iter().find(|finding| finding["text"].as_str().unwrap().contains(words));
    let found = found.unwrap_or_else(|| panic!("{words:?} is not found: {findings:#?}"));
    assert_eq!(found["level"], level, "{found}");
    found["remedy"].as_str().unwrap_or_default().to_owned()
}

#[track_caller]
fn nothing_is_broken(findings: &[Value]) {
    let broken: Vec<_> = findings.iter().filter(|finding| finding["level"] == "broken").collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

fn healthy() -> Home {
    let home = home();
    home.write(CONFIG, "{\"credsStore\": \"credmint\", \"credHelpers\": {\"ghcr.io\": \"ghcr\"}}\n");
    home
}

#[test]
fn what_is_right_is_not_called_wrong() {
    let found = findings(&healthy(), &["--offline"]);
    nothing_is_broken(&found);
    for words in
        ["is read the same way by all clients", "works for every registry", "works for ghcr.io", "credmint-mint found"]
    {
        finds(&found, "ok", words);
    }
    let shown = healthy().run(CLI, &["doctor", "--offline"], "");
    assert!(shown.code == 0 && shown.stdout.ends_with("\nno problems found\n"), "{shown:?}");
}

#[test]
fn a_config_that_cannot_be_read_is_broken() {
    for (text, words) in [
        ("{\"auths\": {,}}", "line 1"),
        ("\u{feff}{}", "byte order mark"),
        ("{\"auths\":{\"r.example\":{\"auth\":\"???\"}}}", "docker ignores the whole file"),
        ("{\"auths\":{},\"auths\":{}}", "duplicate key auths"),
    ] {
        let home = home();
        home.write(CONFIG, text);
        assert!(!finds(&findings(&home, &["--offline"]), "broken", words).is_empty(), "{text}");
    }
    let home = home();
    home.write(CONFIG, "{\"CredsStore\":\"credmint\"}");
    finds(&findings(&home, &["--offline"]), "note", "CredsStore is read as credsStore by docker");
    let remedy = finds(&findings(&self::home(), &["--offline"]), "note", "does not exist, so no helper is configured");
    assert_eq!(remedy, "run `credmint configure --store`");
}

#[test]
fn entries_that_do_nothing_and_logins_in_the_open_are_named() {
    let home = home();
    home.write(
        CONFIG,
        "{\"auths\":{\"r.example\":{\"auth\":\"dTpw\"}},\"credHelpers\":{\"https://ghcr.io\":\"ghcr\",\"*.azurecr.io\":\"acr\"}}",
    );
    let found = findings(&home, &["--offline"]);
    assert_eq!(finds(&found, "note", "plaintext login for r.example"), "run `credmint migrate`");
    assert_eq!(
        finds(&found, "broken", "has https://ghcr.io, but Docker looks up ghcr.io"),
        "run `credmint doctor --fix`"
    );
    finds(&found, "broken", "Docker does not support patterns");
    home.write(CONFIG, "{\"auths\":{\"r.example\":{\"auth\":\"dTpw\"}},\"credsStore\":\"credmint\"}");
    finds(&findings(&home, &["--offline"]), "note", "which Docker ignores because of credsStore");
}

#[test]
fn missing_broken_foreign_and_old_helpers_are_distinguished() {
    let mut home = home();
    let folder = home.script("other/docker-credential-ecr-login", "echo 0.12.0").parent().unwrap().to_owned();
    home.script("other/docker-credential-acr", "echo 'docker-credential-acr (credmint) 0.0.1'");
    home.script("other/docker-credential-ghcr", "exit 3");
    let ours = program(CLI).parent().unwrap().to_owned();
    home.set("PATH", format!("{}:{}:/usr/bin:/bin", folder.display(), ours.display()));
    home.write(
        CONFIG,
        "{\"credHelpers\":{\"public.ecr.aws\":\"ecr-login\",\"a.example\":\"absent\",\"b.example\":\"acr\",\"ghcr.io\":\"ghcr\",\"c.example\":\"../x\"}}",
    );
    let found = findings(&home, &["--offline"]);
    assert_eq!(
        finds(&found, "note", "docker-credential-ecr-login is set for public.ecr.aws"),
        "run `credmint configure public.ecr.aws`"
    );
    assert_eq!(
        finds(&found, "broken", "docker-credential-absent, set for a.example, not found on PATH"),
        "install it, or run `credmint configure a.example`"
    );
    finds(&found, "broken", "has another version than credmint");
    finds(&found, "broken", "docker-credential-ghcr, set for ghcr.io, does not work");
    finds(&found, "broken", "is not a valid helper name");
}

#[test]
fn programs_in_different_folders_are_reported() {
    let mut home = Home::new();
    let folder = home.path("bin");
    std::fs::create_dir_all(&folder).unwrap();
    for name in [CLI, CREDMINT, ECR] {
        assert!(std::process::Command::new("cp").arg(program(name)).arg(&folder).status().unwrap().success());
    }
    home.set("PATH", &folder);
    home.write(CONFIG, "{\"credsStore\":\"credmint\"}");
    let cli = folder.join(CLI);
    let outcome = home.run(cli.to_str().unwrap(), &["doctor", "--offline"], "");
    assert!(outcome.code == 1 && outcome.stdout.contains("no token can be minted"), "{outcome:?}");
    home.set("PATH", "/usr/bin:/bin");
    let outcome = home.run(cli.to_str().unwrap(), &["doctor", "--offline"], "");
    assert!(outcome.stdout.contains(&format!("export PATH={}:\"$PATH\"", folder.display())), "{outcome:?}");
}

#[test]
fn a_variable_that_goes_before_everything_is_named() {
    let mut home = healthy();
    home.set("DOCKER_AUTH_CONFIG", "{\"auths\":{\"ghcr.io\":{\"auth\":\"dTpw\"}}}");
    let found = findings(&home, &["ghcr.io/a/b:1", "--offline"]);
    finds(&found, "note", "docker uses no helper for ghcr.io");
    finds(&found, "ok", "docker, buildx, compose: DOCKER_AUTH_CONFIG, entry ghcr.io");
    home.set("DOCKER_AUTH_CONFIG", "{\"credHelpers\":{}}");
    finds(&findings(&home, &["--offline"]), "note", "docker ignores all of it");
}

#[test]
fn it_shows_the_source_of_each_client() {
    let home = healthy();
    let found = findings(&home, &["ghcr.io/a/b:1", "--offline"]);
    finds(&found, "ok", "docker, buildx, compose: docker-credential-ghcr for ghcr.io (credHelpers");
    let remedy =
        finds(&findings(&home, &["quay.io/a/b", "--offline"]), "note", "podman, buildah, skopeo: no credentials");
    assert_eq!(remedy, "run `credmint configure --podman quay.io`");
}

#[test]
fn broken_settings_are_a_finding_and_name_the_key_that_was_meant() {
    let home = healthy();
    home.settings("refresh_befor = 60\n");
    let found = findings(&home, &["--offline"]);
    finds(&found, "broken", "line 1: unknown field `refresh_befor`; did you mean `refresh_before`?");
    let broken: Vec<_> = found.iter().filter(|finding| finding["level"] == "broken").collect();
    assert_eq!(broken.len(), 1, "counted once: {broken:#?}");
    let shown = home.run(CLI, &["doctor", "--offline"], "");
    assert!(shown.code == 1 && shown.stdout.ends_with("\n1 problem found\n"), "{shown:?}");
}

#[test]
fn a_name_of_docker_hub_for_others_is_not_a_fault() {
    let home = home();
    let both = "{\"credHelpers\":{\"https://index.docker.io/v1/\":\"credmint\",\"docker.io\":\"credmint\"}}";
    home.write(CONFIG, both);
    let found = findings(&home, &["--offline"]);
    nothing_is_broken(&found);
    assert!(!format!("{found:?}").contains("beside"), "{found:#?}");
}

#[test]
fn a_keychain_that_is_broken_is_named() {
    let mut home = healthy();
    home.set("CREDMINT_VAULT", "keychain").set("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere");
    let found = findings(&home, &["--offline"]);
    assert!(
        found.iter().any(|finding| finding["level"] == "broken" && finding["about"] == "This machine"),
        "{found:#?}"
    );
}

/// A user with logins, and a registry with a token server on this machine.
struct Check {
    home: Home,
    registry: RegistryFront,
}

impl Check {
    fn new(password: &str) -> Self {
        let tokens = TokenServer::beside("/token", |user, password| (user, password) == ("me", RIGHT));
        let registry = RegistryFront::start_bearer(&tokens, None);
        let home = healthy();
        let host = registry.addr().to_string();
        let login = format!("{{\"ServerURL\":\"{host}\",\"Username\":\"me\",\"Secret\":\"{password}\"}}");
        assert_eq!(home.run(CREDMINT, &["store"], login).code, 0);
        Check { home, registry }
    }

    fn doctor(&self, name: &str) -> Vec<Value> {
        findings(&self.home, &[&format!("{}{name}", self.registry.addr())])
    }
}

#[test]
fn an_image_that_can_be_pulled_is_tried_out() {
    let found = Check::new(RIGHT).doctor("/team/app:1");
    nothing_is_broken(&found);
    for words in [
        "requires credentials",
        "returned the credentials of me",
        "returned a token for me",
        "team/app:1 can be pulled",
    ] {
        finds(&found, "ok", words);
    }
}

#[test]
fn rejected_credentials_are_reported_with_a_remedy() {
    let found = Check::new("wrong-canary").doctor("/team/app:1");
    let remedy = finds(&found, "broken", "rejected the credentials of me (HTTP 401)");
    assert!(remedy.starts_with("run `credmint login 127.0.0.1:"), "{found:?}");
    assert!(!format!("{found:?}").contains("canary"));
}

#[test]
fn without_credentials_a_private_image_is_not_pulled_and_a_public_one_is() {
    let check = Check::new(RIGHT);
    assert_eq!(check.home.run(CREDMINT, &["erase"], check.registry.addr().to_string()).code, 0);
    finds(&check.doctor("/team/app:1"), "broken", "cannot pull team/app: access denied, or it does not exist");
    nothing_is_broken(&check.doctor("/library/app:1"));
}

#[test]
fn a_cloud_s_registry_is_tried_with_a_minted_token() {
    let aws = Aws::start();
    let registry = RegistryFront::start(&aws, None);
    let host = registry.addr().to_string();
    let mut home = installed(Home::signed_in(&aws));
    home.settings(&format!(
        "[[registry]]\nmatch = \"{host}\"\nprovider = \"ecr\"\ntarget = \"123456789012.dkr.ecr.us-east-1.amazonaws.com\"\n"
    ));
    home.write(CONFIG, format!("{{\"credHelpers\":{{\"{host}\":\"ecr\"}}}}"));
    let found = findings(&home, &[&format!("{host}/app:1")]);
    nothing_is_broken(&found);
    finds(&found, "ok", "accepted the credentials of AWS");
    nothing_is_broken(&findings(&home, &[]));
    aws.end_tokens();
    finds(&findings(&home, &[&host]), "broken", "rejected the credentials of AWS");
    home.unset("AWS_ACCESS_KEY_ID").unset("AWS_SECRET_ACCESS_KEY");
    home.run(CREDMINT, &["erase"], &host);
    let found = findings(&home, &[&host]);
    assert!(found.iter().any(|finding| finding["level"] == "broken"), "{found:?}");
}

#[test]
fn an_unreachable_registry_is_reported_with_the_cause() {
    let home = healthy();
    // Port 1 is closed.
    finds(&findings(&home, &["127.0.0.1:1/app"]), "broken", "cannot reach 127.0.0.1:1: connection failed");
    let aws = Aws::start();
    let found = findings(&home, &[&aws.url().replace("http://", "")]);
    finds(&found, "broken", "is not a container registry: GET /v2/ returned");
}

#[test]
fn a_company_s_proxy_and_authority_are_used_and_their_lack_is_named() {
    let (aws, ca, proxy) = (Aws::start(), Ca::new(), Proxy::start());
    let host = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
    let registry = RegistryFront::start_tls("127.0.0.1:0".parse().unwrap(), &ca, &[host], &aws, None);
    proxy.route(&format!("{host}:443"), registry.addr());
    let mut home = installed(Home::signed_in(&aws));
    home.write(CONFIG, format!("{{\"credHelpers\":{{\"{host}\":\"ecr\"}}}}"));
    home.set("HTTPS_PROXY", proxy.url()).set("NO_PROXY", "127.0.0.1");
    finds(&findings(&home, &[host]), "broken", "certificate not trusted");
    let pem = home.write("ca.pem", ca.pem());
    home.set("SSL_CERT_FILE", pem);
    let found = findings(&home, &[host]);
    nothing_is_broken(&found);
    finds(&found, "note", "HTTPS_PROXY is set");
}

#[test]
fn nothing_that_it_prints_is_a_secret() {
    let check = Check::new(RIGHT);
    let mut outcomes: Vec<Outcome> = Vec::new();
    for arguments in [vec!["doctor"], vec!["doctor", "--json"], vec!["doctor", "r.example/app", "--offline"]] {
        check.home.write(CONFIG, "{\"auths\":{\"r.example\":{\"auth\":\"dTpjYW5hcnk=\"}},\"credsStore\":\"credmint\"}");
        outcomes.push(check.home.run(CLI, &arguments, ""));
    }
    for outcome in outcomes {
        for secret in ["canary", "dTpjYW5hcnk="] {
            assert!(!outcome.stdout.contains(secret) && !outcome.stderr.contains(secret), "{secret}: {outcome:?}");
        }
    }
}

/// `credmint migrate` leaves them unchanged, because a helper is called with the host only.
#[test]
fn podman_namespaces_are_reported_with_a_remedy() {
    let home = home();
    let entry = "{\"auth\":\"dTpw\"}";
    let auths = format!("\"quay.example\":{entry},\"quay.example/team\":{entry},\"r.example\":{entry}");
    home.write("config/containers/auth.json", format!("{{\"auths\":{{{auths}}}}}"));
    let found = findings(&home, &["--offline"]);
    let remedy =
        finds(&found, "note", "that no helper can store, as they are for a namespace: quay.example, quay.example/team");
    assert!(!remedy.contains("migrate"), "{remedy}");
    let remedy = finds(&found, "note", "plaintext login for r.example");
    assert!(remedy.contains("credmint migrate --podman"), "{remedy}");
}
