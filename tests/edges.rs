//! What may depend on what, and where certain things may stand: the table of `crates/README.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

const PROTOCOL: &str = "credmint-protocol";
const REGISTRY: &str = "credmint-registry";
const SETTINGS: &str = "credmint-settings";
const VAULT: &str = "credmint-vault";
const BROKER: &str = "credmint-broker";
const WEB: &str = "credmint-web";
const PROGRAM: &str = "credmint-program";
const DOCKERCONFIG: &str = "credmint-dockerconfig";
const CLI: &str = "credmint-cli";
/// A cloud's crate may use all of these, and no other cloud's.
const BELOW_A_CLOUD: &[&str] = &[PROTOCOL, REGISTRY, SETTINGS, VAULT, BROKER, WEB, PROGRAM];

/// The rooms that each room may use.
const ROOMS: [(&str, &[&str]); 14] = [
    (PROTOCOL, &[]),
    (REGISTRY, &[PROTOCOL]),
    (SETTINGS, &[PROTOCOL, REGISTRY]),
    (VAULT, &[PROTOCOL]),
    (BROKER, &[PROTOCOL, REGISTRY, SETTINGS, VAULT]),
    (DOCKERCONFIG, &[PROTOCOL]),
    (WEB, &[PROTOCOL, SETTINGS]),
    (PROGRAM, &[PROTOCOL]),
    ("credmint-ecr", BELOW_A_CLOUD),
    ("credmint-acr", BELOW_A_CLOUD),
    ("credmint-gcr", BELOW_A_CLOUD),
    ("credmint-ghcr", BELOW_A_CLOUD),
    // It mints nothing itself. The web is for `doctor`, which asks registries.
    (CLI, &[PROTOCOL, REGISTRY, SETTINGS, VAULT, BROKER, DOCKERCONFIG, WEB]),
    (
        "credmint",
        &[PROTOCOL, REGISTRY, SETTINGS, BROKER, CLI, "credmint-ecr", "credmint-acr", "credmint-gcr", "credmint-ghcr"],
    ),
];
/// Those that every hit goes through, and Docker's config.
const LIGHT: &[&str] = &[PROTOCOL, REGISTRY, SETTINGS, VAULT, BROKER, DOCKERCONFIG];

/// Only a cloud's crate may have these below it.
const HEAVY: [&str; 8] = ["tokio", "hyper", "rustls", "ring", "reqwest", "aws-config", "aws-sdk-ecr", "openssl"];
/// Only the vault may name these.
const KEYCHAINS: [&str; 6] =
    ["keyring", "keyring-core", "dbus", "dbus-secret-service", "linux-keyutils", "security-framework"];

/// Each package's ordinary dependencies, all systems together.
struct Graph(BTreeMap<String, BTreeSet<String>>);

impl Graph {
    fn load() -> Self {
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--locked"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
        let name_of: BTreeMap<_, _> = metadata["packages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|package| (package["id"].as_str().unwrap(), package["name"].as_str().unwrap().to_owned()))
            .collect();
        let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for node in metadata["resolve"]["nodes"].as_array().unwrap() {
            let used = node["deps"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|edge| edge["dep_kinds"].as_array().unwrap().iter().any(|kind| kind["kind"].is_null()));
            let used = used.map(|edge| name_of[edge["pkg"].as_str().unwrap()].clone());
            graph.entry(name_of[node["id"].as_str().unwrap()].clone()).or_default().extend(used);
        }
        Graph(graph)
    }

    /// Everything below a package.
    fn below(&self, name: &str) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        let mut waiting = vec![name];
        while let Some(name) = waiting.pop() {
            for used in self.0.get(name).into_iter().flatten() {
                if found.insert(used.as_str()) {
                    waiting.push(used);
                }
            }
        }
        found
    }
}

#[test]
fn rooms_use_only_the_rooms_below_them() {
    let graph = Graph::load();
    for (room, allowed) in ROOMS {
        for used in graph.0[room].iter().filter(|used| used.starts_with("credmint")) {
            assert!(allowed.contains(&used.as_str()), "{room} uses {used}");
        }
    }
    let known: Vec<_> = ROOMS.iter().map(|(room, _)| *room).collect();
    for room in graph.0.keys().filter(|name| name.starts_with("credmint")) {
        assert!(known.contains(&room.as_str()), "{room} is not in the table");
    }
}

#[test]
fn only_a_cloud_has_a_runtime_a_network_and_an_sdk_below_it() {
    let graph = Graph::load();
    assert!(graph.below("credmint-ecr").contains("tokio"), "the test looks in the right place");
    for room in LIGHT {
        // keyring has a runtime below it where it talks to a bus, which it does not on our systems.
        let below = graph.below(room);
        let heavy: Vec<_> = HEAVY.iter().filter(|name| below.contains(**name)).collect();
        assert!(heavy.is_empty(), "{room} has {heavy:?} below it");
    }
}

#[test]
fn only_the_vault_knows_keychains() {
    let graph = Graph::load();
    for (room, _) in ROOMS.iter().filter(|(room, _)| *room != "credmint-vault") {
        let named: Vec<_> = KEYCHAINS.iter().filter(|name| graph.0[*room].contains(**name)).collect();
        assert!(named.is_empty(), "{room} names {named:?}");
    }
}

/// Every Rust file of the project, with its text.
fn sources() -> Vec<(PathBuf, String)> {
    fn collect(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() && !path.ends_with("target") {
                collect(&path, found);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    let mut found = Vec::new();
    for folder in ["crates", "tests"] {
        collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut found);
    }
    assert!(found.len() > 30);
    found
}

/// What stands before the tests at the bottom.
fn production(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap()
}

#[test]
fn unsafe_code_stands_in_the_vault_alone() {
    let word = concat!("uns", "afe {");
    for (path, text) in sources() {
        let is_vault = path.components().any(|part| part.as_os_str() == "vault");
        assert!(is_vault || !text.contains(word), "{}", path.display());
    }
}

#[test]
fn secrets_leave_in_few_places() {
    // Each is a place where a secret goes out: the reply, the vault, a request of one of four clouds. One more is a decision.
    let mut exposed = BTreeMap::new();
    for (path, text) in sources() {
        let relative = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().display().to_string();
        if relative.starts_with("crates/") && relative.contains("/src/") {
            let count = production(&text)
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .filter(|line| line.contains(".expose()"))
                .count();
            if count > 0 {
                exposed.insert(relative, count);
            }
        }
    }
    let total: usize = exposed.values().sum();
    assert!(total <= 35, "{total}: {exposed:#?}");
}

#[test]
fn no_room_is_too_large() {
    for (path, text) in sources() {
        let lines = text.lines().count();
        let limit = if path.components().any(|part| part.as_os_str() == "crates") { 400 } else { 500 };
        assert!(lines <= limit, "{} has {lines} lines", path.display());
    }
}

#[test]
fn the_threat_model_names_tests_that_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let map = std::fs::read_to_string(root.join("crates/README.md")).unwrap();
    let model = map.split("## Threat model").nth(1).unwrap().split("\n## ").next().unwrap();
    let sources = sources();
    let mut named = 0;
    for row in model.lines().filter(|line| line.starts_with("| ")).skip(1) {
        let last = row.trim_end_matches(" |").rsplit("| ").next().unwrap();
        for test in last.split('`').skip(1).step_by(2) {
            named += 1;
            let is_there = match test.rsplit_once("::") {
                Some((_, name)) => sources.iter().any(|(_, text)| text.contains(&format!("fn {name}("))),
                None => {
                    let places =
                        [root.join(test), root.join("crates").join(test), root.join(format!("tests/{test}.rs"))];
                    places.iter().any(|place| place.exists())
                }
            };
            assert!(is_there, "{test} in: {row}");
        }
        assert!(last.contains('`'), "no test in: {row}");
    }
    assert!(named > 30, "the test looks in the right place");
}
