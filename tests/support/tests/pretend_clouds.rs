//! Tests the pretend clouds as a program. This test also makes `cargo test` build it, with the same dependencies as
//! the other tests: the clients' sandboxes use it.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

#[test]
fn it_reports_that_it_is_ready_and_ends_with_its_input() {
    let folder = std::env::temp_dir().join(format!("pretend-clouds-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_pretend-clouds"));
    program.arg(&folder).args(["127.0.0.1:0", "--imds", "127.0.0.1:0"]);
    let mut clouds = program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(clouds.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    assert!(std::fs::read_to_string(folder.join("ca.pem")).unwrap().contains("BEGIN CERTIFICATE"));
    drop(clouds.stdin.take());
    assert!(clouds.wait().unwrap().success());
    std::fs::remove_dir_all(folder).unwrap();
}
