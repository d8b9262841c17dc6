//! What the parsers of az, gcloud and aws say of every command that they are given, in the shell's own words.

use std::process::Command;
use std::sync::Mutex;

use super::commands::{Simple, aws_is_new, piped, simple, tool};
use super::effects::run;
use super::{IMAGES, PIPELINES, commands_of, guide, text};
use crate::home::{Home, skip};

/// Names that want other words than those of `IMAGES`.
const OTHERS: [&str; 2] = ["corp1.azurecr.us/team1/app2:1.2.3", "us-docker.pkg.dev/example.com/project1/repo1/app2"];

/// What their own parsers do not take: an extension, which az would fetch, and what aws has no model of.
const NOT_PARSED: [&[&str]; 3] = [&["az", "devops"], &["aws", "sso"], &["aws", "configure"]];
/// What other tests run on its own, beside commands of a vendor's.
const BESIDE: [&str; 4] = ["crane", "credmint", "jq", "xargs"];

/// The commands of a script with their first words.
pub(super) fn sub_commands(script: &str) -> Vec<Vec<String>> {
    simple(script).into_iter().map(|Simple { words, .. }| words).collect()
}

/// Whether the tests below have each of these commands taken apart by its vendor's parser.
pub(super) fn is_parsed(commands: &[Vec<String>]) -> bool {
    let of_vendors =
        |words: &&Vec<String>| words.first().is_some_and(|name| ["az", "gcloud", "aws"].contains(&name.as_str()));
    let is_known = |words: &Vec<String>| {
        let texts: Vec<_> = words.iter().map(String::as_str).collect();
        texts.first().is_some_and(|name| BESIDE.contains(name))
            || of_vendors(&words) && !NOT_PARSED.iter().any(|not| texts.starts_with(not))
    };
    commands.iter().any(|words| of_vendors(&words)) && commands.iter().all(is_known)
}

fn is_left_out(program: &str, arguments: &[String]) -> bool {
    NOT_PARSED.iter().any(|not| not[0] == program && arguments.first().is_some_and(|first| first == not[1]))
}

/// The arguments of every command for a program. All programs are stand-ins, and what they are asked is answered `word`.
fn arguments_for(program: &str) -> (Home, Vec<Vec<String>>) {
    let home = Home::new();
    for other in ["az", "gcloud", "aws", "gh", "glab", "jq", "crane", "credmint"] {
        home.script(&format!("bin/{other}"), "echo word");
    }
    let log = home.path("log");
    home.script(
        &format!("bin/{program}"),
        &format!("printf '%s\\037' \"$@\" >>{0}\nprintf '\\036' >>{0}\necho word", log.display()),
    );
    for image in IMAGES.iter().chain(&OTHERS) {
        for ci in PIPELINES {
            let topics = guide(image, &["--ci", ci, "--system", "linux"]);
            let own = commands_of(&topics)
                .filter(|command| {
                    // The files that commands name are read by their parsers.
                    let mut words = text(command, "run").split(['\n', '(', ' ']);
                    !command["file"].is_null() || words.any(|word| word == program)
                })
                .map(|command| text(command, "run"))
                .collect::<Vec<_>>()
                .join("\n");
            if !own.is_empty() {
                run(&home, &format!("PATH={}:/usr/bin:/bin\n{own}", home.path("bin").display()));
            }
        }
    }
    let said = std::fs::read_to_string(&log).unwrap();
    let mut all: Vec<Vec<String>> = said
        .split_terminator('\u{1e}')
        .map(|line| line.split_terminator('\u{1f}').map(str::to_owned).collect())
        .collect();
    all.sort_unstable();
    all.dedup();
    (home, all)
}

#[track_caller]
fn parsed(command: &mut Command, all: &[Vec<String>]) {
    let refused = piped(command, &serde_json::to_string(all).unwrap());
    assert_eq!(refused, "[]");
}

#[test]
fn gclouds_own_parser_takes_every_command() {
    let root = std::path::Path::new("/usr/lib/google-cloud-sdk");
    let python = ["python3", "/usr/bin/python3"]
        .into_iter()
        .find(|python| Command::new(python).arg("--version").output().is_ok_and(|output| output.status.success()));
    let (Some(python), true) = (python, root.join("lib/googlecloudsdk").is_dir()) else {
        return skip("guide: gcloud", "its parser is not here");
    };
    let (home, all) = arguments_for("gcloud");
    assert!(all.len() > 20, "{all:?}");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/guide/gcloud.py");
    let mut command = Command::new(python);
    command.arg(script).arg(root).env("CLOUDSDK_CONFIG", home.path("gcloud")).current_dir(home.path(""));
    parsed(&mut command, &all);
}

#[test]
fn azs_own_parser_takes_every_command() {
    // Beside az lies the Python that has its modules.
    let python = tool("az").and_then(|az| std::fs::canonicalize(az).ok()).map(|az| az.with_file_name("python"));
    let Some(python) = python.filter(|python| python.is_file()) else {
        return skip("guide: az", "its parser is not here");
    };
    let (home, mut all) = arguments_for("az");
    all.retain(|arguments| !is_left_out("az", arguments));
    assert!(all.len() > 20, "{all:?}");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/guide/az.py");
    let mut command = Command::new(python);
    command
        .arg(script)
        .current_dir(home.path(""))
        .env("AZURE_CONFIG_DIR", home.path("azure"))
        .env("AZURE_CORE_COLLECT_TELEMETRY", "0");
    parsed(&mut command, &all);
}

/// aws validates its arguments against the model of its service before it sends a request, which fails here.
#[test]
fn aws_own_parser_takes_every_command() {
    let Some(aws) = tool("aws").filter(|_| aws_is_new()) else {
        return skip("guide: aws", "its second version is not here to parse commands");
    };
    let (mut home, mut all) = arguments_for("aws");
    all.retain(|arguments| !is_left_out("aws", arguments));
    // A list of what was found is a file of the person's.
    home.write("untagged.json", format!("[{{\"imageDigest\": \"sha256:{}\"}}]", "0".repeat(64)));
    assert!(all.len() > 30, "{all:?}");
    for (name, value) in [
        // The port of the service that discards what it is sent: nothing listens there.
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("AWS_MAX_ATTEMPTS", "1"),
        ("AWS_ACCESS_KEY_ID", "AKIAALICE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_PAGER", ""),
    ] {
        home.set(name, value);
    }
    let (queue, refused) = (Mutex::new(all.into_iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let Some(arguments) = queue.lock().unwrap().next() else { return };
                    let mut command = home.other(aws.to_str().unwrap(), &[]);
                    let output = command.args(&arguments).current_dir(home.path("")).output().unwrap();
                    let said = String::from_utf8_lossy(&output.stderr).into_owned();
                    if !said.contains("Could not connect to the endpoint URL") {
                        refused.lock().unwrap().push((arguments, said));
                    }
                }
            });
        }
    });
    let refused = refused.into_inner().unwrap();
    assert!(refused.is_empty(), "{refused:#?}");
}
