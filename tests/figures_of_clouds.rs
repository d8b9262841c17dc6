//! The rows of Azure, Google and GitHub in the benchmark table.

use std::path::Path;

use pretend_cloud::Google;

use crate::acr::{CONTOSO, World};
use crate::gcr::{EUROPE, signing_itself, with_key};
use crate::ghcr::{Company, PACKAGES};
use crate::home::{ACR, CREDMINT, GCR, GHCR, Home};
use crate::{Row, peer};

/// What the rows need for as long as they run.
pub(crate) struct Clouds {
    _azure: World,
    _google: Google,
    /// The Google of the self-signed JWT, which must receive no request.
    unasked: Google,
    github: Company,
    homes: Vec<Home>,
}

impl Clouds {
    pub(crate) fn start() -> Self {
        let (azure, google, github) = (World::new(), Google::start(), Company::with_app());
        let unasked = Google::start();
        let homes = vec![azure.with_secret(), with_key(&google), Home::new(), signing_itself(&unasked)];
        Clouds { _azure: azure, _google: google, unasked, github, homes }
    }

    /// What is cached, in files, and what is minted each time.
    pub(crate) fn rows(&self, peers: Option<&Path>) -> Vec<Row> {
        let mut rows = Vec::new();
        let clouds = [
            (ACR, CONTOSO, "acr, cached", "acr, cold over TLS", &self.homes[0]),
            (GCR, EUROPE, "gcr, cached", "gcr, cold", &self.homes[1]),
            (GHCR, PACKAGES, "ghcr, cached", "ghcr, cold over TLS", &self.github.home),
        ];
        for (helper, server, cached, cold, home) in clouds {
            let secret = home.run(helper, &["get"], server).secret();
            rows.push(Row::new(cached, home, home.command(helper, &["get"]), server, &secret));
            let mut command = home.command(helper, &["get"]);
            command.env("CREDMINT_VAULT", "none");
            rows.push(Row::new(cold, home, command, server, "\"Secret\":\""));
            if helper == ACR {
                let router = home.command(CREDMINT, &["get"]);
                rows.push(Row::new("acr, cached, by docker-credential-credmint", home, router, server, &secret));
            }
        }
        let signing = &self.homes[3];
        let mut command = signing.command(GCR, &["get"]);
        command.env("CREDMINT_VAULT", "none");
        rows.push(Row::new("gcr, self-signed JWT", signing, command, EUROPE, "\"Secret\":\"ey"));
        match peer(peers, "gh") {
            Some(path) => {
                let home = &self.homes[2];
                home.write("config/gh/hosts.yml", "github.com:\n    user: me\n    oauth_token: gho_mine\n");
                let gh = home.other(path.to_str().unwrap(), &["auth", "token"]);
                rows.push(Row::new("gh auth token", home, gh, "", "gho_mine"));
                rows.push(Row::new("ghcr, with gh's token", home, home.command(GHCR, &["get"]), PACKAGES, "gho_mine"));
            }
            None => eprintln!("skipped: gh: it is neither on PATH nor in --peers"),
        }
        rows
    }

    /// How many requests came from the key that signs its own token.
    pub(crate) fn requests_of_self_signed(&self) -> usize {
        self.unasked.all_calls()
    }
}
