use std::fs;
use std::path::Path;
use std::process::Command;

use dockerconfig::{
    Client, ConfigFile, ConfigPaths, Document, HelperName, KeyFormat, LookupQuery, Source, System, WarningKind, lookup,
};
use protocol::ServerUrl;

fn is_there(program: &str) -> bool {
    let there = Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    if !there {
        testing::skip("what other clients read", &format!("there is no {program}"));
    }
    there
}

/// Standard error of a docker command that makes no connection, with a config folder of its own.
fn docker(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("docker");
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", folder);
    let output = command.arg("--config").arg(folder).args(arguments).output().unwrap();
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Whether docker can read a config.
fn docker_reads(folder: &Path, text: &[u8]) -> bool {
    fs::write(folder.join("config.json"), text).unwrap();
    !docker(folder, &["context", "show"]).contains("Error parsing config file")
}

/// Whether this crate says so.
fn we_read(text: &[u8]) -> bool {
    let broken = |document: Document| {
        document.warnings().iter().any(|warning| matches!(warning.kind, WarningKind::InvalidAuth(_)))
    };
    Document::parse(text.to_vec()).is_ok_and(|document| !broken(document))
}

#[test]
fn c3_we_read_exactly_what_docker_reads() {
    if !is_there("docker") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let whole = "{\"auths\": {\"r\":{\"auth\":\"dTpw\\n\"}}, \"credsStore\":\"\\u0065\", \"HttpHeaders\":{\"a\":null}, \"x\":[-1.5e3,true]}\n";
    let mut texts: Vec<Vec<u8>> = [
        "",
        " \n",
        "null",
        "{}",
        "[]",
        "1",
        "{} x",
        "{}{}",
        "null null",
        "{\"a\":1,\"a\":2}",
        "{\"CREDSSTORE\":\"x\"}",
        "{\"CREDSSTORE\":1}",
        "{\"auths\":null}",
        "{\"auths\":{\"r\":null}}",
        "{\"auths\":{\"r\":1}}",
        "{\"credHelpers\":{\"r\":null}}",
        "{\"credHelpers\":{\"r\":1}}",
        "{\"auths\":{\"r\":{\"AUTH\":\"dTo\"}}}",
        "{\"auths\":{\"r\":{\"auth\":\"dTo=\"}}}",
        "{\"auths\":{\"r\":{\"auth\":\"OnA=\"}}}",
        "{\"auths\":{\"r\":{\"auth\":\"dTpx\"}}}",
        "{\"auths\":{\"r\":{\"auth\":\"dTp=\"}}}",
        "{\"auths\":{\"r\":{\"auth\":null,\"username\":1}}}",
        "{\"auths\":{\"r\":{\"registrytoken\":[]}}}",
        "{\"HttpHeaders\":[]}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":01}",
        "{\"a\":+1}",
        "{\"a\":.5}",
        "{\"a\":1e999}",
        "{\"a\":NaN}",
        "{\"a\":\"\t\"}",
        "{\"a\":\"\u{7f}\"}",
        "{\"currentContext\":1}",
        "{\"currentContext\":null}",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec();
    texts.push(b"{\"a\":\"\xff\"}".to_vec());
    texts.push(b"\xef\xbb\xbf{}".to_vec());
    // With each byte removed, and with one more anywhere.
    for at in 0..whole.len() {
        let mut shorter = whole.as_bytes().to_vec();
        shorter.remove(at);
        texts.push(shorter);
        let mut longer = whole.as_bytes().to_vec();
        longer.insert(at, b"\",{}[]:0"[at % 8]);
        texts.push(longer);
    }
    // The differences: (text, docker, this crate).
    let mut apart = Vec::new();
    for text in texts {
        let (docker, we) = (docker_reads(folder.path(), &text), we_read(&text));
        if docker != we {
            apart.push((String::from_utf8_lossy(&text).into_owned(), docker, we));
        }
    }
    assert_eq!(apart, []);
}

#[test]
fn c6_docker_saves_what_we_wrote() {
    if !is_there("docker") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    let helper = HelperName::parse("credmint").unwrap();
    let server = ServerUrl::parse("123456789012.dkr.ecr.eu-west-1.amazonaws.com").unwrap();
    ConfigFile::at(&path)
        .edit(|document| {
            document.set_creds_store(&helper);
            document.set_cred_helper(&server, KeyFormat::Docker, &HelperName::parse("ecr").unwrap());
        })
        .unwrap();
    let ours = fs::read_to_string(&path).unwrap();
    docker(folder.path(), &["context", "create", "other", "--docker", "host=unix:///nowhere"]);
    docker(folder.path(), &["context", "use", "other"]);
    assert!(fs::read_to_string(&path).unwrap().contains("currentContext"), "docker has saved it");
    docker(folder.path(), &["context", "use", "default"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), ours);
}

#[test]
fn c17_docker_picks_no_store_after_ours_is_gone() {
    if !is_there("docker") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    let bin = folder.path().join("bin");
    fs::create_dir(&bin).unwrap();
    for name in ["docker-credential-secretservice", "docker-credential-pass", "pass"] {
        fs::write(bin.join(name), "#!/bin/sh\necho '{}'\n").unwrap();
        #[cfg(unix)]
        fs::set_permissions(bin.join(name), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let saved_by_docker = |text: &str| {
        fs::write(&path, text).unwrap();
        let paths = format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display());
        for context in ["other", "default"] {
            docker(folder.path(), &["context", "create", "other", "--docker", "host=unix:///nowhere"]);
            let mut command = Command::new("docker");
            command
                .env_clear()
                .env("PATH", &paths)
                .arg("--config")
                .arg(folder.path())
                .args(["context", "use", context]);
            assert!(command.output().unwrap().status.success());
        }
        ConfigFile::at(&path).read().unwrap().creds_store()
    };
    assert_eq!(
        saved_by_docker("{\"credsStore\":\"\"}").as_deref(),
        Some("pass"),
        "an empty store is no answer to docker"
    );
    let mut document = Document::parse("{\"credsStore\":\"x\"}".into()).unwrap();
    document.remove_creds_store();
    assert_eq!(saved_by_docker(std::str::from_utf8(document.text()).unwrap()), None);
}

#[test]
fn c19_podman_finds_the_predicted_entry() {
    if !is_there("podman") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("auth.json");
    // The user of each entry is its number, so podman's output shows which one it used.
    let keys = [
        "https://index.docker.io/v1/",
        "q.io",
        "http://s.io/v1/",
        "https://n.io/ns",
        "plain.io:5000",
        "q.io/a/b",
        "bare.io/ns",
    ];
    let auth = ["MDpw", "MTpw", "Mjpw", "Mzpw", "NDpw", "NTpw", "Njpw"];
    let entries: Vec<_> =
        keys.iter().zip(auth).map(|(key, auth)| format!("\"{key}\":{{\"auth\":\"{auth}\"}}")).collect();
    let text = format!("{{\"auths\":{{{},\"empty.io\":{{}}}},\"credsStore\":\"absent\"}}", entries.join(","));
    fs::write(&path, &text).unwrap();
    let files = [(path.clone(), Document::parse(text.into()).unwrap())];
    for registry in
        ["docker.io", "q.io", "s.io", "n.io", "plain.io:5000", "plain.io", "empty.io", "bare.io", "absent.io"]
    {
        let mut command = Command::new("podman");
        let output = command.args(["login", "--get-login", "--authfile"]).arg(&path).arg(registry).output().unwrap();
        let found =
            output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().parse::<usize>().unwrap());
        let server = ServerUrl::parse(registry).unwrap();
        let search = LookupQuery { server: &server, repository: None, variable: &[], files: &files };
        let ours = match lookup(Client::Podman, &search).source {
            Some(Source::Entry { key, .. }) => keys.iter().position(|other| *other == key),
            None => None,
            other => panic!("{registry}: {other:?}"),
        };
        assert_eq!(ours, found, "{registry}");
    }
}

#[test]
fn c19_podman_reads_the_predicted_files() {
    if !cfg!(target_os = "linux") || !is_there("podman") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let files =
        ["run/containers/auth.json", "xdg/containers/auth.json", "d/config.json", ".docker/config.json", "named.json"];
    for (nth, name) in files.iter().enumerate() {
        fs::create_dir_all(at(name).parent().unwrap()).unwrap();
        // One entry is in every file, and the first counts; each file also has one of its own.
        let auth = ["MDpw", "MTpw", "Mjpw", "Mzpw", "NDpw"][nth];
        fs::write(
            at(name),
            format!("{{\"auths\":{{\"all.io\":{{\"auth\":\"{auth}\"}},\"f{nth}.io\":{{\"auth\":\"{auth}\"}}}}}}"),
        )
        .unwrap();
    }
    for (docker_config, named) in [(None, None), (Some(at("d")), None), (Some(at("d")), Some(at("named.json")))] {
        let user_at = |registry: &str| {
            let mut command = Command::new("podman");
            command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", folder.path());
            command.env("XDG_RUNTIME_DIR", at("run")).env("XDG_CONFIG_HOME", at("xdg"));
            command.envs(docker_config.iter().map(|folder| ("DOCKER_CONFIG", folder)));
            command.envs(named.iter().map(|file| ("REGISTRY_AUTH_FILE", file)));
            let output = command.args(["login", "--get-login", registry]).output().unwrap();
            output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().parse::<usize>().unwrap())
        };
        let config_paths = ConfigPaths {
            home: Some(folder.path().to_owned()),
            docker_config: docker_config.clone(),
            registry_auth_file: named.clone(),
            runtime: Some(at("run")),
            config_home: Some(at("xdg")),
            ..ConfigPaths::default()
        };
        let places = config_paths.podman(System::Linux, None);
        let places: Vec<_> =
            places.iter().map(|place| files.iter().position(|name| at(name) == *place).unwrap()).collect();
        assert_eq!(user_at("all.io"), Some(places[0]), "{places:?}");
        for nth in 0..files.len() {
            // If a file is named, podman 4 also reads the usual ones and podman 5 does not.
            let may_go_on = docker_config.is_some() && nth != 0;
            if places.contains(&nth) || !may_go_on {
                assert_eq!(user_at(&format!("f{nth}.io")), places.contains(&nth).then_some(nth), "{places:?}");
            }
        }
    }
}
