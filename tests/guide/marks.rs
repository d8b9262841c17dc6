//! Where each of the guide's commands is tried. Its mark in the texts says so: none where a test runs it,
//! `parsed` where its vendor's own parser takes it, and otherwise `not-run`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::commands::simple;
use super::parsers::{is_parsed, sub_commands};

/// For every registry. The clients' cases run it for one kind or another.
const OF_EVERY_KIND: [&str; 4] = ["shared", "mirror", "scan-and-sign", "machine"];
/// The longest text allowed: a topic that grows gets its own file.
const LINES: usize = 300;

/// A command of one text. Its id may stand in several sections, for several pipelines, or for a digest and a
/// tag: then it is as little tried as the least tried of these.
#[derive(Debug, Default)]
struct Marked {
    /// What its fences say.
    marks: BTreeSet<String>,
    /// The programs that it runs.
    tools: BTreeSet<String>,
    /// Whether their vendors' parsers take all of it.
    is_parsed: bool,
}

fn folder(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn files(path: &str, ending: &str) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(folder(path)).unwrap().map(|entry| entry.unwrap().path());
    let wanted = entries.filter(|path| path.extension().is_some_and(|found| found == ending));
    wanted
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(&path).unwrap()))
        .collect()
}

fn texts() -> Vec<(String, String)> {
    files("crates/cli/src/guide/texts", "md")
}

/// Whether a text has a command or a file of this id.
pub(super) fn has(file: &str, id: &str) -> bool {
    let text = std::fs::read_to_string(folder(&format!("crates/cli/src/guide/texts/{file}.md"))).unwrap();
    text.lines().any(|line| line.starts_with("```") && line.split(' ').nth(1) == Some(id))
}

/// The commands of a text by their ids.
fn marked(text: &str) -> BTreeMap<String, Marked> {
    let mut found: BTreeMap<String, Marked> = BTreeMap::new();
    let blocks = text.split("\n```sh ").skip(1).filter_map(|rest| rest.split_once("\n```"));
    for (block, _) in blocks {
        let (fence, script) = block.split_once('\n').unwrap_or((block, ""));
        let (id, mark) = fence.split_once(' ').unwrap_or((fence, ""));
        // A file that is written, which is no command to be run.
        if mark.contains('.') {
            continue;
        }
        let script = without_holes(script);
        let commands = simple(&script);
        let is_parsed = is_parsed(&sub_commands(&script));
        assert!(!commands.is_empty(), "{id} runs nothing");
        let is_first = !found.contains_key(id);
        let one = found.entry(id.to_owned()).or_default();
        one.marks.insert(mark.to_owned());
        one.tools.extend(commands.into_iter().filter_map(|command| command.words.into_iter().next()));
        one.is_parsed = is_parsed && (is_first || one.is_parsed);
    }
    found
}

/// What fills a hole is a word, several, or none; a digest is asked for, and `@sudo@` stands before its command.
fn without_holes(script: &str) -> String {
    let script = script.replace("@digest@", "$(crane digest word)").replace("@reload@", "systemctl reload docker");
    let mut pieces = script.split('@');
    let mut text = pieces.next().unwrap_or_default().to_owned();
    while let Some(hole) = pieces.next() {
        let is_hole = !hole.is_empty() && hole.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        if is_hole {
            text.push_str(if hole == "sudo" { "" } else { "word" });
            text.push_str(pieces.next().unwrap_or_default());
        } else {
            text.push('@');
            text.push_str(hole);
        }
    }
    text.replace("aws ecrword", "aws ecr").replace("word ", " ")
}

/// The arguments of calls of `printed("FILE", …, "ID")`, and of the clients' `guided`, whose cases name the texts
/// of kinds that they are about.
fn run_by_tests() -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for (_, source) in files("tests/guide", "rs") {
        for call in source.split("printed(\"").skip(1) {
            let Some((file, rest)) = call.split_once("\", ") else { continue };
            let Some(id) = rest.split(", \"").nth(1).and_then(|rest| rest.split_once('"')) else { continue };
            found.insert((file.to_owned(), id.0.to_owned()));
        }
    }
    for (name, case) in files("tests/clients/cases", "sh").into_iter().chain(files("tests/clients", "sh")) {
        let of_kinds = case.lines().find_map(|line| line.strip_prefix("# texts: ")).unwrap_or_default();
        let in_kinds: Vec<_> = of_kinds.split(' ').filter(|file| !file.is_empty()).collect();
        for call in case.split("guided \"").skip(1) {
            let Some(id) = call.split_whitespace().nth(1).map(|id| id.trim_end_matches(')')) else { continue };
            // Where a case goes beyond the texts that it names, the line says which is meant.
            let named = call.lines().next().and_then(|line| line.rsplit_once(" # of ")).map(|(_, file)| [file]);
            let all: Vec<_> = match &named {
                Some(named) => named.to_vec(),
                None => OF_EVERY_KIND.iter().chain(&in_kinds).copied().collect(),
            };
            let files: Vec<_> = all.into_iter().filter(|file| has(file, id)).collect();
            assert!(!files.is_empty(), "{name}: no text that it names has {id}");
            found.extend(files.into_iter().map(|file| (file.to_owned(), id.to_owned())));
        }
    }
    found
}

#[test]
fn each_command_is_marked_with_where_it_is_tried() {
    let run = run_by_tests();
    let (mut wrong, mut list, mut counts) = (Vec::new(), Vec::new(), BTreeMap::<&str, usize>::new());
    for (file, text) in texts() {
        for (id, command) in marked(&text) {
            let is_run = run.contains(&(file.clone(), id.clone()));
            let mark = if is_run {
                ""
            } else if command.is_parsed {
                "parsed"
            } else {
                "not-run"
            };
            *counts.entry(mark).or_default() += 1;
            let tools = command.tools.iter().cloned().collect::<Vec<_>>().join(", ");
            if !is_run {
                list.push(format!("{mark}: {file}: {id} ({tools})"));
            }
            if command.marks != BTreeSet::from([mark.to_owned()]) {
                wrong.push(format!("{file}: {id} ({tools}): {:?} is to be {mark:?}", command.marks));
            }
        }
    }
    list.sort_unstable();
    println!("{}\n{counts:?}", list.join("\n"));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_text_is_long() {
    for (file, text) in texts() {
        let lines = text.lines().count();
        assert!(lines <= LINES, "{file} has {lines} lines: split it by topic");
    }
}
