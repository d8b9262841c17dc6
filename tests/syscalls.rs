//! The fault matrix: every system call with which a helper, or `credmint`, touches a file of the
//! user's fails in turn in every way, and once the program is killed there. Whatever happens,
//! nothing is lost, nothing is half-written, and nothing piles up.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant, SystemTime};

use crate::home::{CLI, ECR, Home, REGISTRY, files, program, skip};

const FAULTS: [&str; 5] = ["error=ENOSPC", "error=EIO", "error=EACCES", "error=EINTR", "signal=KILL"];
/// A program that takes this long has waited for what does not come: its own time limits are longer.
const LIMIT: Duration = Duration::from_secs(15);
const OLD: &str = "0ld-c4n4ry";
const NEW: &str = "n3w-c4n4ry";

/// A program that writes, on a home in a known state.
struct Scene {
    prepare: fn() -> Home,
    command: fn(&Home) -> (String, Vec<&'static str>, String),
    check: fn(&Home, &Fault, &Output),
}

/// The nth call of a name, and what becomes of it.
#[derive(Clone, Debug)]
struct Fault {
    call: String,
    nth: usize,
    kind: &'static str,
    /// The call in the run in which nothing failed.
    line: String,
}

impl Scene {
    fn run(&self, home: &Home, options: &[&str]) -> Output {
        let (program, arguments, input) = (self.command)(home);
        let mut whole = options.to_vec();
        whole.push(&program);
        whole.extend(arguments);
        let mut child = home.other("strace", &whole).stdin(Stdio::piped()).spawn().unwrap();
        // One that was killed reads nothing.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// Every call of a run without faults that names a file in the home or has one open.
    fn calls(&self) -> Vec<Fault> {
        let home = (self.prepare)();
        let trace = tempfile::NamedTempFile::new().unwrap();
        let output = self.run(&home, &["-qq", "-y", "-o", trace.path().to_str().unwrap()]);
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8_lossy(&std::fs::read(trace.path()).unwrap()).into_owned();
        let inside = home.path("");
        let inside = inside.to_str().unwrap().trim_end_matches('/');
        // std takes for granted that a folder can be closed.
        let folders: Vec<_> =
            text.lines().filter_map(|line| line.strip_prefix("getdents64(")?.split(',').next()).collect();
        let is_folder =
            |line: &str| line.strip_prefix("close(").is_some_and(|fd| folders.iter().any(|f| fd.starts_with(f)));
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let mut calls = Vec::new();
        for line in text.lines() {
            let Some((call, _)) = line.split_once('(') else { continue };
            let nth = counts.entry(call).or_default();
            *nth += 1;
            // The first names a program, `fcntl` is an assertion of std's in a development build.
            let of_std = ["execve", "fcntl"].contains(&call)
                || line.contains("/bin/credmint-mint")
                || line.contains("/proc/self/exe")
                || is_folder(line);
            if line.contains(inside) && !of_std {
                calls.push(Fault { call: call.to_owned(), nth: *nth, kind: "", line: line.to_owned() });
            }
        }
        calls
    }

    fn play(&self, test: &str) {
        if !can_trace() {
            return skip(test, "strace is missing or may not trace");
        }
        let calls = self.calls();
        assert!(calls.len() > 10, "{calls:#?}");
        let faults = calls.iter().flat_map(|call| FAULTS.map(|kind| Fault { kind, ..call.clone() }));
        let faults = std::sync::Mutex::new(faults.collect::<Vec<_>>().into_iter());
        std::thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| {
                    while let Some(fault) = { faults.lock().unwrap().next() } {
                        self.one(&fault);
                    }
                });
            }
        });
    }

    fn one(&self, fault: &Fault) {
        let injected = format!("inject={}:{}:when={}", fault.call, fault.kind, fault.nth);
        let (home, output) = testing::quick(LIMIT, || {
            let home = (self.prepare)();
            let started = Instant::now();
            let output = self.run(&home, &["-qq", "-o", "/dev/null", "-e", &injected]);
            ((home, output), started.elapsed())
        });
        let said = [output.stdout.as_slice(), &output.stderr].map(String::from_utf8_lossy).concat();
        let killed = output.status.signal() == Some(9) && fault.kind == "signal=KILL";
        assert!(killed || matches!(output.status.code(), Some(0 | 1)), "{fault:?}: {output:?}");
        assert!(!said.contains("panicked") && !said.contains("RUST_BACKTRACE"), "{fault:?}: {said}");
        assert!(!String::from_utf8_lossy(&output.stderr).contains("c4n4ry"), "{fault:?}: {said}");
        (self.check)(&home, fault, &output);
    }
}

fn can_trace() -> bool {
    let tried = std::process::Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).output();
    tried.is_ok_and(|output| output.status.success())
}

/// Makes abandoned files old.
fn age(folder: &Path) {
    for path in files(folder) {
        let file = std::fs::File::options().append(true).open(&path);
        file.and_then(|file| file.set_modified(SystemTime::now() - Duration::from_secs(7200))).unwrap();
    }
}

fn are_private(folder: &Path, fault: &Fault) {
    for path in files(folder) {
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{fault:?}: {}", path.display());
    }
}

#[test]
fn a_store_keeps_the_old_login_or_the_new_one() {
    let prepare = || {
        let home = Home::new();
        assert_eq!(home.store("r.example", "u", OLD).code, 0);
        home
    };
    let command = |_: &Home| {
        let input = format!("{{\"ServerURL\":\"r.example\",\"Username\":\"u\",\"Secret\":\"{NEW}\"}}\n");
        (program(ECR).display().to_string(), vec!["store"], input)
    };
    let check = |home: &Home, fault: &Fault, output: &Output| {
        let found = home.get("r.example").secret();
        assert!(found == NEW || (found == OLD && !output.status.success()), "{fault:?}: {found}");
        let interrupted =
            fault.kind == "error=EINTR" && ["open", "openat", "read", "write", "fsync"].contains(&&*fault.call);
        assert!(output.status.success() || !interrupted, "an interruption is no failure: {fault:?}");
        assert_eq!(home.list().len(), 1, "{fault:?}");
        let folder = home.path("data/credmint/logins");
        are_private(&folder, fault);
        assert!(files(&folder).len() <= 2, "{fault:?}");
        age(&folder);
        assert_eq!(home.store("r.example", "u", "later").code, 0, "{fault:?}");
        assert_eq!(home.get("r.example").secret(), "later", "{fault:?}");
        assert_eq!(files(&folder).len(), 1, "what {fault:?} left stays");
    };
    Scene { prepare, command, check }.play("a_store_keeps_the_old_login_or_the_new_one");
}

/// A worker that responds at once, including the identity of the token.
fn minter(home: &Home, secret: &str, life: Duration) {
    let known: serde_json::Value = serde_json::from_str(&home.run(ECR, &["inspect"], REGISTRY).stdout).unwrap();
    let scope = known["scope"].as_str().unwrap();
    let end = (SystemTime::now() + life).duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    home.script(
        "bin/credmint-mint",
        &format!("echo '{{\"username\":\"AWS\",\"secret\":\"{secret}\",\"expires\":{end},\"scope\":\"{scope}\"}}'"),
    );
}

fn apart(home: &Home, input: &str) -> crate::home::Outcome {
    home.run(home.path("bin").join(ECR).to_str().unwrap(), &["get"], input)
}

#[test]
fn a_token_is_handed_out_whatever_becomes_of_keeping_it() {
    let prepare = || {
        let home = Home::new();
        std::fs::create_dir(home.path("bin")).unwrap();
        std::fs::hard_link(program(ECR), home.path("bin").join(ECR))
            .or_else(|_| std::fs::copy(program(ECR), home.path("bin").join(ECR)).map(drop))
            .unwrap();
        // So near its end that it is to be replaced.
        minter(&home, OLD, Duration::from_secs(300));
        assert_eq!(apart(&home, REGISTRY).secret(), OLD);
        home.tokens_were_received(-7_200);
        minter(&home, NEW, Duration::from_secs(7200));
        home
    };
    let command = |home: &Home| (home.path("bin").join(ECR).display().to_string(), vec!["get"], REGISTRY.to_owned());
    let check = |home: &Home, fault: &Fault, output: &Output| {
        let said = String::from_utf8_lossy(&output.stdout);
        if output.status.success() {
            assert!(said.contains(NEW) || said.contains(OLD), "{fault:?}: {said}");
        } else if output.status.signal().is_none() {
            assert!(fault.line.contains("config.toml"), "{fault:?} cost the token: {output:?}");
        }
        assert!([NEW, OLD].contains(&apart(home, REGISTRY).secret().as_str()), "{fault:?}");
        assert_eq!(apart(home, REGISTRY).secret(), NEW, "{fault:?}");
        let tokens = home.path("run/credmint/tokens");
        are_private(&tokens, fault);
        assert!(files(&tokens).len() <= 2 && files(&home.path("run/credmint/mint-locks")).len() == 1, "{fault:?}");
        age(&tokens);
        home.run(home.path("bin").join(ECR).to_str().unwrap(), &["erase"], REGISTRY).is_silent();
        assert_eq!(apart(home, REGISTRY).secret(), NEW, "{fault:?}");
        assert_eq!(files(&tokens).len(), 1, "what {fault:?} left stays");
    };
    Scene { prepare, command, check }.play("a_token_is_handed_out_whatever_becomes_of_keeping_it");
}

const CONFIG: &str = "{\n  \"auths\": {},\n  \"x\": 1.0e5\n}\n";
const CONFIGURED: &str =
    "{\n  \"auths\": {},\n  \"x\": 1.0e5,\n  \"credHelpers\": {\n    \"gcr.io\": \"gcr\"\n  }\n}\n";

#[test]
fn a_config_is_the_old_one_or_the_new_one() {
    let prepare = || {
        let mut home = Home::new();
        home.set("PATH", format!("{}:/usr/bin:/bin", program(CLI).parent().unwrap().display()));
        let config = home.write(".docker/config.json", CONFIG);
        std::fs::set_permissions(config, PermissionsExt::from_mode(0o640)).unwrap();
        home
    };
    let command = |_: &Home| (program(CLI).display().to_string(), vec!["configure", "--yes", "gcr.io"], String::new());
    let check = |home: &Home, fault: &Fault, output: &Output| {
        let path = home.path(".docker/config.json");
        let read = || std::fs::read_to_string(&path).unwrap();
        assert!(read() == CONFIGURED || (read() == CONFIG && !output.status.success()), "{fault:?}: {}", read());
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o640, "{fault:?}");
        let undoable = read() == CONFIG || String::from_utf8_lossy(&output.stderr).contains("to undo, run ");
        // The config, the record, and at most one that a killed process left.
        assert!(files(&home.path(".docker")).len() <= 3, "{fault:?}: {:?}", files(&home.path(".docker")));
        let configured = home.run(CLI, &["configure", "--yes", "gcr.io", "ghcr.io"], "");
        assert_eq!(configured.code, 0, "{fault:?}: {configured:?}");
        assert!(read().contains("ghcr") && read().contains("gcr"), "{fault:?}");
        assert_eq!(files(&home.path(".docker")).len(), 2, "what {fault:?} left stays");
        home.run(CLI, &["unconfigure"], "");
        let back: serde_json::Value = serde_json::from_str(&read()).unwrap();
        assert!(!undoable || back == serde_json::from_str::<serde_json::Value>(CONFIG).unwrap(), "{fault:?}: {back}");
    };
    Scene { prepare, command, check }.play("a_config_is_the_old_one_or_the_new_one");
}
