//! The soak: parallel processes get and mint under rotating identities, and what they leave behind,
//! or need more of as time goes by, is counted. `CREDMINT_SOAK=100000,1000` is the long one.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use pretend_cloud::{Aws, Call};

use crate::home::{ECR, Home, files, program, skip};

const TEST: &str = "every_identity_keeps_its_token_and_nothing_piles_up";
const REGIONS: [&str; 3] = ["us-east-1", "eu-west-1", "ap-southeast-2"];
const PROCESSES: usize = 4;

/// An identity and a region: each has its own token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Scope(usize);

impl Scope {
    fn key(self) -> String {
        format!("AKIA{:08}", self.0 / REGIONS.len())
    }

    fn region(self) -> &'static str {
        REGIONS[self.0 % REGIONS.len()]
    }

    fn registry(self) -> String {
        format!("123456789012.dkr.ecr.{}.amazonaws.com", self.region())
    }

    fn ask(self, mut command: Command) -> String {
        let mut child = command.env("AWS_ACCESS_KEY_ID", self.key()).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(self.registry().as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{self:?}: {output:?}");
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        answer["Secret"].as_str().unwrap().to_owned()
    }
}

/// What a process has at its end: the most memory it needed, in kB, and its open descriptors.
fn at_its_end(home: &Home, scope: Scope) -> (usize, usize) {
    // On a busy machine the moment may be missed.
    (0..5).map(|_| seen_at_its_end(home, scope)).find(|found| *found != (0, 0)).unwrap_or_default()
}

fn seen_at_its_end(home: &Home, scope: Scope) -> (usize, usize) {
    let helper = program(ECR);
    // At its last call it is held up for a while.
    let options = ["-qq", "-o", "/dev/null", "-e", "inject=exit_group:delay_enter=300000"];
    let mut command = home.other("strace", &options);
    command.args([helper.to_str().unwrap(), "get"]).env("AWS_ACCESS_KEY_ID", scope.key());
    let mut tracer = command.stdin(Stdio::piped()).spawn().unwrap();
    tracer.stdin.take().unwrap().write_all(scope.registry().as_bytes()).unwrap();
    let mut found = (0, 0);
    while tracer.try_wait().unwrap().is_none() {
        let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", tracer.id())).unwrap_or_default();
        let process = children.split_whitespace().next().unwrap_or("none");
        // Only root can read the descriptors of a process that is not dumpable. They are counted before the
        // memory: a process that ends frees its memory before it closes them, so if its memory
        // can still be read, it had all of them.
        let open = std::fs::read_dir(format!("/proc/{process}/fd")).map_or(0, Iterator::count);
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        let memory =
            status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok());
        if let (Some(memory), true) = (memory, status.contains("docker-credenti")) {
            found = (memory, open);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    found
}

#[test]
fn every_identity_keeps_its_token_and_nothing_piles_up() {
    let sizes = std::env::var("CREDMINT_SOAK").unwrap_or_else(|_| "2000,100".to_owned());
    let (gets, mints) =
        sizes.split_once(',').map(|(gets, mints)| (gets.parse().unwrap(), mints.parse().unwrap())).unwrap();
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    let every: usize = gets / mints;
    let (next, given) = (AtomicUsize::new(0), Mutex::new(BTreeMap::<Scope, BTreeSet<String>>::new()));
    let started = Instant::now();
    Scope(0).ask(home.command(ECR, &["get"]));
    let first = at_its_end(&home, Scope(0));
    std::thread::scope(|threads| {
        for _ in 0..PROCESSES {
            threads.spawn(|| {
                loop {
                    let nth = next.fetch_add(1, Ordering::Relaxed);
                    if nth >= gets {
                        return;
                    }
                    // Sometimes a new identity, otherwise one of the earlier ones.
                    let newest = (nth / every).min(mints - 1);
                    let scope =
                        Scope(if nth % every == 0 { newest } else { nth.wrapping_mul(2_654_435_761) % (newest + 1) });
                    let secret = scope.ask(home.command(ECR, &["get"]));
                    given.lock().unwrap().entry(scope).or_default().insert(secret);
                }
            });
        }
    });
    let took = started.elapsed();
    let last = at_its_end(&home, Scope(0));

    let given = given.into_inner().unwrap();
    assert_eq!((given.len(), aws.calls(Call::EcrToken)), (mints, mints), "one mint for each");
    let minted: BTreeMap<_, _> = aws.minted().into_iter().map(|token| (token.password.clone(), token)).collect();
    for (scope, secrets) in &given {
        assert_eq!(secrets.len(), 1, "{scope:?} has got several");
        let token = &minted[secrets.first().unwrap()];
        assert_eq!((token.access_key.as_str(), token.region.as_str()), (scope.key().as_str(), scope.region()));
    }
    let (tokens, mint_locks) = (files(&home.path("run/credmint/tokens")), files(&home.path("run/credmint/mint-locks")));
    assert_eq!((tokens.len(), mint_locks.len()), (mints, mints));
    // In addition, the list of the served registries.
    assert_eq!(files(&home.path("")).len(), 2 * mints + 1, "nothing lies elsewhere");
    for path in mint_locks {
        let lock = std::fs::File::options().write(true).open(&path).unwrap();
        assert!(lock.try_lock().is_ok(), "{} is still locked", path.display());
    }
    let said = format!(
        "soak: {gets} gets, {mints} mints, {PROCESSES} at a time: {:.1} s; memory {} kB, then {} kB; descriptors {}, then {}\n",
        took.as_secs_f64(),
        first.0,
        last.0,
        first.1,
        last.1
    );
    std::io::stderr().write_all(said.as_bytes()).unwrap();
    if first.0 == 0 || last.0 == 0 {
        return skip(TEST, "the memory of a process: strace is missing or may not trace");
    }
    assert!(last.0 <= first.0 + 256 && last.1 == first.1, "{said}");
}
