//! A real Secret Service: gnome-keyring on a session bus of its own.

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use pretend_cloud::{Aws, Call};

use crate::home::{CLI, CREDMINT, Home, REGISTRY, skip};
use crate::session::Session;

#[test]
fn tokens_and_logins_rest_in_the_keychain() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    let Some(_session) = Session::start(&mut home, "tokens_and_logins_rest_in_the_keychain") else { return };
    let first = home.get(REGISTRY).secret();
    assert_eq!(home.get(REGISTRY).secret(), first);
    assert_eq!(aws.all_calls(), 1);
    home.store("r.example:5000", "user", "päss \"word\"\n").is_silent();
    assert_eq!(home.get("https://r.example:5000/").credentials().1, "user");
    assert_eq!(home.get("r.example:5000").secret(), "päss \"word\"\n");
    assert_eq!(home.list().len(), 2);
    let open = crate::home::files(&home.path("")).into_iter().find(|path| {
        let content = std::fs::read(path).unwrap_or_default();
        content.windows(first.len()).any(|window| window == first.as_bytes())
    });
    assert_eq!(open, None, "no file holds the token in the open");
    home.erase("r.example:5000").is_silent();
    home.erase(REGISTRY).is_silent();
    assert!(home.list().is_empty());
    home.get("r.example:5000").is_not_found();
}

#[test]
fn a_keychain_that_hangs_costs_two_seconds_once() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    let Some(session) = Session::start(&mut home, "a_keychain_that_hangs_costs_two_seconds_once") else { return };
    home.get(REGISTRY).credentials();
    for child in [&session.keyring, &session.bus] {
        Session::signal(child, "-STOP");
        let _ = std::fs::remove_dir_all(home.path("run/credmint"));
        let _ = std::fs::remove_dir_all(home.path("cache/credmint"));
        let outcome = home.get("123456789012.dkr.ecr.eu-west-1.amazonaws.com");
        outcome.credentials();
        assert!(outcome.took < Duration::from_secs(4), "{outcome:?}");
        let again = home.get("123456789012.dkr.ecr.eu-west-2.amazonaws.com");
        again.credentials();
        assert!(again.took < Duration::from_secs(1), "the next process does not wait again: {again:?}");
        home.get("r.example").explains(&["Secret Service"]);
        Session::signal(child, "-CONT");
        home.erase("123456789012.dkr.ecr.eu-west-1.amazonaws.com");
        home.erase("123456789012.dkr.ecr.eu-west-2.amazonaws.com");
    }
}

#[test]
fn a_locked_keychain_is_no_reason_to_wait_or_to_ask() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    let Some(_session) = Session::start(&mut home, "a_locked_keychain_is_no_reason_to_wait_or_to_ask") else { return };
    home.store("r.example", "u", "s").is_silent();
    let lock = "dbus-send --session --print-reply --dest=org.freedesktop.secrets /org/freedesktop/secrets org.freedesktop.Secret.Service.Lock array:objpath:/org/freedesktop/secrets/collection/login";
    assert!(home.shell(lock).stdout(Stdio::null()).status().unwrap().success());
    let outcome = home.get(REGISTRY);
    outcome.credentials();
    assert!(outcome.took < Duration::from_secs(4), "{outcome:?}");
    assert_eq!(home.get(REGISTRY).secret(), outcome.secret(), "the token rests elsewhere meanwhile");
    assert_eq!(aws.calls(Call::EcrToken), 1);
    home.get("r.example").explains(&["locked", "unlock"]);
}

#[test]
fn logins_of_docker_s_own_helper_are_taken_to_where_they_are_to_rest() {
    let test = "logins_of_docker_s_own_helper_are_taken_to_where_they_are_to_rest";
    let mut home = Home::of(CREDMINT);
    let Some(_session) = Session::start(&mut home, test) else { return };
    let theirs = "docker-credential-secretservice";
    let folders = ["CREDMINT_PEERS", "PATH"].into_iter().filter_map(std::env::var_os);
    let mut folders = folders.flat_map(|paths| std::env::split_paths(&paths).collect::<Vec<_>>());
    let Some(folder) = folders.find(|folder| folder.join(theirs).is_file()) else {
        return skip(test, &format!("{theirs} is neither in $CREDMINT_PEERS nor in $PATH"));
    };
    home.set("PATH", format!("{}:/usr/bin:/bin", folder.display()));
    for server in ["https://r.example:5000", "https://index.docker.io/v1/"] {
        let login = format!(r#"{{"ServerURL":"{server}","Username":"u","Secret":"p of {server}"}}"#);
        let mut helper = home.shell(&format!("{theirs} store")).stdin(Stdio::piped()).spawn().unwrap();
        helper.stdin.take().unwrap().write_all(login.as_bytes()).unwrap();
        assert!(helper.wait().unwrap().success());
    }
    assert_eq!(home.get("r.example:5000").secret(), "p of https://r.example:5000", "found where they are");
    home.set("CREDMINT_VAULT", "file");
    home.get("r.example:5000").is_not_found();
    let outcome = home.run(CLI, &["migrate", "--from", "secretservice"], "");
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert_eq!(home.get("r.example:5000").secret(), "p of https://r.example:5000");
    assert_eq!(home.get("docker.io").secret(), "p of https://index.docker.io/v1/");
}
