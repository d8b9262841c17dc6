//! `cargo demo`: the real programs on a pretend AWS, shown on one screen.
//!
//! Exits with 1 if anything differs from the text.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it shows something"
)]

#[allow(dead_code, unreachable_pub, reason = "the suite uses the rest")]
mod home;
#[path = "demo/screen.rs"]
mod screen;

use std::process::ExitCode;
use std::time::Instant;

use home::{CLI, CREDMINT, Home, NOT_FOUND, Outcome, REGISTRY, program};
use pretend_cloud::{Aws, Behaviour, Call, RegistryFront, pull};
use screen::Screen;
use serde_json::Value;

/// In another region, so that its token is another one.
const ELSEWHERE: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
/// A registry of no cloud.
const FOREIGN: &str = "registry.example:5000";

fn main() -> ExitCode {
    println!(
        "credmint on a pretend AWS: all of it runs on this machine, in a home folder of its own, without an account."
    );
    let mut demo = Demo::new();
    let ran = demo.run();
    let screen = &demo.screen;
    match ran {
        Ok(()) => {
            println!(
                "\n{} For your own registries:",
                screen.good("Everything worked, and what was broken was explained.")
            );
            screen.command("cargo install --locked --path .");
            screen.command("credmint configure --store");
            ExitCode::SUCCESS
        }
        Err(wrong) => {
            println!("\n  {} {wrong}", screen.bad("This did not work:"));
            ExitCode::FAILURE
        }
    }
}

struct Demo {
    screen: Screen,
    aws: Aws,
    front: RegistryFront,
    home: Home,
}

impl Demo {
    fn new() -> Self {
        let aws = Aws::start();
        let front = RegistryFront::start(&aws, None);
        let mut home = Home::signed_in(&aws);
        let screen = Screen::new(home.path("").display().to_string().trim_end_matches('/').to_owned());
        // Docker uses a loopback registry without TLS; a rule in the settings assigns it to a cloud.
        let door = front.addr();
        home.settings(&format!("[[registry]]\nmatch = \"{door}\"\nprovider = \"ecr\"\ntarget = \"{REGISTRY}\"\n"));
        let programs = program(CREDMINT).parent().unwrap().display().to_string();
        let path = std::env::var("PATH").unwrap_or_default();
        home.set("PATH", format!("{programs}:{path}"));
        for variable in ["DOCKER_HOST", "DOCKER_CONTEXT", "SSL_CERT_FILE"] {
            if let Some(value) = std::env::var_os(variable) {
                home.set(variable, value);
            }
        }
        if screen.has_colours() {
            home.set("CLICOLOR_FORCE", "1");
        }
        Demo { screen, aws, front, home }
    }

    fn run(&mut self) -> Result<(), String> {
        self.screen.heading("Wire Docker up");
        let (_, said) = self.credmint(&["configure", "--store"], 0)?;
        self.screen.output(&said);
        self.screen.heading("Ask for credentials, as Docker does");
        self.screen.note("by programs that are built fast and not optimised; tests/README.md has figures");
        let token = self.cold()?;
        self.cached(&token)?;
        self.many()?;
        self.stored_login()?;
        self.foreign_host()?;
        self.pull(&token)?;
        self.screen.heading("See what there is");
        let (facts, _) = self.credmint(&["status"], 0)?;
        self.screen.output(&facts);
        self.screen.heading("Break it: another user's key, which AWS gives no token");
        self.broken()
    }

    fn cold(&self) -> Result<String, String> {
        self.screen.command(&format!("echo {REGISTRY} | {CREDMINT} get"));
        let outcome = self.get(REGISTRY);
        let token = secret_of(&outcome)?;
        self.minted(1)?;
        self.screen.output(&redacted(&outcome));
        self.screen.works("cold", outcome.took, "the machine's AWS identity mints a token");
        Ok(token)
    }

    fn cached(&self, token: &str) -> Result<(), String> {
        let calls = self.aws.all_calls();
        let outcome = self.get(REGISTRY);
        if secret_of(&outcome)? != token {
            return Err("the second get gave another token".to_owned());
        }
        if self.aws.all_calls() != calls {
            return Err("the second get asked AWS again".to_owned());
        }
        self.screen.works("cached", outcome.took, "the same token, and AWS is not asked");
        Ok(())
    }

    fn many(&self) -> Result<(), String> {
        let started = Instant::now();
        let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..20).map(|_| scope.spawn(|| self.get(ELSEWHERE))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let took = started.elapsed();
        let mut tokens = outcomes.iter().map(secret_of).collect::<Result<Vec<_>, _>>()?;
        tokens.dedup();
        if tokens.len() != 1 {
            return Err("20 gets at once gave different tokens".to_owned());
        }
        self.minted(2)?;
        self.screen.works("20 at once", took, "another region, cold: one process mints, 19 wait for its token");
        Ok(())
    }

    fn stored_login(&self) -> Result<(), String> {
        let login = serde_json::json!({"ServerURL": FOREIGN, "Username": "ci", "Secret": "a-password"});
        let stored = self.home.run(CREDMINT, &["store"], login.to_string());
        let found = self.get(FOREIGN);
        if stored.code != 0 || secret_of(&found)? != "a-password" {
            return Err(format!("the login was not kept: {}", stored.stdout.trim_end()));
        }
        let meaning = format!("what `docker login {FOREIGN}` stores is found");
        self.screen.works("a stored login", found.took, &meaning);
        Ok(())
    }

    fn foreign_host(&self) -> Result<(), String> {
        let outcome = self.get("quay.io");
        if (outcome.code, outcome.stdout.trim_end()) != (1, NOT_FOUND) {
            return Err(format!("a host of no cloud was answered with {:?}", outcome.stdout));
        }
        self.screen.works("a foreign host", outcome.took, "\"not found\": Docker goes on without a login");
        Ok(())
    }

    fn pull(&self, token: &str) -> Result<(), String> {
        if self.docker("version").is_err() {
            return self.pull_alone(token, "no Docker engine runs here");
        }
        let image = self.image();
        let started = Instant::now();
        let pulled = self.docker(&format!("pull {image}"));
        let took = started.elapsed();
        if pulled.is_err() && self.aws.calls(Call::Registry) == 0 {
            // Remote, rootless, or in a virtual machine.
            return self.pull_alone(token, "the Docker engine does not reach this machine's loopback");
        }
        pulled?;
        self.docker(&format!("image rm {image}"))?;
        self.minted(2)?;
        self.screen.works(
            "docker pull",
            took,
            "from a registry that opens only to such a token; none was minted for it",
        );
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
        let what = format!("{} parts from a registry that opens only to such a token ({why})", pulled.parts);
        self.screen.works("pull an image", took, &what);
        Ok(())
    }

    fn broken(&mut self) -> Result<(), String> {
        let message = "User: arn:aws:iam::123456789012:user/bob is not authorized to perform: \
                       ecr:GetAuthorizationToken on resource: * because no identity-based policy allows the \
                       ecr:GetAuthorizationToken action"
            .to_owned();
        self.aws.on(Call::EcrToken, Behaviour::Refuse { status: 400, code: "AccessDeniedException", message });
        self.home.set("AWS_ACCESS_KEY_ID", "AKIABOB");
        let (found, _) = self.credmint(&["doctor", &self.image()], 1)?;
        // Before that, it checks the config, the programs and the machine.
        let of_registry: Vec<_> = found.lines().skip_while(|line| !line.contains("Registry ")).collect();
        let of_registry = of_registry.join("\n");
        self.screen.output(&of_registry);
        if of_registry.contains("ecr:GetAuthorizationToken") {
            return Ok(());
        }
        Err("doctor did not tell why AWS refuses the token".to_owned())
    }

    /// Runs a command of `credmint`; returns its JSON and its messages.
    fn credmint(&self, arguments: &[&str], code: i32) -> Result<(String, String), String> {
        let line = format!("{CLI} {}", arguments.join(" "));
        self.screen.command(&line);
        let outcome = self.home.run(CLI, arguments, "");
        if outcome.code != code {
            return Err(format!("{line} ended with {}: {}{}", outcome.code, outcome.stdout, outcome.stderr));
        }
        Ok((outcome.stdout, outcome.stderr))
    }

    fn get(&self, server: &str) -> Outcome {
        self.home.run(CREDMINT, &["get"], server)
    }

    fn image(&self) -> String {
        format!("{}/app:1", self.front.addr())
    }

    fn minted(&self, expected: usize) -> Result<(), String> {
        match self.aws.calls(Call::EcrToken) {
            calls if calls == expected => Ok(()),
            calls => Err(format!("AWS was asked for {calls} tokens by now instead of {expected}")),
        }
    }
}

/// The secret of a response, or the response.
fn secret_of(outcome: &Outcome) -> Result<String, String> {
    let answer: Value = serde_json::from_str(&outcome.stdout).unwrap_or_default();
    match (outcome.code, answer["Secret"].as_str()) {
        (0, Some(secret)) => Ok(secret.to_owned()),
        (code, _) => Err(format!("the helper ended with {code} and said {:?}", outcome.stdout.trim_end())),
    }
}

/// A response with a description of its secret.
fn redacted(outcome: &Outcome) -> String {
    let mut answer: Value = serde_json::from_str(&outcome.stdout).unwrap_or_default();
    let length = answer["Secret"].as_str().map_or(0, str::len);
    answer["Secret"] = format!("({length} characters)").into();
    let text = |name: &str| format!("\"{name}\":{}", answer[name]);
    format!("{{{},{},{}}}", text("ServerURL"), text("Username"), text("Secret"))
}
