//! The pretend clouds as a program, for scripts: see `USAGE`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it talks to a script")]

use std::io::{Error, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use pretend_cloud::{
    APP_KEY, Api, Aws, Azure, Ca, Catalog, Clouds, Control, GitHub, GitLab, Google, RegistryFront, TokenServer,
};

const USAGE: &str = "\
usage: pretend-clouds FOLDER CONTROL_ADDR [OPTION]...
Services:
  --imds ADDR                    the metadata service of AWS, over plain HTTP
  --gce ADDR                     the metadata server of Google, over plain HTTP
  --aws | --azure | --google | --github ADDR HOST[,HOST]...
                                 the cloud's services, over TLS as these hosts
Registries, over TLS as these hosts, with a real registry at UPSTREAM behind them:
  --ecr ADDR HOSTS UPSTREAM      opens to what the pretend AWS mints
  --acr ADDR HOSTS UPSTREAM      opens to what it exchanges for access tokens of the pretend Azure
  --gar ADDR HOSTS UPSTREAM      opens to access tokens of the pretend Google
  --ghcr ADDR HOSTS UPSTREAM     opens to tokens of the pretend GitHub
  --hub ADDR HOSTS UPSTREAM AUTH_HOST USER PASSWORD
                                 opens to one login, by a token server that has a host of its own; at
                                 hub.docker.com is Docker Hub's API
  --gitlab ADDR HOSTS UPSTREAM USER TOKEN
                                 opens to one login; at gitlab.com is GitLab's API
Who is who:
  --aws-account NUMBER ACCESS_KEY    an account whose registries open to its own keys alone
  --github-app ACCOUNT               installs the App for this organisation
  --github-token TOKEN               a token that does not end
  --certificate HOSTS                writes FOLDER/server.pem for servers of the script's own
An ADDR is IP:PORT. Writes FOLDER/ca.pem (the authority), google-key.json (of a service account) and
app.pem (of the App). CONTROL_ADDR answers the script: see `Control`. Prints `ready`, and runs until
its standard input ends.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, control, options @ ..] = &arguments[..] else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match Clockwork::new(folder).run(control, options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pretend-clouds: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The clouds and all listeners.
struct Clockwork {
    folder: String,
    ca: Ca,
    aws: Arc<Aws>,
    azure: Arc<Azure>,
    google: Arc<Google>,
    github: Arc<GitHub>,
    tokens: Vec<TokenServer>,
    catalogs: Vec<Arc<Catalog>>,
    gitlab: Arc<GitLab>,
    /// Runs until it is dropped.
    started: Vec<Box<dyn std::any::Any>>,
}

impl Clockwork {
    fn new(folder: &str) -> Self {
        // The first listener of each is not used: it owns the cloud that the others share.
        Clockwork {
            folder: folder.to_owned(),
            ca: Ca::new(),
            aws: Arc::new(Aws::start()),
            azure: Arc::new(Azure::start()),
            google: Arc::new(Google::start()),
            github: Arc::new(GitHub::start()),
            tokens: Vec::new(),
            catalogs: Vec::new(),
            gitlab: Arc::default(),
            started: Vec::new(),
        }
    }

    fn run(mut self, control: &str, options: &[String]) -> Result<(), Error> {
        std::fs::create_dir_all(&self.folder)?;
        self.write("ca.pem", &self.ca.pem())?;
        self.write("app.pem", APP_KEY)?;
        let mut key = self.google.key_file("puller@pretend.iam.gserviceaccount.com");
        key["token_uri"] = "https://oauth2.googleapis.com/token".into();
        self.write("google-key.json", &key.to_string())?;
        let mut arguments = Arguments(options.iter());
        while let Some(option) = arguments.0.next() {
            self.add(option, &mut arguments)?;
        }
        let Clockwork { aws, azure, google, github, tokens, catalogs, gitlab, .. } = self;
        let _control =
            Control::start(address(control)?, Clouds { aws, azure, google, github, tokens, catalogs, gitlab });
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "ready")?;
        stdout.flush()?;
        std::io::stdin().read_to_end(&mut Vec::new()).map(drop)
    }

    fn write(&self, name: &str, text: &str) -> Result<(), Error> {
        std::fs::write(Path::new(&self.folder).join(name), text)
    }

    fn add(&mut self, option: &str, given: &mut Arguments<'_>) -> Result<(), Error> {
        match option {
            "--imds" => self.keep(self.aws.also_at(given.address()?)),
            "--gce" => self.keep(self.google.also_at(given.address()?)),
            "--aws" => self.keep(self.aws.also_tls(given.address()?, &self.ca, &given.hosts()?)),
            "--azure" => self.keep(self.azure.also_tls(given.address()?, &self.ca, &given.hosts()?)),
            "--google" => self.keep(self.google.also_tls(given.address()?, &self.ca, &given.hosts()?)),
            "--github" => self.keep(self.github.also_tls(given.address()?, &self.ca, &given.hosts()?)),
            "--ecr" => {
                let (at, hosts, upstream) = (given.address()?, given.hosts()?, given.address()?);
                if hosts.iter().any(|host| host == "public.ecr.aws") {
                    let catalog = Arc::new(Catalog::new(upstream));
                    self.catalogs.push(Arc::clone(&catalog));
                    self.aws.show(Arc::clone(&catalog));
                    self.keep(RegistryFront::start_public_tls(at, &self.ca, &hosts, &self.aws, catalog));
                } else {
                    self.keep(RegistryFront::start_tls(at, &self.ca, &hosts, &self.aws, Some(upstream)));
                }
            }
            "--acr" => {
                let catalog = self.add_registry(TokenServer::of_acr(&self.azure), Api::Acr, given)?;
                self.azure.show(catalog);
            }
            "--gar" => {
                let google = Arc::clone(&self.google);
                let keys = move |user: &str, token: &str| user == "oauth2accesstoken" && google.admits(token);
                let catalog = self.add_registry(TokenServer::beside("/v2/token", keys), Api::Elsewhere, given)?;
                self.google.show(catalog);
            }
            "--ghcr" => {
                let github = Arc::clone(&self.github);
                // GitHub checks only the token.
                let tokens = TokenServer::beside("/token", move |_, token| github.admits(token));
                let catalog = self.add_registry(tokens, Api::Elsewhere, given)?;
                self.github.show(catalog);
            }
            "--hub" => {
                let (at, hosts, upstream) = (given.address()?, given.hosts()?, given.address()?);
                let (host, login) = (given.text()?.to_owned(), [given.text()?, given.text()?].map(str::to_owned));
                let api = Api::Hub(login.clone());
                let keys = move |user: &str, password: &str| [user, password] == login;
                self.open(TokenServer::apart(host, keys), api, at, &hosts, upstream);
            }
            "--gitlab" => {
                let (at, hosts, upstream) = (given.address()?, given.hosts()?, given.address()?);
                let (user, token) = (given.text()?.to_owned(), given.text()?.to_owned());
                let api = Api::GitLab(token.clone(), Arc::clone(&self.gitlab));
                let tokens = TokenServer::of_gitlab(move |name, password| name == user && password == token);
                let catalog = self.open(tokens, api, at, &hosts, upstream);
                self.gitlab.show(catalog);
            }
            "--aws-account" => {
                let number = given.text()?;
                self.aws.set_account(given.text()?, number);
            }
            "--github-app" => self.github.install(1, given.text()?, true),
            "--github-token" => self.github.give(given.text()?),
            "--certificate" => self.write("server.pem", self.ca.certificate_for(&given.hosts()?).pem())?,
            _ => return Err(Error::other(format!("there is no {option}\n{USAGE}"))),
        }
        Ok(())
    }

    /// A registry with the API of its cloud.
    fn add_registry(
        &mut self,
        tokens: TokenServer,
        api: Api,
        given: &mut Arguments<'_>,
    ) -> Result<Arc<Catalog>, Error> {
        let (at, hosts) = (given.address()?, given.hosts()?);
        Ok(self.open(tokens, api, at, &hosts, given.address()?))
    }

    fn open(
        &mut self,
        tokens: TokenServer,
        api: Api,
        at: SocketAddr,
        hosts: &[String],
        upstream: SocketAddr,
    ) -> Arc<Catalog> {
        let catalog = Arc::new(Catalog::new(upstream));
        self.catalogs.push(Arc::clone(&catalog));
        self.keep(RegistryFront::start_catalog_tls(at, &self.ca, hosts, &tokens, Arc::clone(&catalog), api));
        self.tokens.push(tokens);
        catalog
    }

    fn keep(&mut self, running: impl std::any::Any) {
        self.started.push(Box::new(running));
    }
}

/// What is left of the arguments.
struct Arguments<'a>(std::slice::Iter<'a, String>);

impl<'a> Arguments<'a> {
    fn text(&mut self) -> Result<&'a str, Error> {
        self.0.next().map(String::as_str).ok_or_else(|| Error::other("the last option wants more"))
    }

    fn address(&mut self) -> Result<SocketAddr, Error> {
        address(self.text()?)
    }

    fn hosts(&mut self) -> Result<Vec<String>, Error> {
        Ok(self.text()?.split(',').map(str::to_owned).collect())
    }
}

fn address(text: &str) -> Result<SocketAddr, Error> {
    text.parse().map_err(|_| Error::other(format!("{text} is not IP:PORT")))
}
