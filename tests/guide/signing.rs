//! Who may push and sign, and whose signature counts.

use super::*;

#[test]
fn an_official_image_cannot_be_pushed() {
    let topics = guide("alpine:3.20", &["--ci", "github"]);
    for topic in &topics {
        let changes = ["create", "tags", "build", "delete", "clean-up", "sign", "ci"].contains(&text(topic, "topic"));
        if changes {
            assert!(text(topic, "text").contains("only its maintainers can push"), "{topic}");
            assert_eq!(topic["commands"], serde_json::json!([]));
        }
        assert!(!text(topic, "text").contains("--username library"), "{topic}");
    }
    assert_eq!(topics.len(), 18);
}

/// A signature of another workflow, branch or repository is not the pipeline's.
#[cfg(unix)]
#[test]
fn only_the_pipeline_itself_is_verified() {
    for (ci, host, file) in
        [("github", "github.com", "/.github/workflows/image.yml"), ("gitlab", "gitlab.com", "//.gitlab-ci.yml")]
    {
        let topics = guide(
            "ghcr.io/owner1/app2@sha256:0123456789abcdef0123456789abcdef",
            &["--topic", "sign", "--ci", ci, "--system", "linux"],
        );
        let command = commands_of(&topics).find(|command| text(command, "id") == "sign.verify-keyless").unwrap();
        let home = Home::new();
        home.script("gh", "echo owner1/app");
        home.script("glab", "echo '{\"path_with_namespace\":\"owner1/app\"}'");
        home.script("cosign", "while [ \"$1\" != --certificate-identity-regexp ]; do shift; done; printf %s \"$2\"");
        let pasted = format!("PATH={}:$PATH\n{}", home.path("").display(), text(command, "run"));
        let pattern = String::from_utf8(home.shell(&pasted).output().unwrap().stdout).unwrap();
        for (identity, counts) in [
            (format!("owner1/app{file}@refs/heads/main"), true),
            (format!("owner1/app{file}@refs/tags/v1.2.3"), true),
            (format!("owner1/app{file}@refs/heads/main2"), false),
            (format!("owner1/app{file}@refs/heads/feature"), false),
            (format!("owner1/app{file}@refs/pull/1/merge"), false),
            (format!("owner1/app{}@refs/heads/main", file.replace(".yml", "2.yml")), false),
            (format!("owner1/app2{file}@refs/heads/main"), false),
        ] {
            let script = format!("printf 'https://{host}/{identity}' | grep -qE '{pattern}'");
            let found = Command::new("sh").args(["-c", &script]).status().unwrap();
            assert_eq!(found.success(), counts, "{pattern}: {identity}");
        }
    }
    // What no pipeline signs, no pipeline's signature is looked for.
    let topics = guide("ghcr.io/owner1/app2:1", &["--topic", "sign", "--ci", "azure"]);
    assert!(!commands_of(&topics).any(|command| text(command, "id") == "sign.verify-keyless"));
    assert!(commands_of(&topics).any(|command| text(command, "id") == "sign.verify-key"));
}
