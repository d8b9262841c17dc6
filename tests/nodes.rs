//! What `installers/kubelet` puts on nodes.

use std::collections::BTreeMap;
use std::path::Path;

use pretend_cloud::Aws;

use crate::home::{CLI, Home, REGISTRY};
use crate::kubelet::{Response, matches, request};

const NODE: &str = include_str!("../installers/kubelet/credential-provider-config.yaml");
const PODS: &str = include_str!("../installers/kubelet/service-accounts-config.yaml");
const RIGHTS: &str = include_str!("../installers/kubelet/service-accounts-rbac.yaml");

/// Each provider's text, by its name.
fn providers(config: &str) -> BTreeMap<&str, &str> {
    config.split("\n  - name: ").skip(1).map(|provider| provider.split_once('\n').unwrap()).collect()
}

/// The items of a list in a provider's text.
fn items<'a>(provider: &'a str, list: &str) -> Vec<&'a str> {
    let (_, rest) = provider.split_once(&format!("{list}:\n")).unwrap_or_default();
    rest.lines().map_while(|line| line.trim().strip_prefix("- ")).map(|item| item.trim_matches('"')).collect()
}

/// A host for every form that the table of registries has.
fn hosts() -> Vec<String> {
    let tables = [
        include_str!("../crates/registry/src/ecr.rs"),
        include_str!("../crates/registry/src/acr.rs"),
        include_str!("../crates/registry/src/gcr.rs"),
        include_str!("../crates/registry/src/ghcr.rs"),
    ];
    let mut hosts: Vec<String> =
        ["public.ecr.aws", "ecr-public.aws.com", "ghcr.io", "docker.pkg.github.com"].map(str::to_owned).into();
    for table in tables {
        let table = table.split("#[cfg(test)]").next().unwrap();
        for text in table.split(['(']).filter_map(|text| text.strip_prefix('"')?.split('"').next()) {
            if text.contains('.') && !text.ends_with('.') {
                let holes =
                    [("account", "123456789012"), ("region", "eu-west-1"), ("name", "contoso"), ("place", "eastus")];
                let host =
                    holes.iter().fold(text.to_owned(), |host, (hole, text)| host.replace(&format!("{{{hole}}}"), text));
                hosts.push(host.replace("{location}", "europe-west1"));
            }
        }
    }
    hosts
}

#[test]
fn the_configurations_name_every_registry_that_is_known() {
    let hosts = hosts();
    assert!(hosts.len() > 35 && hosts.iter().all(|host| !host.contains('{')), "{hosts:?}");
    for config in [NODE, PODS] {
        let patterns: Vec<_> = providers(config).values().flat_map(|provider| items(provider, "matchImages")).collect();
        for host in &hosts {
            assert!(patterns.iter().any(|pattern| matches(pattern, &format!("{host}/team/app"))), "{host}");
        }
        for other in ["quay.io", "us-python.pkg.dev", "contoso.azurewebsites.net", "ghcr.io.attacker.example"] {
            assert!(!patterns.iter().any(|pattern| matches(pattern, &format!("{other}/team/app"))), "{other}");
        }
    }
}

#[test]
fn every_audience_may_be_requested_and_every_annotation_counts() {
    let known = include_str!("../crates/settings/src/workload.rs");
    let mut audiences = 0;
    for provider in providers(PODS).values() {
        for annotation in items(provider, "optionalServiceAccountAnnotationKeys") {
            assert!(known.contains(&format!("\"{annotation}\"")), "{annotation}");
        }
        if let Some((_, rest)) = provider.split_once("serviceAccountTokenAudience: ") {
            assert!(RIGHTS.contains(&format!("\"{}\"", rest.lines().next().unwrap())), "{rest}");
            assert!(rest.contains("cacheType: ServiceAccount") && rest.contains("requireServiceAccount: "), "{rest}");
            audiences += 1;
        }
    }
    assert_eq!(audiences, 3);
}

#[test]
fn a_node_is_given_a_program_for_every_provider() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("installers/kubelet");
    let node = home.path("node");
    let (to, from) = (node.to_str().unwrap(), folder.to_str().unwrap());
    // A second time, over the existing files.
    for arguments in [vec![], vec!["--config", from], vec!["--config", from]] {
        let outcome = home.run(CLI, &[vec!["kubelet", "install", "--to", to], arguments].concat(), "");
        assert_eq!(outcome.code, 0, "{outcome:?}");
        for (name, config) in [("credential-provider-config.yaml", NODE), ("service-accounts-config.yaml", PODS)] {
            assert_eq!(std::fs::read_to_string(node.join(name)).unwrap(), config);
            for (name, provider) in providers(config) {
                assert!(provider.contains("args: [\"kubelet\"]"), "{name}");
                let program = node.join("bin").join(name);
                let asked = request(&format!("{REGISTRY}/app")).to_string();
                let outcome = home.run(program.to_str().unwrap(), &["kubelet"], asked);
                let version = provider.lines().find_map(|line| line.trim().strip_prefix("apiVersion: ")).unwrap();
                assert_eq!(Response::of(&outcome, version).found(&format!("{REGISTRY}/app")).0, "AWS", "{name}");
            }
        }
        let mut names: Vec<_> =
            std::fs::read_dir(node.join("bin")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        let expected = [
            "credmint",
            "credmint-aws",
            "credmint-azure",
            "credmint-google",
            "credmint-mint",
            "docker-credential-credmint",
        ];
        assert_eq!(names, expected, "and nothing half done");
    }
}

#[test]
fn a_configuration_of_the_node_s_own_is_kept_unless_another_is_named() {
    let home = Home::new();
    home.write("node/credential-provider-config.yaml", "mine\n");
    home.write("config/mine.yaml", "from the folder\n");
    home.write("empty/readme.txt", "");
    let (node, config, empty) = (home.path("node"), home.path("config"), home.path("empty"));
    let install =
        |more: &[&str]| home.run(CLI, &[&["kubelet", "install", "--to", node.to_str().unwrap()], more].concat(), "");
    assert_eq!(install(&[]).code, 0);
    assert_eq!(std::fs::read_to_string(node.join("credential-provider-config.yaml")).unwrap(), "mine\n");
    assert_eq!(install(&["--config", config.to_str().unwrap()]).code, 0);
    assert_eq!(std::fs::read_to_string(node.join("mine.yaml")).unwrap(), "from the folder\n");
    let outcome = install(&["--config", empty.to_str().unwrap()]);
    assert!(outcome.code == 1 && outcome.stderr.contains("no .yaml file"), "{outcome:?}");
    let outcome = home.run(CLI, &["kubelet", "install", "--to", "/proc/nowhere"], "");
    assert!(outcome.code == 1 && outcome.stderr.contains("cannot write /proc/nowhere/bin"), "{outcome:?}");
}

/// What the DaemonSet runs is in the image as it is built here.
#[test]
fn the_daemonset_runs_what_is_in_the_image() {
    let image = include_str!("../installers/ci/Dockerfile");
    let daemonset = include_str!("../installers/kubelet/daemonset.yaml");
    assert!(image.contains("ARG BASE=scratch\nFROM ${BASE}\n") && image.contains("/bin/ /bin/\n"));
    assert!(daemonset.contains(
        "command: [\"/bin/credmint\", \"kubelet\", \"install\", \"--to\", \"/node\", \"--config\", \"/config\"]"
    ));
}
