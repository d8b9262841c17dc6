use std::path::PathBuf;

use dockerconfig::Client::{self, Docker, DockerCredential, GoContainerRegistry, Podman};
use dockerconfig::{Document, LookupQuery, Source, lookup};
use protocol::ServerUrl;

/// The sources of a lookup, in order: `ecr(server)` for a helper, `ecr!(server)` for the store, `"key"` for an
/// entry, `$key` for the variable; followed by the number of the file if it is not the first.
fn asked(client: Client, files: &[&str], image: &str, variable: &[&str]) -> String {
    let (server, repository) = match image.split_once(' ') {
        Some((server, repository)) => (server, Some(repository)),
        None => (image, None),
    };
    let files: Vec<_> = files
        .iter()
        .enumerate()
        .map(|(nth, text)| (PathBuf::from(nth.to_string()), Document::parse((*text).into()).unwrap()))
        .collect();
    let variable: Vec<_> = variable.iter().map(|key| (*key).to_owned()).collect();
    let server = ServerUrl::parse(server).unwrap();
    let won = lookup(client, &LookupQuery { server: &server, repository, variable: &variable, files: &files });
    assert_eq!(won.client, client);
    let number = |file: &PathBuf| if file.as_os_str() == "0" { String::new() } else { file.display().to_string() };
    let show = |source: &Source| match source {
        Source::Variable { key } => format!("${key}"),
        Source::Helper { file, helper, asked, is_store } => {
            format!("{helper}{}({asked}){}", if *is_store { "!" } else { "" }, number(file))
        }
        Source::Entry { file, key } => format!("{key:?}{}", number(file)),
    };
    won.source.iter().chain(&won.then).map(show).collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn table(file: &str, rows: &[(&str, [&str; 4])]) {
    for (image, expected) in rows {
        let found =
            [Docker, Podman, GoContainerRegistry, DockerCredential].map(|client| asked(client, &[file], image, &[]));
        assert_eq!(found.each_ref().map(String::as_str), *expected, "{image} in {file}");
    }
}

#[test]
fn c18_a_named_helper_wins_everywhere_and_only_under_its_exact_key() {
    table(
        r#"{"credHelpers":{"r.example":"h","https://s.example":"h","docker.io":"p","https://index.docker.io/v1/":"d"},
            "auths":{"r.example":{"auth":"dTpw"},"https://s.example/v1/":{"auth":"dTpw"}}}"#,
        &[
            ("https://r.example/v2/", ["h(r.example)", "h(r.example)", "h(r.example)", "h(r.example)"]),
            ("r.example ns/x", ["h(r.example)", "h(r.example)", "h(r.example)", "h(r.example)"]),
            ("r.example:5000", ["", "", "", ""]),
            ("s.example", ["\"https://s.example/v1/\""; 4]),
            (
                "docker.io library/x",
                [
                    "d(https://index.docker.io/v1/)",
                    "p(docker.io)",
                    "d(https://index.docker.io/v1/)",
                    "d(https://index.docker.io/v1/)",
                ],
            ),
        ],
    );
}

#[test]
fn c18_a_store_hides_the_entries_from_docker_and_podman_knows_no_store() {
    table(
        r#"{"credsStore":"s","credHelpers":{"file.example":""},"auths":{"r.example":{"auth":"dTpw"},"file.example":{"auth":"dTpw"},
            "m.example":{}}}"#,
        &[
            ("r.example", ["s!(r.example)", "\"r.example\"", "s!(r.example)", "\"r.example\""]),
            ("r.example ns/x", ["s!(r.example)", "\"r.example\"", "s!(r.example/ns/x) s!(r.example)", "\"r.example\""]),
            ("m.example", ["s!(m.example)", "", "s!(m.example)", "s!(m.example)"]),
            ("file.example", ["\"file.example\"", "(file.example)", "\"file.example\"", "\"file.example\""]),
            (
                "docker.io library/x",
                [
                    "s!(https://index.docker.io/v1/)",
                    "",
                    "s!(index.docker.io/library/x) s!(https://index.docker.io/v1/)",
                    "s!(https://index.docker.io/v1/)",
                ],
            ),
        ],
    );
}

#[test]
fn c18_entries_are_found_under_many_spellings() {
    table(
        r#"{"auths":{"https://index.docker.io/v1/":{"auth":"dTpw"},"http://r.example/v1/":{"identitytoken":"t"},
            "b.example":{"registrytoken":"t"}}}"#,
        &[
            ("docker.io", ["\"https://index.docker.io/v1/\""; 4]),
            ("registry-1.docker.io", ["\"https://index.docker.io/v1/\""; 4]),
            ("r.example", ["\"http://r.example/v1/\""; 4]),
            ("b.example", ["\"b.example\""; 4]),
            ("absent.example", [""; 4]),
        ],
    );
}

#[test]
fn c19_podman_takes_the_longest_namespace_and_file_after_file() {
    let first = r#"{"auths":{"q.io/a/b":{"auth":"dTpw"},"q.io":{"auth":"dTpw"},"empty.io":{},"https://n.io/ns":{"auth":"dTpw"}}}"#;
    let second = r#"{"auths":{"q.io/a/b/c":{"auth":"dTpw"},"empty.io":{"auth":"dTpw"},"docker.io":{"auth":"dTpw"}},
        "credHelpers":{"q.io":"h"},"credsStore":"s"}"#;
    for (image, expected) in [
        ("q.io a/b/c", "\"q.io/a/b\" h(q.io)1"),
        ("q.io a/x", "\"q.io\" h(q.io)1"),
        ("q.io ab", "\"q.io\" h(q.io)1"),
        ("empty.io x", "\"empty.io\"1"),
        ("n.io x", "\"https://n.io/ns\""),
        ("docker.io library/x", "\"docker.io\"1"),
    ] {
        assert_eq!(asked(Podman, &[first, second], image, &[]), expected, "{image}");
    }
    assert_eq!(asked(Docker, &[first, second], "q.io a/b", &[]), "\"q.io\"", "docker reads one file and no namespaces");
    assert_eq!(asked(GoContainerRegistry, &[first], "q.io a/b", &[]), "\"q.io/a/b\" \"q.io\"");
}

#[test]
fn c20_the_variable_wins_in_docker_alone() {
    let file = r#"{"credHelpers":{"r.example":"h"}}"#;
    assert_eq!(asked(Docker, &[file], "r.example", &["r.example"]), "$r.example");
    assert_eq!(asked(Docker, &[file], "r.example", &["https://r.example"]), "h(r.example)", "its keys are exact");
    assert_eq!(asked(Podman, &[file], "r.example", &["r.example"]), "h(r.example)");
    assert_eq!(asked(Docker, &[], "docker.io", &["https://index.docker.io/v1/"]), "$https://index.docker.io/v1/");
}

#[test]
fn a_source_has_a_name() {
    let document = Document::parse(r#"{"credsStore":"h","auths":{"r.example":{"auth":"dTpw"}}}"#.into()).unwrap();
    let (server, files) = (ServerUrl::parse("r.example").unwrap(), [("/c".into(), document)]);
    let search = LookupQuery { server: &server, repository: None, variable: &[], files: &files };
    let said = |client| lookup(client, &search).source.unwrap().to_string();
    assert_eq!(said(Docker), "docker-credential-h for r.example (credsStore in /c)");
    assert_eq!(said(Podman), "plaintext login r.example in /c");
}
