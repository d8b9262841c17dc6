//! What others' checkers say of the pipelines.

use std::process::Command;

use super::commands::tool;
use super::{IMAGES, commands_of, guide, text};
use crate::home::{Home, skip};

/// The pipelines of one kind for every registry, in a folder where their checkers look for them.
fn written(home: &Home, ci: &str, topics: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (number, image) in IMAGES.into_iter().enumerate() {
        let topics = guide(image, &["--topic", topics, "--ci", ci, "--system", "linux"]);
        for command in commands_of(&topics).filter(|command| !command["file"].is_null()) {
            let (name, body) = (text(&command["file"], "name"), text(&command["file"], "text"));
            if name.ends_with(".yml") {
                let place = format!("{ci}/.github/workflows/{number}-{}", name.rsplit('/').next().unwrap());
                names.push(home.write(&place, of_microsoft(body)).display().to_string());
            }
        }
    }
    assert!(names.len() >= 9, "{ci}: {names:?}");
    names
}

/// Microsoft's schema knows Microsoft's tasks alone: that of Amazon's extension becomes the one for scripts.
fn of_microsoft(pipeline: &str) -> String {
    if !pipeline.contains("AWSShellScript@1") {
        return pipeline.to_owned();
    }
    let is_of_amazon =
        |line: &&str| ["awsCredentials:", "regionName:"].iter().any(|key| line.trim_start().starts_with(key));
    let lines: Vec<_> = pipeline.lines().filter(|line| !is_of_amazon(line)).collect();
    (lines.join("\n") + "\n")
        .replace("AWSShellScript@1", "Bash@3")
        .replace("scriptType: inline", "targetType: inline")
        .replace("inlineScript:", "script:")
}

#[track_caller]
fn passes(command: &mut Command) {
    let output = command.env("NO_COLOR", "1").output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}

#[test]
fn every_pipeline_is_one_to_the_schema_of_its_system() {
    let Some(checker) = tool("check-jsonschema") else {
        return skip("guide: check-jsonschema", "it is not here to check the pipelines");
    };
    let home = Home::new();
    for (ci, schema, transform) in [
        ("github", "vendor.github-workflows", None),
        ("azure", "vendor.azure-pipelines", None),
        ("gitlab", "vendor.gitlab-ci", Some(["--data-transform", "gitlab-ci"])),
    ] {
        let mut command = Command::new(&checker);
        // The schema for Azure has patterns that are none in JavaScript.
        command.args(["--regex-variant", "python", "--builtin-schema", schema]).args(transform.into_iter().flatten());
        passes(command.args(written(&home, ci, "ci")));
    }
}

#[test]
fn the_registry_is_a_service_to_compose() {
    let Some(checker) = tool("check-jsonschema") else {
        return skip("guide: check-jsonschema", "it is not here to check what compose reads");
    };
    let home = Home::new();
    let topics = guide("registry.example:5000/team1/app2:1", &["--topic", "registry"]);
    let command = commands_of(&topics).find(|command| text(command, "id") == "registry.compose").unwrap();
    let file = home.write("compose.yml", text(&command["file"], "text"));
    passes(Command::new(checker).args(["--builtin-schema", "vendor.compose-spec"]).arg(file));
}

#[test]
fn every_workflow_passes_an_audit() {
    let Some(zizmor) = tool("zizmor") else {
        return skip("guide: zizmor", "it is not here to audit the workflows");
    };
    let home = Home::new();
    written(&home, "github", "ci,clean-up");
    let of_ones_own = guide(IMAGES[0], &["--topic", "ci", "--github", "octocorp.ghe.com"]);
    let workflow = commands_of(&of_ones_own).find(|command| text(command, "id") == "ci.workflow").unwrap();
    home.write("github/.github/workflows/own.yml", text(&workflow["file"], "text"));
    passes(Command::new(zizmor).arg("--offline").arg(home.path("github")));
}
