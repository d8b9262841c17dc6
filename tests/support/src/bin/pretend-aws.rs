//! The pretend AWS as a program, for scripts: see `USAGE`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it talks to a script")]

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use pretend_cloud::{Aws, Ca, RegistryFront};

const USAGE: &str = "\
usage: pretend-aws [OPTION]...
  --http ADDR                 AWS over plain HTTP (also the metadata services)
  --tls ADDR HOST[,HOST]      AWS over TLS, as these hosts
  --registry ADDR             the registry front over plain HTTP
  --registry-tls ADDR HOSTS   the registry front over TLS, as these hosts
  --upstream ADDR             the registry behind the front; without it, a small built-in image
  --ca FOLDER                 writes the test authority to FOLDER/ca.pem
  --token-life SECONDS        how long registry tokens live
An ADDR is IP:PORT, where port 0 is a free one. Prints `aws URL` or `registry URL` for each, then
`ready`; runs until its standard input ends. GET /__pretend/calls and /__pretend/minted tell what
happened, /__pretend/end-tokens ends every token minted so far.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match Plan::parse(&arguments) {
        Ok(plan) => match plan.run() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("pretend-aws: {error}");
                ExitCode::FAILURE
            }
        },
        Err(wrong) => {
            eprintln!("pretend-aws: {wrong}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// What the arguments ask for.
#[derive(Default)]
struct Plan {
    http: Vec<SocketAddr>,
    tls: Vec<(SocketAddr, Vec<String>)>,
    registry: Vec<SocketAddr>,
    registry_tls: Vec<(SocketAddr, Vec<String>)>,
    upstream: Option<SocketAddr>,
    ca: Option<String>,
    token_life: Option<Duration>,
}

impl Plan {
    fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut plan = Plan::default();
        let mut arguments = arguments.iter();
        while let Some(option) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{option} wants a value"));
            match option.as_str() {
                "--http" => plan.http.push(address(value()?)?),
                "--tls" => plan.tls.push((address(value()?)?, hosts(value()?))),
                "--registry" => plan.registry.push(address(value()?)?),
                "--registry-tls" => plan.registry_tls.push((address(value()?)?, hosts(value()?))),
                "--upstream" => plan.upstream = Some(address(value()?)?),
                "--ca" => plan.ca = Some(value()?.clone()),
                "--token-life" => {
                    let seconds = value()?.parse().map_err(|_| "--token-life wants seconds")?;
                    plan.token_life = Some(Duration::from_secs(seconds));
                }
                _ => return Err(format!("there is no {option}")),
            }
        }
        Ok(plan)
    }

    fn run(self) -> std::io::Result<()> {
        let ca = Ca::new();
        if let Some(folder) = &self.ca {
            std::fs::create_dir_all(folder)?;
            std::fs::write(Path::new(folder).join("ca.pem"), ca.pem())?;
        }
        // The first listener is nobody's business: it holds the cloud that the others share.
        let aws = Aws::start();
        if let Some(life) = self.token_life {
            aws.set_token_life(life);
        }
        let mut clouds: Vec<Aws> = self.http.iter().map(|&addr| aws.also_at(addr)).collect();
        clouds.extend(self.tls.iter().map(|(addr, hosts)| aws.also_tls(*addr, &ca, hosts)));
        let open = self.registry.iter().map(|&addr| RegistryFront::start_at(addr, &aws, self.upstream));
        let mut fronts: Vec<RegistryFront> = open.collect();
        let sealed = self.registry_tls.iter();
        fronts.extend(sealed.map(|(addr, hosts)| RegistryFront::start_tls(*addr, &ca, hosts, &aws, self.upstream)));

        let mut stdout = std::io::stdout().lock();
        clouds.iter().try_for_each(|cloud| writeln!(stdout, "aws {}", cloud.url()))?;
        fronts.iter().try_for_each(|front| writeln!(stdout, "registry {}", front.url()))?;
        writeln!(stdout, "ready")?;
        stdout.flush()?;
        std::io::stdin().read_to_end(&mut Vec::new()).map(drop)
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("{text} is not IP:PORT"))
}

fn hosts(text: &str) -> Vec<String> {
    text.split(',').map(str::to_owned).collect()
}
