//! `credmint guide`: what it prints is true of the tools that it names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::home::{CLI, Home, program, skip};

mod commands;

use commands::{Simple, simple};

/// One image of each kind of registry. No name of theirs looks like a sub-command.
const IMAGES: [&str; 9] = [
    "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team1/app2:1.2.3",
    "public.ecr.aws/alias1/app2",
    "corp1-abc.azurecr.io/team1/app2:1.2.3",
    "europe-west1-docker.pkg.dev/project1/repo1/app2:v1.2.3",
    "eu.gcr.io/project1/app2:main",
    "ghcr.io/owner1/team1/app2:1.2.3",
    "owner1/app2:1.2.3",
    "[::1]:5000/team1/app2:1.2.3",
    "registry.example:5000/app2@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
];
const PIPELINES: [&str; 3] = ["github", "azure", "gitlab"];

/// A guide's topics.
fn guide(image: &str, arguments: &[&str]) -> Vec<Value> {
    let mut all = vec!["guide", image, "--json"];
    all.extend(arguments);
    let outcome = Home::new().run(CLI, &all, "");
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{image}: {outcome:?}");
    serde_json::from_str(&outcome.stdout).unwrap()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("no {key}: {value}"))
}

fn commands_of(topics: &[Value]) -> impl Iterator<Item = &Value> {
    topics.iter().flat_map(|topic| topic["commands"].as_array().unwrap())
}

/// The guides for every kind of registry, every pipeline and a system, copying included.
fn every_guide(system: &str) -> Vec<(String, Vec<Value>)> {
    let mut guides = Vec::new();
    for image in IMAGES {
        for ci in PIPELINES {
            let to = ["--to", "ghcr.io/owner3/mirror4", "--ci", ci, "--system", system];
            guides.push((format!("{image} {ci}"), guide(image, &to)));
        }
    }
    guides
}

#[test]
fn it_covers_every_topic_and_fills_every_hole() {
    let mut ids_of_all: Option<BTreeSet<String>> = None;
    for system in ["linux", "macos", "windows"] {
        for (which, topics) in every_guide(system) {
            let names: Vec<_> = topics.iter().map(|topic| text(topic, "topic")).collect();
            let expected = "sign-in set-up create tags build pull list delete clean-up mirror scan sign ci kubernetes trouble system";
            assert_eq!(names.join(" "), expected, "{which}");
            let mut ids = BTreeSet::new();
            for topic in &topics {
                assert!(!text(topic, "text").trim().is_empty() && !text(topic, "title").is_empty(), "{which}: {topic}");
                // Ids are looked up by their topic, and this says which it is.
                for command in topic["commands"].as_array().unwrap() {
                    let id = text(command, "id");
                    let (prefix, _) = id.split_once('.').unwrap_or_else(|| panic!("{which}: {id}"));
                    assert!(prefix == text(topic, "topic") || prefix == "system", "{which}: {id}");
                    assert!(ids.insert(id.to_owned()), "{which}: {id} twice");
                    assert!(text(topic, "text").contains(text(command, "run")), "{which}: {id}");
                }
                let holes = text(topic, "text").split('@').skip(1).filter(|word| {
                    !word.is_empty()
                        && word.len() < 24
                        && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
                });
                assert_eq!(holes.collect::<Vec<_>>(), Vec::<&str>::new(), "{which}");
            }
            for id in ["build.complete", "pull.digest", "tags.promote", "mirror.all", "sign.key", "list.crane"] {
                assert!(ids.contains(id), "{which}: {id}");
            }
            ids.retain(|id| {
                ["build.", "pull.", "tags.", "mirror.", "sign."].iter().any(|shared| id.starts_with(shared))
            });
            assert_eq!(*ids_of_all.get_or_insert_with(|| ids.clone()), ids, "{which}");
        }
    }
}

#[cfg(unix)]
#[test]
fn every_command_is_a_command_to_the_shell() {
    for system in ["linux", "macos"] {
        for (which, topics) in every_guide(system) {
            let all: Vec<_> = commands_of(&topics).map(|command| text(command, "run")).collect();
            commands::parses(&all.join("\n"), &which);
        }
    }
}

#[test]
fn what_is_for_powershell_is_in_its_words() {
    let pwsh = commands::tool("pwsh");
    if pwsh.is_none() {
        commands::say("skipped: guide: there is no pwsh to parse the commands for Windows");
    }
    for (which, topics) in every_guide("windows") {
        for command in commands_of(&topics) {
            let run = text(command, "run");
            let own = if command["file"].is_null() { run } else { run.lines().last().unwrap() };
            for alien in ["<<", " \\\n", "\nexport ", "2>", "mkdir -p", "cat >"] {
                assert!(!format!("\n{own}").contains(alien), "{which}: {alien} in {own}");
            }
            assert!(!commands::has_bare(own, [',', '@']), "{which}: {own}");
            assert!(!own.lines().any(|line| line.trim_start().starts_with('|')), "{which}: {own}");
            if let Some(pwsh) = &pwsh {
                commands::parses_in_powershell(pwsh, run);
            }
        }
    }
}

#[test]
fn every_file_is_what_its_name_says() {
    for (which, topics) in every_guide("linux") {
        for command in commands_of(&topics).filter(|command| !command["file"].is_null()) {
            let (name, body) = (text(&command["file"], "name"), text(&command["file"], "text"));
            if name.ends_with(".json") {
                serde_json::from_str::<Value>(body).unwrap_or_else(|error| panic!("{which}: {name}: {error}\n{body}"));
            } else {
                assert!(name.ends_with(".yml") && !body.contains('\t'), "{which}: {name}");
            }
            // The heredoc writes exactly this.
            assert!(text(command, "run").contains(&format!("\n{body}EOF")), "{which}: {name}");
        }
    }
}

#[cfg(unix)]
#[test]
fn every_pipeline_is_yaml_whose_scripts_the_shell_understands() {
    let script = "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)";
    let there = Command::new("python3").args(["-c", "import yaml"]).stderr(Stdio::null()).status();
    if !there.is_ok_and(|status| status.success()) {
        return commands::say("skipped: guide: there is no python3 with yaml");
    }
    let mut seen = 0;
    for (which, topics) in every_guide("linux") {
        for command in commands_of(&topics).filter(|command| !command["file"].is_null()) {
            let (name, body) = (text(&command["file"], "name"), text(&command["file"], "text"));
            if name.ends_with(".json") {
                continue;
            }
            let parsed = commands::piped(Command::new("python3").args(["-c", script]), body);
            let document: Value = serde_json::from_str(&parsed).unwrap_or_else(|_| panic!("{which}: {name}\n{body}"));
            for script in commands::scripts(&document) {
                // What GitHub fills in before the shell sees it may be anybody's code.
                assert!(!script.contains("${{"), "{which}: {script}");
                commands::parses(&script, &which);
                seen += 1;
            }
            if name.contains("workflows") {
                assert_eq!(
                    document["permissions"],
                    serde_json::json!({}),
                    "{which}: {name}: nobody has rights by default"
                );
                for job in document["jobs"].as_object().unwrap().values() {
                    assert!(job["permissions"].is_object(), "{which}: {name}");
                }
            }
        }
    }
    assert!(seen > 50, "{seen} scripts");
}

/// Each sub-command and flag is looked up in the help of the tool that is here.
#[test]
fn every_flag_is_known_to_its_tool() {
    let mut wanted: BTreeMap<Vec<String>, BTreeSet<String>> = BTreeMap::new();
    for (_, topics) in every_guide("linux") {
        for command in commands_of(&topics).filter(|command| command["file"].is_null()) {
            for Simple { words, flags } in simple(text(command, "run")) {
                wanted.entry(words).or_default().extend(flags);
            }
        }
    }
    assert!(wanted.len() > 60, "{wanted:?}");
    let queue = std::sync::Mutex::new(wanted.into_iter());
    let wrong = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let Some((words, flags)) = queue.lock().unwrap().next() else { return };
                    let missing = commands::unknown(&words, &flags);
                    if !missing.is_empty() {
                        wrong.lock().unwrap().push((words, missing));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The settings say how to sign in, and the commands do so; whatever stands there stays one word.
#[cfg(unix)]
#[test]
fn settings_are_filled_in_and_quoted() {
    let home = Home::new();
    home.settings(concat!(
        "[[registry]]\nmatch = \"docker.corp.example/team1\"\ntarget = \"123456789012.dkr.ecr.eu-west-1.amazonaws.com\"\n",
        "profile = \"it's; touch $HOME/harm\"\n"
    ));
    home.write("bin/aws", "#!/bin/sh\nprintf '%s\\n' \"$@\"\n");
    let arguments = ["guide", "docker.corp.example/team1/app2:1", "--topic", "create", "--json"];
    let topics: Vec<Value> = serde_json::from_str(&home.run(CLI, &arguments, "").stdout).unwrap();
    let command = commands_of(&topics).find(|command| text(command, "id") == "create.repository").unwrap();
    let aws = home.path("bin/aws");
    let line = text(command, "run").replacen("aws", &format!("sh {}", aws.display()), 1);
    let output = home.shell(&line).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let words: Vec<_> = said.lines().collect();
    assert_eq!(words[..4], ["ecr", "create-repository", "--region", "eu-west-1"]);
    assert_eq!(words[4..8], ["--profile", "it's; touch $HOME/harm", "--repository-name", "team1/app2"]);
    assert!(!home.path("harm").exists());
}

#[test]
fn what_is_no_image_is_refused_with_an_example() {
    let digest = format!("ghcr.io/o/a@sha256:{};reboot", "0".repeat(32));
    for (arguments, words) in [
        (vec!["guide", "ghcr.io"], "a guide is for an image"),
        (vec!["guide", "ghcr.io/app"], "has an owner and a name"),
        (vec!["guide", "us-docker.pkg.dev/p/r"], "has a project, a repository and a name"),
        (vec!["guide", "public.ecr.aws/app"], "has an alias and a name"),
        (vec!["guide", "ghcr.io/o/$(reboot)"], "neither a registry nor an image"),
        (vec!["guide", &digest], "neither a registry nor an image"),
        (vec!["guide", "ghcr.io/o/a", "--to", "x;y/z"], "neither a registry nor an image"),
        (vec!["guide", "ghcr.io/o/a", "--to", "ghcr.io"], "a guide is for an image"),
    ] {
        let outcome = Home::new().run(CLI, &arguments, "");
        assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{arguments:?}");
        assert!(outcome.stderr.contains(words), "{arguments:?}: {}", outcome.stderr);
    }
}

#[test]
fn it_is_markdown_and_only_what_was_asked_for() {
    let arguments = ["guide", "--topic", "list,delete", "--system", "linux", "ghcr.io/o/a:1"];
    let outcome = Home::new().run(CLI, &arguments, "");
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
    let headings: Vec<_> = outcome.stdout.lines().filter(|line| line.starts_with('#')).collect();
    assert_eq!(headings, ["# ghcr.io/o/a:1", "## List tags", "## Delete"]);
    assert!(outcome.stdout.contains("```sh\ncrane ls --omit-digest-tags ghcr.io/o/a\n```\n"), "{}", outcome.stdout);
    assert_eq!(guide("ghcr.io/o/a", &["--ci", "none"]).len(), 15, "the topic ci is left out");
}

/// Where the tools lie that the project's own set-up brings.
fn peers() -> Vec<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/peers/usr");
    vec![root.join("bin"), root.join("libexec/docker/cli-plugins"), program(CLI).parent().unwrap().to_owned()]
}

fn missed(tool: &str) {
    // Only these are brought by `tests/set-up`; the clouds' own tools are used where they are.
    let brought = ["docker", "skopeo", "crane", "oras", "curl", "credmint"];
    if brought.contains(&tool) {
        skip("guide", &format!("there is no {tool} to ask for its flags"));
    } else {
        commands::say(&format!("skipped: guide: there is no {tool} to ask for its flags"));
    }
}
