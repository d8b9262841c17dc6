//! Spellings of addresses, and the commands of other helpers.

use serde_json::Value;

use crate::home::{CLI, CREDMINT, GCR, Home, REGISTRY, program};

#[test]
fn a_login_is_found_by_each_spelling_of_its_address() {
    let home = Home::new();
    for spellings in [
        &["b\u{fc}cher.example", "https://B\u{dc}CHER.example/v2/", "xn--bcher-kva.example"][..],
        &["a.example.", "a.example", "https://bob@a.example", "bob:secret@A.example./"],
        &["[fe80::1%25eth0]:5000", "https://[fe80:0::1%eth0]:5000/v2/"],
    ] {
        for (nth, spelling) in spellings.iter().enumerate() {
            let secret = format!("secret {nth}");
            let stored = home.store(spelling, "u", &secret);
            assert_eq!((stored.code, stored.stdout.as_str()), (0, ""), "{spelling}: {stored:?}");
            for other in spellings {
                let (server, _, found) = home.get(other).credentials();
                assert_eq!((server.as_str(), &found), (*other, &secret), "{spelling} by {other}");
            }
        }
        home.erase(spellings[1]).is_silent();
        spellings.iter().for_each(|spelling| home.get(spelling).is_not_found());
    }
    for (address, words) in [
        ("https://::1:8080//x", "IPv6 address in brackets"),
        ("cafe\u{301}.example", "xn--"),
        ("a..example", "two dots in a row"),
        ("a@b@r.example", "not a user name"),
    ] {
        home.store(address, "u", "s").explains(&[words]);
    }
}

#[test]
fn a_log_goes_to_a_terminal_or_to_a_file() {
    let aws = pretend_cloud::Aws::start();
    let mut home = Home::signed_in(&aws);
    home.set("CREDMINT_LOG", "debug");
    home.get(REGISTRY).credentials();
    home.erase(REGISTRY).is_silent();
    aws.on(pretend_cloud::Call::EcrToken, pretend_cloud::Behaviour::Garbage);
    let failed = home.get(REGISTRY);
    assert!(failed.stderr.contains("CREDMINT_LOG=debug:/path/to/file"), "{failed:?}");
    home.set("CREDMINT_LOG", format!("debug:{}", home.path("log").display()));
    home.get(REGISTRY).explains(&[]);
    assert!(std::fs::read_to_string(home.path("log")).unwrap().contains("minting a token"));
}

#[test]
fn commands_of_googles_own_helper_name_their_replacement() {
    let home = Home::of(GCR);
    for (action, words) in [
        (&["gcr-login"][..], "gcloud auth application-default login"),
        (&["gcr-logout"], "credmint cache clear gcr.io"),
        (&["configure-docker"], "credmint configure gcr.io"),
        (&["configure-docker", "--registries=us-docker.pkg.dev"], "credmint configure"),
        (&["config", "--token-source=env"], "credmint status"),
    ] {
        home.run(GCR, action, "").explains(&[action[0], words]);
    }
    assert_eq!(home.run(GCR, &["version"], "").code, 0);
    assert_eq!(home.run(GCR, &["list"], "").stdout, "{}\n");
    // Of the other helpers' programs it is none.
    home.run(CREDMINT, &["gcr-login"], "").explains(&["unknown action"]);
}

#[test]
fn thousands_of_registries_are_looked_at_by_a_few_processes() {
    let mut home = Home::new();
    std::fs::create_dir(home.path("own")).unwrap();
    testing::copy_program(&program(CLI), &home.path("own"));
    let line = format!("echo x >>{}; exec {} \"$@\"", home.path("starts").display(), program(CREDMINT).display());
    home.script(&format!("own/{CREDMINT}"), &line);
    home.set("PATH", format!("{}:/usr/bin:/bin", home.path("own").display()));
    home.store("r7.example", "u", "s");
    let hosts: Vec<_> = (0..1_200).map(|nth| format!("\"r{nth}.example\":\"credmint\"")).collect();
    home.write(".docker/config.json", format!("{{\"credHelpers\":{{{}, \"no host\\n\":\"x\"}}}}", hosts.join(",")));
    let cli = home.path("own").join(CLI);
    let status = home.run(cli.to_str().unwrap(), &["status", "--json"], "");
    let facts: Value = serde_json::from_str(&status.stdout).unwrap();
    let registries = facts["registries"].as_array().unwrap();
    assert_eq!(registries.len(), 1_201);
    let seventh = registries.iter().find(|registry| registry["registry"] == "r7.example").unwrap();
    assert_eq!(seventh["login"], "u", "{seventh}");
    assert_eq!(registries.iter().filter(|registry| !registry["login"].is_null()).count(), 1);
    assert_eq!(std::fs::read_to_string(home.path("starts")).unwrap().lines().count(), 3);
}
