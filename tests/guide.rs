//! `credmint guide`: what it prints is true of the tools that it names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::home::{CLI, Home, program, skip};

#[cfg(unix)]
mod clouds;
mod commands;
#[cfg(unix)]
mod effects;
#[cfg(unix)]
mod marks;
mod needs;
mod pages;
#[cfg(unix)]
mod parsers;
#[cfg(unix)]
mod pipelines;
mod signing;
#[cfg(unix)]
mod walks;

use commands::{Simple, simple};

/// One image of each kind of registry. No name of theirs looks like a sub-command.
const IMAGES: [&str; 10] = [
    "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team1/app2:1.2.3",
    "public.ecr.aws/alias1/app2",
    "corp1-abc.azurecr.io/team1/app2:1.2.3",
    "europe-west1-docker.pkg.dev/project1/repo1/app2:v1.2.3",
    "eu.gcr.io/project1/app2:main",
    "ghcr.io/owner1/team1/app2:1.2.3",
    "owner1/app2:1.2.3",
    "[::1]:5000/team1/app2:1.2.3",
    "registry.gitlab.com/group1/project2/app2:1.2.3",
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
            let expected = "sign-in set-up engine create registry tags build pull list delete clean-up mirror scan sign ci kubernetes trouble system";
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
            if which.contains('@') {
                assert!(
                    !ids.iter().any(|id| id.starts_with("build.") || id.starts_with("delete.tag")),
                    "{which}: {ids:?}"
                );
                continue;
            }
            for id in ["build.complete", "pull.digest", "tags.promote", "mirror.all", "sign.key", "list.crane"] {
                assert!(ids.contains(id), "{which}: {id}");
            }
            ids.retain(|id| {
                let shared =
                    ["build.", "pull.", "tags.", "mirror.", "sign."].iter().any(|shared| id.starts_with(shared));
                shared
                    && !["mirror.cache-login", "sign.verify-keyless"].contains(&id.as_str())
                    && !id.starts_with("pull.limit")
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
        skip("guide: pwsh", "it is not here to parse the commands for Windows");
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
fn every_file_matches_its_name() {
    for (which, topics) in every_guide("linux") {
        for command in commands_of(&topics).filter(|command| !command["file"].is_null()) {
            let (name, body) = (text(&command["file"], "name"), text(&command["file"], "text"));
            if name.ends_with(".json") {
                serde_json::from_str::<Value>(body).unwrap_or_else(|error| panic!("{which}: {name}: {error}\n{body}"));
            } else if name.ends_with(".sh") {
                commands::parses(body, &which);
            } else {
                let is_known = [".yml", ".cnf"].iter().any(|ending| name.ends_with(ending));
                assert!(is_known && !body.contains('\t'), "{which}: {name}");
            }
            // The heredoc writes exactly this.
            assert!(text(command, "run").contains(&format!("\n{body}EOF")), "{which}: {name}");
        }
    }
}

/// The contents of YAML files, by name.
#[cfg(unix)]
fn parsed(files: &[(String, String)]) -> Vec<Value> {
    let script = "import io, json, sys, yaml\n\
                  def load(name, text):\n\
                  \x20   stream = io.StringIO(text)\n\
                  \x20   stream.name = name\n\
                  \x20   return yaml.safe_load(stream)\n\
                  json.dump([load(*file) for file in json.load(sys.stdin)], sys.stdout)";
    let files = serde_json::to_string(files).unwrap();
    serde_json::from_str(&commands::piped(Command::new("python3").args(["-c", script]), &files)).unwrap()
}

#[cfg(unix)]
#[test]
fn every_pipeline_is_yaml_whose_scripts_the_shell_understands() {
    let there = Command::new("python3").args(["-c", "import yaml"]).stderr(Stdio::null()).status();
    if !there.is_ok_and(|status| status.success()) {
        return skip("guide: pipelines", "there is no python3 with yaml");
    }
    let mut pipelines = Vec::new();
    for (which, topics) in every_guide("linux") {
        for command in commands_of(&topics).filter(|command| !command["file"].is_null()) {
            let (name, body) = (text(&command["file"], "name"), text(&command["file"], "text"));
            if name.ends_with(".yml") {
                pipelines.push((format!("{which}: {name}"), body.to_owned()));
            }
        }
    }
    let mut seen = 0;
    for ((which, body), document) in pipelines.iter().zip(parsed(&pipelines)) {
        for script in commands::scripts(&document) {
            // A value that GitHub inserts before the shell runs may be anyone's code.
            assert!(!script.contains("${{"), "{which}: {script}");
            commands::parses(&script, which);
            seen += 1;
        }
        if which.contains("workflows") {
            // The tag of an action may be moved to other code.
            for used in body.lines().filter_map(|line| line.trim_start_matches([' ', '-']).strip_prefix("uses: ")) {
                let commit = used.split(['@', ' ']).nth(1).unwrap_or_default();
                let is_pinned = commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
                assert!(is_pinned && used.contains(" # v"), "{which}: {used}");
            }
            assert_eq!(document["permissions"], serde_json::json!({}), "{which}: no permissions by default");
            for job in document["jobs"].as_object().unwrap().values() {
                assert!(job["permissions"].is_object(), "{which}");
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
fn an_invalid_image_is_rejected_with_an_example() {
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
fn it_is_markdown_and_only_what_was_requested() {
    let arguments = ["guide", "--topic", "list,delete", "--system", "linux", "ghcr.io/o/a:1"];
    let outcome = Home::new().run(CLI, &arguments, "");
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
    let headings: Vec<_> = outcome.stdout.lines().filter(|line| line.starts_with('#')).collect();
    assert_eq!(headings, ["# ghcr.io/o/a:1", "## List tags", "## Delete"]);
    assert!(outcome.stdout.contains("```sh\ncrane ls --omit-digest-tags ghcr.io/o/a\n```\n"), "{}", outcome.stdout);
    assert_eq!(guide("ghcr.io/o/a", &["--ci", "none"]).len(), 17, "the topic ci is left out");
}

/// The commands name what was asked for: with a digest, they do not delete or push a tag.
#[test]
fn a_guide_to_a_digest_names_no_tag() {
    let digest = format!("sha256:{}", "0123456789abcdef".repeat(4));
    for image in IMAGES {
        let name = image.split('@').next().unwrap();
        let name = name.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).map_or(name, |(name, _)| name);
        for image in [format!("{name}@{digest}"), format!("{name}:stable@{digest}")] {
            let topics = guide(&image, &["--to", "ghcr.io/owner3/mirror4"]);
            for command in commands_of(&topics).filter(|command| command["file"].is_null()) {
                let run = text(command, "run");
                for tag in [":latest", "stable", "imageTag=", "/tags/latest", "index(\"latest\")"] {
                    assert!(!run.contains(tag), "{image}: {tag} in {run}");
                }
            }
            // And what deletes, deletes this.
            for command in commands_of(&topics).filter(|command| text(command, "id") == "delete.image") {
                assert!(text(command, "run").contains(&digest), "{image}: {command}");
            }
        }
    }
}

/// Where the tools lie that the project's own set-up brings.
fn peers() -> Vec<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/peers/usr");
    let tools = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target");
    vec![
        root.join("bin"),
        root.join("libexec/docker/cli-plugins"),
        program(CLI).parent().unwrap().to_owned(),
        tools.join("tools/bin"),
        // Built by `tests/clients/scanners`.
        tools.join("scanners"),
        // az comes from PyPI, and with a Python of its own.
        tools.join("reference/azure/bin"),
    ]
}
