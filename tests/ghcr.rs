mod app;

use std::path::PathBuf;

use pretend_cloud::{APP, APP_CLIENT, APP_KEY, Ca, GitHub, GitHubCall, Proxy};

use crate::home::files;
use crate::home::{CLI, CREDMINT, GHCR, Home, Outcome};

pub(crate) const PACKAGES: &str = "ghcr.io";
const TENANT: &str = "containers.octocorp.ghe.com";
const SERVER: &str = "containers.github.corp.example";

/// A user whose proxy connects GitHub's hosts to a pretend GitHub: through the proxy and
/// with the authority of a company.
pub(crate) struct Company {
    pub(crate) github: GitHub,
    pub(crate) proxy: Proxy,
    pub(crate) ca: Ca,
    pub(crate) home: Home,
}

impl Company {
    /// Without an identity, and without gh.
    pub(crate) fn new() -> Self {
        Company::reaching(&["api.github.com", "api.octocorp.ghe.com", "github.corp.example"])
    }

    fn reaching(hosts: &[&str]) -> Self {
        let ca = Ca::new();
        let github = GitHub::start_tls("127.0.0.1:0".parse().unwrap(), &ca, hosts);
        let proxy = Proxy::start();
        for host in hosts {
            proxy.route(&format!("{host}:443"), github.addr());
        }
        let mut home = Home::new();
        let pem = home.write("ca.pem", ca.pem());
        let path = home.path("bin");
        home.set("SSL_CERT_FILE", pem).set("HTTPS_PROXY", proxy.url()).set("PATH", path);
        Company { github, proxy, ca, home }
    }

    /// One that reaches GitHub's web site, too.
    pub(crate) fn with_site() -> Self {
        Company::reaching(&["github.com", "api.github.com"])
    }

    /// Signed in as an App that is installed for one organisation.
    pub(crate) fn with_app() -> Self {
        let mut company = Company::new();
        company.github.install(7, "octo-org", true);
        company.home.set("GITHUB_APP_ID", APP).set("GITHUB_APP_PRIVATE_KEY", APP_KEY);
        company
    }

    pub(crate) fn get(&self, server: &str) -> Outcome {
        self.home.run(GHCR, &["get"], server)
    }

    /// For which account this token was minted.
    #[track_caller]
    fn account(&self, outcome: &Outcome) -> String {
        let (_, username, secret) = outcome.credentials();
        assert_eq!(username, "x-access-token");
        let token = self.github.minted().into_iter().find(|token| token.token == secret);
        token.unwrap_or_else(|| panic!("never minted: {outcome:?}")).account
    }

    /// A fake gh with this script.
    pub(crate) fn gh(&self, script: &str) -> PathBuf {
        self.home.script("bin/gh", &format!("PATH=/usr/bin:/bin\n{script}"))
    }

    fn hosts(&self, text: &str) {
        self.home.write("config/gh/hosts.yml", text);
    }
}

#[test]
fn the_second_get_is_cached() {
    let company = Company::with_app();
    let first = company.get(PACKAGES);
    assert_eq!(first.credentials().0, PACKAGES);
    assert_eq!(company.account(&first), "octo-org");
    let (calls, requests) = (company.github.all_calls(), company.proxy.requests());
    assert_eq!(company.get("https://ghcr.io/v2/").secret(), first.secret());
    assert_eq!((company.github.all_calls(), company.proxy.requests()), (calls, requests));
    assert_eq!(company.github.strange_requests(), [""; 0]);
    let router = company.home.run(CREDMINT, &["get"], PACKAGES);
    assert_eq!(router.secret(), first.secret(), "the helper for all registries has the same tokens");
}

#[test]
fn the_sources_in_their_order() {
    let mut company = Company::with_app();
    company.home.set("GH_TOKEN", "ghp_gh").set("GITHUB_TOKEN", "ghs_actions");
    company.hosts("github.com:\n    user: alice\n    oauth_token: gho_file\n");
    company.gh("echo gho_keychain");
    let login = "{\"ServerURL\":\"ghcr.io\",\"Username\":\"bob\",\"Secret\":\"stored\"}";
    company.home.run(GHCR, &["store"], login);
    let said = |company: &Company| {
        let (_, username, secret) = company.get(PACKAGES).credentials();
        (username, secret)
    };
    let pair = |username: &str, secret: &str| (username.to_owned(), secret.to_owned());
    assert_eq!(said(&company), pair("bob", "stored"));
    company.home.run(GHCR, &["erase"], PACKAGES).is_silent();
    assert_eq!(company.account(&company.get(PACKAGES)), "octo-org");
    company.home.unset("GITHUB_APP_ID").unset("GITHUB_APP_PRIVATE_KEY");
    assert_eq!(said(&company), pair("x-access-token", "ghp_gh"));
    company.home.unset("GH_TOKEN").set("GITHUB_ACTOR", "octocat");
    assert_eq!(said(&company), pair("octocat", "ghs_actions"));
    company.home.unset("GITHUB_TOKEN").unset("GITHUB_ACTOR");
    assert_eq!(said(&company), pair("alice", "gho_file"));
    company.hosts("github.com:\n    user: alice\n");
    assert_eq!(said(&company), pair("alice", "gho_keychain"));
    company.gh("exit 1");
    company.hosts("github.com:\n    user: alice\n    git_protocol: ssh\n");
    company.get(PACKAGES).explains(&[
        "gh's account alice of github.com",
        "gh found no token in its keychain",
        "gh auth login",
    ]);
    company.hosts("octocorp.ghe.com:\n    user: alice\n");
    company.get(PACKAGES).is_not_found();
}

#[test]
fn a_token_goes_to_no_host_that_gh_would_not_send_it_to() {
    let mut company = Company::new();
    company.home.settings(
        "[[registry]]\nmatch = \"*.corp.example\"\nprovider = \"ghcr\"\n[[registry]]\nmatch = \"*github.com\"\nprovider = \"ghcr\"\n",
    );
    company.home.set("GH_TOKEN", "cloud").set("GITHUB_TOKEN", "actions");
    for host in [PACKAGES, TENANT, "docker.pkg.github.com"] {
        assert_eq!(company.get(host).secret(), "cloud", "{host}");
    }
    for host in [SERVER, "docker.github.corp.example", "github.corp.example", "foogithub.com"] {
        company.get(host).is_not_found_because(&["no GitHub credentials found"]);
    }
    company.home.set("CODESPACES", "true");
    assert_eq!(company.get(SERVER).secret(), "actions");
    company.home.set("GITHUB_ENTERPRISE_TOKEN", "enterprise");
    assert_eq!(company.get(SERVER).secret(), "enterprise");
    company.home.set("GH_ENTERPRISE_TOKEN", "server");
    assert_eq!(company.get(SERVER).secret(), "server");
    company.home.unset("GH_TOKEN").unset("GITHUB_TOKEN");
    company.get(PACKAGES).is_not_found();
    company.get(TENANT).is_not_found();
    assert_eq!(company.proxy.requests(), 0);
}

/// The real gh, if it is installed.
pub(crate) fn real_gh() -> Option<PathBuf> {
    let peers = concat!(env!("CARGO_MANIFEST_DIR"), "/target/peers/usr/bin");
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).chain([peers.into()]).map(|folder| folder.join("gh")).find(|path| path.is_file())
}

#[test]
fn the_token_is_the_one_that_gh_would_take() {
    let Some(gh) = real_gh() else {
        return testing::skip("the_token_is_the_one_that_gh_would_take", "gh is not installed");
    };
    let mut company = Company::new();
    company.home.settings("[[registry]]\nmatch = \"*.corp.example\"\nprovider = \"ghcr\"\n");
    let variables = ["GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN", "CODESPACES"];
    let hosts = "github.com:\n    user: alice\n    oauth_token: file\n\
                 github.corp.example:\n    user: alice\n    oauth_token: server-file\n";
    for hosts in ["", hosts] {
        company.hosts(hosts);
        // Every set of variables.
        for set in 0..1 << variables.len() {
            for (nth, name) in variables.iter().enumerate() {
                match (set >> nth & 1, *name) {
                    (0, name) => company.home.unset(name),
                    (_, "CODESPACES") => company.home.set("CODESPACES", "true"),
                    (_, name) => company.home.set(name, name.to_lowercase()),
                };
            }
            for (registry, host) in
                [(PACKAGES, "github.com"), (TENANT, "octocorp.ghe.com"), (SERVER, "github.corp.example")]
            {
                let token = company.home.other(gh.to_str().unwrap(), &["auth", "token", "--hostname", host]).output();
                let token = String::from_utf8(token.unwrap().stdout).unwrap();
                match company.get(registry) {
                    // A table chooses the identity of this one alone.
                    ours if token.is_empty() && registry == SERVER => {
                        ours.is_not_found_because(&["no GitHub credentials found"]);
                    }
                    ours if token.is_empty() => ours.is_not_found(),
                    ours => assert_eq!(ours.secret(), token.trim(), "{host} with the set {set:b}"),
                }
            }
        }
    }
    assert_eq!(company.proxy.requests(), 0);
}

#[test]
fn foreign_hosts_get_nothing() {
    let mut company = Company::with_app();
    company.home.set("GH_TOKEN", "canary").set("GH_ENTERPRISE_TOKEN", "canary");
    for host in [
        "docker.io",
        "github.com",
        "api.github.com",
        "ghcr.io.attacker.com",
        "http://ghcr.io",
        "ghcr.io:5000",
        "xghcr.io",
        "npm.pkg.github.com",
        "containers.octocorp.notghe.com",
        "github.corp.example",
    ] {
        company.get(host).is_not_found();
    }
    assert_eq!(company.proxy.requests(), 0);
}

#[test]
fn an_existing_token_is_never_copied_and_never_stale() {
    let mut company = Company::new();
    for token in ["c4n4ry-one", "c4n4ry-two"] {
        company.home.set("GITHUB_TOKEN", token);
        assert_eq!(company.get(PACKAGES).secret(), token);
        let router = company.home.run(CREDMINT, &["get"], PACKAGES);
        assert_eq!(router.secret(), token, "the helper for all registries hands it on too");
    }
    company.home.unset("GITHUB_TOKEN");
    company.hosts("github.com:\n    oauth_token: c4n4ry-file\n");
    assert_eq!(company.get(PACKAGES).secret(), "c4n4ry-file");
    let copies = |path: &PathBuf| String::from_utf8_lossy(&std::fs::read(path).unwrap()).contains("c4n4ry");
    let with_it: Vec<_> = files(&company.home.path("")).into_iter().filter(copies).collect();
    assert_eq!(with_it, [company.home.path("config/gh/hosts.yml")]);
    assert_eq!(company.home.run(GHCR, &["list"], "").stdout, "{\"ghcr.io\":\"x-access-token\"}\n");
}

#[test]
fn gh_is_called_once_and_again_for_another_account() {
    let mut company = Company::new();
    let asked = company.home.path("asked");
    company.gh(&format!("echo \"$@\" >>{}\ncat {}", asked.display(), company.home.path("keychain").display()));
    let gh = |token: &str, user: &str| {
        company.home.write("keychain", format!("{token}\n"));
        company.hosts(&format!("github.com:\n    users:\n        {user}:\n    user: {user}\n"));
        let (_, username, secret) = company.get(PACKAGES).credentials();
        assert_eq!((username.as_str(), secret.as_str()), (user, token));
        assert_eq!(company.get(PACKAGES).secret(), token);
    };
    gh("gho_alice", "alice");
    gh("gho_bob", "robert");
    let line = "auth token --secure-storage --hostname github.com --user=";
    assert_eq!(std::fs::read_to_string(&asked).unwrap(), format!("{line}alice\n{line}robert\n"));
    // The one of GH_PATH comes first.
    let other = company.gh("echo gho_other");
    std::fs::rename(&other, company.home.path("other-gh")).unwrap();
    let other = company.home.path("other-gh");
    company.home.set("GH_PATH", other);
    assert_eq!(company.get(PACKAGES).secret(), "gho_other");
}

#[test]
fn without_an_identity_nothing_is_found_at_once() {
    let mut company = Company::new();
    for server in [PACKAGES, TENANT, "ghcr.io/octo-org/app"] {
        let outcome = company.get(server);
        outcome.is_not_found();
    }
    // A program in the folder of whatever is being built is not taken for gh.
    let ran = company.home.path("ran");
    company.gh(&format!("touch {}", ran.display()));
    company.home.set("PATH", "bin:.");
    company.home.set("GITHUB_ACTOR", "another");
    let mut command = company.home.shell(&format!("echo {PACKAGES} | {} get", crate::home::program(GHCR).display()));
    command.env("PATH", "bin:.:/usr/bin:/bin").current_dir(company.home.path(""));
    if !["/usr/bin/gh", "/bin/gh"].iter().any(|path| std::path::Path::new(path).exists()) {
        let output = command.output().unwrap();
        assert!(String::from_utf8(output.stdout).unwrap().starts_with("credentials not found"));
    }
    assert!(!ran.exists());
    assert_eq!(company.proxy.requests(), 0);
}

#[test]
fn docker_login_and_logout_work() {
    let company = Company::with_app();
    let minted = company.get(PACKAGES).secret();
    let list = || -> serde_json::Value { serde_json::from_str(&company.home.run(GHCR, &["list"], "").stdout).unwrap() };
    assert_eq!(list(), serde_json::json!({ "ghcr.io": "x-access-token" }));
    let login = "{\"ServerURL\":\"https://ghcr.io\",\"Username\":\"bob\",\"Secret\":\"ghp_stored\"}";
    assert_eq!(company.home.run(GHCR, &["store"], login).code, 0);
    assert_eq!(company.get(PACKAGES).secret(), "ghp_stored");
    assert_eq!(list(), serde_json::json!({ "ghcr.io": "bob" }));
    company.home.run(GHCR, &["erase"], "https://ghcr.io/").is_silent();
    assert_eq!(list(), serde_json::json!({}));
    assert_ne!(company.get(PACKAGES).secret(), minted, "logging out forgets the minted token too");
}

#[test]
fn what_the_reference_says_works() {
    let (_, section) = include_str!("../installers/REFERENCE.md").split_once("## GitHub Packages").unwrap();
    let block = |language: &str| {
        let (_, rest) = section.split_once(&format!("```{language}\n")).unwrap();
        rest.split("```").next().unwrap()
    };
    let mut company = Company::new();
    company.github.install(7, "octo-org", true);
    company.github.install(8, "other-org", true);
    let key = company.home.write("app.pem", APP_KEY);
    company.home.set("GH_TOKEN", "cloud").set("GH_ENTERPRISE_TOKEN", "server");
    let config: serde_json::Value = serde_json::from_str(block("json")).unwrap();
    for (host, helper) in config["credHelpers"].as_object().unwrap() {
        assert_eq!(helper, "ghcr");
        assert_eq!(company.get(host).secret(), "cloud", "{host}");
    }
    company.home.settings(&block("toml").replace("/etc/credmint/app.pem", key.to_str().unwrap()));
    assert_eq!(company.get(SERVER).secret(), "server");
    assert_eq!(company.account(&company.get(PACKAGES)), "octo-org");
}
