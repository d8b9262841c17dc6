//! Properties of every config and every edit, tested at random.

#![allow(clippy::unwrap_used)] // In a test a panic is the message.

use dockerconfig::{ConfigFile, DaemonList, Document, HelperName, KeyFormat, Saved};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use protocol::{Credentials, Secret, ServerUrl};
use serde_json::{Map, Value, json};

/// A value as a person may write it: numbers and strings in spellings that no serializer uses.
#[derive(Clone, Debug)]
enum Written {
    Scalar(String),
    List(Vec<Written>),
    Map(Vec<(String, Written)>),
}

/// White space between the tokens, in turn.
struct Gaps<'a>(std::iter::Cycle<std::slice::Iter<'a, &'static str>>);

impl Written {
    fn to(&self, text: &mut String, gaps: &mut Gaps<'_>) {
        let between = |text: &mut String, gaps: &mut Gaps<'_>| text.push_str(gaps.0.next().unwrap());
        let (open, close, length) = match self {
            Written::Scalar(scalar) => return text.push_str(scalar),
            Written::List(items) => ('[', ']', items.len()),
            Written::Map(members) => ('{', '}', members.len()),
        };
        text.push(open);
        for nth in 0..length {
            between(text, gaps);
            let value = match self {
                Written::Map(members) => {
                    text.push_str(&members[nth].0);
                    between(text, gaps);
                    text.push(':');
                    between(text, gaps);
                    &members[nth].1
                }
                Written::List(items) => &items[nth],
                Written::Scalar(_) => unreachable!("has no items"),
            };
            value.to(text, gaps);
            between(text, gaps);
            text.push_str(if nth + 1 < length { "," } else { "" });
        }
        if length == 0 {
            between(text, gaps);
        }
        text.push(close);
    }
}

/// A quoted string, some letters escaped.
fn quoted() -> impl Strategy<Value = String> {
    r#""([ !#-\[\]-~é日]|\\["\\/bfnrt]|\\u00[0-9a-f]{2}|\\ud83d\\ude00){0,8}""#
}

fn written() -> impl Strategy<Value = Written> {
    let number = r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,6})?([eE][+-]?[0-9]{1,2})?";
    let word = select(&["null", "true", "false"][..]).prop_map(str::to_owned);
    let scalar = prop_oneof![word, number, quoted()].prop_map(Written::Scalar);
    scalar.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Written::List),
            btree_map("[a-z]{1,6}", inner, 0..5).prop_map(named),
        ]
    })
}

fn named(members: std::collections::BTreeMap<String, Written>) -> Written {
    Written::Map(members.into_iter().map(|(name, value)| (format!("\"{name}\""), value)).collect())
}

const SERVERS: [&str; 5] =
    ["r.example", "https://r.example/v2/", "localhost:5000", "https://index.docker.io/v1/", "a&b"];

/// A map of servers.
fn servers(value: impl Strategy<Value = Written>) -> impl Strategy<Value = Written> {
    let key = prop_oneof![select(&SERVERS[..]).prop_map(str::to_owned), "[a-z]{1,5}\\.example"];
    let of = |members| named(members);
    prop_oneof![4 => btree_map(key, value, 0..4).prop_map(of), 1 => Just(Written::Scalar("null".to_owned()))]
}

fn text() -> impl Strategy<Value = Written> {
    r#""[a-z<&-]{0,6}""#.prop_map(Written::Scalar)
}

/// The member with a name, if any, at its position among the others.
fn known() -> impl Strategy<Value = Vec<(String, Written)>> {
    let entry = prop_oneof![
        2 => Just(Written::Map(Vec::new())),
        2 => Just(Written::Map(vec![("\"auth\"".into(), Written::Scalar("\"dTpw\"".into()))])),
        1 => btree_map("(x[a-z]{1,5}|email|identitytoken)", text(), 1..3).prop_map(named),
    ];
    let list = || vec(r#""http://[a-z]{1,4}""#.prop_map(Written::Scalar), 0..3).prop_map(Written::List);
    let member = |name: &'static str, value: BoxedStrategy<Written>| {
        prop::option::of(value).prop_map(move |value| value.map(|value| (format!("\"{name}\""), value)))
    };
    (
        member("auths", servers(entry).boxed()),
        member("credHelpers", servers(text()).boxed()),
        member("credsStore", text().boxed()),
        member("registry-mirrors", list().boxed()),
        member("insecure-registries", list().boxed()),
    )
        .prop_map(|(a, b, c, d, e)| [a, b, c, d, e].into_iter().flatten().collect())
}

/// A config, and the raw text of every value that no edit may touch.
fn config() -> impl Strategy<Value = (String, Vec<String>)> {
    let gap = select(&["", "", " ", "\n", "\t", "\n  ", "\r\n\t", "  "][..]);
    let unknown = btree_map("x[a-zA-Z]{1,6}", written(), 0..5);
    let plain = prop_oneof![Just(vec![""]), Just(vec!["\n\t", "", " ", "\n"]), vec(gap, 1..9)];
    (unknown, known(), any::<prop::sample::Index>(), plain).prop_map(|(unknown, known, at, gaps)| {
        let Written::Map(mut members) = named(unknown) else { unreachable!("a map") };
        let (mut pieces, mut gaps) = (Vec::new(), Gaps(gaps.iter().cycle()));
        for (name, value) in &mut members {
            // Written once, so that it can be searched for.
            let mut text = String::new();
            value.to(&mut text, &mut gaps);
            *value = Written::Scalar(text.clone());
            pieces.extend([text, name.clone()]);
        }
        let at = at.index(members.len() + 1);
        members.splice(at..at, known);
        let mut text = String::new();
        Written::Map(members).to(&mut text, &mut gaps);
        (text, pieces)
    })
}

#[derive(Clone, Debug)]
enum Edit {
    Store(String),
    NoStore,
    Helper(String, String),
    NoHelper(String),
    Login(String, String, String),
    HandOver(String),
    NoAuth(String),
    Add(bool, String),
    Subtract(bool, String),
}

fn edit() -> impl Strategy<Value = Edit> {
    let server = || select(&["r.example", "localhost:5000", "docker.io", "http://a.example", "new.example"][..]);
    let server = move || server().prop_map(str::to_owned);
    let helper = || "[a-z]{1,8}";
    prop_oneof![
        helper().prop_map(Edit::Store),
        Just(Edit::NoStore),
        (server(), helper()).prop_map(|(server, helper)| Edit::Helper(server, helper)),
        server().prop_map(Edit::NoHelper),
        (server(), "[a-z]{1,5}|<token>", "[ -~é]{0,9}")
            .prop_map(|(server, user, secret)| Edit::Login(server, user, secret)),
        server().prop_map(Edit::HandOver),
        server().prop_map(Edit::NoAuth),
        (any::<bool>(), "http://[a-z]{1,4}").prop_map(|(mirrors, text)| Edit::Add(mirrors, text)),
        (any::<bool>(), "http://[a-z]{1,4}").prop_map(|(mirrors, text)| Edit::Subtract(mirrors, text)),
    ]
}

fn list(mirrors: bool) -> DaemonList {
    if mirrors { DaemonList::Mirrors } else { DaemonList::Insecure }
}

impl Edit {
    fn make(&self, document: &mut Document) {
        let server = |text: &str| ServerUrl::parse(text).unwrap();
        let helper = |text: &str| HelperName::parse(text).unwrap();
        match self {
            Edit::Store(name) => document.set_creds_store(&helper(name)),
            Edit::NoStore => document.remove_creds_store(),
            Edit::Helper(at, name) => document.set_cred_helper(&server(at), KeyFormat::Docker, &helper(name)),
            Edit::NoHelper(at) => document.remove_cred_helper(&server(at)),
            Edit::Login(at, user, secret) => document.set_auth(&Credentials {
                server: at.clone(),
                username: user.clone(),
                secret: Secret::new(secret.clone()),
            }),
            Edit::HandOver(at) => {
                let (server, username) = (at.clone(), "u".to_owned());
                document.remove_login(&Credentials { server, username, secret: Secret::new("p".to_owned()) });
            }
            Edit::NoAuth(at) => document.remove_auth(at),
            Edit::Add(mirrors, text) => document.add_to(list(*mirrors), text),
            Edit::Subtract(mirrors, text) => document.remove_from(list(*mirrors), text),
        }
    }

    /// Whether it changes no login.
    fn spares_logins(&self) -> bool {
        !matches!(self, Edit::Login(..) | Edit::HandOver(_) | Edit::NoAuth(_))
    }

    /// The members that it may change.
    fn touches(&self) -> &'static [&'static str] {
        match self {
            Edit::Store(_) | Edit::NoStore => &["credsStore", "auths"],
            Edit::Helper(..) | Edit::NoHelper(_) => &["credHelpers", "auths"],
            Edit::Login(..) | Edit::HandOver(_) | Edit::NoAuth(_) => &["auths"],
            Edit::Add(true, _) | Edit::Subtract(true, _) => &["registry-mirrors"],
            Edit::Add(false, _) | Edit::Subtract(false, _) => &["insecure-registries"],
        }
    }

    /// Whether a document has the effect of this edit.
    fn is_in(&self, document: &Value) -> bool {
        let at = |path: &[&str]| path.iter().try_fold(document, |value, name| value.get(name)).filter(|v| !v.is_null());
        let key = |server: &str| KeyFormat::Docker.key(&ServerUrl::parse(server).unwrap());
        let listed = |mirrors, text: &str| {
            let name = if mirrors { "registry-mirrors" } else { "insecure-registries" };
            at(&[name]).is_some_and(|list| list.as_array().unwrap().contains(&json!(text)))
        };
        match self {
            Edit::Store(name) => at(&["credsStore"]) == Some(&json!(name)),
            Edit::NoStore => at(&["credsStore"]).is_none(),
            Edit::Helper(server, name) => at(&["credHelpers", &key(server)]) == Some(&json!(name)),
            Edit::NoHelper(server) => at(&["credHelpers", &key(server)]).is_none(),
            Edit::Login(server, ..) => at(&["auths", server, "auth"]).is_some(),
            Edit::HandOver(server) => at(&["auths", server, "auth"]) != Some(&json!("dTpw")),
            Edit::NoAuth(server) => at(&["auths", server]).is_none(),
            Edit::Add(mirrors, text) => listed(*mirrors, text),
            Edit::Subtract(mirrors, text) => !listed(*mirrors, text),
        }
    }
}

fn parsed(document: &Document) -> Value {
    serde_json::from_slice(document.text()).unwrap()
}

fn all_but(value: &Value, names: &[&str]) -> Map<String, Value> {
    let mut rest = value.as_object().unwrap().clone();
    rest.retain(|name, _| !names.contains(&name.as_str()));
    rest
}

proptest! {
    #[test]
    fn an_edit_changes_what_it_names_and_nothing_else((text, pieces) in config(), edits in vec(edit(), 1..5)) {
        let mut document = Document::parse(text.clone().into_bytes()).unwrap();
        for edit in &edits {
            let before = parsed(&document);
            edit.make(&mut document);
            let after = parsed(&document);
            prop_assert!(edit.is_in(&after), "{edit:?}: {}", String::from_utf8_lossy(document.text()));
            prop_assert_eq!(all_but(&after, edit.touches()), all_but(&before, edit.touches()));
            let text = String::from_utf8(document.text().to_vec()).unwrap();
            for piece in &pieces {
                prop_assert!(text.contains(piece), "{piece} is lost in {text}");
            }
            // A second time it changes nothing.
            edit.make(&mut document);
            prop_assert_eq!(String::from_utf8_lossy(document.text()), text);
            // The document's values are those that are read from its text.
            let again = Document::parse(document.text().to_vec()).unwrap();
            prop_assert_eq!(again.cred_helpers(), document.cred_helpers());
            prop_assert_eq!(again.auths(), document.auths());
        }
    }

    #[test]
    fn a_login_is_returned((text, _) in config(), server in select(&SERVERS[..]), user in "[a-z]{1,5}|<token>", secret in "[ -~é]{1,9}") {
        let mut document = Document::parse(text.into_bytes()).unwrap();
        let given = Credentials { server: server.to_owned(), username: user, secret: Secret::new(secret) };
        document.set_auth(&given);
        let found = document.auths().into_iter().find(|auth| auth.server == server).unwrap();
        prop_assert_eq!(found.login(), Some(given.clone()));
        prop_assert!(document.remove_login(&given));
        prop_assert!(!document.remove_login(&given));
        let found = document.auths().into_iter().find(|auth| auth.server == server).unwrap();
        prop_assert_eq!(found.login(), None);
    }

    #[test]
    fn no_text_panics_and_docker_reads_what_is_accepted(text in r#"[ \t\n{}\[\]:,"\\a-zA-Z0-9.eE+-]{0,60}|\PC{0,40}"#, edits in vec(edit(), 1..3)) {
        let Ok(mut document) = Document::parse(text.clone().into_bytes()) else { return Ok(()) };
        for edit in &edits {
            edit.make(&mut document);
        }
        let mut values = serde_json::Deserializer::from_slice(document.text()).into_iter::<Value>();
        prop_assert!(values.next().is_none_or(|value| value.is_ok()), "{}", String::from_utf8_lossy(document.text()));
    }
}

proptest! {
    // Each case waits for the disk.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn edits_undone_give_back_the_very_bytes((text, _) in config(), edits in vec(edit().prop_filter("undoable", Edit::spares_logins), 1..4)) {
        let folder = tempfile::tempdir().unwrap();
        let file = ConfigFile::at(folder.path().join("config.json"));
        std::fs::write(file.path(), &text).unwrap();
        for edit in &edits {
            let before = std::fs::read(file.path()).unwrap();
            let edited = file.edit(|document| edit.make(document)).unwrap();
            let after = std::fs::read(file.path()).unwrap();
            prop_assert_eq!(edited.saved == Saved::Untouched, before == after);
        }
        let changed = std::fs::read(file.path()).unwrap() != text.as_bytes();
        prop_assert!(file.undo().unwrap().is_some() || !changed);
        prop_assert_eq!(std::fs::read_to_string(file.path()).unwrap(), text);
        prop_assert!(file.undo().unwrap().is_none());
        // Windows locks no folders: a file beside the config is locked instead.
        let left = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let left = left.filter(|name| !(cfg!(windows) && name == "config.json.credmint-lock"));
        prop_assert_eq!(left.count(), 1, "no litter");
    }
}

#[test]
fn a_helper_is_removed_by_the_address_that_it_was_set_for() {
    let server = ServerUrl::parse("http://localhost:5000").unwrap();
    let mut document = Document::parse(b"{}".to_vec()).unwrap();
    document.set_cred_helper(&server, KeyFormat::Docker, &HelperName::parse("credmint").unwrap());
    document.remove_cred_helper(&server);
    assert_eq!(document.cred_helpers(), []);
}
