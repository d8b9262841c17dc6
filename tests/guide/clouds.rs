//! What clouds' tools and pipelines make of the guide's commands.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::commands::{piped, scripts, tool};
use super::effects::{at_work, printed, run};
use super::{commands_of, guide, text};
use crate::home::{Home, skip};

/// gcloud's own parser accepts the names, and requests what was meant.
#[test]
fn gcloud_is_given_names_that_it_understands() {
    if tool("gcloud").is_none() {
        return skip("guide: gcloud", "it is not here to be given names");
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = std::sync::Arc::new(std::sync::Mutex::new(Vec::<String>::new()));
    let notes = asked.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut line = String::new();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let _ = reader.read_line(&mut line);
            let mut header = String::new();
            while reader.read_line(&mut header).is_ok_and(|count| count > 2) {
                header.clear();
            }
            notes.lock().unwrap().push(line);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: 19\r\n\r\n{\"format\":\"DOCKER\"}");
        }
    });
    let mut home = at_work();
    let token = home.write("token", "ya29.pretend");
    home.set("CLOUDSDK_AUTH_ACCESS_TOKEN_FILE", token);
    home.set("CLOUDSDK_API_ENDPOINT_OVERRIDES_ARTIFACTREGISTRY", format!("http://127.0.0.1:{port}/"));
    home.set("CLOUDSDK_CORE_DISABLE_PROMPTS", "1");
    for (image, path) in [
        (
            "eu.gcr.io/project1/app2:main",
            "projects/project1/locations/europe/repositories/eu.gcr.io/packages/app2/tags/main",
        ),
        (
            "docker.us-east1.rep.pkg.dev/project1/repo1/app2:main",
            "projects/project1/locations/us-east1/repositories/repo1/packages/app2/tags/main",
        ),
        (
            "us-docker.pkg.dev/example.com/project1/repo1/app2:main",
            "projects/example.com:project1/locations/us/repositories/repo1/packages/app2/tags/main",
        ),
    ] {
        let output = home.shell(&printed("google", image, "delete.tag")).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let asked = std::mem::take(&mut *asked.lock().unwrap());
        let meant = |line: &String| line.starts_with("DELETE") && line.replace("%3A", ":").contains(path);
        assert!(asked.iter().any(meant), "{image}: {asked:?}: {said}");
    }
}

/// What the guide makes of an answer of GitHub's, by gh itself.
#[test]
fn a_cloud_trusts_the_subject_that_github_sends() {
    let subject = "repo:octo-org@123456/app@456789";
    let answer = format!("{{\"use_default\":true,\"use_immutable_subject\":true,\"sub_claim_prefix\":\"{subject}\"}}");
    for image in &super::IMAGES[..5] {
        let topics = guide(image, &["--topic", "ci", "--ci", "github", "--system", "linux"]);
        let run_of = |id: &str| {
            commands_of(&topics)
                .find(|command| text(command, "id") == id)
                .map(|command| text(command, "run").to_owned())
        };
        let asks = run_of("ci.repository").unwrap();
        let (_, filter) = asks.split_once("--jq ").unwrap();
        let filtered = piped(Command::new("jq").args(["--raw-output", filter.trim_end_matches(')')]), &answer);
        let home = Home::new();
        let variables = format!("subject='{}'", filtered.trim());
        let trusts =
            ["ci.trust", "ci.role"].iter().find_map(|id| run_of(id).filter(|run| run.contains("${subject}"))).unwrap();
        let printed = match trusts.split_once("<<EOF") {
            Some(_) => format!("{variables}\n{trusts}\ncat trust.json federation.json 2>/dev/null || true"),
            None => format!("{variables}\ngcloud() {{ printf '%s\\n' \"$@\"; }}\n{trusts}"),
        };
        let said = run(&home, &printed);
        assert!(
            said.contains(&format!("{subject}:environment:release\""))
                || said.contains(&format!("/{subject}:environment:release\n")),
            "{image}: {said}"
        );
    }
}

/// Another GitHub than github.com has an issuer of its own, which Sigstore's public service does not know.
#[test]
fn a_cloud_trusts_the_github_that_runs_the_workflow() {
    for (image, arguments, issuer) in [
        (super::IMAGES[0], &["--github", "octocorp.ghe.com"][..], "token.actions.octocorp.ghe.com"),
        (super::IMAGES[2], &["--github", "ghes.example"], "ghes.example/_services/token"),
        (super::IMAGES[3], &["--github", "ghes.example"], "ghes.example/_services/token"),
        ("containers.octocorp.ghe.com/owner1/app2:1", &[], ""),
    ] {
        let topics =
            guide(image, &[&["--topic", "sign,ci", "--ci", "github", "--system", "linux"], arguments].concat());
        let all = topics.iter().map(|topic| text(topic, "text")).collect::<Vec<_>>().join("\n");
        assert!(all.contains(issuer) && !all.contains("token.actions.githubusercontent.com"), "{image}: {all}");
        assert!(
            all.contains("cosign sign --key env://COSIGN_PRIVATE_KEY") && !all.contains("verify-keyless"),
            "{image}"
        );
        assert!(!all.contains("cosign sign --yes \""), "{image}: {all}");
    }
    let topics = guide("corp1.azurecr.us/team1/app2:1", &["--topic", "create,ci", "--ci", "github"]);
    let all = topics.iter().map(|topic| text(topic, "text")).collect::<String>();
    assert!(
        all.contains("--location usgovvirginia") && all.contains("audience: api://AzureADTokenExchangeUSGov"),
        "{all}"
    );
}

/// A tenant's packages are not looked for, and not deleted, on github.com.
#[test]
fn a_clean_up_asks_the_github_that_has_the_package() {
    for (host, api) in [("ghcr.io", None), ("containers.octocorp.ghe.com", Some("https://api.octocorp.ghe.com"))] {
        let topics = guide(&format!("{host}/owner1/app2:1"), &["--topic", "clean-up"]);
        let command = commands_of(&topics).find(|command| text(command, "id") == "clean-up.workflow").unwrap();
        let workflow = text(&command["file"], "text");
        let expected =
            api.map(|api| format!("          registry-url: https://{host}/\n          github-api-url: {api}\n"));
        assert_eq!(workflow.contains("-url:"), expected.is_some(), "{workflow}");
        assert!(expected.is_none_or(|lines| workflow.ends_with(&format!("dry-run: true\n{lines}"))), "{workflow}");
    }
}

/// Topics are one design: under the names that a pipeline gives a version, no clean-up takes it away.
#[test]
fn a_version_that_a_pipeline_pushes_outlives_every_clean_up() {
    let there = Command::new("python3").args(["-c", "import yaml"]).stderr(Stdio::null()).status();
    if !there.is_ok_and(|status| status.success()) {
        return skip("guide: pipelines", "there is no python3 with yaml");
    }
    for (ci, variables) in [
        ("azure", ""),
        (
            "gitlab",
            "CI_COMMIT_TAG=v1.2.3 CI_COMMIT_REF_SLUG=v1-2-3 CI_COMMIT_SHA=0123456789abcdef0123456789abcdef01234567",
        ),
    ] {
        let image = super::IMAGES[0];
        let topics = guide(image, &["--topic", "ci", "--ci", ci, "--system", "linux"]);
        let pipeline = commands_of(&topics).find(|command| text(command, "id") == "ci.pipeline").unwrap();
        let parse = "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)";
        let document = piped(Command::new("python3").args(["-c", parse]), text(&pipeline["file"], "text"));
        let script = scripts(&serde_json::from_str(&document).unwrap()).join("\n");
        // What Azure fills in before the shell sees it.
        let script =
            script.replace("$(Build.SourceBranchName)", "v1.2.3").replace("$(Build.SourceVersion)", &"0".repeat(40));
        let script = script.replace("$(key.secureFilePath)", "/tmp/cosign.key");
        let home = Home::new();
        for (program, what) in [
            ("docker", "printf '%s\\n' \"$@\""),
            ("curl", ":"),
            ("apk", ":"),
            ("sh", ":"),
            ("credmint", ":"),
            ("cosign", ":"),
            ("jq", ":"),
            ("go", "test \"$1\" = install || pwd"),
        ] {
            home.script(&format!("bin/{program}"), what);
        }
        let pasted = format!(
            "set -e\nexport PATH={}:$PATH AWS_WEB_IDENTITY_TOKEN_FILE=identity {variables}\n{script}",
            home.path("bin").display()
        );
        let said = run(&home, &pasted);
        assert!(said.contains("\n--push\n"), "{ci}: {said}");
        // What a scanner objects to is not pushed.
        home.script("bin/docker", "printf '%s\\n' \"$@\"\ntest \"$1\" != start");
        let output = home.shell(&format!("cd {}\n{pasted}", home.path("").display())).output().unwrap();
        let stopped = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            !output.status.success() && stopped.contains("\n--attach\n") && !stopped.contains("--push"),
            "{ci}: {stopped}"
        );
        let name = image.rsplit_once(':').unwrap().0;
        let tags: Vec<_> = said.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(':')).collect();
        assert!(tags.len() == 2 && tags[0] == "1.2.3" && tags[1].starts_with("sha-"), "{ci}: {tags:?}");
        kept_by_amazon(&tags);
        kept_by_google(&tags);
        kept_by_gitlab(&tags);
    }
}

fn policy(image: &str) -> Value {
    let topics = guide(image, &["--topic", "clean-up"]);
    let command = commands_of(&topics).find(|command| text(command, "id") == "clean-up.policy").unwrap();
    serde_json::from_str(text(&command["file"], "text")).unwrap()
}

/// What lies on `main` is not older than what was pushed to it last, however long ago that was.
#[test]
fn what_the_branch_main_names_outlives_every_clean_up() {
    let tags = ["main", "sha-0123456"];
    kept_by_amazon(&tags);
    kept_by_google(&tags);
    kept_by_gitlab(&tags);
}

/// The first rule that one of its tags fits is the only one that counts; the one for commits keeps the newest alone.
fn kept_by_amazon(tags: &[&str]) {
    let policy = policy(super::IMAGES[0]);
    let fits = |pattern: &str, tag: &str| {
        let parts: Vec<_> = pattern.split('*').collect();
        let rest = parts[1..]
            .iter()
            .try_fold(tag.strip_prefix(parts[0])?, |rest, part| rest.split_once(part).map(|(_, rest)| rest));
        Some(rest?.is_empty() || pattern.ends_with('*'))
    };
    let rule = policy["rules"].as_array().unwrap().iter().find(|rule| {
        let patterns = rule["selection"]["tagPatternList"].as_array().cloned().unwrap_or_default();
        patterns.iter().any(|pattern| tags.iter().any(|tag| fits(pattern.as_str().unwrap(), tag) == Some(true)))
    });
    assert_ne!(rule.unwrap()["selection"]["tagPatternList"], serde_json::json!(["sha-*"]), "{tags:?}");
}

/// Keeping wins over deleting.
fn kept_by_google(tags: &[&str]) {
    let policy = policy(super::IMAGES[3]);
    let is_kept = policy.as_array().unwrap().iter().filter(|rule| rule["action"]["type"] == "Keep").any(|rule| {
        let prefixes = rule["condition"]["tagPrefixes"].as_array().cloned().unwrap_or_default();
        prefixes.iter().any(|prefix| tags.iter().any(|tag| tag.starts_with(prefix.as_str().unwrap())))
    });
    assert!(is_kept, "{tags:?}");
}

/// Each tag by itself; the image stays under what is left.
fn kept_by_gitlab(tags: &[&str]) {
    let policy = policy("registry.gitlab.com/group1/project2/app2:1.2.3");
    let policy = &policy["container_expiration_policy_attributes"];
    let fits = |key: &str, tag: &str| {
        let mut grep = Command::new("grep");
        let mut child = grep.args(["-qxE", text(policy, key)]).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(tag.as_bytes()).unwrap();
        child.wait().unwrap().success()
    };
    assert!(fits("name_regex_keep", tags[0]) || !fits("name_regex_delete", tags[0]), "{tags:?}");
    assert!(fits("name_regex_delete", tags[1]), "{tags:?}");
}
