//! A helper and the program that mints for it are two files: what if they come apart?

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use pretend_cloud::{Aws, Behaviour, Call};

use crate::home::{ECR, Home, MINTER, Outcome, REGISTRY, program};

/// A helper that has no minter beside it, and a folder that is on the path.
fn alone(home: &mut Home) -> std::path::PathBuf {
    let folder = home.path("bin");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::create_dir_all(home.path("path")).unwrap();
    // Another program copies it, for the reason that `Home::script` has.
    assert!(Command::new("cp").arg(program(ECR)).arg(&folder).status().unwrap().success());
    home.set("PATH", format!("{}:/usr/bin:/bin", home.path("path").display()));
    folder.join(ECR)
}

fn minter(home: &Home, place: &str, script: &str) {
    home.script(&format!("{place}/credmint-mint"), script);
}

fn get(home: &Home, helper: &Path) -> Outcome {
    home.run(helper.to_str().unwrap(), &["get"], REGISTRY)
}

#[test]
fn a_lost_minter_is_named_and_one_on_the_path_serves() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    let helper = alone(&mut home);
    get(&home, &helper).explains(&["credmint-mint cannot be started", "install credmint again"]);
    std::os::unix::fs::symlink(program(MINTER), home.path("path").join(MINTER)).unwrap();
    std::thread::sleep(Duration::from_secs(4)); // A failure is shared for three seconds.
    get(&home, &helper).secret();
    assert_eq!(aws.calls(Call::EcrToken), 1);
}

#[test]
fn the_minter_beside_the_helper_comes_before_one_on_the_path() {
    let mut home = Home::new();
    let helper = alone(&mut home);
    minter(&home, "path", "echo '{\"what\":\"the wrong one\"}'");
    minter(&home, "bin", "echo '{\"what\":\"the right one\"}'");
    get(&home, &helper).explains(&["the right one"]);
}

#[test]
fn a_minter_that_dies_or_babbles_is_an_error_and_never_repeated() {
    for script in
        ["exit 1", "kill -9 $$", "echo canary", "echo '{\"username\":\"canary\"}'", "head -c 3000000 /dev/zero"]
    {
        let mut home = Home::new();
        let helper = alone(&mut home);
        minter(&home, "bin", script);
        let outcome = get(&home, &helper);
        assert!(!outcome.explains(&["credmint-mint gave no proper answer"]).contains("canary"), "{script}");
    }
}

#[test]
fn a_minter_that_hangs_is_stopped_in_time() {
    let mut home = Home::new();
    home.settings("timeout = 1");
    let helper = alone(&mut home);
    let pid = home.path("pid");
    minter(&home, "bin", &format!("echo $$ > {}; exec sleep 60", pid.display()));
    let started = Instant::now();
    get(&home, &helper).explains(&["in time"]);
    assert!(started.elapsed() < Duration::from_secs(5));
    let pid = std::fs::read_to_string(pid).unwrap();
    assert!(!Path::new("/proc").join(pid.trim()).exists(), "it goes on");
}

#[test]
fn what_the_minter_is_asked_stands_in_no_argument_and_no_variable() {
    let mut home = Home::new();
    let helper = alone(&mut home);
    let seen = home.path("seen");
    minter(
        &home,
        "bin",
        &format!("{{ echo \"arguments $#\"; env; cat; }} > {}; echo '{{\"what\":\"x\"}}'", seen.display()),
    );
    get(&home, &helper).explains(&["x"]);
    let seen = std::fs::read_to_string(seen).unwrap();
    assert!(seen.starts_with("arguments 0\n"), "{seen}");
    assert_eq!(seen.matches(REGISTRY).count(), 1, "on standard input alone: {seen}");
}

#[test]
fn the_minters_own_time_limit_speaks_first() {
    let aws = Aws::start();
    aws.on(Call::EcrToken, Behaviour::Hang);
    let home = Home::signed_in(&aws);
    home.settings("timeout = 1");
    let started = Instant::now();
    home.get(REGISTRY).explains(&["Amazon ECR", "within the time limit"]);
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn by_hand_it_says_what_it_is_for() {
    let outcome = Home::new().run(MINTER, &[], "");
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""));
    assert!(outcome.stderr.contains("started by the credential helpers"), "{outcome:?}");
}
