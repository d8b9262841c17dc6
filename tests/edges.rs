//! Architecture rules: which crate may use which (the table of `crates/README.md`), where secrets are exposed, how long
//! a file may be.

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
const IDENTITY_TOKEN: &str = "credmint-identity-token";
const DOCKERCONFIG: &str = "credmint-dockerconfig";
const CLI: &str = "credmint-cli";
/// What a cloud's crate may use: not the crate of another cloud.
const BELOW_A_CLOUD: &[&str] = &[PROTOCOL, REGISTRY, SETTINGS, VAULT, BROKER, WEB, PROGRAM];

/// The crates that each crate may use.
const CRATES: [(&str, &[&str]); 17] = [
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
    ("credmint-command", &[PROTOCOL, SETTINGS, BROKER, PROGRAM]),
    // The identity of AWS is that crate's to know.
    (IDENTITY_TOKEN, &[PROTOCOL, REGISTRY, SETTINGS, BROKER, WEB, PROGRAM, "credmint-ecr"]),
    ("credmint-exchange", &[PROTOCOL, REGISTRY, SETTINGS, BROKER, WEB, IDENTITY_TOKEN]),
    // It mints nothing itself. `web` and `program` are for `doctor`, which calls registries and runs `docker info`.
    (CLI, &[PROTOCOL, REGISTRY, SETTINGS, VAULT, BROKER, DOCKERCONFIG, WEB, PROGRAM, IDENTITY_TOKEN]),
    (
        "credmint",
        &[
            PROTOCOL,
            REGISTRY,
            SETTINGS,
            BROKER,
            CLI,
            "credmint-ecr",
            "credmint-acr",
            "credmint-gcr",
            "credmint-ghcr",
            "credmint-command",
            "credmint-exchange",
        ],
    ),
];
/// The crates on the cached path, and Docker's config.
const LIGHT: &[&str] = &[PROTOCOL, REGISTRY, SETTINGS, VAULT, BROKER, DOCKERCONFIG];

/// Only a cloud's crate may depend on these.
const HEAVY: [&str; 8] = ["tokio", "hyper", "rustls", "ring", "reqwest", "aws-config", "aws-sdk-ecr", "openssl"];
/// Only the vault may depend on these.
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
fn crates_use_only_the_crates_below_them() {
    let graph = Graph::load();
    for (name, allowed) in CRATES {
        for used in graph.0[name].iter().filter(|used| used.starts_with("credmint")) {
            assert!(allowed.contains(&used.as_str()), "{name} uses {used}");
        }
    }
    let known: Vec<_> = CRATES.iter().map(|(name, _)| *name).collect();
    for name in graph.0.keys().filter(|name| name.starts_with("credmint")) {
        assert!(known.contains(&name.as_str()), "{name} is not in the table");
    }
}

#[test]
fn only_a_cloud_depends_on_a_runtime_a_network_and_an_sdk() {
    let graph = Graph::load();
    assert!(graph.below("credmint-ecr").contains("tokio"), "the test looks in the right place");
    for light in LIGHT {
        // keyring depends on a runtime for D-Bus, which it does not use on our systems.
        let below = graph.below(light);
        let heavy: Vec<_> = HEAVY.iter().filter(|name| below.contains(**name)).collect();
        assert!(heavy.is_empty(), "{light} has {heavy:?} below it");
    }
}

#[test]
fn only_the_vault_depends_on_keychains() {
    let graph = Graph::load();
    for (name, _) in CRATES.iter().filter(|(name, _)| *name != "credmint-vault") {
        let named: Vec<_> = KEYCHAINS.iter().filter(|keychain| graph.0[*name].contains(**keychain)).collect();
        assert!(named.is_empty(), "{name} names {named:?}");
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

/// The part before the tests at the bottom.
fn production(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap()
}

#[test]
fn unsafe_code_is_in_the_vault_only() {
    let word = concat!("uns", "afe {");
    for (path, text) in sources() {
        let is_vault = path.components().any(|part| part.as_os_str() == "vault");
        assert!(is_vault || !text.contains(word), "{}", path.display());
    }
}

#[test]
fn secrets_are_exposed_in_few_places() {
    // A secret leaves in each of them: the response, the vault, a request to one of four clouds. Another one is a decision.
    let mut exposed = BTreeMap::new();
    for (path, text) in sources() {
        let relative = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().display().to_string();
        if relative.starts_with("crates/") && relative.contains("/src/") && !relative.ends_with("/tests.rs") {
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
    // The vault has one for each way into a keychain: items of Windows and of macOS are not alike. Azure's reads
    // of which cloud a token is, before it goes to a registry of another one; an exchange sends an identity token,
    // and reads the expiry of what it is given; Azure's exchanges a refresh token for one of some repositories; doctor
    // looks up a package at GitHub with the App's token that must not pull it; the audit log reads the principal of a token;
    // requests to Oracle and Alibaba Cloud are signed here.
    assert!(total <= 47, "{total}: {exposed:#?}");
}

/// A busy machine is slow: use the functions of `testing` instead.
#[test]
fn no_test_asserts_a_wall_clock() {
    for (path, text) in sources() {
        for line in text.lines().filter(|line| !line.contains("testing::HANG")) {
            let asserted = [
                concat!("took", " < Duration"),
                concat!("elapsed()", " < Duration"),
                concat!("elapsed()", ".as_millis()"),
            ];
            assert!(!asserted.iter().any(|what| line.contains(what)), "{}: {line}", path.display());
        }
    }
}

/// A module imports only modules below it: see "To add a cloud" in `crates/README.md`.
#[test]
fn modules_import_each_other_in_no_circle() {
    let mut modules = 0;
    for folder in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("crates")).unwrap() {
        let name = folder.unwrap().file_name().into_string().unwrap();
        let folder = format!("crates/{name}/src/");
        let mut imports: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (path, text) in sources() {
            let Some(file) = path.to_str().and_then(|path| Some(path.split_once(&folder)?.1.to_owned())) else {
                continue;
            };
            if file.ends_with("tests.rs") {
                continue;
            }
            // A folder is one module with the file of its name.
            let module = file.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
            let of_file = imports_of(production(&text)).into_iter().filter(|other| *other != module);
            imports.entry(module.clone()).or_default().extend(of_file);
        }
        imports.remove("lib");
        modules += imports.len();
        // Removes each module that imports none of the others, until only circles are left.
        while let Some(lowest) = imports.iter().find(|(_, of)| of.iter().all(|one| !imports.contains_key(one))) {
            let lowest = lowest.0.clone();
            imports.remove(&lowest);
        }
        assert!(imports.is_empty(), "circles of {folder}: {imports:#?}");
    }
    assert!(modules > 100, "{modules} modules");
}

/// The modules of its own crate that a file names: `use crate::a::B`, `use crate::{a, b::C}`, `crate::a::B`.
fn imports_of(text: &str) -> BTreeSet<String> {
    let name =
        |text: &str| text.trim().split(|sign: char| !sign.is_alphanumeric() && sign != '_').next().unwrap().to_owned();
    let uses = text.split("crate::").skip(1).flat_map(|rest| match rest.strip_prefix('{') {
        Some(list) => {
            let (list, _) = list.split_once("};").unwrap();
            let mut depth = 0;
            let parts = list.split(|sign| {
                depth += i32::from(sign == '{') - i32::from(sign == '}');
                sign == ',' && depth == 0
            });
            parts.map(name).collect()
        }
        None => vec![name(rest)],
    });
    uses.filter(|name| !name.is_empty()).collect()
}

#[test]
fn no_file_is_too_long() {
    for (path, text) in sources() {
        let lines = text.lines().count();
        let limit = if path.components().any(|part| part.as_os_str() == "crates") { 350 } else { 450 };
        assert!(lines <= limit, "{} has {lines} lines", path.display());
    }
}

#[test]
fn the_threat_model_names_existing_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join(".github/SECURITY.md")).unwrap();
    let model = text.split("## Threat model").nth(1).unwrap().split("\n## ").next().unwrap();
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
