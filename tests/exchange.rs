//! Registries that mint in exchange for the identity token of a job: Docker Hub, Quay, JFrog and the others.

use std::collections::BTreeSet;
use std::time::Duration;

use pretend_cloud::{API_TOKEN, CONNECTION, Ca, EXCHANGE_HOSTS, ExchangeCall, Exchanges, JOB_TOKEN, Proxy};

use crate::home::{CLI, CREDMINT, Home, Outcome, files};

/// A job on a runner whose proxy connects the services' hosts to pretend ones.
pub(crate) struct Job {
    pub(crate) exchanges: Exchanges,
    proxy: Proxy,
    pub(crate) home: Home,
}

/// A registry, and what is known of its exchange.
pub(crate) struct Row {
    pub(crate) server: &'static str,
    pub(crate) settings: String,
    pub(crate) call: ExchangeCall,
    pub(crate) username: &'static str,
    /// The one address that the identity token goes to.
    pub(crate) address: &'static str,
}

fn table(server: &str, keys: &str) -> String {
    format!("[[registry]]\nmatch = \"{server}\"\n{keys}\n")
}

pub(crate) fn docker_hub() -> Row {
    let keys = format!("provider = \"dockerhub\"\naccount = \"octo-org\"\nconnection_id = \"{CONNECTION}\"");
    Row {
        server: "https://index.docker.io/v1/",
        settings: table("docker.io", &keys),
        call: ExchangeCall::DockerHub,
        username: "octo-org",
        address: "identity.docker.com",
    }
}

fn quay(server: &'static str) -> Row {
    Row {
        server,
        settings: table(server, "provider = \"quay\"\nrobot = \"octo-org+puller\""),
        call: ExchangeCall::Quay,
        username: "octo-org+puller",
        address: server,
    }
}

/// All that are served for an identity token. To add one is to add a row.
pub(crate) fn rows() -> Vec<Row> {
    let row = |server, keys: &str, call, username, address| Row {
        server,
        settings: table(server, keys),
        call,
        username,
        address,
    };
    let jfrog = "provider = \"jfrog\"\nprovider_name = \"github\"\naudience = \"jfrog-github\"";
    let cloudsmith = "provider = \"cloudsmith\"\norganization = \"octo-org\"\nservice_slug = \"ci\"";
    let chainguard =
        "provider = \"chainguard\"\nidentity_id = \"0475f6baca584a8964a6bce6b74dbe78dd8805b6/b74dbe78dd8805b6\"";
    let gateway =
        "provider = \"exchange\"\nurl = \"https://sts.corp.example/token\"\naudience = \"https://sts.corp.example\"";
    let own = format!(
        "{gateway}\nformat = \"json\"\nfields = {{ jwt = \"{{identity_token}}\", team = \"a\" }}\n\
         response = {{ token = \"result\", expires_in = \"seconds\", username = \"name\" }}"
    );
    vec![
        docker_hub(),
        quay("quay.io"),
        quay("quay.corp.example"),
        row("corp.jfrog.io", jfrog, ExchangeCall::JFrog, "ci-puller", "corp.jfrog.io"),
        row("docker.cloudsmith.io", cloudsmith, ExchangeCall::Cloudsmith, "token", "api.cloudsmith.io"),
        row("cgr.dev", chainguard, ExchangeCall::Chainguard, "user", "issuer.enforce.dev"),
        row("registry.corp.example:5000", gateway, ExchangeCall::Gateway, "robot", "sts.corp.example"),
        row("registry.corp.example", &own, ExchangeCall::Gateway, "robot", "sts.corp.example"),
    ]
}

impl Job {
    /// The first job of GitHub Actions, with these settings.
    pub(crate) fn with(settings: &str) -> Self {
        let mut job = Job::elsewhere(settings);
        job.number(1);
        job
    }

    /// No job of any CI.
    pub(crate) fn elsewhere(settings: &str) -> Self {
        let ca = Ca::new();
        let exchanges = Exchanges::start_tls("127.0.0.1:0".parse().unwrap(), &ca);
        let proxy = Proxy::start();
        for host in EXCHANGE_HOSTS {
            proxy.route(&format!("{host}:443"), exchanges.addr());
        }
        let mut home = Home::of(CREDMINT);
        let pem = home.write("ca.pem", ca.pem());
        home.set("SSL_CERT_FILE", pem).set("HTTPS_PROXY", proxy.url());
        home.settings(settings);
        Job { exchanges, proxy, home }
    }

    /// Another job of the same runner.
    pub(crate) fn number(&mut self, number: u32) -> &mut Self {
        let url = format!("https://pipelines.actions.githubusercontent.com/idtoken/{number}?api-version=2.0");
        self.home.set("GITHUB_ACTIONS", "true");
        self.home.set("ACTIONS_ID_TOKEN_REQUEST_URL", url);
        self.home.set("ACTIONS_ID_TOKEN_REQUEST_TOKEN", format!("{JOB_TOKEN}{number}"));
        self
    }

    pub(crate) fn get(&self, server: &str) -> Outcome {
        self.home.get(server)
    }

    /// No identity token, and no credential to request one, is in a file or in an output.
    pub(crate) fn leaves_no_trace(&self, said: &[&Outcome]) {
        let kept = files(&self.home.path("")).into_iter().filter(|path| !path.ends_with("config.toml"));
        let kept: Vec<_> =
            kept.map(|path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()).collect();
        let said = said.iter().flat_map(|outcome| [outcome.stdout.clone(), outcome.stderr.clone()]);
        let texts: Vec<_> = kept.into_iter().chain(said).collect();
        for secret in self.exchanges.identity_tokens().iter().map(String::as_str).chain([JOB_TOKEN, "c4n4ry"]) {
            assert!(!texts.iter().any(|text| text.contains(secret)), "{secret}");
        }
    }
}

#[test]
fn each_registry_is_served_by_one_exchange_for_twenty_callers() {
    for row in rows() {
        let job = Job::with(&row.settings);
        let secrets: BTreeSet<_> = std::thread::scope(|threads| {
            let running: Vec<_> = (0..20).map(|_| threads.spawn(|| job.get(row.server).credentials())).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let (calls, identities) = (job.exchanges.calls(row.call), job.exchanges.calls(ExchangeCall::GitHubIdentity));
        assert_eq!((secrets.len(), calls, identities), (1, 1, 1), "{}", row.server);
        let minted = job.exchanges.minted().pop().unwrap();
        assert_eq!(secrets.into_iter().next().unwrap(), (row.server.into(), row.username.into(), minted.token.clone()));
        assert_eq!(minted.subject, "repo:octo-org/app:ref:refs/heads/1");
        assert_eq!(job.exchanges.seen_at(), BTreeSet::from([row.address.to_owned()]), "one address alone");
        assert_eq!(job.exchanges.strange_requests(), [""; 0]);
        let requests = job.proxy.requests();
        assert_eq!(job.get(row.server).secret(), minted.token);
        assert_eq!(job.proxy.requests(), requests, "{}: the second get sends no request", row.server);
        assert_eq!(job.home.run(CLI, &["token", row.server], "").stdout, format!("{}\n", minted.token));
    }
}

#[test]
fn no_identity_token_is_written_anywhere() {
    for row in rows() {
        let mut job = Job::with(&row.settings);
        job.home.log_everything();
        let got = job.get(row.server);
        let minted = job.exchanges.minted().pop().unwrap();
        assert!(got.stdout.contains(&minted.token) && got.code == 0, "{got:?}");
        job.exchanges.on(
            row.call,
            pretend_cloud::Behaviour::Refuse { status: 401, code: "", message: "a c4n4ry in a sentence".into() },
        );
        job.home.end_token();
        let refused = job.get(row.server);
        assert_eq!(refused.code, 1, "{refused:?}");
        job.leaves_no_trace(&[&got, &refused]);
    }
}

#[test]
fn two_jobs_of_a_runner_never_share_a_token() {
    for row in rows() {
        let mut job = Job::with(&row.settings);
        let first = job.get(row.server).secret();
        let second = job.number(2).get(row.server).secret();
        assert_ne!(first, second);
        let subjects: Vec<_> = job.exchanges.minted().into_iter().map(|token| token.subject).collect();
        assert_eq!(subjects, ["repo:octo-org/app:ref:refs/heads/1", "repo:octo-org/app:ref:refs/heads/2"]);
        assert_eq!(job.number(1).get(row.server).secret(), first);
        assert_eq!(job.exchanges.calls(row.call), 2);
    }
}

#[test]
fn a_registry_without_set_up_is_pulled_anonymously_without_calls() {
    let job = Job::with("");
    for server in ["https://index.docker.io/v1/", "docker.io", "dhi.io", "quay.io", "cgr.dev", "corp.jfrog.io"] {
        job.get(server).is_not_found();
    }
    assert_eq!(job.proxy.requests(), 0);
}

#[test]
fn a_token_goes_to_no_look_alike() {
    let row = docker_hub();
    let job = Job::with(&row.settings.replace("docker.io", "*"));
    for server in ["docker.io.attacker.example", "attacker.example/docker.io", "http://docker.io", "docker.io:5000"] {
        job.get(server).is_not_found();
    }
    // Docker stores the tokens of its own sign-in there.
    job.get("https://index.docker.io/v1/refresh-token").is_not_found();
    assert_eq!(job.proxy.requests(), 0);
    assert_eq!(job.get("dhi.io").secret(), job.get("https://index.docker.io/v1/").secret());
    assert_eq!(job.exchanges.calls(ExchangeCall::DockerHub), 1);
}

#[test]
fn a_stored_login_wins_and_logout_ends_the_token() {
    let row = docker_hub();
    let job = Job::with(&row.settings);
    let minted = job.get(row.server).secret();
    assert_eq!(job.home.store(row.server, "me", "mine").code, 0);
    assert_eq!(job.get("docker.io").secret(), "mine");
    job.home.erase(row.server).is_silent();
    assert_ne!(job.get(row.server).secret(), minted, "what was kept is gone, too");
    assert_eq!(job.home.list().get(row.server).map(String::as_str), Some("octo-org"));
}

#[test]
fn a_short_lived_token_is_kept_renewed_before_its_expiry_and_never_served_after_it() {
    let row = rows().into_iter().find(|row| row.server == "corp.jfrog.io").unwrap();
    let job = Job::with(&row.settings);
    job.exchanges.set_token_life(Duration::from_secs(60));
    let first = job.get(row.server).secret();
    assert_eq!(job.get(row.server).secret(), first);
    job.home.tokens_were_received(-7_200);
    assert_ne!(job.get(row.server).secret(), first);
    job.home.end_token();
    job.exchanges.on(row.call, pretend_cloud::Behaviour::Refuse { status: 401, code: "", message: String::new() });
    job.get(row.server).explains(&["rejected the identity token"]);
}

#[test]
fn an_identity_token_as_the_password_is_fetched_each_time_and_kept_nowhere() {
    let zot = table("zot.corp.example", "provider = \"identity-token\"\naudience = \"zot\"\nusername = \"ci\"");
    let job = Job::with(&zot);
    for nth in 1..=2 {
        let (_, username, secret) = job.get("zot.corp.example").credentials();
        assert_eq!((username.as_str(), job.exchanges.identity_tokens().last().unwrap()), ("ci", &secret));
        assert_eq!(job.exchanges.calls(ExchangeCall::GitHubIdentity), nth);
    }
    assert!(job.exchanges.seen_at().is_empty());
    job.leaves_no_trace(&[]);
}

#[test]
fn digital_ocean_takes_an_api_token_and_reads_alone_unless_configured() {
    let keys = "provider = \"digitalocean\"\nregistry_name = \"corp\"";
    let mut job = Job::elsewhere(&table("registry.digitalocean.com", keys));
    job.get("registry.digitalocean.com").is_not_found_because(&["DIGITALOCEAN_ACCESS_TOKEN is not set"]);
    job.home.set("DIGITALOCEAN_ACCESS_TOKEN", API_TOKEN);
    let (_, username, secret) = job.get("registry.digitalocean.com").credentials();
    let minted = job.exchanges.minted().pop().unwrap();
    assert_eq!((username, secret, minted.subject.as_str()), (minted.username, minted.token, "read"));
    job.get("registry.digitalocean.com").credentials();
    assert_eq!(job.exchanges.calls(ExchangeCall::DigitalOcean), 1, "each call makes a token in the account");
    job.home.settings(&table("registry.digitalocean.com", &format!("{keys}\naccess = \"push\"\nlife = 600")));
    job.get("registry.digitalocean.com").credentials();
    assert_eq!(job.exchanges.minted().pop().unwrap().subject, "write");
    job.home.set("DIGITALOCEAN_ACCESS_TOKEN", "dop_v1_c4n4ry_revoked");
    let line =
        job.get("registry.digitalocean.com").explains(&["rejected the token", "HTTP 401", "registry:read"]).to_owned();
    assert!(!line.contains("c4n4ry"), "{line}");
    job.leaves_no_trace(&[]);
}

#[test]
fn a_gitlab_job_has_its_registry_and_its_artifact_registry() {
    let artifacts = "provider = \"gitlab\"\nplatform = \"https://gitlab.corp.example\"";
    let mut job = Job::elsewhere(&table("artifacts.gitlab.corp.example", artifacts));
    job.get("registry.corp.example:5050").is_not_found();
    for (name, value) in [
        ("GITLAB_CI", "true"),
        ("CI_JOB_ID", "1"),
        ("CI_JOB_TOKEN", "glcbt-c4n4ry"),
        ("CI_REGISTRY", "registry.corp.example:5050"),
        ("CI_REGISTRY_USER", "gitlab-ci-token"),
        ("CI_REGISTRY_PASSWORD", "c4n4ry-password"),
    ] {
        job.home.set(name, value);
    }
    let (_, username, secret) = job.get("registry.corp.example:5050").credentials();
    assert_eq!((username.as_str(), secret.as_str()), ("gitlab-ci-token", "c4n4ry-password"));
    job.get("registry.corp.example").is_not_found();
    assert_eq!(job.exchanges.all_calls(), 0);
    let (_, username, secret) = job.get("artifacts.gitlab.corp.example").credentials();
    assert_eq!((username.as_str(), secret), ("__token__", job.exchanges.minted().pop().unwrap().token));
    job.leaves_no_trace(&[]);
}
