//! `credmint doctor` with registries: in parallel, with and without TLS, and the hosts that get credentials.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Barrier, Mutex, mpsc};

use serde_json::{Value, json};

use crate::home::{CLI, CREDMINT, Home, program};

const CONFIG: &str = ".docker/config.json";

fn home() -> Home {
    let mut home = Home::new();
    let ours = program(CLI).parent().unwrap().to_owned();
    home.set("PATH", format!("{}:{}:/usr/bin:/bin", home.path("other").display(), ours.display()));
    home.unset("SUDO_USER");
    home
}

/// Doctor's findings, and whether it calls something broken.
#[track_caller]
fn findings(home: &Home, arguments: &[&str]) -> (Vec<Value>, bool) {
    let outcome = home.run(CLI, &[&["doctor", "--json"], arguments].concat(), "");
    let Ok(facts) = serde_json::from_str::<Value>(&outcome.stdout) else { panic!("{outcome:?}") };
    assert_eq!(facts["healthy"].as_bool(), Some(outcome.code == 0), "{facts:#}");
    (facts["findings"].as_array().unwrap().clone(), outcome.code == 1)
}

#[track_caller]
fn finds(findings: &[Value], level: &str, words: &str) {
    let found = findings.iter().find(|finding| finding["text"].as_str().unwrap().contains(words));
    let found = found.unwrap_or_else(|| panic!("{words:?} is not found: {findings:#?}"));
    assert_eq!(found["level"], level, "{found}");
}

/// A server with its own handler, which records its requests.
struct Server {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// The rule is given the port, the request's first line and whether it has credentials with it.
    fn start(rule: impl Fn(u16, &str, bool) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (rule, log) = (Arc::new(rule), Arc::clone(&asked));
        // It lives as long as the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (rule, log) = (Arc::clone(&rule), Arc::clone(&log));
                std::thread::spawn(move || answer(stream, &log, |line, shown| rule(port, line, shown)));
            }
        });
        Server { port, asked }
    }

    /// A registry with a token server at this host, and the tokens that it issues.
    fn bearer(realm: &'static str, token: &'static str) -> Self {
        Server::start(move |port, line, _| match line.split(' ').nth(1).unwrap_or_default() {
            "/v2/" => challenge(&format!("Bearer realm=\"http://{realm}:{port}/token\",service=\"x\"")),
            path if path.starts_with("/token") => ok(&json!({"token": token}).to_string()),
            _ => ok("{}"),
        })
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn answer(mut stream: TcpStream, log: &Mutex<Vec<String>>, rule: impl Fn(&str, bool) -> String) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut first, mut shown) = (String::new(), false);
    // A TLS connection is closed.
    if reader.read_line(&mut first).is_err() || !first.contains(" HTTP/1.1") {
        return;
    }
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|count| count > 2) {
        shown |= line.to_ascii_lowercase().contains("authorization:");
        line.clear();
    }
    log.lock().unwrap().push(format!("{}{}", first.trim_end(), if shown { " with credentials" } else { "" }));
    let _ = stream.write_all(rule(&first, shown).as_bytes());
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn challenge(text: &str) -> String {
    format!("HTTP/1.1 401 x\r\nwww-authenticate: {text}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
}

fn log_in(home: &Home, host: &str) {
    let login = json!({"ServerURL": host, "Username": "me", "Secret": "canary"}).to_string();
    assert_eq!(home.run(CREDMINT, &["store"], login).code, 0);
}

#[test]
fn a_token_server_of_another_domain_is_not_a_fault_and_gets_no_credentials() {
    let home = home();
    home.write(CONFIG, "{\"credsStore\":\"credmint\"}");
    let server = Server::bearer("localhost", "opaque");
    let host = format!("127.0.0.1:{}", server.port);
    // Without credentials nothing can be disclosed.
    let (found, is_broken) = findings(&home, &[&format!("{host}/team/app")]);
    assert!(!is_broken, "{found:#?}");
    finds(&found, "ok", "its token server returned an anonymous token");
    finds(&found, "ok", "team/app:latest can be pulled");
    log_in(&home, &host);
    let (found, is_broken) = findings(&home, &[&format!("{host}/team/app")]);
    assert!(!is_broken, "{found:#?}");
    finds(&found, "note", "in another domain: the credentials of me were not sent there");
    let asked = server.asked();
    assert!(!asked.iter().any(|line| line.contains("/token") && line.ends_with("with credentials")), "{asked:?}");
}

#[test]
fn an_anonymous_token_is_not_a_success() {
    let home = home();
    home.write(CONFIG, "{\"credsStore\":\"credmint\"}");
    // {"sub":"","access":[]}
    let server = Server::bearer("127.0.0.1", "e30.eyJzdWIiOiIiLCJhY2Nlc3MiOltdfQ.x");
    let host = format!("127.0.0.1:{}", server.port);
    let (found, is_broken) = findings(&home, &[&host]);
    assert!(!is_broken, "{found:#?}");
    finds(&found, "note", "an anonymous token, which gives access to public images only");
    log_in(&home, &host);
    let (found, is_broken) = findings(&home, &[&host]);
    assert!(is_broken, "{found:#?}");
    finds(&found, "broken", "an anonymous token: it ignored the credentials of me");
}

#[test]
fn a_registry_without_tls_is_right_where_the_engine_allows_it() {
    let registry = Server::start(|_, _, _| ok("{}"));
    // An address of this machine that is not known as such.
    let host = format!("0.0.0.0:{}", registry.port);
    let bare = home();
    bare.write(CONFIG, "{\"credsStore\":\"credmint\"}");
    let (found, is_broken) = findings(&bare, &[&host]);
    assert!(is_broken, "{found:#?}");
    finds(&found, "broken", "does not use TLS, which docker requires");
    bare.write("config/docker/daemon.json", json!({"insecure-registries": [host]}).to_string());
    let (found, is_broken) = findings(&bare, &[&host]);
    assert!(!is_broken, "{found:#?}");
    finds(&found, "note", "does not use TLS, which insecure-registries allows");
    let mut engine = home();
    engine.write(CONFIG, "{\"credsStore\":\"credmint\"}");
    // One that only docker reaches.
    engine.set("DOCKER_HOST", "ssh://me@engine.example");
    let registries = json!({"InsecureRegistryCIDRs": ["0.0.0.0/8"], "IndexConfigs": {}});
    let info = json!({"ServerVersion": "28.5.1", "RegistryConfig": registries});
    engine
        .script("other/docker", &format!("test \"$3 $4 $5\" = '--host ssh://me@engine.example info' && echo '{info}'"));
    let (found, is_broken) = findings(&engine, &[&host]);
    assert!(!is_broken, "{found:#?}");
}

#[test]
fn registries_are_asked_side_by_side() {
    const COUNT: usize = 8;
    // None of them responds before all have received a request.
    let barrier = Arc::new(Barrier::new(COUNT));
    let servers: Vec<_> = (0..COUNT)
        .map(|_| {
            let barrier = Arc::clone(&barrier);
            Server::start(move |_, _, _| {
                barrier.wait();
                ok("{}")
            })
        })
        .collect();
    let hosts: Vec<_> = servers.iter().map(|server| format!("127.0.0.1:{}", server.port)).collect();
    let helpers: serde_json::Map<_, _> = hosts.iter().map(|host| (host.clone(), json!("credmint"))).collect();
    let home = home();
    home.write(CONFIG, json!({"credHelpers": helpers}).to_string());
    let (found, is_broken) = findings(&home, &[]);
    assert!(!is_broken, "{found:#?}");
    let about: Vec<_> =
        found.iter().filter(|finding| finding["text"].as_str().unwrap().contains("requires no credentials")).collect();
    let config: Value = serde_json::from_slice(&std::fs::read(home.path(CONFIG)).unwrap()).unwrap();
    let order: Vec<_> =
        config["credHelpers"].as_object().unwrap().keys().map(|host| json!(format!("Registry {host}"))).collect();
    assert_eq!(
        about.iter().map(|finding| finding["about"].clone()).collect::<Vec<_>>(),
        order,
        "in the order of the config"
    );
}

#[test]
fn each_registry_is_reported_as_soon_as_it_responds() {
    let (release, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let slow = Server::start(move |_, _, _| {
        let _ = wait.lock().unwrap().recv();
        ok("{}")
    });
    let quick = Server::start(|_, _, _| ok("{}"));
    let home = home();
    let helpers = format!(
        "{{\"credHelpers\":{{\"127.0.0.1:{}\":\"credmint\",\"127.0.0.1:{}\":\"credmint\"}}}}",
        slow.port, quick.port
    );
    home.write(CONFIG, helpers);
    let mut doctor = home.command(CLI, &["doctor"]).spawn().unwrap();
    let mut lines = BufReader::new(doctor.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains(&format!("127.0.0.1:{} requires no credentials", quick.port)) {
        line.clear();
        assert!(lines.read_line(&mut line).unwrap() > 0, "the other one was waited for");
    }
    release.send(()).unwrap();
    drop(release);
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    assert!(doctor.wait().unwrap().success());
    assert!(rest.contains(&format!("127.0.0.1:{} requires no credentials", slow.port)), "{rest}");
}

#[test]
fn proxies_are_named_without_their_password_and_tried() {
    for (answer, level, words) in [
        ("HTTP/1.1 407 x\r\ncontent-length: 0\r\n\r\n", "broken", "rejected the user and password (HTTP 407)"),
        ("HTTP/1.1 403 x\r\ncontent-length: 0\r\n\r\n", "broken", "denied access to ghcr.io (HTTP 403)"),
        ("SSH-2.0-OpenSSH_9\r\n\r\n\r\n", "broken", "is not an HTTP proxy"),
    ] {
        let proxy = Server::start(move |_, _, _| answer.to_owned());
        let mut home = home();
        home.write(CONFIG, "{\"credsStore\":\"credmint\"}");
        home.set("HTTPS_PROXY", "");
        home.set("https_proxy", format!("http://user:c%61nary-x@127.0.0.1:{}", proxy.port));
        let (found, _) = findings(&home, &["ghcr.io"]);
        finds(&found, level, words);
        finds(&found, level, &format!("127.0.0.1:{}", proxy.port));
        let all = format!("{found:?}");
        assert!(all.contains("https_proxy") && !all.contains("nary-x"), "{all}");
        assert_eq!(proxy.asked()[0], "CONNECT ghcr.io:443 HTTP/1.1 with credentials");
        home.set("NO_PROXY", "ghcr.io");
        let before = proxy.asked().len();
        let (found, _) = findings(&home, &["ghcr.io"]);
        finds(&found, "note", "NO_PROXY excludes ghcr.io");
        assert_eq!(proxy.asked().len(), before, "it is left out");
    }
    let mut home = home();
    home.write(CONFIG, "{\"credsStore\":\"credmint\"}");
    home.set("HTTPS_PROXY", "http://");
    finds(&findings(&home, &["127.0.0.1:1"]).0, "broken", "HTTPS_PROXY is not the address of a proxy");
}

#[test]
fn many_logins_cost_time_in_proportion() {
    let cpu = |count: usize| {
        let logins: serde_json::Map<_, _> =
            (0..count).map(|nth| (format!("registry-{nth}.example"), json!({"auth": "dTpw"}))).collect();
        let home = home();
        home.write(CONFIG, json!({"auths": logins, "credsStore": "credmint"}).to_string());
        // The processor's time, which others on this machine do not lengthen.
        let script = "TIMEFORMAT=%U; time credmint doctor --offline --json >\"$HOME/found\"";
        let user_time = || {
            let output = home.other("bash", &["-c", script]).output().unwrap();
            let found = std::fs::read_to_string(home.path("found")).unwrap();
            assert!(found.contains(&format!("{count} plaintext logins in")), "{found}");
            String::from_utf8(output.stderr).unwrap().trim().parse::<f64>().unwrap()
        };
        (0..3).map(|_| user_time()).fold(f64::MAX, f64::min)
    };
    let (few, many) = (cpu(5_000), cpu(20_000));
    // Four times as much; with a quadratic algorithm it was sixteen times.
    assert!(many < few * 8.0, "5,000 took {few} s, 20,000 took {many} s");
}
