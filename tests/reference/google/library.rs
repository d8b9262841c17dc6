//! google-auth, which most of Google's programs in Python sign in with.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use super::{NO_IDENTITY, REFUSED, Row, Verdict, World, federation, files, machine};
use crate::home::skip;

const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/reference/google/bin/python");
const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference/google/library.py");

/// One process that answers for all rows.
struct Library {
    process: Child,
    answers: BufReader<ChildStdout>,
}

impl Library {
    fn start() -> Option<Self> {
        if !std::path::Path::new(PYTHON).exists() {
            return None;
        }
        let mut process = Command::new(PYTHON)
            .arg(SERVER)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        Some(Library { process, answers })
    }

    /// The identity that it finds in this environment, and its message.
    fn principal(&mut self, world: &World) -> (String, String) {
        let variables: serde_json::Map<String, Value> = world
            .home
            .variables()
            .map(|(name, value)| (name.to_str().unwrap().to_owned(), json!(value.to_str().unwrap())))
            .collect();
        writeln!(self.process.stdin.as_mut().unwrap(), "{}", Value::Object(variables)).unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("google-auth has ended: {line}"));
        if let Some(token) = answer["token"].as_str() {
            return (world.principal(token), String::new());
        }
        let who = if answer["no_identity"].is_null() { REFUSED } else { NO_IDENTITY };
        (who.to_owned(), line)
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_set_of_files_and_variables_is_the_same_principal_to_google_auth() {
    let Some(mut library) = Library::start() else {
        return skip("google-auth", "tests/reference/set-up has not installed it");
    };
    let mut world = World::new();
    let mut verdict = Verdict::default();
    let rows: Vec<&Row> =
        [files::ROWS, federation::ROWS, machine::ROWS].into_iter().flatten().copied().flatten().collect();
    for row in &rows {
        world.move_in();
        (row.set)(&mut world);
        let theirs = library.principal(&world);
        verdict.row(row, &world, &theirs);
    }
    verdict.hold(rows.len());
}
