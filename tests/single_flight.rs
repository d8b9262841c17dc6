use std::collections::HashSet;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant, SystemTime};

use pretend_cloud::{Aws, Behaviour, Call};

use crate::home::{ECR, Home, Outcome, REGISTRY, program};

const MANY: usize = 50;
/// A cloud as slow as the real ones, which is when the others have to wait.
const SLOW: Duration = Duration::from_millis(800);

/// Many processes, started together.
fn at_once(home: &Home) -> Vec<Outcome> {
    std::thread::scope(|threads| {
        let running: Vec<_> = (0..MANY).map(|_| threads.spawn(|| home.get(REGISTRY))).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// A home with a timeout that suffices on any machine, so that a failure is a bug.
fn patient(aws: &Aws) -> Home {
    let home = Home::signed_in(aws);
    home.settings("timeout = 300");
    home
}

#[test]
fn fifty_at_once_mint_once_however_short_the_token_lives() {
    for life in [30, 300, 3_600, 12 * 3_600] {
        let aws = Aws::start();
        aws.set_token_life(Duration::from_secs(life));
        aws.on(Call::EcrToken, Behaviour::Slow(SLOW));
        let home = patient(&aws);
        let started = Instant::now();
        let secrets: HashSet<_> = at_once(&home).iter().map(Outcome::secret).collect();
        // On a machine so slow that the token was renewed in between, that may have happened.
        let renewals = (started.elapsed().as_secs() / (life / 2 - 1)) as usize;
        let mints = aws.calls(Call::EcrToken);
        assert!(mints <= 1 + renewals && secrets.len() <= mints, "{life} s: {mints} mints, {} tokens", secrets.len());
    }
}

#[test]
fn fifty_at_once_all_get_a_response_where_nothing_can_be_kept() {
    let aws = Aws::start();
    aws.on(Call::EcrToken, Behaviour::Slow(SLOW));
    let mut home = patient(&aws);
    // There is none here.
    home.set("CREDMINT_VAULT", "keychain");
    let secrets: HashSet<_> = at_once(&home).iter().map(Outcome::secret).collect();
    assert_eq!((secrets.len(), aws.calls(Call::EcrToken)), (MANY, MANY), "each has minted its own");
}

/// After a night, all tokens of a laptop have expired, and a build asks for all of them: each process that mints also
/// removes what has expired, and must not remove what another has just saved.
#[test]
fn several_expired_tokens_are_each_minted_once() {
    const REGIONS: [&str; 6] =
        ["us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-northeast-1", "ap-southeast-2"];
    let aws = Aws::start();
    let home = patient(&aws);
    let registries = REGIONS.map(|region| REGISTRY.replace("us-east-1", region));
    for registry in &registries {
        home.get(registry).secret();
    }
    for _ in 0..5 {
        home.end_tokens();
        let minted = aws.calls(Call::EcrToken);
        let secrets: HashSet<_> = std::thread::scope(|threads| {
            let asked = (0..4).flat_map(|_| &registries);
            let running: Vec<_> = asked.map(|registry| threads.spawn(|| home.get(registry).secret())).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!((secrets.len(), aws.calls(Call::EcrToken) - minted), (REGIONS.len(), REGIONS.len()));
    }
}

/// Fifty helpers next to a worker that the test controls. A helper logs that it waits.
struct Crowd {
    home: Home,
    running: Vec<Child>,
}

impl Crowd {
    /// Starts them, and waits until one of them mints and the others wait for it.
    fn gather(mut home: Home, script: &str) -> Self {
        let folder = home.path("bin");
        std::fs::create_dir_all(&folder).unwrap();
        testing::copy_program(&program(ECR), &folder);
        // Its first mint lasts until the test has seen everybody wait.
        home.script(
            "bin/credmint-mint",
            &format!("echo started >> \"$HOME/mints\"; until test -e \"$HOME/go\"; do sleep 0.02; done; {script}"),
        );
        home.set("CREDMINT_LOG", format!("info:{}", home.path("log").display()));
        home.settings("timeout = 300");
        let helper = folder.join(ECR);
        let running = (0..MANY).map(|_| {
            let mut child = home.command(helper.to_str().unwrap(), &["get"]).stdin(Stdio::piped()).spawn().unwrap();
            std::io::Write::write_all(&mut child.stdin.take().unwrap(), REGISTRY.as_bytes()).unwrap();
            child
        });
        let running = running.collect();
        testing::wait_until("the others waiting", || count(&home.path("log"), "waiting for another") == MANY - 1);
        assert_eq!(count(&home.path("mints"), "started"), 1);
        Crowd { home, running }
    }

    /// Lets the minter go on, and gives what all of them say.
    fn answers(self) -> (Home, Vec<String>) {
        self.home.write("go", "");
        let answers = self.running.into_iter().map(|child| {
            let output = child.wait_with_output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        });
        (self.home, answers.collect())
    }
}

fn count(path: &Path, words: &str) -> usize {
    std::fs::read_to_string(path).unwrap_or_default().matches(words).count()
}

#[test]
fn a_failure_is_shared_with_the_waiters_and_not_with_later_processes() {
    let (home, answers) = Crowd::gather(Home::new(), "echo '{\"what\":\"no such luck\"}'").answers();
    let sentences: HashSet<_> = answers.iter().map(String::as_str).collect();
    assert_eq!((sentences, count(&home.path("mints"), "started")), (HashSet::from(["no such luck\n"]), 1));
    let helper = home.path("bin").join(ECR);
    home.run(helper.to_str().unwrap(), &["get"], REGISTRY).explains(&["no such luck"]);
    assert_eq!(count(&home.path("mints"), "started"), 2, "whoever comes later asks for himself");
}

#[test]
fn without_a_cache_processes_do_not_wait_for_each_other() {
    let mut home = Home::new();
    home.set("CREDMINT_VAULT", "keychain");
    let end = (SystemTime::now() + Duration::from_secs(3_600)).duration_since(SystemTime::UNIX_EPOCH).unwrap();
    // The first one responds. Each of the others responds only once all of them were started.
    let script = format!(
        "test -e \"$HOME/first\" && until test $(wc -l < \"$HOME/mints\") -ge {MANY}; do sleep 0.05; done; \
         touch \"$HOME/first\"; echo '{{\"username\":\"AWS\",\"secret\":\"s\",\"expires\":{}}}'",
        end.as_millis()
    );
    let (home, answers) = Crowd::gather(home, &script).answers();
    assert!(answers.iter().all(|answer| answer.contains("\"Secret\":\"s\"")), "{answers:?}");
    assert_eq!(count(&home.path("mints"), "started"), MANY);
}
