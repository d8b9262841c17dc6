//! All parsers of foreign input, each as a function of bytes that panics if a
//! property does not hold. The fuzz target calls them, and so does the suite, with the corpus.

use std::time::{Duration, SystemTime};

#[cfg(feature = "exchange")]
use broker::Provider;
use dockerconfig::{DaemonList, Document, HelperName, KeyFormat};
#[cfg(feature = "exchange")]
use exchange::Claims;
use protocol::{Credentials, Secret, ServerUrl};
use serde_json::Value;
use settings::Settings;
#[cfg(feature = "exchange")]
use settings::Setup;
use vault::{Entry, Key};

type Read = fn(&[u8]);

/// By their names, which are those of the folders of the corpus.
pub(crate) const READERS: &[(&str, Read)] = &[
    ("address", address),
    ("credentials", credentials),
    ("settings", settings),
    ("config", config),
    ("variable", variable),
    ("login", login),
    ("entry", entry),
    ("minter", minter),
    ("program", program),
    #[cfg(feature = "exchange")]
    ("claims", claims),
    #[cfg(feature = "exchange")]
    ("exchange", exchange),
];

/// Tables of the exchanges that answer with an object of a form of their own.
#[cfg(feature = "exchange")]
const EXCHANGES: [(&str, &str); 5] = [
    ("docker.io", "provider = \"dockerhub\"\naccount = \"a\"\nconnection_id = \"c\""),
    ("quay.io", "provider = \"quay\"\nrobot = \"a+b\""),
    ("a.jfrog.io", "provider = \"jfrog\"\nprovider_name = \"p\"\naudience = \"a\""),
    ("cgr.dev", "provider = \"chainguard\"\nidentity_id = \"i\""),
    ("registry.digitalocean.com", "provider = \"digitalocean\"\nregistry_name = \"r\""),
];

/// A server address, as Docker and people write it.
fn address(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Ok(server) = ServerUrl::parse(&text) else { return };
    let again = ServerUrl::parse(&server.key()).expect("a key is an address");
    assert_eq!(again.key(), server.key());
    for spelling in server.spellings() {
        assert_eq!(ServerUrl::parse(&spelling).as_ref(), Ok(&server));
    }
    if let Some(registry) = registry::registry_of(&server) {
        assert!(server.is_https() && server.port().is_none(), "{registry:?}");
        assert_eq!(registry::registry_of(&again), Some(registry));
    }
}

/// The input of `store` and the output of a helper.
fn credentials(bytes: &[u8]) {
    let Ok(given) = Credentials::from_json(&String::from_utf8_lossy(bytes)) else { return };
    let line = String::from_utf8(given.to_json()).expect("JSON is UTF-8");
    assert_eq!(line.find('\n'), Some(line.len() - 1));
    assert_eq!(Credentials::from_json(&line).as_ref(), Ok(&given));
}

/// `config.toml`.
fn settings(bytes: &[u8]) {
    let Ok(settings) = Settings::parse(&String::from_utf8_lossy(bytes)) else { return };
    let server = ServerUrl::parse("123456789012.dkr.ecr.us-east-1.amazonaws.com/team/app").expect("an address");
    for rule in &settings.rules {
        rule.matches(&server);
        assert!(rule.target.as_ref().is_none_or(|target| registry::registry_of(target).is_some()));
        // A password goes to no other host than that of the table.
        let host = |server: &ServerUrl| ServerUrl::parse(&server.authority()).map(|host| host.key());
        if let Some(login) = &rule.login {
            assert_eq!(host(login), host(&ServerUrl::parse(rule.host()).expect("it names a host")));
        }
    }
}

/// Docker's `config.json` and podman's, read and edited: the first byte chooses how.
fn config(bytes: &[u8]) {
    let Some((edits, text)) = bytes.split_first() else { return };
    let Ok(before) = Document::parse(text.to_vec()) else { return };
    let server = ServerUrl::parse("r.example").expect("an address");
    let helper = HelperName::parse("credmint").expect("a name");
    let login = Credentials { server: "r.example".into(), username: "u".into(), secret: Secret::new("p".into()) };
    let mut after = before.clone();
    for _ in 0..2 {
        let chosen = |nth: u8| edits & (1 << nth) != 0;
        if chosen(0) {
            after.set_creds_store(&helper);
        }
        if chosen(1) {
            after.set_cred_helper(&server, KeyFormat::Docker, &helper);
        }
        if chosen(2) {
            after.remove_cred_helper(&server);
        }
        if chosen(3) {
            after.remove_creds_store();
        }
        if chosen(4) {
            after.set_auth(&login);
        }
        if chosen(5) {
            after.remove_login(&login);
        }
        if chosen(6) {
            after.add_to(DaemonList::Mirrors, "http://m");
        }
        if chosen(7) {
            after.remove_from(DaemonList::Mirrors, "http://m");
        }
    }
    let again = Document::parse(after.text().to_vec()).expect("what was read stays readable");
    assert_eq!(again.auths(), after.auths());
    assert_eq!(again.cred_helpers(), after.cred_helpers());
    let shown = dockerconfig::diff("a", &before, &after);
    assert_eq!(shown.is_empty(), before.text() == after.text());
    // What serde_json can read it can still read.
    let first = |text: &[u8]| serde_json::Deserializer::from_slice(text).into_iter::<Value>().next().map(|v| v.is_ok());
    assert!(first(text) != Some(true) || first(after.text()) == Some(true));
}

/// `DOCKER_AUTH_CONFIG`.
fn variable(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if dockerconfig::servers_of_variable(&text).is_ok() {
        assert!(Document::parse(text.into_owned().into_bytes()).is_ok());
    }
}

/// A password that may be a JSON Web Token.
fn login(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if broker::login_expiry("someone", &text, SystemTime::UNIX_EPOCH).is_some() {
        assert!(text.split('.').count() >= 3);
    }
}

/// An entry of the vault.
fn entry(bytes: &[u8]) {
    let key = Key::Token("a".to_owned());
    if let Some(entry) = Entry::decode(bytes, &key) {
        assert_eq!(entry.key, key);
        broker::login_expiry("AWS", entry.secret.expose(), entry.issued);
        assert_eq!(Entry::decode(&entry.encode(), &key), Some(entry));
    }
}

/// Both ends of the wire to the program that mints.
fn minter(bytes: &[u8]) {
    if let Some(request) = broker::wire::read_request(bytes) {
        assert!(!request.server.key().is_empty());
    }
    if let Some(Ok(minted)) = broker::wire::read_response(bytes) {
        let again = broker::wire::read_response(&broker::wire::write_response(&Ok(minted.clone())));
        let again = again.expect("what was told is read").expect("and is a token");
        assert_eq!((again.username, again.secret, again.expires), (minted.username, minted.secret, minted.expires));
    }
}

/// What another program answers to Docker's `get`.
fn program(bytes: &[u8]) {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    if let Ok(response) = command::read(bytes, Some(Duration::from_secs(60)), now) {
        assert!(!response.secret.is_empty());
        assert!(response.expires.is_some_and(|expires| expires > now), "a life is for one that tells no expiry");
    }
}

/// The claims of an identity token, and what is shown of them.
#[cfg(feature = "exchange")]
fn claims(bytes: &[u8]) {
    let Some(claims) = Claims::of(&String::from_utf8_lossy(bytes)) else { return };
    let shown = format!("{claims} {}", claims.audience());
    assert!(!shown.chars().any(char::is_control) && shown.chars().count() < 1_000, "{shown}");
}

/// The response to an exchange: the first byte chooses which.
#[cfg(feature = "exchange")]
fn exchange(bytes: &[u8]) {
    let Some((which, text)) = bytes.split_first() else { return };
    let Ok(json) = serde_json::from_slice::<Value>(text) else { return };
    let (host, keys) = EXCHANGES[usize::from(*which) % EXCHANGES.len()];
    let mut setup = Setup::of("/nowhere".as_ref(), &[]);
    setup.settings = Settings::parse(&format!("[[registry]]\nmatch = \"{host}\"\n{keys}\n")).expect("a table");
    let scope = exchange::Exchange.scope(&ServerUrl::parse(host).expect("a host"), &setup).expect("a table's");
    let now = SystemTime::now();
    if let Some(Ok(read)) = scope.target.read(&json, now) {
        // It goes into a header; and Docker would take the secret beside `<token>` for another kind.
        assert!(!read.secret.is_empty() && read.secret.expose().bytes().all(|byte| byte.is_ascii_graphic()));
        assert!(!read.username.is_empty() && read.username != "<token>" && !read.username.contains('\n'));
        assert!(read.expires.is_none_or(|expires| expires >= now));
    }
}
