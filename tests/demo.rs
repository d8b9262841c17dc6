//! `cargo demo`: the real `docker-credential-ecr` on a pretend AWS, shown in a dozen lines.
//!
//! Ends with 1 if anything is not as it says.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it shows something"
)]

#[allow(dead_code, unreachable_pub, reason = "the suite uses the rest")]
mod home;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use home::{ECR, Home, NOT_FOUND, Outcome, REGISTRY, program};
use pretend_cloud::{Aws, Call, RegistryFront, pull};
use serde_json::Value;

/// In another region, so that its token is another one.
const ELSEWHERE: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";

fn main() -> ExitCode {
    let paint = Paint { colours: std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() };
    println!("{}\n", paint.bold("credmint: Docker's credential helper for Amazon ECR, on a pretend AWS"));
    println!("  The pretend AWS and a registry run on this machine's loopback, with a home folder of their own.");
    println!("  {}", paint.faint(&format!("$ echo {REGISTRY} | {ECR} get")));
    match Demo::new(&paint).run() {
        Ok(()) => {
            println!("\n  {} For your own registry:", paint.green("All as told."));
            println!("    cargo install --path .");
            println!(
                "    in ~/.docker/config.json: {{\"credHelpers\": {{\"ACCOUNT.dkr.ecr.REGION.amazonaws.com\": \"ecr\"}}}}"
            );
            ExitCode::SUCCESS
        }
        Err(wrong) => {
            println!("\n  {} {wrong}", paint.red("Not as told:"));
            ExitCode::FAILURE
        }
    }
}

struct Demo<'a> {
    paint: &'a Paint,
    aws: Aws,
    front: RegistryFront,
    home: Home,
}

impl<'a> Demo<'a> {
    fn new(paint: &'a Paint) -> Self {
        let aws = Aws::start();
        let front = RegistryFront::start(&aws, None);
        let mut home = Home::signed_in(&aws);
        // Docker speaks to a registry on loopback without TLS; a settings rule says whose it is.
        let door = front.addr();
        home.settings(&format!("[[registry]]\nmatch = \"{door}\"\nprovider = \"ecr\"\ntarget = \"{REGISTRY}\"\n"));
        home.write("docker/config.json", format!("{{\"credHelpers\":{{\"{door}\":\"ecr\"}}}}"));
        home.set("DOCKER_CONFIG", home.path("docker"));
        let programs = program(ECR).parent().unwrap().display().to_string();
        let path = std::env::var("PATH").unwrap_or_default();
        home.set("PATH", format!("{programs}:{path}"));
        for variable in ["DOCKER_HOST", "DOCKER_CONTEXT"] {
            if let Some(value) = std::env::var_os(variable) {
                home.set(variable, value);
            }
        }
        Demo { paint, aws, front, home }
    }

    fn run(&self) -> Result<(), String> {
        let token = self.first_get()?;
        self.second_get(&token)?;
        self.many_gets()?;
        self.foreign_host()?;
        if self.docker("version").is_err() {
            return self.pull_alone(&token, "no Docker engine runs here");
        }
        self.pull_with_docker(&token)
    }

    fn first_get(&self) -> Result<String, String> {
        let outcome = self.home.get(REGISTRY);
        let token = token_of(&outcome)?;
        self.minted(1)?;
        println!("    {}\n", redacted(&outcome));
        self.show("first get", outcome.took, "signs in to AWS and mints a token");
        Ok(token)
    }

    fn second_get(&self, token: &str) -> Result<(), String> {
        let calls = self.aws.all_calls();
        let outcome = self.home.get(REGISTRY);
        if token_of(&outcome)? != token {
            return Err("the second get gave another token".to_owned());
        }
        if self.aws.all_calls() != calls {
            return Err("the second get asked AWS again".to_owned());
        }
        self.show("second get", outcome.took, "the same token from the cache: AWS hears nothing");
        Ok(())
    }

    fn many_gets(&self) -> Result<(), String> {
        let started = Instant::now();
        let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..20).map(|_| scope.spawn(|| self.home.get(ELSEWHERE))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let took = started.elapsed();
        let mut tokens = outcomes.iter().map(token_of).collect::<Result<Vec<_>, _>>()?;
        tokens.dedup();
        if tokens.len() != 1 {
            return Err("20 gets at once gave different tokens".to_owned());
        }
        self.minted(2)?;
        self.show("20 gets at once", took, "in another region: one of them mints, all get its token");
        Ok(())
    }

    fn foreign_host(&self) -> Result<(), String> {
        let outcome = self.home.get("registry.example");
        if (outcome.code, outcome.stdout.trim_end()) != (1, NOT_FOUND) {
            return Err(format!("a host that is not of ECR: {:?}", outcome.stdout));
        }
        self.show("a foreign host", outcome.took, "\"not found\": Docker goes on without a login");
        Ok(())
    }

    fn pull_with_docker(&self, token: &str) -> Result<(), String> {
        let image = format!("{}/app:1", self.front.addr());
        let started = Instant::now();
        let pulled = self.docker(&format!("pull {image}"));
        let took = started.elapsed();
        if pulled.is_err() && self.aws.calls(Call::Registry) == 0 {
            // Remote, rootless, or in a virtual machine.
            return self.pull_alone(token, "the Docker engine does not reach this machine's loopback");
        }
        pulled?;
        let minted = self.aws.calls(Call::EcrToken);
        self.docker(&format!("image rm {image}"))?;
        self.docker(&format!("pull {image}"))?;
        self.docker(&format!("image rm {image}"))?;
        self.minted(minted)?;
        self.show("docker pull", took, "from a registry that opens only to a minted token; once more: none was minted");
        Ok(())
    }

    fn docker(&self, arguments: &str) -> Result<(), String> {
        let output = self.home.shell(&format!("docker {arguments}")).output().map_err(|error| error.to_string())?;
        if output.status.success() {
            return Ok(());
        }
        Err(format!("docker {arguments}: {}", String::from_utf8_lossy(&output.stderr).trim_end()))
    }

    fn pull_alone(&self, token: &str, why: &str) -> Result<(), String> {
        let started = Instant::now();
        let pulled = pull(&self.front.url(), "app", "1", "AWS", token).map_err(|error| format!("the pull: {error}"))?;
        let took = started.elapsed();
        if pull(&self.front.url(), "app", "1", "AWS", "another").is_ok() {
            return Err("the registry let a wrong password in".to_owned());
        }
        let parts = pulled.parts;
        let what = format!("{parts} parts from a registry that opens only to a minted token ({why})");
        self.show("pull an image", took, &what);
        Ok(())
    }

    fn minted(&self, expected: usize) -> Result<(), String> {
        match self.aws.calls(Call::EcrToken) {
            calls if calls == expected => Ok(()),
            calls => Err(format!("AWS was asked for {calls} tokens by now instead of {expected}")),
        }
    }

    fn show(&self, what: &str, took: Duration, meaning: &str) {
        let took = format!("{:7.1} ms", took.as_secs_f64() * 1000.0);
        println!("  {} {what:16} {}   {meaning}", self.paint.green("✓"), self.paint.bold(&took));
    }
}

/// The token in an answer, or what was answered instead.
fn token_of(outcome: &Outcome) -> Result<String, String> {
    let answer: Value = serde_json::from_str(&outcome.stdout).unwrap_or_default();
    match (outcome.code, answer["Secret"].as_str()) {
        (0, Some(secret)) => Ok(secret.to_owned()),
        (code, _) => Err(format!("the helper ended with {code} and said {:?}", outcome.stdout.trim_end())),
    }
}

/// An answer with its secret described instead of shown.
fn redacted(outcome: &Outcome) -> String {
    let mut answer: Value = serde_json::from_str(&outcome.stdout).unwrap_or_default();
    let length = answer["Secret"].as_str().map_or(0, str::len);
    answer["Secret"] = format!("({length} characters)").into();
    let text = |name: &str| format!("\"{name}\":{}", answer[name]);
    format!("{{{},{},{}}}", text("ServerURL"), text("Username"), text("Secret"))
}

/// Colours, where somebody looks.
struct Paint {
    colours: bool,
}

impl Paint {
    fn bold(&self, text: &str) -> String {
        self.paint("1", text)
    }

    fn faint(&self, text: &str) -> String {
        self.paint("2", text)
    }

    fn green(&self, text: &str) -> String {
        self.paint("32", text)
    }

    fn red(&self, text: &str) -> String {
        self.paint("31", text)
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
