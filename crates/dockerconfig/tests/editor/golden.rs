use std::path::Path;

use dockerconfig::{DaemonList, Document, HelperName, KeyFormat, diff};
use protocol::{Credentials, Secret, ServerUrl};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");

/// Compares the edit of `NAME.before.json` with `NAME.after.json`, byte for byte; a second edit must change nothing.
#[track_caller]
fn golden(name: &str, edit: impl Fn(&mut Document)) -> (Document, Document) {
    let read = |kind| std::fs::read(Path::new(FOLDER).join(format!("{name}.{kind}.json"))).unwrap();
    let before = Document::parse(read("before")).unwrap();
    let mut after = before.clone();
    edit(&mut after);
    let text = |document: &Document| String::from_utf8(document.text().to_vec()).unwrap();
    assert_eq!(text(&after), String::from_utf8(read("after")).unwrap());
    let mut again = Document::parse(after.text().to_vec()).unwrap();
    edit(&mut again);
    assert_eq!(text(&again), text(&after), "once more");
    (before, after)
}

fn helper(name: &str) -> HelperName {
    HelperName::parse(name).unwrap()
}

fn server(text: &str) -> ServerUrl {
    ServerUrl::parse(text).unwrap()
}

#[test]
fn c5_c6_a_config_of_docker_desktop_gets_another_store() {
    golden("desktop", |document| document.set_creds_store(&helper("credmint")));
}

#[test]
fn c5_a_config_that_people_wrote_gets_helpers() {
    golden("by-hand", |document| {
        document.set_cred_helper(
            &server("https://123456789012.dkr.ecr.eu-west-1.amazonaws.com"),
            KeyFormat::Docker,
            &helper("ecr"),
        );
        document.set_cred_helper(&server("docker.io"), KeyFormat::Docker, &helper("credmint"));
        document.remove_cred_helper(&server("https://OLD.example/v2/"));
    });
}

#[test]
fn c5_a_config_in_one_line_stays_in_one_line() {
    golden("compact", |document| {
        document.set_creds_store(&helper("credmint"));
        document.set_cred_helper(&server("r.example:5000"), KeyFormat::Docker, &helper("ecr"));
    });
}

#[test]
fn c14_a_migrated_login_leaves_its_marker_and_everything_else() {
    let (before, after) = golden("migrate", |document| {
        for auth in document.auths() {
            if ["https://index.docker.io/v1/", "r.example"].contains(&auth.server.as_str()) {
                auth.login().iter().for_each(|login| assert!(document.remove_login(login)));
            }
        }
    });
    let shown = diff("config.json", &before, &after);
    for line in
        ["--- config.json (current)", "-\t\t\t\"auth\": \"(hidden)\",", " \t\t\t\"registrytoken\": \"(hidden)\""]
    {
        assert!(shown.lines().any(|other| other == line), "{line}\n{shown}");
    }
    for secret in ["Y2FuYXJ5", "canary"] {
        assert!(std::str::from_utf8(before.text()).unwrap().contains(secret), "the test looks for what is there");
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn clients_read_an_exported_login() {
    let login = |server: &str, username: &str, secret: &str| Credentials {
        server: server.into(),
        username: username.into(),
        secret: Secret::new(secret.into()),
    };
    let (before, after) = golden("export", |document| {
        document.set_auth(&login("r.example", "user", "new:password"));
        document.set_auth(&login("t.example", "<token>", "refresh"));
        document.set_auth(&login("n.example", "AWS", "x"));
        document.remove_auth("gone.example");
    });
    let read: Vec<_> = after.auths().iter().map(|auth| auth.login().unwrap()).collect();
    assert_eq!(
        read,
        [
            login("r.example", "user", "new:password"),
            login("t.example", "<token>", "refresh"),
            login("n.example", "AWS", "x")
        ]
    );
    let shown = diff("config.json", &before, &after);
    assert!(shown.contains("+      \"auth\": \"(hidden, new)\""), "{shown}");
}

#[test]
fn the_daemons_lists_are_edited_like_the_config() {
    golden("daemon", |document| {
        document.add_to(DaemonList::Mirrors, "https://mirror.example");
        document.add_to(DaemonList::Insecure, "10.0.0.0/8");
        document.remove_from(DaemonList::Insecure, "old.example:5000");
    });
}

#[test]
fn the_daemons_proxies_are_added_and_removed() {
    use dockerconfig::DaemonProxy::{Excluded, Http, Https};
    let text = "{\n  \"debug\": true\n}\n";
    let before = Document::parse(text.into()).unwrap();
    let mut document = before.clone();
    document.set_daemon_proxy(Https, "http://proxy.example:3128");
    document.set_daemon_proxy(Http, "http://proxy.example:3128");
    document.set_daemon_proxy(Excluded, ".lan");
    document.remove_daemon_proxy(Http);
    assert_eq!(
        document.text(),
        b"{\n  \"debug\": true,\n  \"proxies\": {\n    \"https-proxy\": \"http://proxy.example:3128\",\n    \"no-proxy\": \".lan\"\n  }\n}\n"
    );
    assert_eq!(document.daemon_proxy(Https).unwrap(), "http://proxy.example:3128");
    assert!(diff("daemon.json", &before, &document).contains("http://proxy.example:3128"));
    for proxy in ["http://me:secret@proxy.example:3128", "http://me:secret\\u0040proxy.example"] {
        let with = format!("{{\"proxies\": {{\"https-proxy\": \"{proxy}\"}}}}");
        let with = Document::parse(with.into()).unwrap();
        assert!(!diff("daemon.json", &before, &with).contains("secret"), "{proxy}");
    }
    document.remove_daemon_proxy(Https);
    document.remove_daemon_proxy(Excluded);
    assert_eq!(document.text(), text.as_bytes());
}

#[test]
fn c17_a_config_without_a_store_keeps_docker_from_picking_one() {
    for text in ["{\"credsStore\":\"x\"}", "{\"credsStore\":\"\",\"auths\":{}}"] {
        let mut document = Document::parse(text.into()).unwrap();
        document.remove_creds_store();
        assert!(!document.uses_default_store() && document.creds_store().is_none(), "{text}");
        assert!(document.auths().iter().all(dockerconfig::Auth::is_marker));
    }
    let mut document = Document::parse("{\"credsStore\":\"x\",\"auths\":{\"r\":{}}}".into()).unwrap();
    document.remove_creds_store();
    assert_eq!(document.text(), b"{\"auths\":{\"r\":{}}}", "and adds nothing where that is so anyway");
}

#[test]
fn c13_a_login_stored_during_the_migration_stays() {
    let text = "{\"auths\":{\"r\":{\"auth\":\"dTpw\"}}}";
    let mut document = Document::parse(text.into()).unwrap();
    let mut login = document.auths()[0].login().unwrap();
    login.secret = Secret::new("older".into());
    assert!(!document.remove_login(&login));
    login.server = "absent".into();
    assert!(!document.remove_login(&login));
    assert_eq!(document.text(), text.as_bytes());
}
