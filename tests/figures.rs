//! The benchmark table: `cargo figures`, see `tests/README.md`.
//!
//! All commands of a table run in turn, round after round in another order, so that whatever else the machine does hits
//! all of them alike; the results are medians and their ratios. Every output is checked.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr)] // It prints.

#[allow(dead_code, unused_imports)] // Its tests are the suite's.
mod acr;
mod figures_of_clouds;
#[allow(dead_code, unused_imports)] // Its tests are the suite's.
mod gcr;
#[allow(dead_code, unused_imports)] // Its tests are the suite's.
mod ghcr;
#[allow(dead_code)]
mod home;
#[allow(dead_code)]
mod session;

use std::collections::HashSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use home::{ACR, CLI, CREDMINT, ECR, GCR, GHCR, Home, NOT_FOUND, REGISTRY, WORKER, program};
use pretend_cloud::{Aws, Ca, Call};
use session::Session;

/// Measured once a round.
struct Row {
    name: &'static str,
    command: Command,
    input: PathBuf,
    /// The expected text of the output.
    expected: String,
    times: Vec<Duration>,
}

impl Row {
    fn new(name: &'static str, home: &Home, mut command: Command, server: &str, expected: &str) -> Self {
        let input = home.write(&format!("input-{}", name.len()), server);
        command.stdin(File::open(&input).unwrap());
        Row { name, command, input, expected: expected.to_owned(), times: Vec::new() }
    }

    /// Input and output are files: a pipe would add the time in which we read it.
    fn run(&mut self) {
        let answer = self.input.with_extension("answer");
        self.command
            .stdin(File::open(&self.input).unwrap())
            .stdout(File::create(&answer).unwrap())
            .stderr(Stdio::null());
        let started = Instant::now();
        self.command.status().unwrap();
        self.times.push(started.elapsed());
        let answer = std::fs::read_to_string(answer).unwrap();
        assert!(answer.contains(&self.expected), "{}: {answer}", self.name);
    }

    /// The median, and the middle half around it.
    fn median(&self) -> (f64, f64, f64) {
        let mut times: Vec<_> = self.times.iter().map(|time| time.as_secs_f64() * 1000.0).collect();
        times.sort_by(f64::total_cmp);
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
        (at(0.5), at(0.25), at(0.75))
    }
}

const PROGRAMS: [&str; 7] = [ECR, ACR, GCR, GHCR, CREDMINT, CLI, WORKER];
/// The argument of the process whose programs are copies.
const COPIED: &str = "--copied";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let option =
        |name: &str| arguments.iter().position(|argument| argument == name).and_then(|at| arguments.get(at + 1));
    if !arguments.iter().any(|argument| argument == COPIED) {
        // The suite's own variable names the programs: it is set for a second process.
        let folder = option("--programs").map_or_else(|| program(ECR).parent().unwrap().into(), PathBuf::from);
        let copies = PROGRAMS.map(|name| copied(&folder.join(name)));
        let mut again = Command::new(std::env::current_exe().unwrap());
        let status = again.arg(COPIED).args(arguments).env("CREDMINT_PROGRAMS", copies[0].parent().unwrap()).status();
        assert!(status.unwrap().success());
        return;
    }
    let rounds = option("--rounds").map_or(200, |rounds| rounds.parse().unwrap());
    let peers = option("--peers").map(PathBuf::from);
    println!("program: {}", program(ECR).display());
    if arguments.iter().any(|argument| argument == "--strace") {
        return system_calls();
    }
    let only: Vec<&str> = option("--only").map_or_else(Vec::new, |words| words.split(',').collect());
    tables(rounds, peers.as_deref(), &only);
    if only.is_empty() {
        at_once();
    }
}

/// Cached and cold gets, ours and the peers'; all rows, or those whose names contain one of these words.
fn tables(rounds: usize, peers: Option<&Path>, only: &[&str]) {
    let aws = Aws::start();
    let mut rows = Vec::new();
    let homes = [("file", "cached, file"), ("kernel", "cached, kernel keyring")].map(|(vault, name)| {
        let mut home = Home::signed_in(&aws);
        home.set("CREDMINT_VAULT", vault);
        let secret = home.get(REGISTRY).secret();
        rows.push(Row::new(name, &home, home.command(ECR, &["get"]), REGISTRY, &secret));
        home
    });
    // The start of one of ours, and nothing else.
    rows.push(Row::new("version", &homes[0], homes[0].command(ECR, &["version"]), "", "docker-credential-ecr"));
    rows.push(Row::new(
        "foreign host, file",
        &homes[0],
        homes[0].command(ECR, &["get"]),
        "registry.example",
        NOT_FOUND,
    ));

    let mut desktop = Home::signed_in(&aws);
    let session = Session::start(&mut desktop, "figures of the Secret Service");
    if session.is_some() {
        let secret = desktop.get(REGISTRY).secret();
        rows.push(Row::new("cached, Secret Service", &desktop, desktop.command(ECR, &["get"]), REGISTRY, &secret));
        let foreign = "registry.example";
        rows.push(Row::new(
            "foreign host, Secret Service",
            &desktop,
            desktop.command(ECR, &["get"]),
            foreign,
            NOT_FOUND,
        ));
    }

    // Over TLS and with all of the system's authorities, as in life.
    let ca = Ca::new();
    let tls = Aws::start_tls("127.0.0.1:0".parse().unwrap(), &ca, &["127.0.0.1"]);
    let authorities = std::fs::read_to_string("/etc/ssl/certs/ca-certificates.crt").unwrap_or_default() + &ca.pem();
    let cold_home = || {
        let mut home = Home::signed_in(&tls);
        let bundle = home.write("authorities.pem", &authorities);
        home.set("CREDMINT_VAULT", "none").set("AWS_ECR_DISABLE_CACHE", "true").set("SSL_CERT_FILE", bundle);
        home.set("AWS_REGION", "us-east-1");
        home
    };
    let cold = cold_home();
    rows.push(Row::new(
        "cold, loopback ECR over TLS",
        &cold,
        cold.command(ECR, &["get"]),
        REGISTRY,
        "\"Username\":\"AWS\"",
    ));

    let mut theirs = Home::signed_in(&aws);
    theirs.set("AWS_REGION", "us-east-1");
    let theirs_cold = cold_home();
    match peer(peers, "docker-credential-ecr-login") {
        Some(path) => {
            for (name, home) in [("ecr-login, cached", &theirs), ("ecr-login, cold", &theirs_cold)] {
                let command = home.other(path.to_str().unwrap(), &["get"]);
                rows.push(Row::new(name, home, command, REGISTRY, "\"Username\":\"AWS\""));
            }
        }
        None => eprintln!("skipped: ecr-login: it is neither on PATH nor in --peers"),
    }
    match (peer(peers, "docker-credential-secretservice"), &session) {
        (Some(path), Some(_)) => {
            desktop.store("peer.example", "u", "peers-secret").is_silent();
            let command = desktop.other(path.to_str().unwrap(), &["get"]);
            rows.push(Row::new("docker-credential-secretservice", &desktop, command, "peer.example", "peers-secret"));
        }
        _ => eprintln!("skipped: docker-credential-secretservice: it is neither on PATH nor in --peers"),
    }

    let clouds = figures_of_clouds::Clouds::start();
    rows.extend(clouds.rows(peers));
    rows.retain(|row| only.is_empty() || only.iter().any(|word| row.name.contains(word)));

    // Apart: right behind tens of milliseconds of another program, what is cached is slower than behind its like.
    let (cached, minted): (Vec<Row>, Vec<Row>) =
        rows.into_iter().partition(|row| !["cold", "gh auth", "gh's token"].iter().any(|word| row.name.contains(word)));
    for rows in [cached, minted] {
        if !rows.is_empty() {
            measure(rows, rounds);
        }
    }
    assert_eq!(clouds.requests_of_self_signed(), 0, "a self-signed token needs no request");
}

/// The unit of the tables: the least that a program can be, `int main(){return 0;}` linked statically by
/// musl-gcc. What the distribution's `/bin/true` takes is also its dynamic linker's time, which differs from
/// machine to machine more than what a helper does.
const UNIT: &str = "an empty static program";

fn unit(home: &Home) -> Command {
    let (source, program) = (home.write("unit.c", "int main(){return 0;}\n"), home.path("unit"));
    let mut compiler = Command::new("musl-gcc");
    compiler.args(["-O2", "-static", "-s", "-o"]).arg(&program).arg(&source);
    assert!(compiler.status().is_ok_and(|status| status.success()), "musl-gcc is needed: apt-get install musl-tools");
    home.other(program.to_str().unwrap(), &[])
}

/// One table, with its unit as its first row.
fn measure(mut rows: Vec<Row>, rounds: usize) {
    let (empty, truth) = (Home::new(), Home::new());
    rows.insert(0, Row::new(UNIT, &empty, unit(&empty), "", ""));
    rows.insert(1, Row::new("`/bin/true`", &truth, truth.other("/bin/true", &[]), "", ""));
    for round in 0..rounds + 3 {
        // In another order each time: what runs behind its own like finds the machine's caches warm.
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by_key(|nth| (nth * 7_919 + round * 104_729) * 2_654_435_761 % 1_009);
        order.into_iter().for_each(|nth| rows[nth].run());
        if round < 3 {
            // The first rounds fill the page cache and the peers' own.
            rows.iter_mut().for_each(|row| row.times.clear());
        }
    }
    let unit = rows[0].median().0;
    println!("\n| {rounds} rounds, interleaved | median ms | middle half | × {UNIT} |\n|---|---|---|---|");
    for row in &rows {
        let (median, low, high) = row.median();
        println!("| {} | {median:.3} | {low:.3}–{high:.3} | {:.2} |", row.name, median / unit);
    }
    let of = |name: &str| rows.iter().find(|row| row.name == name).map(|row| row.median().0);
    for (name, one, other) in [
        ("cold, against ecr-login", "cold, loopback ECR over TLS", "ecr-login, cold"),
        ("cached, against ecr-login", "cached, file", "ecr-login, cached"),
        (
            "cached, Secret Service, against docker-credential-secretservice",
            "cached, Secret Service",
            "docker-credential-secretservice",
        ),
        ("ghcr, with gh's token, against gh auth token", "ghcr, with gh's token", "gh auth token"),
        ("foreign host, against cached", "foreign host, file", "cached, file"),
    ] {
        if let (Some(one), Some(other)) = (of(one), of(other)) {
            println!("| {name} | | | ratio {:.2} |", one / other);
        }
    }
}

/// Fifty cold `get`s that start together.
fn at_once() {
    const MANY: usize = 50;
    let mut shares = Vec::new();
    for _ in 0..5 {
        let aws = Aws::start();
        let median = |mut times: Vec<Duration>| {
            times.sort();
            times[times.len() / 2]
        };
        let cold = median((0..9).map(|_| Home::signed_in(&aws).get(REGISTRY).took).collect());
        let home = Home::signed_in(&aws);
        // The time to start so many programs: ours, without a request.
        let starts = together(MANY, || home.run(ECR, &["version"], "").took).0;
        let minted = aws.calls(Call::EcrToken);
        let (took, answers) = together(MANY, || home.get(REGISTRY));
        let secrets: HashSet<_> = answers.iter().map(|answer| answer.secret()).collect();
        assert_eq!((aws.calls(Call::EcrToken) - minted, secrets.len()), (1, 1), "one mint, one token");
        shares.push(took.as_secs_f64() / (cold.mul_f64(1.5) + starts).as_secs_f64());
    }
    shares.sort_by(f64::total_cmp);
    println!(
        "| {MANY} cold at once: 1 mint, 1 token; time against 1.5 cold + {MANY} starts, median of 5 | | | ratio {:.2} |",
        shares[2]
    );
}

fn together<T: Send>(count: usize, run: impl Fn() -> T + Sync) -> (Duration, Vec<T>) {
    let started = Instant::now();
    let results = std::thread::scope(|threads| {
        let running: Vec<_> = (0..count).map(|_| threads.spawn(&run)).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    (started.elapsed(), results)
}

/// The system calls of a cached hit, as `strace` sees them.
fn system_calls() {
    for vault in ["file", "kernel", "auto"] {
        let aws = Aws::start();
        let mut home = Home::signed_in(&aws);
        let session = (vault == "auto").then(|| Session::start(&mut home, "system calls of the Secret Service"));
        if matches!(session, Some(None)) {
            continue;
        }
        home.set("CREDMINT_VAULT", vault);
        home.get(REGISTRY).credentials();
        let input = home.write("input", REGISTRY);
        let output = home
            .other("strace", &["-f", program(ECR).to_str().unwrap(), "get"])
            .stdin(File::open(input).unwrap())
            .stdout(Stdio::null())
            .output()
            .unwrap();
        let trace = String::from_utf8(output.stderr).unwrap();
        println!("\n{vault}: {} system calls", trace.lines().count() - 1);
        for line in trace.lines() {
            println!(
                "    {}",
                line.chars().take(100).collect::<String>().replace(home.path("").to_str().unwrap(), "~/")
            );
        }
    }
}

/// A peer's program, in the folder that was named or on the path.
fn peer(folder: Option<&Path>, name: &str) -> Option<PathBuf> {
    let named = folder.map(|folder| folder.join(name)).into_iter();
    let on_path =
        std::env::var_os("PATH").into_iter().flat_map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    named.chain(on_path.map(|folder| folder.join(name))).find(|path| path.is_file()).map(|path| copied(&path))
}

/// A copy of a program, made now. How the kernel caches a file depends on how it was written: a helper that the linker
/// wrote while memory was short starts in 3.4 units, and its copy in 2.0. Scripts look for files beside them and stay.
fn copied(program: &Path) -> PathBuf {
    let content = std::fs::read(program).unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    if !content.starts_with(b"\x7fELF") {
        return program.into();
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("figures");
    let copy = folder.join(program.file_name().unwrap());
    std::fs::create_dir_all(&folder).unwrap();
    _ = std::fs::remove_file(&copy);
    std::fs::write(&copy, content).unwrap();
    std::fs::set_permissions(&copy, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    copy
}
