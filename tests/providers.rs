//! A build with any subset of the clouds: it reports which it has, and rejects the others.
//!
//! `tests/one-cloud` runs it on builds with one cloud.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // In a test a panic is the message.

#[allow(dead_code, unreachable_pub, reason = "the suite uses the rest")]
mod home;

use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::sync::OnceLock;

use home::{ACR, CLI, CREDMINT, ECR, GCR, GHCR, Home, NOT_FOUND, Outcome, REGISTRY, WORKER, program};
use serde_json::{Value, json};

/// A cloud, and a registry of it.
struct Cloud {
    provider: &'static str,
    name: &'static str,
    helper: &'static str,
    registry: &'static str,
    /// Whether such a registry has public images, too.
    public: bool,
    is_built_in: bool,
}

const CLOUDS: [Cloud; 4] = [
    Cloud {
        provider: "ecr",
        name: "AWS",
        helper: ECR,
        registry: REGISTRY,
        public: false,
        is_built_in: cfg!(feature = "ecr"),
    },
    Cloud {
        provider: "acr",
        name: "Azure",
        helper: ACR,
        registry: "contoso.azurecr.io",
        public: false,
        is_built_in: cfg!(feature = "acr"),
    },
    Cloud {
        provider: "gcr",
        name: "Google",
        helper: GCR,
        registry: "europe-docker.pkg.dev",
        public: true,
        is_built_in: cfg!(feature = "gcr"),
    },
    Cloud {
        provider: "ghcr",
        name: "GitHub",
        helper: GHCR,
        registry: "ghcr.io",
        public: true,
        is_built_in: cfg!(feature = "ghcr"),
    },
];

fn providers() -> Vec<&'static str> {
    CLOUDS.iter().filter(|cloud| cloud.is_built_in).map(|cloud| cloud.provider).collect()
}

fn left_out() -> impl Iterator<Item = &'static Cloud> {
    CLOUDS.iter().filter(|cloud| !cloud.is_built_in)
}

/// The version of the package, with the clouds after a plus if some are missing.
fn version() -> String {
    let package = env!("CARGO_PKG_VERSION");
    let mut built_in = providers();
    built_in.extend(cfg!(feature = "exchange").then_some("exchange"));
    if built_in.len() > CLOUDS.len() { package.to_owned() } else { format!("{package}+{}", built_in.join(".")) }
}

/// The programs of this build only: those of an earlier one with more clouds may be in the same folder.
fn installed() -> &'static Path {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let helpers = CLOUDS.iter().filter(|cloud| cloud.is_built_in).map(|cloud| cloud.helper);
        for name in helpers.chain([CREDMINT, CLI, WORKER]) {
            let (from, to) = (program(name), folder.path().join(name));
            std::fs::hard_link(&from, &to).or_else(|_| std::fs::copy(&from, &to).map(drop)).unwrap();
        }
        folder
    });
    folder.path()
}

/// A home without an identity, with the programs on the path.
fn home() -> Home {
    let mut home = Home::of(CREDMINT);
    home.set("PATH", format!("{}:/usr/bin:/bin", installed().display()));
    home
}

fn credmint(home: &Home, arguments: &[&str]) -> Outcome {
    home.run(installed().join(CLI).to_str().unwrap(), arguments, "")
}

fn json_of(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome:?}"))
}

#[test]
fn version_tells_what_is_built_in() {
    let home = home();
    let facts = json_of(&credmint(&home, &["version", "--json"]));
    assert_eq!(facts["version"], version());
    assert_eq!(facts["providers"], json!(providers()));
    assert!(facts["target"].as_str().unwrap().contains(std::env::consts::ARCH), "{facts}");
    assert!(facts["commit"].is_null() || facts["commit"].as_str().unwrap().len() >= 7, "{facts}");
    let shown = credmint(&home, &["version"]).stdout;
    for words in [&version(), &providers().join(", "), facts["target"].as_str().unwrap()] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert_eq!(credmint(&home, &["--version"]).stdout, format!("credmint {}\n", version()));
    let helpers = CLOUDS.iter().filter(|cloud| cloud.is_built_in).map(|cloud| cloud.helper);
    for helper in helpers.chain([CREDMINT]) {
        assert_eq!(home.run(helper, &["version"], "").stdout, format!("{helper} (credmint) {}\n", version()));
    }
}

#[test]
fn version_works_with_broken_settings() {
    let home = home();
    home.settings("malformed = {");
    assert_eq!(json_of(&credmint(&home, &["version", "--json"]))["version"], version());
}

#[test]
fn a_registry_of_a_cloud_that_is_not_built_in_gets_an_error_and_a_remedy() {
    let home = home();
    for cloud in left_out() {
        let outcome = home.get(cloud.registry);
        if cloud.public {
            assert_eq!((outcome.code, outcome.stdout.trim_end()), (1, NOT_FOUND), "{outcome:?}");
            continue;
        }
        assert_eq!(outcome.code, 1, "{outcome:?}");
        for words in [&format!("does not support {}", cloud.name), &format!("docker login {}", cloud.registry)] {
            assert!(outcome.stderr.contains(words), "{words:?} is missing: {outcome:?}");
        }
    }
}

#[test]
fn a_login_for_such_a_registry_serves() {
    let home = home();
    for cloud in left_out() {
        home.store(cloud.registry, "me", "my-secret");
        assert_eq!(home.get(cloud.registry).secret(), "my-secret");
        assert_eq!(home.list().get(cloud.registry).map(String::as_str), Some("me"));
        home.erase(cloud.registry).is_silent();
        assert_eq!(home.get(cloud.registry).code, 1);
    }
}

/// A helper with the cloud may be next to a worker of another build.
#[test]
fn a_worker_reports_that_the_cloud_was_left_out() {
    for cloud in left_out() {
        let mut minter = home().command(WORKER, &[]).stdin(Stdio::piped()).spawn().unwrap();
        let mut input = minter.stdin.take().unwrap();
        writeln!(input, "{}", json!({"server": cloud.registry, "milliseconds": 5000})).unwrap();
        // It ends with its caller.
        let output = minter.wait_with_output().unwrap();
        drop(input);
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        assert!(answer["what"].as_str().unwrap().contains(&format!("does not support {}", cloud.name)), "{answer}");
    }
}

#[test]
fn doctor_reports_what_is_built_in_and_what_a_left_out_registry_needs() {
    let home = home();
    let found = |arguments: &[&str], words: &str| {
        let facts = json_of(&credmint(&home, &[&["doctor", "--offline", "--json"], arguments].concat()));
        let finding =
            facts["findings"].as_array().unwrap().iter().find(|it| it["text"].as_str().unwrap().contains(words));
        finding.unwrap_or_else(|| panic!("{words:?} is not found: {facts:#}")).clone()
    };
    let version = version();
    let built = found(&[], &format!("credmint {version} "));
    assert_eq!(built["level"], if left_out().next().is_none() { "ok" } else { "note" }, "{built}");
    for cloud in left_out() {
        assert!(built["text"].as_str().unwrap().contains(cloud.name), "{built}");
        let registry = found(&[cloud.registry], &format!("does not support {}", cloud.name));
        assert!(registry["remedy"].as_str().unwrap().contains(&format!("--features {}", cloud.provider)), "{registry}");
        home.write(".docker/config.json", json!({"credHelpers": {cloud.registry: cloud.provider}}).to_string());
        let helper = found(&[], &format!("{}, set for {}, not found on PATH", cloud.helper, cloud.registry));
        assert_eq!(helper["level"], "broken");
        assert!(helper["remedy"].as_str().unwrap().contains(&format!("--features {}", cloud.provider)), "{helper}");
    }
}

#[test]
fn configure_names_no_helper_that_is_not_built_in() {
    let home = home();
    for cloud in left_out() {
        let outcome = credmint(&home, &["configure", cloud.registry]);
        assert_eq!(outcome.code, 1, "{outcome:?}");
        assert!(outcome.stderr.contains(&format!("does not support {}", cloud.name)), "{outcome:?}");
        assert!(!home.path(".docker/config.json").exists());
    }
}

#[cfg(not(feature = "exchange"))]
#[test]
fn an_exchange_that_is_set_up_and_left_out_gets_a_reason() {
    let home = home();
    home.settings("[[registry]]\nmatch = \"quay.io\"\nprovider = \"quay\"\nrobot = \"corp+ci\"\n");
    home.get("quay.io").is_not_found_because(&["does not support provider = \"quay\"", "docker login quay.io"]);
    home.get("docker.io").is_not_found();
}

#[cfg(feature = "ecr")]
#[test]
fn what_is_built_in_mints() {
    let aws = pretend_cloud::Aws::start();
    let home = Home::signed_in(&aws);
    let secret = home.run(CREDMINT, &["get"], REGISTRY).secret();
    assert_eq!(aws.minted().last().unwrap().password, secret);
    assert_eq!(home.get(REGISTRY).secret(), secret, "the cloud's own helper has the same token");
}
