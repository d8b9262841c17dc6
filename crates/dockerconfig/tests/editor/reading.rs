use dockerconfig::{ConfigError, ConfigFile, Document, HelperName, KeyFormat, Position, WarningKind};
use protocol::ServerUrl;

fn parse(text: &str) -> Document {
    Document::parse(text.into()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn warnings(text: &str) -> Vec<(usize, usize, WarningKind)> {
    parse(text).warnings().iter().map(|warning| (warning.at.line, warning.at.column, warning.kind.clone())).collect()
}

#[test]
fn c2_an_empty_file_is_an_empty_config() {
    let folder = tempfile::tempdir().unwrap();
    let file = ConfigFile::at(folder.path().join("absent/config.json"));
    assert!(file.read().unwrap().uses_default_store());
    for text in ["", " \r\n\t", "{}", "null", "{ }\n", "{\"auths\":null,\"credsStore\":null,\"credHelpers\":null}"] {
        let document = parse(text);
        assert!(document.auths().is_empty() && document.cred_helpers().is_empty(), "{text}");
        assert_eq!(document.creds_store(), None);
    }
    assert_eq!(warnings(" \n"), [(1, 1, WarningKind::EmptyFile)], "podman refuses it");
}

#[test]
fn c3_what_docker_accepts_is_accepted_and_what_others_reject_is_reported() {
    use WarningKind::*;
    let text = "{\n  \"CREDSSTORE\": \"a\",\n  \"auths\": {\"r\": {\"Auth\": \"dTpw\"}, \"s\": {\"auth\": \"dTo\"}}\n}\ntrailing";
    let document = parse(text);
    assert_eq!(document.creds_store().unwrap(), "a");
    assert_eq!(document.auths()[0].login().unwrap().username, "u");
    assert_eq!(
        warnings(text),
        [
            (2, 3, KeyCase("CREDSSTORE".into(), "credsStore")),
            (3, 19, KeyCase("Auth".into(), "auth")),
            (3, 50, InvalidAuth("s".into())),
            (5, 1, TrailingData)
        ]
    );
    let twice = "{\"credsStore\":\"a\",\"credsStore\":\"b\",\"credHelpers\":{\"r\":\"x\",\"r\":\"y\"}}";
    let document = parse(twice);
    assert_eq!(document.creds_store().unwrap(), "b");
    assert_eq!(document.cred_helpers(), [("r".to_owned(), "y".to_owned())]);
    assert_eq!(warnings(twice), [(1, 19, DuplicateKey("credsStore".into())), (1, 59, DuplicateKey("r".into()))]);
    let merged = "{\"credHelpers\":{\"a\":\"x\"},\"CredHelpers\":{\"b\":\"y\"}}";
    assert_eq!(parse(merged).cred_helpers().len(), 2, "as Go merges maps");
    assert_eq!(warnings("{\"auths\":{\"R\":{},\"r\":{}},\"plugins\":{\"A\":1,\"a\":2}}"), [], "keys of maps are exact");
}

#[test]
fn a_misspelled_member_is_named_with_the_right_spelling() {
    let text = r#"{"credStore": "credmint", "credHelper": {"ghcr.io": "ghcr"}, "auths": {}, "aliases": {"auth": "x"}}"#;
    let misspelled = |given: &str, meant| WarningKind::MisspelledKey(given.into(), meant);
    assert_eq!(
        warnings(text),
        [(1, 2, misspelled("credStore", "credsStore")), (1, 27, misspelled("credHelper", "credHelpers"))]
    );
    assert_eq!(parse(text).creds_store(), None, "docker knows none either");
}

#[test]
fn c3_c4_what_docker_cannot_read_is_rejected_with_its_place_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    let rows: &[(&[u8], (usize, usize), &str)] = &[
        (b"{\n  \"credsStore\": \"x\",\n}\n", (3, 1), "trailing comma"),
        (b"{\"a\":[1,]}", (1, 9), "trailing comma"),
        (b"{\n  // mine\n  \"credsStore\": \"x\"\n}", (2, 3), "comments are not allowed in JSON"),
        (b"{\"a\": # mine\n1}", (1, 7), "comments are not allowed in JSON"),
        (b"{\"auths\": {", (1, 11), "EOF while parsing an object"),
        (b"\xef\xbb\xbf{}", (1, 1), "byte order mark"),
        (b"\xff\xfe{\0}\0", (1, 1), "UTF-16"),
        (b"[]", (1, 1), "expected a JSON object"),
        (b"\n \"canary\"", (2, 2), "expected a JSON object"),
        (b"{'a':1}", (1, 2), "key must be a string"),
        (b"{\n\t\"credsStore\": 1}", (2, 16), "credsStore is not a string"),
        (b"{\"auths\":[]}", (1, 10), "auths is not an object"),
        (b"{\"auths\":{\"r\":\"canary\"}}", (1, 15), "the entry of r is not an object"),
        (b"{\"auths\":{\"r\":{\"auth\":true}}}", (1, 23), "auth is not a string"),
        (b"{\"credHelpers\":{\"r\":{}}}", (1, 21), "r is not a string"),
        (b"{\"registry-mirrors\":\"x\"}", (1, 21), "registry-mirrors is not an array"),
        (b"{\"insecure-registries\":[1]}", (1, 25), "insecure-registries is not a string"),
        (b"{\"a\":\"\x01\"}", (1, 6), "control character"),
    ];
    for (text, (line, column), why) in rows {
        std::fs::write(&path, text).unwrap();
        let helper = HelperName::parse("credmint").unwrap();
        let error = ConfigFile::at(&path).edit(|document| document.set_creds_store(&helper)).unwrap_err();
        let shown = error.to_string();
        let ConfigError::Malformed { malformed, .. } = error else { panic!("{error}") };
        assert_eq!(malformed.at, Position { line: *line, column: *column }, "{shown}");
        assert!(
            shown.contains(why) && shown.starts_with(path.to_str().unwrap()) && !shown.contains("canary"),
            "{shown}"
        );
        assert_eq!(std::fs::read(&path).unwrap(), *text, "as it was");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "and nothing beside it");
    }
}

#[test]
fn c3_a_duplicate_name_is_not_edited() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    let text = "{\n\"credsStore\":\"a\",\n\"credsstore\":\"b\"}";
    std::fs::write(&path, text).unwrap();
    let error = ConfigFile::at(&path).edit(Document::remove_creds_store).unwrap_err().to_string();
    assert!(error.ends_with("line 3, column 1: duplicate key credsstore; remove one of them"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn every_member_that_is_understood_can_be_read() {
    let document = parse(
        r#"{"auths":{"a":{},"b":{"auth":"dTpw"},"c":{"username":"u","password":"p"},
            "d":{"auth":"dTo=","identitytoken":"t"},"e":{"registrytoken":"t"},"f":null},
            "HttpHeaders":{"X":"canary"},"currentContext":"c","credHelpers":{"z":"ecr","a":""}}"#,
    );
    let logins: Vec<_> = document.auths().iter().map(|auth| auth.login()).collect();
    let users: Vec<_> = logins.iter().map(|login| login.as_ref().map(|login| login.username.as_str())).collect();
    assert_eq!(users, [None, Some("u"), Some("u"), Some("<token>"), None, None]);
    let markers: Vec<_> = document.auths().iter().map(dockerconfig::Auth::is_marker).collect();
    assert_eq!(markers, [true, false, false, false, false, true]);
    assert_eq!(document.cred_helpers(), [("z".into(), "ecr".into()), ("a".into(), String::new())]);
    assert_eq!(document.current_context().unwrap(), "c");
    assert_eq!(document.http_headers()[0].1.expose(), "canary");
    assert!(!format!("{document:?} {:?}", document.auths()).contains("canary"));
}

#[test]
fn c13_logins_that_a_store_would_hide_are_named() {
    let document = parse(
        r#"{"auths":{"marker":{},"plain":{"auth":"dTpw"},"kept":{"auth":"dTpw"},"bearer":{"registrytoken":"t"}},
            "credHelpers":{"kept":""}}"#,
    );
    let hidden: Vec<_> = document.shadowed_by_creds_store().into_iter().map(|auth| auth.server).collect();
    assert_eq!(hidden, ["plain"]);
}

#[test]
fn c15_docker_hub_has_a_key_for_each_reader() {
    let hub = ServerUrl::parse("registry-1.docker.io").unwrap();
    let helper = HelperName::parse("credmint").unwrap();
    let mut document = Document::empty();
    document.set_cred_helper(&hub, KeyFormat::Docker, &helper);
    document.set_cred_helper(&hub, KeyFormat::Podman, &helper);
    let keys: Vec<_> = document.cred_helpers().into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["https://index.docker.io/v1/", "docker.io"]);
    document.remove_cred_helper(&hub);
    assert!(document.cred_helpers().is_empty(), "every spelling goes");
}

#[test]
fn c16_a_helper_that_could_be_a_path_cannot_be_set() {
    for name in ["/bin/sh", "../x", "-v", "a b", ""] {
        assert!(HelperName::parse(name).is_err(), "{name}");
    }
}
