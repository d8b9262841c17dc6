use std::time::Duration;

use pretend_cloud::{APP, APP_KEY, Behaviour, GitHubCall, OTHER_KEY};

use super::Messages;
use crate::ghcr::{Company, PACKAGES};

fn refuse(status: u16, code: &'static str, message: &str) -> Behaviour {
    Behaviour::Refuse { status, code, message: message.to_owned() }
}

#[test]
fn ghcr() {
    let mut messages = Messages::new();
    no_identity(&mut messages);
    tokens(&mut messages);
    gh(&mut messages);
    app_settings(&mut messages);
    installations(&mut messages);
    github(&mut messages);
    network(&mut messages);
    messages.compare("ghcr");
}

fn no_identity(messages: &mut Messages) {
    let company = Company::new();
    messages.add("no identity", &company.get(PACKAGES));
    company.home.settings("[[registry]]\nmatch = \"*.corp.example\"\nprovider = \"ghcr\"\n");
    messages.add("no identity, for a GitHub Enterprise Server", &company.get("containers.github.corp.example"));
}

fn tokens(messages: &mut Messages) {
    let mut company = Company::new();
    company.home.set("GH_TOKEN", "github_pat_canary");
    messages.add("a fine-grained token in GH_TOKEN", &company.get(PACKAGES));
    company.home.unset("GH_TOKEN");
    company.home.write("config/gh/hosts.yml", "github.com:\n  oauth_token: github_pat_canary\n");
    messages.add("a fine-grained token in gh's file", &company.get(PACKAGES));
    company.home.write("config/gh/hosts.yml", "github.com:\n  oauth_token: canary\n   user: [\n");
    messages.add("gh's file is not YAML", &company.get(PACKAGES));
    std::fs::remove_file(company.home.path("config/gh/hosts.yml")).unwrap();
    std::fs::create_dir_all(company.home.path("config/gh/hosts.yml")).unwrap();
    messages.add("gh's file is a folder", &company.get(PACKAGES));
}

fn gh(messages: &mut Messages) {
    let mut company = Company::new();
    company.home.write("config/gh/hosts.yml", "github.com:\n  user: alice\n");
    messages.add("gh is not installed", &company.get(PACKAGES));
    for (situation, script) in [
        ("gh prints a fine-grained token", "echo github_pat_canary"),
        ("gh's keychain has no token", "echo 'no oauth token found for github.com account alice' >&2; exit 1"),
        ("gh may not read a file", "echo 'permission denied: canary' >&2; exit 1"),
        ("gh finds the disk full", "echo 'no space left on device' >&2; exit 1"),
        ("gh finds the file system read-only", "echo 'read-only file system' >&2; exit 1"),
        ("gh lacks a library", "echo 'error while loading shared libraries: canary' >&2; exit 127"),
        ("gh is killed", "kill -9 $$"),
    ] {
        company.gh(script);
        messages.add(situation, &company.get(PACKAGES));
    }
    company.gh("sleep 300 & wait");
    company.home.settings("timeout = 1");
    messages.add("gh does not end in time", &company.get(PACKAGES));
    company.home.set("GH_PATH", "/nowhere/gh");
    messages.add("GH_PATH does not exist", &company.get(PACKAGES));
}

fn app_settings(messages: &mut Messages) {
    let mut company = Company::new();
    let garbage = company.home.write("garbage.pem", "canary");
    company.home.set("GITHUB_APP_ID", APP);
    messages.add("an App without a private key", &company.get(PACKAGES));
    company.home.set("GITHUB_APP_PRIVATE_KEY_PATH", "/gone.pem");
    messages.add("GITHUB_APP_PRIVATE_KEY_PATH does not exist", &company.get(PACKAGES));
    company.home.set("GITHUB_APP_PRIVATE_KEY_PATH", garbage);
    messages.add("GITHUB_APP_PRIVATE_KEY_PATH is not a key", &company.get(PACKAGES));
    company.home.set("GITHUB_APP_PRIVATE_KEY", "canary");
    messages.add("GITHUB_APP_PRIVATE_KEY is not a key", &company.get(PACKAGES));
    company.home.set("GITHUB_APP_PRIVATE_KEY", APP_KEY).set("GITHUB_APP_INSTALLATION_ID", "1/x");
    messages.add("GITHUB_APP_INSTALLATION_ID is not a number", &company.get(PACKAGES));
    company.home.unset("GITHUB_APP_INSTALLATION_ID");
    company.home.settings("[[registry]]\nmatch = \"*\"\naccount = \"../users\"\n");
    messages.add("credmint's settings name an account that is not a name", &company.get(PACKAGES));
    company.home.settings("");
    company.home.unset("GITHUB_APP_ID");
    messages.add("a private key without an App", &company.get(PACKAGES));
    company.home.set("GITHUB_APP_ID", "999");
    messages.add("an App that GitHub does not know", &company.get(PACKAGES));
    company.home.set("GITHUB_APP_ID", APP).set("GITHUB_APP_PRIVATE_KEY", OTHER_KEY);
    messages.add("the private key of another App", &company.get(PACKAGES));
}

fn installations(messages: &mut Messages) {
    let mut company = Company::new();
    company.home.set("GITHUB_APP_ID", APP).set("GITHUB_APP_PRIVATE_KEY", APP_KEY);
    messages.add("an App that is not installed", &company.get(PACKAGES));
    company.home.settings("[[registry]]\nmatch = \"*\"\naccount = \"other-org\"\n");
    messages.add("an App that is not installed for the account", &company.get(PACKAGES));
    company.home.settings("");
    company.github.install(7, "octo-org", true);
    company.github.install(8, "other-org", true);
    messages.add("an App that is installed for several accounts", &company.get(PACKAGES));
    company.github.suspend(7);
    messages.add("a suspended installation", &company.get("ghcr.io/octo-org/app"));
    let company = Company::with_app();
    company.github.set_permissions(&["metadata", "contents"]);
    messages.add("an App without the permission for packages", &company.get(PACKAGES));
}

fn github(messages: &mut Messages) {
    for (situation, behaviour) in [
        ("GitHub rate limits the App, by its message", refuse(403, "", "API rate limit exceeded for canary")),
        ("GitHub rate limits the App, by a header", refuse(403, "x-ratelimit-remaining", "canary")),
        ("GitHub responds with an IP allow list", refuse(403, "", "the canary has an IP allow list enabled")),
        ("GitHub asks for single sign-on", refuse(403, "x-github-sso", "canary")),
        ("GitHub says that the installation is suspended", refuse(403, "", "suspended canary")),
        ("GitHub responds HTTP 404 to an installation", refuse(404, "", "canary")),
        ("GitHub responds HTTP 401", refuse(401, "", "canary")),
        ("GitHub responds HTTP 422", refuse(422, "", "canary")),
        ("GitHub responds HTTP 503", Behaviour::Page(503)),
        ("GitHub responds HTTP 429", Behaviour::Page(429)),
        ("GitHub sends a malformed response", Behaviour::Garbage),
        ("GitHub closes the connection", Behaviour::Close),
    ] {
        let company = Company::with_app();
        company.github.on(GitHubCall::InstallationToken, behaviour);
        messages.add(situation, &company.get(PACKAGES));
    }
    let company = Company::with_app();
    company.home.settings("timeout = 1");
    company.github.on(GitHubCall::InstallationToken, Behaviour::Hang);
    messages.add_unanswered(
        "GitHub does not respond in time",
        || company.github.calls(GitHubCall::InstallationToken),
        || company.get(PACKAGES),
    );
    let company = Company::with_app();
    company.github.set_clock_skew(-3_600);
    messages.add("a clock that is an hour ahead", &company.get(PACKAGES));
    let company = Company::with_app();
    company.github.set_clock_skew(-50);
    company.github.set_token_life(Duration::from_secs(20));
    messages.add("a token that has expired on arrival", &company.get(PACKAGES));
}

fn network(messages: &mut Messages) {
    let mut company = Company::with_app();
    company.home.unset("SSL_CERT_FILE");
    messages.add("a certificate that is not trusted", &company.get(PACKAGES));
    let mut company = Company::with_app();
    company.home.set("HTTPS_PROXY", "http://127.0.0.1:1");
    messages.add("a proxy that is down", &company.get(PACKAGES));
}
