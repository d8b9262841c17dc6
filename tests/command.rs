//! Another program's credentials, by host pattern: `helper` and `command` of a `[[registry]]` table.

use crate::home::{CLI, CREDMINT, Home, files, program};

/// A home whose settings assign `*.corp.example` to a helper: the script, which counts its calls.
fn home(settings: &str, script: &str) -> Home {
    let mut home = Home::of(CREDMINT);
    let script = format!("echo started >>'{}'\n{script}", home.path("starts").display());
    home.script("bin/docker-credential-corp", &script);
    home.set("PATH", format!("{}:/usr/bin:/bin", home.path("bin").display()));
    home.settings(&format!("timeout = 20\n[[registry]]\nmatch = \"*.corp.example\"\n{settings}\n"));
    home
}

fn starts(home: &Home) -> usize {
    std::fs::read_to_string(home.path("starts")).unwrap_or_default().lines().count()
}

/// Answers with the registry that it read and a variable, and with an end if there is one.
fn answering(end: &str) -> String {
    format!(
        r#"read -r server || true
printf '{{"ServerURL":"%s","Username":"robot","Secret":"%s-%s-c4n4ry"{end}}}' "$server" "$server" "$STAGE""#
    )
}

#[test]
fn a_helper_is_called_by_host_pattern_and_a_response_with_an_expiry_is_cached() {
    let mut home = home("helper = \"corp\"", &answering(r#","Expires":"2099-01-01T00:00:00Z""#));
    let credentials = |secret: &str| ("r.corp.example".to_owned(), "robot".to_owned(), secret.to_owned());
    home.set("STAGE", "a");
    for _ in 0..3 {
        assert_eq!(home.get("r.corp.example").credentials(), credentials("r.corp.example-a-c4n4ry"));
    }
    assert_eq!(starts(&home), 1, "the second and third answers come from the vault");
    assert_eq!(home.get("s.corp.example").secret(), "s.corp.example-a-c4n4ry");
    assert_eq!(home.set("STAGE", "b").get("r.corp.example").secret(), "r.corp.example-b-c4n4ry");
    assert_eq!(home.set("STAGE", "a").get("r.corp.example").secret(), "r.corp.example-a-c4n4ry");
    assert_eq!(starts(&home), 3);
    home.get("corp.example").is_not_found();
    assert_eq!(home.run(CLI, &["token", "r.corp.example"], "").stdout, "r.corp.example-a-c4n4ry\n");
    assert_eq!(starts(&home), 3);
}

#[test]
fn what_does_not_tell_its_end_is_handed_out_and_never_kept() {
    let mut home = home("command = [\"docker-credential-corp\", \"get\"]", &answering(""));
    home.set("STAGE", "a");
    for nth in 1..=2 {
        assert_eq!(home.get("r.corp.example").secret(), "r.corp.example-a-c4n4ry");
        assert_eq!(starts(&home), nth);
    }
    for path in ["run", "data", "cache"].iter().flat_map(|folder| files(&home.path(folder))) {
        assert!(!String::from_utf8_lossy(&std::fs::read(&path).unwrap()).contains("c4n4ry"), "{}", path.display());
    }
    home.settings("[[registry]]\nmatch = \"*.corp.example\"\nhelper = \"corp\"\nlife = 3600\n");
    for _ in 0..2 {
        home.get("r.corp.example").secret();
    }
    assert_eq!(starts(&home), 3, "life says how long");
}

#[test]
fn a_login_that_is_stored_wins() {
    let home = home("helper = \"corp\"", "exit 1");
    let login = r#"{"ServerURL":"r.corp.example","Username":"me","Secret":"mine"}"#;
    assert_eq!(home.run(CREDMINT, &["store"], login).code, 0);
    assert_eq!((home.get("r.corp.example").secret().as_str(), starts(&home)), ("mine", 0));
}

#[test]
fn an_error_names_the_program_and_never_its_output() {
    let said = "echo c4n4ry; echo c4n4ry >&2; exit 3";
    home("helper = \"corp\"", "echo 'credentials not found in native keychain'; exit 1")
        .get("r.corp.example")
        .is_not_found();
    for (script, words) in [
        (
            said,
            &["docker-credential-corp", "failed", "exit status: 3", "echo r.corp.example | docker-credential-corp get"]
                [..],
        ),
        ("echo c4n4ry", &["malformed response to Docker's get", "not JSON"]),
        (r#"echo '{"Username":"u","Secret":"c4n4ry","Expires":"2001-01-01T00:00:00Z"}'"#, &["have expired"]),
        ("sleep 300", &["timed out"]),
    ] {
        let home = home("helper = \"corp\"", script);
        if script.starts_with("sleep") {
            home.settings("timeout = 2\n[[registry]]\nmatch = \"*.corp.example\"\nhelper = \"corp\"\n");
        }
        let line = home.get("r.corp.example").explains(words).to_owned();
        assert!(!line.contains("c4n4ry"), "{line}");
        home.is_quiet();
    }
    let nowhere = home("helper = \"gone\"", "");
    nowhere.get("r.corp.example").explains(&["docker-credential-gone", "was not found"]);
}

#[test]
fn a_program_that_calls_credmint_is_an_error() {
    let credmint = program(CREDMINT);
    let home = home("helper = \"corp\"", &format!("exec '{}' get", credmint.display()));
    home.get("r.corp.example").explains(&["docker-credential-corp", "failed"]);
    assert_eq!(starts(&home), 1);
    for own in ["ecr", "credmint"] {
        let refused = self::home(&format!("helper = \"{own}\""), "");
        refused.get("r.corp.example").explains(&["line 4", "one of credmint's own programs"]);
    }
}

#[test]
fn twenty_at_once_start_it_once() {
    let script = format!("sleep 1\n{}", answering(r#","Expires":"2099-01-01T00:00:00Z""#));
    let home = home("helper = \"corp\"", &script);
    std::thread::scope(|scope| {
        let gets: Vec<_> = (0..20).map(|_| scope.spawn(|| home.get("r.corp.example").secret())).collect();
        for get in gets {
            assert_eq!(get.join().unwrap(), "r.corp.example--c4n4ry");
        }
    });
    assert_eq!(starts(&home), 1);
}
