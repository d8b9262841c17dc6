//! A real Secret Service: gnome-keyring on a private session bus.

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use pretend_cloud::{Aws, Call};

use testing::{quick, skip};

use crate::home::{CLI, CREDMINT, Home, REGISTRY, files};
use crate::session::Session;

#[test]
fn tokens_and_logins_are_stored_in_the_keychain() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    let Some(_session) = Session::start(&mut home, "tokens_and_logins_are_stored_in_the_keychain") else { return };
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
        outcome.gave_up();
        // The next process does not wait again.
        quick(Duration::from_secs(1), || {
            let again = home.get("123456789012.dkr.ecr.eu-west-2.amazonaws.com");
            again.credentials();
            ((), again.took)
        });
        home.get("r.example").explains(&["Secret Service"]);
        Session::signal(child, "-CONT");
        home.erase("123456789012.dkr.ecr.eu-west-1.amazonaws.com");
        home.erase("123456789012.dkr.ecr.eu-west-2.amazonaws.com");
    }
}

#[test]
fn a_locked_keychain_causes_no_wait_and_no_prompt() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    let Some(_session) = Session::start(&mut home, "a_locked_keychain_causes_no_wait_and_no_prompt") else { return };
    home.store("r.example", "u", "s").is_silent();
    Session::lock(&home);
    let outcome = home.get(REGISTRY);
    outcome.gave_up().credentials();
    assert_eq!(home.get(REGISTRY).secret(), outcome.secret(), "the token rests elsewhere meanwhile");
    assert_eq!(aws.calls(Call::EcrToken), 1);
    home.get("r.example").explains(&["locked", "unlock"]);
}

#[test]
fn logins_of_docker_s_own_helper_are_moved_to_the_configured_store() {
    let test = "logins_of_docker_s_own_helper_are_moved_to_the_configured_store";
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

#[test]
fn a_password_stored_while_the_keychain_is_locked_replaces_the_one_in_it() {
    let mut home = Home::of(CREDMINT);
    let test = "a_password_stored_while_the_keychain_is_locked_replaces_the_one_in_it";
    let Some(mut session) = Session::start(&mut home, test) else { return };
    home.store("r.example", "u", "old").is_silent();
    Session::lock(&home);
    let stored = home.store("r.example", "u", "new");
    assert!(stored.code == 0 && stored.stderr.contains("unencrypted"), "{stored:?}");
    assert_eq!(home.get("r.example").secret(), "new");
    session.restart_keyring(&home);
    for _ in 0..2 {
        assert_eq!(home.get("r.example").secret(), "new");
    }
    home.set("CREDMINT_VAULT", "keychain");
    home.get("r.example").is_not_found();
}

#[test]
fn a_logout_without_the_keychain_counts_once_it_is_available() {
    let mut home = Home::of(CREDMINT);
    let test = "a_logout_without_the_keychain_counts_once_it_is_available";
    let Some(mut session) = Session::start(&mut home, test) else { return };
    let bus = home.path("run/bus");
    let away = home.path("run/bus-away");

    home.store("r.example", "u", "s").is_silent();
    let address = home.unset("DBUS_SESSION_BUS_ADDRESS").path("run/bus");
    std::fs::rename(&bus, &away).unwrap();
    let outcome = home.run(CLI, &["logout", "r.example"], "");
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(outcome.stderr.contains("The keychain is not available"), "{outcome:?}");
    assert!(outcome.stderr.contains("logged out of r.example") && !outcome.stderr.contains("nothing is kept"));
    home.get("r.example").is_not_found();
    std::fs::rename(&away, &bus).unwrap();
    home.set("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", address.display()));
    home.get("r.example").is_not_found();
    assert!(home.list().is_empty());

    home.store("r.example", "u", "s").is_silent();
    Session::lock(&home);
    home.erase("r.example").explains(&["locked", "is no longer used", "unlock it"]);
    session.restart_keyring(&home);
    assert!(home.list().is_empty());
    home.get("r.example").is_not_found();
    home.erase("r.example").is_silent();
    assert!(
        files(&home.path("data/credmint/logins")).iter().all(|path| path.ends_with("lock")),
        "nothing is left to do"
    );
}
