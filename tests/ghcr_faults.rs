use std::collections::HashSet;
use std::time::Duration;

use pretend_cloud::{APP_KEY, Behaviour, GitHubCall, OTHER_KEY};

use crate::ghcr::{Company, PACKAGES};
use crate::home::{GHCR, Outcome};

fn refusal(status: u16, code: &'static str, message: &str) -> Behaviour {
    Behaviour::Refuse { status, code, message: message.into() }
}

#[test]
fn fifty_at_once_mint_once() {
    let company = Company::with_app();
    company.github.on(GitHubCall::InstallationToken, Behaviour::Slow(Duration::from_millis(200)));
    let secrets: HashSet<String> = std::thread::scope(|threads| {
        let running: Vec<_> = (0..50).map(|_| threads.spawn(|| company.get(PACKAGES))).collect();
        running.into_iter().map(|thread| thread.join().unwrap().secret()).collect()
    });
    assert_eq!((secrets.len(), company.github.calls(GitHubCall::InstallationToken)), (1, 1));
}

#[test]
fn a_denied_request_reports_cause_and_remedy_and_no_body() {
    for (behaviour, words) in [
        (refusal(403, "", "API rate limit exceeded for canary"), ["rate limited by GitHub", "few minutes"]),
        (refusal(403, "x-ratelimit-remaining", "canary"), ["rate limited by GitHub", "few minutes"]),
        (refusal(403, "", "the canary has an IP allow list enabled"), ["IP allow list", "add it"]),
        (refusal(403, "x-github-sso", "canary"), ["single sign-on", "authorize"]),
        (refusal(403, "", "This installation has been suspended canary"), ["is suspended", "unsuspend"]),
        (refusal(404, "", "Integration not found canary"), ["does not know the App", "GITHUB_APP_ID"]),
        (refusal(404, "", "canary"), ["no installation 7", "installation_id"]),
        (refusal(401, "", "canary"), ["its signature", "belong together"]),
        (refusal(422, "", "canary"), ["HTTP 422", "check the App"]),
        (refusal(503, "", "canary"), ["unavailable (HTTP 503)", "try again later"]),
    ] {
        let company = Company::with_app();
        let name = format!("{behaviour:?}");
        company.github.on(GitHubCall::InstallationToken, behaviour);
        let line = company.get(PACKAGES).explains(&words).to_owned();
        assert!(line.contains("no token for GitHub App 123456") || line.contains("no installation"), "{name}: {line}");
        assert!(!line.contains("canary"), "{line}");
    }
}

#[test]
fn a_suspended_or_missing_installation_is_reported() {
    let company = Company::with_app();
    company.github.suspend(7);
    company.get(PACKAGES).explains(&["is suspended"]);
    assert_eq!(company.github.calls(GitHubCall::InstallationToken), 0);
    let mut company = Company::new();
    company.home.set("GITHUB_APP_ID", "123456").set("GITHUB_APP_PRIVATE_KEY", APP_KEY);
    company.get(PACKAGES).explains(&["not installed for any account", "install it"]);
}

#[test]
fn an_incomplete_app_configuration_is_reported() {
    let mut company = Company::new();
    let garbage = company.home.write("garbage.pem", "canary");
    let nowhere = company.home.path("nowhere.pem");
    company.home.set("GITHUB_APP_ID", "1").get_ghcr().explains(&["private key is not", "GITHUB_APP_PRIVATE_KEY"]);
    company.home.set("GITHUB_APP_PRIVATE_KEY_PATH", &nowhere).get_ghcr().explains(&["nowhere.pem: "]);
    company.home.set("GITHUB_APP_PRIVATE_KEY_PATH", &garbage);
    let line = company.home.get_ghcr().explains(&["garbage.pem is not an RSA private key", "generate one"]).to_owned();
    assert!(!line.contains("canary"));
    company.home.set("GITHUB_APP_PRIVATE_KEY", "canary");
    let line = company.home.get_ghcr().explains(&["GITHUB_APP_PRIVATE_KEY is not an RSA private key"]).to_owned();
    assert!(!line.contains("canary"));
    company.home.unset("GITHUB_APP_ID").get_ghcr().explains(&["App ID is not", "GITHUB_APP_ID"]);
    assert_eq!(company.proxy.requests(), 0);
    company.home.set("GITHUB_APP_ID", "999").set("GITHUB_APP_PRIVATE_KEY", APP_KEY);
    company.home.get_ghcr().explains(&["does not know the App"]);
    company.home.set("GITHUB_APP_ID", "123456").set("GITHUB_APP_PRIVATE_KEY", OTHER_KEY);
    company.home.get_ghcr().explains(&["its signature", "belong together"]);
}

#[test]
fn a_wrong_clock_is_reported() {
    for (ahead, words) in [(-3600, "60 minutes ahead of that of GitHub"), (3600, "60 minutes behind that of GitHub")] {
        let company = Company::with_app();
        company.github.set_clock_skew(ahead);
        company.get(PACKAGES).explains(&[words, "clock"]);
    }
    for ahead in [-50, 400] {
        let company = Company::with_app();
        company.github.set_clock_skew(ahead);
        company.get(PACKAGES).credentials();
    }
    // Right enough to be let in, and wrong enough that the token has ended before it came.
    let company = Company::with_app();
    company.github.set_clock_skew(-50);
    company.github.set_token_life(Duration::from_secs(20));
    company.get(PACKAGES).explains(&["already expired", "clock"]);
}

#[test]
fn a_token_near_its_end_is_renewed_and_serves_if_it_cannot_be() {
    let company = Company::with_app();
    company.github.set_token_life(Duration::from_secs(9 * 60));
    let first = company.get(PACKAGES).secret();
    company.home.tokens_were_received(-7_200);
    let second = company.get(PACKAGES).secret();
    assert_ne!(first, second);
    company.home.tokens_were_received(-7_200);
    company.github.on(GitHubCall::InstallationToken, refusal(403, "", "suspended"));
    assert_eq!(company.get(PACKAGES).secret(), second);
    assert!(company.github.admits(&second));
}

#[test]
fn an_expired_token_is_never_served() {
    let company = Company::with_app();
    company.get(PACKAGES).credentials();
    company.github.on(GitHubCall::InstallationToken, refusal(403, "", "suspended"));
    company.home.end_token();
    company.get(PACKAGES).explains(&["is suspended"]);
}

#[test]
fn a_github_that_is_slow_broken_or_silent() {
    let company = Company::with_app();
    company.github.on(GitHubCall::InstallationToken, Behaviour::FailTimes(1));
    company.get(PACKAGES).credentials();
    for behaviour in [Behaviour::Garbage, Behaviour::Empty, Behaviour::Close] {
        for call in [GitHubCall::Installations, GitHubCall::InstallationToken] {
            let company = Company::with_app();
            let name = format!("{call:?} {behaviour:?}");
            company.github.on(call, behaviour.clone());
            let outcome = company.get(PACKAGES);
            assert!(outcome.explains(&["GitHub App 123456", "github.com"]).len() < 300, "{name}: {outcome:?}");
        }
    }
    let company = Company::with_app();
    company.home.settings("timeout = 2");
    company.github.on(GitHubCall::InstallationToken, Behaviour::Hang);
    company.get(PACKAGES).gave_up().explains(&["github.com", "timed out"]);
}

#[test]
fn a_blocked_network_is_reported() {
    let mut company = Company::with_app();
    company.home.unset("SSL_CERT_FILE");
    company.get(PACKAGES).explains(&["cannot reach github.com", "certificate not trusted", "SSL_CERT_FILE"]);
    let mut company = Company::with_app();
    company.home.set("HTTPS_PROXY", "http://127.0.0.1:1");
    company.get(PACKAGES).explains(&["cannot reach github.com", "HTTPS_PROXY"]);
}

#[test]
fn a_fine_grained_token_is_named_as_the_cause() {
    let mut company = Company::new();
    let reason = ["fine-grained personal access token", "read:packages"];
    company.home.set("GH_TOKEN", "github_pat_canary");
    let line = company.get(PACKAGES).explains(&["in GH_TOKEN is"]).to_owned();
    assert!(reason.iter().all(|words| line.contains(words)) && !line.contains("canary"), "{line}");
    company.home.unset("GH_TOKEN");
    company.home.write("config/gh/hosts.yml", "github.com:\n  oauth_token: github_pat_canary\n");
    company.get(PACKAGES).explains(&["hosts.yml is", reason[0]]);
    company.home.write("config/gh/hosts.yml", "github.com:\n  user: alice\n");
    company.gh("echo github_pat_canary");
    let line = company.get(PACKAGES).explains(&["of gh is", reason[0]]).to_owned();
    assert!(!line.contains("canary"), "{line}");
}

#[test]
fn a_broken_list_of_hosts_is_named_by_its_line() {
    let company = Company::new();
    company.home.write("config/gh/hosts.yml", "github.com:\n  oauth_token: canary\n   user: [\n");
    let line = company.get(PACKAGES).explains(&["hosts.yml line 3: invalid YAML", "gh auth login"]).to_owned();
    assert!(!line.contains("canary"), "{line}");
}

#[test]
fn a_gh_that_hangs_is_killed_with_its_children() {
    let company = Company::new();
    company.gh("sleep 300 & wait");
    company.home.settings("timeout = 2");
    company.get(PACKAGES).gave_up().explains(&["auth token` timed out", "GH_TOKEN"]);
    company.home.is_quiet();
}

#[test]
fn a_gh_that_is_malformed_or_cannot_run_is_not_an_identity() {
    let mut company = Company::new();
    for (nth, script) in ["exit 0", "echo canary; exit 4", "echo canary >&2", "kill -9 $$"].into_iter().enumerate() {
        company.home.set("GITHUB_ACTOR", nth.to_string());
        company.gh(script);
        company.get(PACKAGES).is_not_found();
    }
    company.home.set("GH_PATH", "/nowhere/gh").get_ghcr().is_not_found();
}

#[test]
fn a_gh_that_cannot_give_the_token_of_its_user_reports_why() {
    let mut company = Company::new();
    company.home.write("config/gh/hosts.yml", "github.com:\n  user: alice\n");
    company.get(PACKAGES).explains(&["gh's account alice of github.com", "not on PATH", "install gh"]);
    for (script, words) in [
        (
            "echo 'no oauth token found for github.com account alice' >&2; exit 1",
            &["gh found no token in its keychain", "gh auth login"][..],
        ),
        (
            "echo 'open /h/.config/gh/config.yml: permission denied: canary' >&2; exit 1",
            &["permission denied for one of its files"],
        ),
        ("echo 'write /h/.config/gh/config.yml: no space left on device' >&2; exit 1", &["no space left on the disk"]),
        ("echo 'mkdir /h/.config: read-only file system' >&2; exit 1", &["read-only file system", "GH_CONFIG_DIR"]),
        ("echo 'error while loading shared libraries: canary' >&2; exit 127", &["does not run", "reinstall gh"]),
        ("exit 126", &["permission denied for one of its files"]),
        ("kill -9 $$", &["gh found no token in its keychain"]),
    ] {
        company.gh(script);
        let line = company.get(PACKAGES).explains(words).to_owned();
        assert!(!line.contains("canary"), "{line}");
    }
    company.home.set("GH_PATH", "/nowhere/gh").get_ghcr().explains(&["gh failed: it is installed but does not run"]);
}

#[test]
fn a_gh_that_knows_one_user_alone_is_called_for_that_one() {
    let company = Company::new();
    company.home.write("config/gh/hosts.yml", "github.com:\n  user: alice\n");
    company.gh("case \"$*\" in *--user*) echo 'unknown flag: --user' >&2; exit 1;; esac; echo gho_alice");
    assert_eq!(company.get(PACKAGES).secret(), "gho_alice");
}

#[test]
fn an_app_without_the_packages_permission_is_reported() {
    let company = Company::with_app();
    company.github.set_permissions(&["metadata", "contents"]);
    company.get(PACKAGES).explains(&["GitHub App 123456", "no permission for packages", "Packages: Read-only"]);
    company.github.set_permissions(&["metadata", "packages"]);
    company.get(PACKAGES).credentials();
}

#[test]
fn a_secret_is_in_no_log_and_no_error() {
    const CANARY: &str = "c4n4ry";
    let mut company = Company::with_app();
    company.home.log_everything();
    let mut said = String::new();
    let mut hear = |outcome: Outcome| {
        said.push_str(&outcome.stderr);
        if outcome.code != 0 {
            said.push_str(&outcome.stdout);
        }
    };
    let first = company.get(PACKAGES);
    assert!(first.stderr.contains("the identity comes from installation 7"), "the log is on: {first:?}");
    hear(first);
    let minted = company.github.minted()[0].token.clone();
    hear(company.get(PACKAGES));
    company.github.on(GitHubCall::InstallationToken, refusal(403, "", CANARY));
    hear(company.get("ghcr.io/others/app"));
    company.github.on(GitHubCall::InstallationToken, Behaviour::Garbage);
    hear(company.get("ghcr.io/others2/app"));
    company.home.unset("GITHUB_APP_ID").unset("GITHUB_APP_PRIVATE_KEY").set("GH_TOKEN", CANARY);
    hear(company.get(PACKAGES));
    company.home.set("GH_TOKEN", format!("github_pat_{CANARY}"));
    hear(company.get(PACKAGES));
    company.home.unset("GH_TOKEN");
    company.gh(&format!("echo {CANARY}; echo {CANARY} >&2"));
    hear(company.get(PACKAGES));
    company.gh(&format!("echo {CANARY}; echo {CANARY} >&2; exit 1"));
    hear(company.home.set("GITHUB_ACTOR", "x").get_ghcr());
    let key_lines: Vec<_> = APP_KEY.lines().filter(|line| line.len() > 40).collect();
    assert!(!said.contains(CANARY) && !said.contains(&minted), "{said}");
    assert!(!key_lines.iter().any(|line| said.contains(line)) && !said.contains("Bearer"), "{said}");
}

/// `get` of the registry of all of these tests.
trait Ask {
    fn get_ghcr(&self) -> Outcome;
}

impl Ask for crate::home::Home {
    fn get_ghcr(&self) -> Outcome {
        self.run(GHCR, &["get"], PACKAGES)
    }
}
