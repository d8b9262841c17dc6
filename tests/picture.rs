//! The picture of a terminal in the README: made from a real run, and current.
//!
//! `CREDMINT_SNAPSHOTS=write cargo test --test suite picture` makes it again.

use std::fmt::Write;
use std::path::Path;

use pretend_cloud::Aws;

use crate::home::{CLI, Home, REGISTRY, program};

/// Pixels.
const LINE: usize = 19;
const LETTER: usize = 8;
const MARGIN: usize = 16;

/// The terminal while Docker is set up, a token is used, and the status is shown.
fn screen() -> Vec<String> {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    let programs = program(CLI).parent().unwrap().display().to_string();
    home.set("PATH", &programs).set("CLICOLOR_FORCE", "1");
    let user = format!("token --username {REGISTRY}");
    let mut lines = Vec::new();
    for command in ["configure --store", &user, "status"] {
        let outcome = home.run(CLI, &command.split(' ').collect::<Vec<_>>(), "");
        assert_eq!(outcome.code, 0, "{command}: {outcome:?}");
        lines.push(format!("\u{1b}[36m$ credmint {command}\u{1b}[0m"));
        let printed = format!("{}{}", outcome.stdout, outcome.stderr);
        let printed = printed.replace(home.path("").to_str().unwrap().trim_end_matches('/'), "~");
        lines.extend(printed.lines().map(|line| hours(&line.replace(&programs, "~/.cargo/bin"))));
        lines.push(String::new());
    }
    lines.pop();
    lines
}

/// The pretend AWS's tokens have a TTL of twelve hours, minus some seconds.
fn hours(line: &str) -> String {
    match line.split_once("in 11h 5") {
        Some((before, after)) => {
            format!("{before}in 11h 59{}", after.trim_start_matches(|sign: char| sign.is_ascii_digit()))
        }
        None => line.to_owned(),
    }
}

fn drawn(lines: &[String]) -> String {
    let plain = |line: &String| pieces(line).iter().map(|(_, text)| text.chars().count()).sum::<usize>();
    let width = lines.iter().map(plain).max().unwrap_or_default() * LETTER + 2 * MARGIN;
    let height = lines.len() * LINE + 2 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" role=\"img\" \
         aria-label=\"A terminal with credmint configure and credmint status\">\n\
         <style>text {{ font: 13px ui-monospace, Menlo, Consolas, monospace; fill: #d4d4d4; white-space: pre }} \
         .c1 {{ font-weight: bold; fill: #fff }} .c2 {{ fill: #8a8a8a }} .c31 {{ fill: #f48771 }} \
         .c32 {{ fill: #89d185 }} .c33 {{ fill: #e2c08d }} .c36 {{ fill: #4ec9e0 }}</style>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"#1e1e1e\"/>\n"
    );
    for (nth, line) in lines.iter().enumerate().filter(|(_, line)| !line.is_empty()) {
        let below = MARGIN + nth * LINE + 13;
        write!(svg, "<text x=\"{MARGIN}\" y=\"{below}\" xml:space=\"preserve\">").unwrap();
        for (colour, text) in pieces(line) {
            let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            match colour.as_str() {
                "" | "0" => svg.push_str(&text),
                colour => write!(svg, "<tspan class=\"c{colour}\">{text}</tspan>").unwrap(),
            }
        }
        svg.push_str("</text>\n");
    }
    svg + "</svg>\n"
}

/// The parts of a line, each with the last code of its colour.
fn pieces(line: &str) -> Vec<(String, String)> {
    let mut pieces = Vec::new();
    let mut colour = String::new();
    for (nth, part) in line.split("\u{1b}[").enumerate() {
        let text = match part.split_once('m').filter(|_| nth > 0) {
            Some((code, text)) => {
                colour = code.rsplit(';').next().unwrap().to_owned();
                text
            }
            None => part,
        };
        if !text.is_empty() {
            pieces.push((colour.clone(), text.to_owned()));
        }
    }
    pieces
}

#[test]
fn the_picture_in_the_readme_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/demo/terminal.svg");
    let drawn = drawn(&screen());
    if std::env::var("CREDMINT_SNAPSHOTS").is_ok_and(|what| what == "write") {
        std::fs::write(&path, &drawn).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, drawn, "to make it again: CREDMINT_SNAPSHOTS=write cargo test --test suite picture");
    assert!(include_str!("../README.md").contains("(tests/demo/terminal.svg)"));
}
