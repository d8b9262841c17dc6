//! H1 and so on are the statements of the project's conformance list for helpers, drawn from what
//! Docker's reference helpers return and what its clients tolerate.

use std::io::{Read, Write};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::home::{CREDMINT, ECR, Home, files};

#[path = "protocol/input.rs"] // The same file for both modules.
mod input;

const SERVER: &str = "registry.example:5000";

/// The suite includes this file twice; the name of the module selects the helper.
fn helper() -> &'static str {
    if module_path!().ends_with("of_credmint") { CREDMINT } else { ECR }
}

fn home() -> Home {
    Home::of(helper())
}

/// What was stored is what is got.
#[track_caller]
fn round_trip(secret: &str) {
    let home = home();
    stored(&home, SERVER, "user", secret);
    assert_eq!(home.get(SERVER).credentials(), (SERVER.to_owned(), "user".to_owned(), secret.to_owned()));
}

/// Stored in a file, with one line of warning.
#[track_caller]
fn stored(home: &Home, server: &str, username: &str, secret: &str) {
    let outcome = home.store(server, username, secret);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (0, ""), "{outcome:?}");
    let warning = outcome.stderr.strip_suffix('\n').unwrap();
    assert!(
        warning.starts_with("WARNING! ") && warning.contains("unencrypted") && !warning.contains('\n'),
        "{warning}"
    );
}

#[test]
fn h1_store_reads_what_clients_write() {
    for text in [
        "{\"ServerURL\":\"r.example\",\"Username\":\"u\",\"Secret\":\"s\"}",
        "{\"ServerURL\":\"r.example\",\"Username\":\"u\",\"Secret\":\"s\"}\n",
        "{\r\n  \"Secret\": \"s\",\r\n  \"Email\": null,\r\n  \"ServerURL\": \"r.example\\n\",\r\n  \"username\": \"u\"\r\n}\r\n",
        "\u{feff}{\"ServerURL\":\"https://R.example/v2/\",\"Username\":\"u\",\"Secret\":\"s\",\"more\":{\"a\":[1]}}",
    ] {
        let home = home();
        let outcome = home.run(helper(), &["store"], text);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (0, ""), "{text}");
        assert_eq!(home.get("r.example").credentials(), ("r.example".into(), "u".into(), "s".into()));
    }
}

#[test]
fn h2_an_identity_token_keeps_its_user() {
    let home = home();
    let text = "{\"ServerURL\":\"r.example\",\"Username\":\"\\u003ctoken\\u003e\",\"Secret\":\"t\"}\n";
    assert_eq!(home.run(helper(), &["store"], text).code, 0);
    assert_eq!(home.get("r.example").credentials().1, "<token>");
}

#[test]
fn h3_h4_missing_server_and_user_have_their_sentences() {
    let home = home();
    for (text, sentence) in [
        ("{\"Username\":\"u\",\"Secret\":\"s\"}", "no credentials server URL"),
        ("{\"ServerURL\":\"\",\"Username\":\"\",\"Secret\":\"s\"}", "no credentials server URL"),
        ("{\"ServerURL\":\" \\n\",\"Username\":\"u\",\"Secret\":\"s\"}", "no credentials server URL"),
        ("{\"ServerURL\":\"r.example\",\"Secret\":\"s\"}", "no credentials username"),
        ("{\"ServerURL\":\"r.example\",\"Username\":\"\",\"Secret\":\"s\"}", "no credentials username"),
    ] {
        home.run(helper(), &["store"], text).says(sentence);
    }
}

#[test]
fn h5_an_empty_secret_is_kept() {
    round_trip("");
}

#[test]
fn h6_a_second_login_takes_the_place_of_the_first() {
    let home = home();
    stored(&home, SERVER, "first", "1");
    stored(&home, &format!("https://{SERVER}/"), "second", "2");
    assert_eq!(home.get(SERVER).credentials().1, "second");
    assert_eq!(home.list().into_iter().collect::<Vec<_>>(), [(SERVER.to_owned(), "second".to_owned())]);
}

#[test]
fn h7_long_secrets_are_kept() {
    for length in [2_561, 5_000, 70 * 1024] {
        round_trip(&"s".repeat(length));
    }
}

#[test]
fn h8_every_character_is_kept() {
    round_trip("quote\" back\\slash co:lon line\nfeed\r tab\t é ü 日本語 \u{1F511} <>& \u{2028} {\"json\":1}");
}

#[test]
fn h9_white_space_around_the_address_does_not_count() {
    let home = home();
    stored(&home, SERVER, "u", "s");
    for text in ["\n", "\r\n", " \r\n", " \t"] {
        assert_eq!(home.get(&format!("{SERVER}{text}")).credentials().0, SERVER);
    }
    assert_eq!(home.get(&format!("\u{feff} \n{SERVER}")).secret(), "s");
}

#[test]
fn h11_what_is_unknown_is_not_found() {
    let home = home();
    for server in [
        "registry.example",
        "registry.example/team/app",
        "localhost:5000",
        "ftp://registry.example",
        "https://user:password@registry.example",
        "not an address",
        "https://",
        "régistre.example",
        "docker.io",
        "https://index.docker.io/v1/",
        "index.docker.io/library/ubuntu",
        "{\"ServerURL\":\"x\"}",
    ] {
        home.get(server).is_not_found();
    }
}

#[test]
fn h12_no_address_has_its_sentence() {
    let home = home();
    for text in ["", " ", "\r\n", "\t\n \n"] {
        home.get(text).says("no credentials server URL");
        home.erase(text).says("no credentials server URL");
    }
}

#[test]
fn h13_docker_hub_has_many_names() {
    let names = ["https://index.docker.io/v1/", "docker.io", "index.docker.io", "registry-1.docker.io"];
    for stored_as in names {
        let home = home();
        stored(&home, stored_as, "u", "s");
        for asked in names {
            assert_eq!(home.get(asked).credentials(), (asked.to_owned(), "u".into(), "s".into()));
        }
    }
}

#[test]
fn h14_the_tokens_of_a_web_login_are_only_themselves() {
    let home = home();
    let (access, refresh, hub) = (
        "https://index.docker.io/v1/access-token",
        "https://index.docker.io/v1/refresh-token",
        "https://index.docker.io/v1/",
    );
    stored(&home, hub, "u", "hub");
    home.get(refresh).is_not_found();
    stored(&home, access, "u", "access");
    stored(&home, refresh, "u", "refresh");
    assert_eq!(
        [hub, access, refresh, "docker.io"].map(|key| home.get(key).secret()),
        ["hub", "access", "refresh", "hub"]
    );
    home.erase(access).is_silent();
    home.get(access).is_not_found();
    assert_eq!([hub, refresh].map(|key| home.get(key).secret()), ["hub", "refresh"]);
    home.erase("docker.io").is_silent();
    home.get(hub).is_not_found();
    assert_eq!(home.get(refresh).secret(), "refresh");
}

#[test]
fn h15_one_registry_has_many_spellings_but_http_is_another() {
    let home = home();
    stored(&home, "https://r.example:443/", "u", "s");
    for server in ["r.example", "R.EXAMPLE", "https://r.example", "r.example:443", "https://r.example/v1/"] {
        assert_eq!(home.get(server).secret(), "s", "{server}");
    }
    home.get("http://r.example").is_not_found();
    stored(&home, "http://r.example", "u", "plain");
    assert_eq!([home.get("r.example").secret(), home.get("http://r.example").secret()], ["s", "plain"]);
}

#[test]
fn h16_h17_the_port_and_the_path_count() {
    let home = home();
    stored(&home, "r.example:5000", "u", "port");
    stored(&home, "r.example/team", "u", "path");
    home.get("r.example").is_not_found();
    stored(&home, "r.example", "u", "bare");
    home.erase("r.example").is_silent();
    assert_eq!([home.get("r.example:5000").secret(), home.get("r.example/team").secret()], ["port", "path"]);
}

#[test]
fn h18_h19_erasing_is_final_and_needs_nothing_to_erase() {
    let home = home();
    home.erase(SERVER).is_silent();
    home.erase("not an address").is_silent();
    stored(&home, SERVER, "u", "s");
    home.erase(&format!("{SERVER}\n")).is_silent();
    home.get(SERVER).is_not_found();
    home.erase(SERVER).is_silent();
}

#[test]
fn h20_h21_list_is_one_object_whose_keys_can_be_got() {
    let home = home();
    let outcome = home.run(helper(), &["list"], "");
    assert_eq!((outcome.code, outcome.stdout.as_str(), outcome.stderr.as_str()), (0, "{}\n", ""));
    for server in [
        "a.example",
        "b.example:5000",
        "docker.io",
        "http://c.example",
        "d.example/team",
        "https://index.docker.io/v1/access-token",
    ] {
        stored(&home, server, server, "s");
    }
    let listed = home.list();
    assert_eq!(listed.len(), 6);
    assert_eq!(listed["https://index.docker.io/v1/"], "docker.io");
    for (server, username) in listed {
        assert_eq!(home.get(&server).credentials().1, username);
    }
}

#[test]
fn h20_list_does_not_wait_for_its_input() {
    let home = home();
    for action in ["list", "version", "help"] {
        // The input never comes, and never ends.
        testing::quick(Duration::from_secs(5), || {
            let started = Instant::now();
            let mut child = home.command(helper(), &[action]).stdin(Stdio::piped()).spawn().unwrap();
            let open = child.stdin.take();
            let mut answer = String::new();
            child.stdout.take().unwrap().read_to_string(&mut answer).unwrap();
            assert!(child.wait().unwrap().success() && !answer.is_empty(), "{action}: {answer}");
            drop(open);
            ((), started.elapsed())
        });
    }
}

#[test]
fn h22_a_damaged_entry_does_not_fail_list() {
    let home = home();
    stored(&home, "a.example", "a", "s");
    stored(&home, "b.example", "b", "s");
    let entries: Vec<_> = files(&home.path("data")).into_iter().filter(|path| !path.ends_with(".lock")).collect();
    assert_eq!(entries.len(), 2, "{entries:?}");
    std::fs::write(&entries[0], "damaged").unwrap();
    let listed = home.list();
    assert_eq!(listed.len(), 1);
    for server in ["a.example", "b.example"] {
        if !listed.contains_key(server) {
            home.get(server).is_not_found();
            stored(&home, server, "replaced", "s");
        }
    }
    assert_eq!(home.list().len(), 2);
}

#[test]
fn h24_version_and_usage() {
    let home = home();
    let helper = helper();
    let usage = format!("Usage: {helper} <store|get|erase|list|version>\n");
    let version = format!("{helper} (credmint) {}\n", env!("CARGO_PKG_VERSION"));
    for (arguments, code, expected) in [
        (&["version"][..], 0, &version),
        (&["--version"], 0, &version),
        (&["-v"], 0, &version),
        (&["--help"], 0, &usage),
        (&["-h"], 0, &usage),
        (&[], 1, &usage),
        (&["get", "more"], 1, &usage),
        (&["bogus"], 1, &format!("{helper}: unknown action: bogus\n")),
        (&["GET"], 1, &format!("{helper}: unknown action: GET\n")),
    ] {
        let outcome = home.run(helper, arguments, "");
        assert_eq!((outcome.code, &outcome.stdout, outcome.stderr.as_str()), (code, expected, ""), "{arguments:?}");
    }
}

#[test]
fn h24_version_works_with_broken_settings() {
    let home = home();
    home.settings("malformed = [");
    assert_eq!(home.run(helper(), &["version"], "").code, 0);
    home.get("r.example").explains(&["config.toml", "line 1"]);
}

#[test]
fn h25_many_at_once() {
    let home = home();
    std::thread::scope(|threads| {
        for nth in 0..16 {
            let home = &home;
            threads.spawn(move || {
                let own = format!("r{nth}.example");
                for round in 0..4 {
                    let secret = format!("{nth} {round}");
                    stored(home, &own, "u", &secret);
                    stored(home, "shared.example", "u", &secret);
                    assert_eq!(home.get(&own).secret(), secret);
                    home.get("shared.example").secret();
                }
            });
        }
    });
    assert_eq!(home.list().len(), 17);
}
