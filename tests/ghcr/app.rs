//! GitHub Apps: their installations, settings and keys.

use super::*;

#[test]
fn an_app_of_the_settings_is_one_of_the_registrys_github() {
    let company = Company::new();
    company.github.install(7, "octo-org", true);
    let key = company.home.write("key.pem", APP_KEY);
    company.home.settings(&format!(
        "[[registry]]\nmatch = \"{SERVER}\"\nprovider = \"ghcr\"\napp_id = {APP}\nprivate_key_file = {key:?}\ninstallation_id = 7\n\
         [[registry]]\nmatch = \"*.ghe.com\"\napp_id = \"{APP_CLIENT}\"\nprivate_key_file = {key:?}\naccount = \"octo-org\"\n"
    ));
    for (registry, host) in [(SERVER, "github.corp.example"), (TENANT, "api.octocorp.ghe.com")] {
        assert_eq!(company.account(&company.get(registry)), "octo-org");
        assert_eq!(company.github.minted().last().unwrap().host, host);
    }
    company.get(PACKAGES).is_not_found();
    assert_eq!((company.github.calls(GitHubCall::InstallationToken), company.github.strange_requests().len()), (2, 0));
}

#[test]
fn an_app_of_the_environment_is_shown_to_its_own_github_alone() {
    let mut company = Company::with_app();
    company.home.settings("[[registry]]\nmatch = \"*.corp.example\"\nprovider = \"ghcr\"\n");
    company.get(SERVER).is_not_found_because(&["no GitHub credentials found for github.corp.example"]);
    company.get(TENANT).is_not_found();
    assert_eq!(company.proxy.requests(), 0);
    company.home.set("GITHUB_SERVER_URL", "https://github.corp.example");
    assert_eq!(company.account(&company.get(SERVER)), "octo-org");
    company.get(PACKAGES).is_not_found();
    company.home.set("GH_HOST", "github.com");
    assert_eq!(company.account(&company.get(PACKAGES)), "octo-org");
}

#[test]
fn doctor_reports_that_an_app_may_be_denied() {
    let mut company = Company::with_app();
    let says = |company: &Company| {
        let said = company.home.run(CLI, &["doctor", "--offline", "ghcr.io"], "").stdout;
        said.contains("identity is a GitHub App: reports differ")
    };
    assert!(says(&company));
    company.home.unset("GITHUB_APP_ID").set("GH_TOKEN", "x");
    assert!(!says(&company));
}

#[test]
fn which_installation() {
    let mut company = Company::with_app();
    assert_eq!(company.account(&company.get("ghcr.io/strangers/app")), "octo-org", "the only one");
    company.github.install(8, "alice", false);
    company.github.install(9, "other-org", true);
    assert_eq!(company.account(&company.get("ghcr.io/other-org/app")), "other-org");
    assert_eq!(company.account(&company.get("ghcr.io/Alice/app")), "alice");
    let calls = company.github.all_calls();
    assert_eq!(company.account(&company.get("ghcr.io/alice/another")), "alice");
    assert_eq!(company.github.all_calls(), calls, "a token serves all packages of an owner");
    company
        .get(PACKAGES)
        .explains(&["several accounts: octo-org, alice, other-org", "account in a [[registry]] table"]);
    company.home.settings("[[registry]]\nmatch = \"ghcr.io\"\naccount = \"other-org\"\n");
    assert_eq!(company.account(&company.get(PACKAGES)), "other-org");
    company.home.settings("[[registry]]\nmatch = \"ghcr.io\"\naccount = \"gone\"\n");
    company.get(PACKAGES).explains(&["not installed for gone", "check account"]);
    company.home.settings("");
    company.home.set("GITHUB_APP_INSTALLATION_ID", "8");
    assert_eq!(company.account(&company.get(PACKAGES)), "alice");
}

#[test]
fn another_app_or_key_is_another_token() {
    let mut company = Company::with_app();
    let first = company.get(PACKAGES).secret();
    company.home.set("GITHUB_APP_ID", APP_CLIENT);
    let second = company.get(PACKAGES).secret();
    assert_ne!(first, second);
    let key = company.home.write("key.pem", APP_KEY);
    company.home.unset("GITHUB_APP_PRIVATE_KEY").set("GITHUB_APP_PRIVATE_KEY_PATH", &key);
    let third = company.get(PACKAGES).secret();
    assert_ne!(second, third);
    std::fs::write(&key, APP_KEY.replace('\n', "\r\n")).unwrap();
    assert_ne!(company.get(PACKAGES).secret(), third, "an edited key");
    // As in files of variables, which cannot contain line breaks.
    company.home.set("GITHUB_APP_PRIVATE_KEY", APP_KEY.replace('\n', "\\n"));
    company.get(PACKAGES).credentials();
    assert_eq!(company.github.calls(GitHubCall::InstallationToken), 5);
}
