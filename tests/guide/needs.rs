//! What people do with registries, and where the guide says how: each row is something that it was once silent or
//! wrong about. Whether the commands work is for the other files.

use super::{guide, text};

/// An image of each kind, by a short name.
const KINDS: [(&str, &str); 7] = [
    ("ecr", "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team1/app2:1.2.3"),
    ("acr", "corp1.azurecr.io/team1/app2:1.2.3"),
    ("google", "europe-west1-docker.pkg.dev/project1/repo1/app2:1.2.3"),
    ("ghcr", "ghcr.io/owner1/app2:1.2.3"),
    ("hub", "owner1/app2:1.2.3"),
    ("gitlab", "registry.gitlab.com/group1/project2/app2:1.2.3"),
    ("own", "registry.example:5000/team1/app2:1.2.3"),
];
/// For every kind.
const EVERY: &str = "every";

/// A kind, a topic, and words that stand there together.
const NEEDS: &[(&str, &str, &[&str])] = &[
    (
        "own",
        "clean-up",
        &["garbage-collect --delete-untagged` would delete the platforms", "find /etc -name config.yml"],
    ),
    ("own", "registry", &["htpasswd -cB", "openssl req -x509", "certs.d/registry.example:5000"]),
    ("own", "registry", &["`s3` with", "`azure` with", "`gcs` with", "docker compose up", "docker run --detach"]),
    (
        "own",
        "registry",
        &["From version 2 to 3", "/etc/distribution/config.yml", "`oss` and `swift`", "docker stop registry"],
    ),
    (EVERY, "engine", &["daemon --mirror", "daemon --insecure", "daemon --proxy", "daemon --undo", "credmint doctor"]),
    (
        EVERY,
        "scan",
        &["trivy image --image-src docker", "&& docker push", "grype registry:", "docker scout recommendations"],
    ),
    (
        EVERY,
        "sign",
        &["Docker Content Trust", "is retired", "BuildKit does not sign", "cosign attest", "verify-attestation"],
    ),
    (EVERY, "build", &["docker push --all-tags", "--sbom=true --provenance=mode=max"]),
    (
        EVERY,
        "pull",
        &["docker pull --all-tags", "docker --debug pull", "docker manifest inspect", "docker image inspect"],
    ),
    (EVERY, "tags", &["1.2.3-production", "staging"]),
    (EVERY, "mirror", &["skopeo copy --all --preserve-digests", "oras copy --recursive", "leave out signatures"]),
    (EVERY, "kubernetes", &["credmint kubelet install", "--image-credential-provider-bin-dir"]),
    ("own", "create", &["Zot takes images with the media types of OCI alone"]),
    ("own", "list", &["crane catalog registry.example:5000"]),
    ("ecr", "scan", &["an index of platforms has no scan", "crane digest --platform"]),
    ("google", "scan", &["Of an image for several platforms it scans linux/amd64 alone"]),
    ("acr", "sign-in", &["az ad sp create-for-rbac", "Do not use the admin user", "--admin-enabled false"]),
    ("acr", "clean-up", &["az acr config retention update", "--delete-enabled false"]),
    ("acr", "list", &["[].{updated: lastUpdateTime, digest: digest, tags: tags}"]),
    ("ghcr", "create", &["made public by hand", "Change visibility"]),
    ("ghcr", "clean-up", &["except the platforms of tagged ones", "actions/delete-package-versions"]),
    ("ghcr", "scan", &["github/codeql-action/upload-sarif"]),
    ("hub", "pull", &["ratelimit-remaining"]),
    ("gitlab", "list", &["glab api"]),
    ("gitlab", "clean-up", &["name_regex_keep"]),
];

#[test]
fn what_people_need_is_where_they_look() {
    for (kind, image) in KINDS {
        let topics = guide(image, &["--to", "ghcr.io/owner3/mirror4", "--system", "linux"]);
        for (of, topic, words) in NEEDS.iter().filter(|(of, ..)| [kind, EVERY].contains(of)) {
            let found = topics.iter().find(|one| text(one, "topic") == *topic).unwrap();
            for word in *words {
                assert!(text(found, "text").contains(word), "{of}: {topic} of {image} says nothing of {word}");
            }
        }
    }
}

#[test]
fn each_system_has_what_is_particular_to_it() {
    for (system, words) in [
        ("linux", &["usermod --append --groups docker", "journalctl", "SELinux"][..]),
        ("macos", &["docker desktop start", "security unlock-keychain", "Apple silicon"]),
        ("windows", &["docker desktop start", "Test-NetConnection", "write paths with slashes", "WSL"]),
    ] {
        let topics = guide("ghcr.io/owner1/app2:1", &["--topic", "system", "--system", system]);
        for word in words {
            assert!(text(&topics[0], "text").contains(word), "{system}: {word}");
        }
    }
}

/// A pipeline's trust, variables and tags agree on which branches and tags it runs for.
#[test]
fn gitlab_protects_what_its_pipeline_runs_for() {
    for (_, image) in KINDS {
        let topics = guide(image, &["--topic", "ci", "--ci", "gitlab", "--system", "linux"]);
        let all = text(&topics[0], "text");
        assert!(all.contains("Protect both, the branch and `v*`") && all.contains("$CI_COMMIT_TAG =~ /^v/"), "{image}");
    }
}
