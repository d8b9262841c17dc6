//! What `credmint` prints: one file per command.

mod config;
mod credentials;
mod doctor;
mod plugins;

use super::Messages;
use crate::home::{CLI, Home, program};

const CONFIG: &str = ".docker/config.json";

/// Commands in one situation after another, with what they print.
struct Commands(Messages);

impl Commands {
    fn new() -> Self {
        Commands(Messages::new())
    }

    /// Runs a command line of `credmint`, which is split at its spaces.
    #[track_caller]
    fn run(&mut self, situation: &str, home: &Home, line: &str) {
        self.with_input(situation, home, line, "");
    }

    #[track_caller]
    fn with_input(&mut self, situation: &str, home: &Home, line: &str, input: &str) {
        let arguments: Vec<_> = line.split(' ').collect();
        let outcome = home.run(CLI, &arguments, input);
        assert!(!format!("{outcome:?}").contains("canary"), "{outcome:?}");
        let exit = if outcome.code == 0 { String::new() } else { format!("exit {}\n", outcome.code) };
        let printed = format!("{}{}", outcome.stdout, outcome.stderr);
        let printed = printed.lines().map(|line| format!("{}\n", stable(line))).collect::<String>();
        self.0.entry(situation, &format!("$ credmint {}\n{printed}{exit}", stable(line)));
    }

    #[track_caller]
    fn compare(self, command: &str) {
        self.0.compare(&format!("cli/{command}"));
    }
}

/// A line with `PROGRAMS` for the folder of the programs, and `TIME` and `N ms` for what differs in time.
fn stable(line: &str) -> String {
    let folder = program(CLI).parent().unwrap().display().to_string();
    let line = line.replace(&folder, "PROGRAMS").replace(env!("CARGO_PKG_VERSION"), "VERSION");
    let words = line.split(' ').map(|word| {
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_date = word.len() == 20 && word.ends_with('Z') && word.contains('T');
        let is_span = ['h', 'm', 's'].iter().any(|unit| word.strip_suffix(*unit).is_some_and(is_number));
        if is_date || is_span { "TIME".to_owned() } else { word.to_owned() }
    });
    let line = words.collect::<Vec<_>>().join(" ").replace("TIME TIME", "TIME");
    match line.split_once(" ms").and_then(|(before, after)| Some((before.rsplit_once(' ')?.0, after))) {
        Some((before, after)) => format!("{before} N ms{after}"),
        None => line,
    }
}

/// A home whose PATH has the programs and a folder for others, and nothing of this machine.
fn installed(mut home: Home) -> Home {
    let folder = program(CLI).parent().unwrap().to_owned();
    home.set("PATH", format!("{}:{}", home.path("other").display(), folder.display()));
    home.set("DOCKER_HOST", format!("unix://{}", home.path("engine.sock").display()));
    home
}

fn with_config(text: &str) -> Home {
    let home = installed(Home::new());
    write_config(&home, text);
    home
}

fn write_config(home: &Home, text: &str) {
    let path = home.write(CONFIG, text);
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

#[test]
fn help() {
    let home = installed(Home::new());
    let mut commands = Commands::new();
    commands.run("the program", &home, "--help");
    for command in [
        "configure",
        "unconfigure",
        "daemon",
        "status",
        "doctor",
        "token",
        "login",
        "logout",
        "migrate",
        "export",
        "cache",
        "cache list",
        "cache clear",
        "cache warm",
        "guide",
        "kubelet",
        "kubelet install",
        "bazel",
        "bazel get",
        "completions",
        "man",
        "version",
    ] {
        commands.run(command, &home, &format!("{command} --help"));
    }
    commands.run("no command", &home, "configur");
    commands.run("no shell", &home, "completions cmd");
    commands.run("a directory that cannot be written", &home, "man /proc/nowhere");
    home.settings("vualt = \"file\"\n");
    commands.run("settings with a key that does not exist", &home, "token ghcr.io");
    commands.compare("help");
}
