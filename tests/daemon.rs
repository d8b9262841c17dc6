//! `credmint daemon`, and the engine in `credmint doctor`: with a real dockerd where it is installed.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::cli::{fails, home, json_of, succeeds};
use crate::home::{CLI, Home, skip};

const FILE: &str = "daemon.json";

/// Arguments for the file of this home.
fn of<'a>(file: &'a str, arguments: &[&'a str]) -> Vec<&'a str> {
    [&["daemon", "--file", file], arguments].concat()
}

#[test]
fn an_edit_changes_what_is_named_and_is_undone_to_the_byte() {
    let home = home();
    let before = "{\n\t\"debug\": true,\n\t\"insecure-registries\": [\"old.lan\"]\n}\n";
    let path = home.write(FILE, before);
    let file = path.to_str().unwrap();
    let read = || std::fs::read_to_string(&path).unwrap();
    let asked = ["--mirror", "https://mirror.example", "--insecure", "registry.lan:5000", "--insecure", "10.0.0.0/8"];
    let asked = [&asked[..], &["--proxy", "http://proxy.lan:3128", "--no-proxy", "localhost,.lan"]].concat();
    let check = home.run(CLI, &of(file, &[&asked[..], &["--check"]].concat()), "");
    assert_eq!((check.code, read().as_str()), (1, before), "{check:?}");
    let shown = succeeds(&home, &of(file, &[&asked[..], &["--dry-run"]].concat()));
    assert!(shown.contains("+\t\"registry-mirrors\": [") && read() == before, "{shown}");
    let said = home.run(CLI, &of(file, &asked), "");
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.stderr.contains("restart docker") || cfg!(windows), "proxies need a new start: {said:?}");
    let expected = json!({
        "debug": true,
        "insecure-registries": ["old.lan", "registry.lan:5000", "10.0.0.0/8"],
        "registry-mirrors": ["https://mirror.example"],
        "proxies": {
            "http-proxy": "http://proxy.lan:3128", "https-proxy": "http://proxy.lan:3128", "no-proxy": "localhost,.lan",
        },
    });
    assert_eq!(json_of(&read()), expected);
    assert!(read().starts_with(before.trim_end_matches("]\n}\n")), "{}", read());
    succeeds(&home, &of(file, &[&asked[..], &["--check"]].concat()));
    let facts = json_of(&succeeds(&home, &of(file, &["--json"])));
    assert_eq!(facts["mirrors"], expected["registry-mirrors"]);
    assert_eq!(facts["proxies"]["https"], "http://proxy.lan:3128");
    // A part of it, and then the rest.
    succeeds(&home, &of(file, &["--remove", "--insecure", "10.0.0.0/8", "--proxy", "http://proxy.lan:3128"]));
    let left = json_of(&read());
    assert_eq!(left["insecure-registries"], json!(["old.lan", "registry.lan:5000"]));
    assert_eq!(left["proxies"], json!({"no-proxy": "localhost,.lan"}));
    succeeds(&home, &of(file, &["--undo"]));
    assert_eq!(read(), before);
}

#[test]
fn what_the_engine_would_not_start_with_is_not_written() {
    let home = home();
    let file = home.path(FILE);
    for (arguments, words) in [
        (["--mirror", "mirror.example"], "https://mirror.example"),
        (["--mirror", "https://me:the-canary@mirror.example"], "a host with an optional port"),
        (["--insecure", "http://registry.lan"], "registry.lan:5000"),
        (["--proxy", "http://me:the-canary@proxy.lan:3128"], "must not contain a user or password"),
    ] {
        let outcome = home.run(CLI, &of(file.to_str().unwrap(), &arguments), "");
        assert_eq!((outcome.code, file.exists()), (2, false), "{outcome:?}");
        assert!(outcome.stderr.contains(words), "{outcome:?}");
        assert!(!outcome.stderr.contains("the-canary"), "{outcome:?}");
    }
    let file = home.write(FILE, "{\"debug\": true,}");
    fails(&home, &of(file.to_str().unwrap(), &["--insecure", "registry.lan"]), &["daemon.json", "line 1"]);
}

/// Docker's own daemon reads what was written.
#[cfg(unix)]
#[test]
fn dockerd_takes_the_file() {
    let dockerd = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/peers/usr/sbin/dockerd");
    if !dockerd.is_file() {
        return skip("peers", "there is no dockerd that checks its file");
    }
    let home = home();
    let file = home.path(FILE);
    let validates = || {
        home.other(
            dockerd.to_str().unwrap(),
            &["--validate", "--userland-proxy=false", "--config-file", file.to_str().unwrap()],
        )
        .output()
        .unwrap()
    };
    let asked = ["--mirror", "https://mirror.example/", "--insecure", "registry.lan:5000", "--insecure", "fd00::/8"];
    succeeds(&home, &of(file.to_str().unwrap(), &[&asked[..], &["--proxy", "http://proxy.lan:3128"]].concat()));
    let output = validates();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    home.write(FILE, "{\"registry-mirrors\": [\"mirror.example\"]}");
    assert!(!validates().status.success(), "dockerd --validate takes anything");
}

/// A fake engine that returns its state.
#[cfg(unix)]
fn engine(home: &mut Home, info: &Value) {
    use std::io::{BufRead, BufReader, Write};
    let socket = home.path("engine.sock");
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    home.set("DOCKER_HOST", format!("unix://{}", socket.display()));
    let body = info.to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut line = String::new();
            let _ = reader.read_line(&mut line);
            assert!(line.starts_with("GET /info HTTP/1.0"), "{line}");
            while reader.read_line(&mut line).is_ok_and(|count| count > 2) {}
            let _ = write!(stream, "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{body}");
        }
    });
}

#[cfg(unix)]
fn findings(home: &Home) -> Vec<(String, String, String)> {
    let outcome = home.run(CLI, &["doctor", "--offline", "--json"], "");
    let facts = json_of(&outcome.stdout);
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    let found = facts["findings"].as_array().unwrap().iter();
    let found = found.filter(|finding| finding["subject"] == "Docker engine" || finding["about"] == "Docker engine");
    let found: Vec<_> =
        found.map(|finding| (text(finding, "level"), text(finding, "text"), text(finding, "remedy"))).collect();
    assert!(!found.is_empty(), "{facts:#}");
    found
}

#[cfg(unix)]
#[track_caller]
fn finds(home: &Home, level: &str, words: &str, remedy: &str) {
    let found = findings(home);
    let is_it =
        |(its, text, way): &&(String, String, String)| its == level && text.contains(words) && way.contains(remedy);
    assert!(found.iter().any(|finding| is_it(&finding)), "{level} {words} {remedy}: {found:#?}");
}

#[cfg(unix)]
#[test]
fn doctor_reports_what_the_engine_does_by_itself() {
    let mut home = home();
    engine(
        &mut home,
        &json!({
            "ServerVersion": "28.5.1",
            "HttpsProxy": "http://me:the-canary@proxy.lan:3128",
            "NoProxy": ".lan",
            "RegistryConfig": {
                "Mirrors": ["https://mirror.example/"],
                "InsecureRegistryCIDRs": ["127.0.0.0/8", "::1/128", "10.0.0.0/8"],
                "IndexConfigs": {"docker.io": {"Secure": true}, "registry.lan:5000": {"Secure": false}},
            },
        }),
    );
    home.write(
        "daemon/docker/daemon.json",
        json!({
            "registry-mirrors": ["https://mirror.example", "https://later.example"],
            "insecure-registries": ["registry.lan:5000", "later.lan"],
        })
        .to_string(),
    );
    home.set("XDG_CONFIG_HOME", home.path("daemon"));
    finds(&home, "ok", "running: version 28.5.1", "");
    finds(&home, "note", "mirrors of Docker Hub: https://mirror.example/", "");
    finds(&home, "note", "insecure registries: 10.0.0.0/8, registry.lan:5000", "");
    finds(&home, "note", "the proxy http://proxy.lan:3128, except for .lan", "");
    if cfg!(target_os = "linux") {
        finds(&home, "note", "mirror https://later.example in daemon.json is not active", "reload docker");
        finds(&home, "note", "insecure registry later.lan in daemon.json is not active", "reload docker");
    }
    assert!(!format!("{:?}", home.run(CLI, &["doctor", "--offline"], "")).contains("the-canary"));
}

#[cfg(unix)]
#[test]
fn doctor_reports_that_the_shells_proxy_is_not_the_engines() {
    let mut home = home();
    engine(&mut home, &json!({"ServerVersion": "28.5.1", "RegistryConfig": {}}));
    home.set("HTTPS_PROXY", "http://proxy.lan:3128");
    finds(&home, "note", "no proxy; HTTPS_PROXY", "sudo credmint daemon --proxy http://proxy.lan:3128");
}

#[cfg(unix)]
#[test]
fn doctor_reports_that_no_engine_runs() {
    let mut home = home();
    home.set("DOCKER_HOST", format!("unix://{}", home.path("gone.sock").display()));
    finds(&home, "note", "not running", "docker");
    // Whoever listens without a word is not waited for.
    let silent = home.path("silent.sock");
    let _listener = std::os::unix::net::UnixListener::bind(&silent).unwrap();
    home.set("DOCKER_HOST", format!("unix://{}", silent.display()));
    finds(&home, "note", "no response from", "docker");
}
