use dockerconfig::{DaemonList, Document, HelperName, KeyFormat};
use protocol::{Credentials, Secret, ServerUrl};
use serde_json::{Map, Value};

/// A formatting style: the text after `{`, between members and before `}`, at each depth.
struct Style {
    gap: fn(usize) -> String,
    colon: &'static str,
    end: &'static str,
    empty: &'static str,
}

const STYLES: [Style; 6] = [
    Style { gap: |depth| format!("\n{}", "\t".repeat(depth)), colon: ": ", end: "", empty: "{}" },
    Style { gap: |depth| format!("\n{}", "  ".repeat(depth)), colon: ": ", end: "\n", empty: "{ }" },
    Style { gap: |depth| format!("\r\n{}", "    ".repeat(depth)), colon: " :  ", end: "\r\n\r\n", empty: "{\r\n}" },
    Style { gap: |_| String::new(), colon: ":", end: "", empty: "{}" },
    Style { gap: |_| " ".to_owned(), colon: ": ", end: "\n", empty: "{  }" },
    Style { gap: |_| "\n".to_owned(), colon: ":", end: " ", empty: "{\n}" },
];

/// Members to choose from; the texts are JSON, `@` begins an object that is formatted in the style.
const MEMBERS: [(&str, &[(&str, &str)]); 7] = [
    ("auths", &[("r.example", "{\"auth\":\"dTpw\",\"email\":\"}\\\"\"}"), ("https://index.docker.io/v1/", "{}")]),
    ("credsStore", &[("", "\"desktop\"")]),
    ("credHelpers", &[("other.example", "\"x\""), ("r.example", "\"\\u0065cr\"")]),
    ("é\\\"{", &[("", "[1e400, -0.0, {\"a\" : [ ]}, \"\\ud83d\\ude00\", 12345678901234567890]")]),
    ("auths2", &[]),
    ("registry-mirrors", &[("", "[ \"https://a\",\"https://m\" ]")]),
    ("plugins", &[("a", "{\"enabled\":\"true\"}"), ("A", "null")]),
];

fn object(style: &Style, depth: usize, members: &[(&str, String)]) -> String {
    if members.is_empty() {
        return style.empty.to_owned();
    }
    let gap = (style.gap)(depth + 1);
    let members: Vec<_> =
        members.iter().map(|(name, value)| format!("{gap}\"{name}\"{}{value}", style.colon)).collect();
    format!("{{{}{}}}", members.join(","), (style.gap)(depth))
}

/// Every choice of members, in two orders, in every style.
fn documents() -> Vec<String> {
    let mut documents = vec![String::new(), "null".to_owned(), " \r\n".to_owned()];
    for style in &STYLES {
        for chosen in 0..1_u32 << MEMBERS.len() {
            let mut members: Vec<(&str, String)> = Vec::new();
            for (nth, (name, inner)) in MEMBERS.iter().enumerate().filter(|(nth, _)| chosen & (1 << nth) != 0) {
                let value = match inner {
                    [("", json)] => (*json).to_owned(),
                    inner => {
                        // One inner member in every second document, so that an only member is removed too.
                        let fewer =
                            if (chosen as usize + nth).is_multiple_of(2) { 1.min(inner.len()) } else { inner.len() };
                        let inner: Vec<_> =
                            inner[..fewer].iter().map(|(name, json)| (*name, (*json).to_owned())).collect();
                        object(style, 1, &inner)
                    }
                };
                members.push((name, value));
            }
            documents.push(object(style, 0, &members) + style.end);
            members.reverse();
            documents.push(object(style, 0, &members) + style.end);
        }
    }
    documents
}

type Edit = (&'static str, fn(&mut Document), fn(&mut Map<String, Value>));

fn inner<'a>(root: &'a mut Map<String, Value>, name: &str) -> &'a mut Map<String, Value> {
    let value = root.entry(name).or_insert_with(|| Value::Object(Map::new()));
    value.as_object_mut().unwrap()
}

fn login() -> Credentials {
    Credentials { server: "r.example".into(), username: "u".into(), secret: Secret::new("p2".into()) }
}

/// Each edit, and its effect on plain data.
const EDITS: [Edit; 11] = [
    (
        "set store",
        |d| d.set_creds_store(&HelperName::parse("new").unwrap()),
        |v| {
            v.insert("credsStore".into(), "new".into());
        },
    ),
    ("remove store", Document::remove_creds_store, |v| {
        let empty = |v: &Map<String, Value>, name| v.get(name).is_none_or(|v| v.as_object().unwrap().is_empty());
        if v.remove("credsStore").is_some() && empty(v, "auths") && empty(v, "credHelpers") {
            inner(v, "auths").insert("https://index.docker.io/v1/".into(), Value::Object(Map::new()));
        }
    }),
    (
        "set helper",
        |d| {
            d.set_cred_helper(
                &ServerUrl::parse("r.example").unwrap(),
                KeyFormat::Docker,
                &HelperName::parse("ecr").unwrap(),
            )
        },
        |v| {
            inner(v, "credHelpers").insert("r.example".into(), "ecr".into());
        },
    ),
    (
        "remove helper",
        |d| d.remove_cred_helper(&ServerUrl::parse("https://other.example/").unwrap()),
        |v| {
            if v.contains_key("credHelpers")
                && inner(v, "credHelpers").remove("other.example").is_some()
                && inner(v, "credHelpers").is_empty()
            {
                v.remove("credHelpers");
            }
        },
    ),
    (
        "set auth",
        |d| d.set_auth(&login()),
        |v| {
            let entry = inner(inner(v, "auths"), "r.example");
            entry.insert("auth".into(), "dTpwMg==".into());
        },
    ),
    (
        "blank auth",
        |d| {
            let found = d.auths().into_iter().find(|auth| auth.server == "r.example").and_then(|auth| auth.login());
            found.iter().for_each(|login| assert!(d.remove_login(login)));
        },
        |v| {
            if let Some(entry) = v.get_mut("auths").and_then(|auths| auths.get_mut("r.example")) {
                entry.as_object_mut().unwrap().remove("auth");
            }
        },
    ),
    (
        "remove auth",
        |d| d.remove_auth("https://index.docker.io/v1/"),
        |v| {
            if let Some(auths) = v.get_mut("auths") {
                auths.as_object_mut().unwrap().remove("https://index.docker.io/v1/");
            }
        },
    ),
    (
        "add mirror",
        |d| d.add_to(DaemonList::Mirrors, "https://new"),
        |v| {
            let list = v.entry("registry-mirrors").or_insert_with(|| Value::Array(Vec::new()));
            list.as_array_mut().unwrap().push("https://new".into());
        },
    ),
    (
        "add a mirror that is there",
        |d| d.add_to(DaemonList::Mirrors, "https://m"),
        |v| {
            let list = v.entry("registry-mirrors").or_insert_with(|| Value::Array(Vec::new())).as_array_mut().unwrap();
            if !list.contains(&"https://m".into()) {
                list.push("https://m".into());
            }
        },
    ),
    (
        "remove mirror",
        |d| d.remove_from(DaemonList::Mirrors, "https://a"),
        |v| {
            if let Some(list) = v.get_mut("registry-mirrors") {
                list.as_array_mut().unwrap().retain(|value| value != "https://a");
            }
        },
    ),
    ("remove what is not there", |d| d.remove_cred_helper(&ServerUrl::parse("absent.example").unwrap()), |_| {}),
];

/// As plain data; numbers that serde cannot represent become strings.
fn value(text: &[u8]) -> Map<String, Value> {
    let text = String::from_utf8(text.to_vec()).unwrap().replace("1e400", "\"1e400\"");
    match text.trim() {
        "" | "null" => Map::new(),
        text => serde_json::from_str(text).unwrap(),
    }
}

#[test]
fn c5_an_edit_changes_only_the_member_that_it_names() {
    let mut changed = 0;
    for text in documents() {
        let before = Document::parse(text.clone().into()).unwrap();
        for (name, edit, meaning) in EDITS {
            let mut after = before.clone();
            edit(&mut after);
            let mut expected = value(text.as_bytes());
            let blank = matches!(text.trim(), "" | "null");
            meaning(&mut expected);
            if blank && text.trim().is_empty() && matches!(name, "set store" | "set helper") {
                inner(&mut expected, "auths");
            }
            let shown = String::from_utf8(after.text().to_vec()).unwrap();
            assert_eq!(value(after.text()), expected, "{name}: {text:?} became {shown:?}");
            // The members that were not named are unchanged, in their old order.
            let kept = |text: &str| {
                ["[1e400, -0.0, {\"a\" : [ ]}, \"\\ud83d\\ude00\", 12345678901234567890]", "{\"enabled\":\"true\"}"]
                    .map(|part| text.contains(part))
            };
            assert_eq!(kept(&shown), kept(&text), "{name}: {text:?} became {shown:?}");
            assert!(
                blank || shown.ends_with('\n') == text.ends_with('\n'),
                "{name}: the end of {text:?} became {shown:?}"
            );
            let lone = |text: &str| text.replace("\r\n", "").contains('\n');
            assert!(
                !text.contains("\r\n") || lone(&text) || blank || !lone(&shown),
                "{name}: {shown:?} mixes line ends"
            );
            if expected == value(text.as_bytes()) {
                assert_eq!(shown, text, "{name} changes nothing and touches nothing");
            } else {
                changed += 1;
            }
            let mut twice = after.clone();
            if name != "add mirror" {
                edit(&mut twice);
            }
            assert_eq!(twice.text(), after.text(), "{name} twice: {text:?}");
        }
    }
    assert!(changed > 5000, "{changed} edits changed something");
}

#[test]
fn undo_restores_the_bytes_of_any_document() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    let file = dockerconfig::ConfigFile::at(&path);
    // The disk is slow: a sample with every style and every edit.
    for (nth, text) in documents().into_iter().enumerate().filter(|(nth, _)| nth % 23 == 0) {
        std::fs::write(&path, &text).unwrap();
        let logins = ["set auth", "blank auth", "remove auth"];
        let (name, edit, _) = EDITS[(nth / 23) % EDITS.len()];
        if logins.contains(&name) {
            continue;
        }
        file.edit(edit).unwrap();
        file.edit(EDITS[2].1).unwrap();
        file.undo().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "{name}");
    }
}
