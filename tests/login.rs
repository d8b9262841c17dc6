//! `credmint login` and `logout`: at a terminal, in a script, and with a code for the browser.

use pretend_cloud::GitHubCall;

use crate::ghcr::{Company, PACKAGES};
use crate::home::{CLI, CREDMINT, Home, files};
use crate::terminal::Terminal;

const HUB: &str = "https://index.docker.io/v1/";
const OWN: &str = "registry.corp.example:5000";

fn kept(home: &Home, server: &str) -> (String, String) {
    let (_, username, secret) = home.run(CREDMINT, &["get"], server).credentials();
    (username, secret)
}

#[test]
fn it_asks_at_a_terminal_and_does_not_show_the_password() {
    let home = Home::new();
    let mut terminal = Terminal::run(&home, CLI, &["login"]);
    terminal.sees("Username for Docker Hub: ").types("me");
    terminal.sees("Password or access token of me for Docker Hub: ").types_unseen("dckr_pat_canary");
    let (code, shown) = terminal.ends();
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("stored the login of me for Docker Hub") && !shown.contains("canary"), "{shown}");
    assert_eq!(kept(&home, HUB), ("me".into(), "dckr_pat_canary".into()));
}

#[test]
fn a_password_that_is_typed_ahead_is_not_shown() {
    let home = Home::new();
    let mut terminal = Terminal::run(&home, CLI, &["login"]);
    // Both at once, and a slip of the finger in the name.
    terminal.sees("Username for Docker Hub: ").types("mx\x7fé\ndckr_pat_canary");
    let (code, shown) = terminal.ends();
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("mx\x08 \x08é") && !shown.contains("canary"), "{shown}");
    assert_eq!(kept(&home, HUB), ("mé".into(), "dckr_pat_canary".into()));
}

#[test]
fn ctrl_c_at_a_question_stores_nothing() {
    let home = Home::new();
    let mut terminal = Terminal::run(&home, CLI, &["login", OWN, "-u", "me"]);
    terminal.sees("Password").types("canary\x03");
    let (code, shown) = terminal.ends();
    assert!(code == 1 && shown.contains("interrupted") && !shown.contains("canary"), "{code}: {shown}");
    home.run(CREDMINT, &["get"], OWN).is_not_found();
}

#[test]
fn an_empty_response_stores_nothing() {
    let home = Home::new();
    let mut terminal = Terminal::run(&home, CLI, &["login", OWN, "-u", "me"]);
    terminal.sees("Password").types_unseen("");
    let (code, shown) = terminal.ends();
    assert_eq!(code, 1, "{shown}");
    assert!(shown.contains("username and password must not be empty"), "{shown}");
    home.run(CREDMINT, &["get"], OWN).is_not_found();
}

#[test]
fn a_script_hands_the_password_over_on_standard_input() {
    let home = Home::new();
    for (typed, secret) in [("s\n", "s"), ("s\r\n", "s"), ("with space ", "with space "), ("two\nlines", "two\nlines")]
    {
        let outcome = home.run(CLI, &["login", OWN, "-u", "ci", "--password-stdin"], typed);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (0, ""), "{outcome:?}");
        assert_eq!(kept(&home, OWN), ("ci".into(), secret.into()));
    }
    let outcome = home.run(CLI, &["logout", OWN], "");
    assert_eq!((outcome.code, outcome.stdout.as_str()), (0, ""), "{outcome:?}");
    home.run(CREDMINT, &["get"], OWN).is_not_found();
    assert_eq!(home.run(CLI, &["logout", OWN], "").code, 0, "there is nothing left to forget");
}

#[test]
fn logging_out_of_docker_hub_takes_the_tokens_of_the_web_login_too() {
    let home = Home::new();
    let kept = ["", "access-token", "refresh-token"].map(|name| format!("{HUB}{name}"));
    for server in kept.iter().map(String::as_str).chain([OWN]) {
        assert_eq!(home.store(server, "u", "p").code, 0);
    }
    assert_eq!(home.run(CLI, &["logout"], "").code, 0);
    for server in &kept {
        home.run(CREDMINT, &["get"], server).is_not_found();
    }
    assert_eq!(self::kept(&home, OWN).1, "p", "another registry's login stays");
}

#[test]
fn what_names_no_host_is_not_docker_hub() {
    let home = Home::new();
    assert_eq!(home.store(HUB, "me", "canary").code, 0);
    for arguments in
        [&["token"][..], &["configure"], &["logout"], &["login", "-u", "me"], &["unconfigure"], &["export"]]
    {
        for (registry, words) in [
            ("ghcr.io:99999", "the port must be a number from 1 to 65535"),
            ("ghcr", "is not a registry: no host name"),
            ("alpine:3", "is not a registry: no host name"),
            ("owner/app", "is not a registry: no host name"),
            ("registry:99999", "is not a registry: no host name"),
        ] {
            let outcome = home.run(CLI, &[arguments, &[registry]].concat(), "");
            assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{arguments:?} {registry}: {outcome:?}");
            assert!(outcome.stderr.contains(words), "{outcome:?}");
        }
    }
    let outcome = home.run(CLI, &["token", "registry:5000"], "");
    assert!(outcome.code == 1 && outcome.stderr.contains("no credentials for registry:5000"), "{outcome:?}");
    assert_eq!(home.run(CLI, &["logout", "registry:5000"], "").code, 0);
    assert_eq!(kept(&home, HUB).1, "canary");
    assert_eq!(home.run(CLI, &["token", "docker.io"], "").stdout, "canary\n");
}

#[test]
fn input_without_a_terminal_is_reported_at_once() {
    let home = Home::new();
    for (arguments, words) in [
        (&["login"][..], "no terminal: pass --password-stdin"),
        (&["login", OWN, "-u", "me"], "--password-stdin"),
        (&["login", OWN, "--password-stdin"], "pass --username NAME"),
        (&["login", "ghcr.io/owner/app", "-u", "me"], "credmint login ghcr.io"),
        (&["login", OWN, "--device"], "is not a GitHub registry"),
        (&["login", PACKAGES, "--device"], "--client-id ID"),
    ] {
        let outcome = home.run(CLI, arguments, "");
        assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{arguments:?}: {outcome:?}");
        assert!(outcome.stderr.contains(words), "{arguments:?}: {outcome:?}");
    }
    assert!(files(&home.path("data")).is_empty());
}

/// Signs in with a code at the pretend GitHub.
fn device(company: &Company, more: &[&str]) -> crate::home::Outcome {
    company.home.run(CLI, &[&["login", PACKAGES, "--device"], more].concat(), "")
}

fn company() -> Company {
    let company = Company::with_site();
    company.home.settings("[[registry]]\nmatch = \"ghcr.io\"\nclient_id = \"Iv1.corp\"\n");
    company
}

#[test]
fn a_code_for_the_browser_signs_in_at_github() {
    let company = company();
    let outcome = device(&company, &[]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (0, ""), "{outcome:?}");
    for words in ["Open https://github.com/login/device and enter WDJB-MJHT", "stored the login of octocat for ghcr.io"]
    {
        assert!(outcome.stderr.contains(words), "{outcome:?}");
    }
    let (username, secret) = kept(&company.home, PACKAGES);
    assert_eq!(username, "octocat");
    assert!(secret.starts_with("gho_") && !outcome.stderr.contains(&secret));
    assert_eq!(company.github.calls(GitHubCall::DeviceToken), 2, "the user had not agreed at the first poll");
    assert_eq!(company.github.scopes_asked_for(), ["read:packages"]);
    let outcome = device(&company, &["--push", "--client-id", "Iv1.other"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert_eq!(company.github.scopes_asked_for(), ["read:packages", "write:packages"]);
}

#[test]
fn a_denied_sign_in_stores_nothing() {
    let company = company();
    company.github.deny_devices();
    let outcome = device(&company, &[]);
    assert!(outcome.code == 1 && outcome.stderr.contains("access denied in the browser"), "{outcome:?}");
    company.home.run(CREDMINT, &["get"], PACKAGES).is_not_found_because(&["no GitHub credentials found"]);
}
