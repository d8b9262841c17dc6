//! No more rights than are needed: `access`, `repositories`, and the policy of a session.

use pretend_cloud::{Aws, AzureCall, Behaviour, Call, GitHubCall, Google, RegistryFront, TokenServer};
use serde_json::{Value, json};

use crate::acr::{self, CONTOSO, World};
use crate::gcr;
use crate::ghcr::{Company, PACKAGES};
use crate::home::{CLI, GHCR, Home, REGISTRY, files, program};

fn table(server: &str, keys: &str) -> String {
    format!("[[registry]]\nmatch = \"{server}\"\n{keys}\n")
}

#[test]
fn an_app_s_token_has_the_repositories_and_the_access_of_the_table() {
    let company = Company::with_app();
    let minted = |keys: &str| {
        company.home.settings(&table(PACKAGES, keys));
        company.get(PACKAGES).credentials();
        let token = company.github.minted().pop().unwrap();
        (token.access, token.repositories)
    };
    let all = (String::from("write"), Vec::<String>::new());
    assert_eq!(minted("account = \"octo-org\""), all, "all that the installation has");
    assert_eq!(minted("account = \"octo-org\"\naccess = \"pull\""), ("read".into(), vec![]));
    let some = minted("account = \"octo-org\"\naccess = \"pull\"\nrepositories = [\"app\", \"tools\"]");
    assert_eq!(some, ("read".into(), vec!["app".into(), "tools".into()]));
    assert_eq!(minted("account = \"octo-org\"\naccess = \"push\"\nrepositories = [\"app\"]").0, "write");
    assert_eq!(company.github.calls(GitHubCall::InstallationToken), 4, "one token for each");
    company.home.settings(&table(PACKAGES, "account = \"octo-org\"\nrepositories = [\"elsewhere\"]"));
    company.get(PACKAGES).explains(&["lacks repositories or permissions", "HTTP 422", "check access and repositories"]);
    company.home.settings(&table(PACKAGES, "repositories = [\"octo-org/app\"]"));
    company.get(PACKAGES).explains(&["names without their owner"]);
}

#[test]
fn a_token_of_github_that_cannot_be_narrowed_is_an_error() {
    let mut company = Company::new();
    company.home.set("GH_TOKEN", "ghp_c4n4ry");
    company.home.settings(&table(PACKAGES, "access = \"pull\""));
    let line = company.get(PACKAGES).explains(&["access and repositories", "need a GitHub App"]).to_owned();
    assert!(!line.contains("c4n4ry"), "{line}");
    assert_eq!(company.proxy.requests(), 0);
}

#[test]
fn azure_s_access_token_for_some_repositories_is_the_password() {
    let world = World::new();
    let home = world.with_secret();
    let whole = acr::get(&home, CONTOSO).secret();
    home.settings(&table(CONTOSO, "repositories = [\"team/app\", \"team/base\"]"));
    let narrow = acr::get(&home, CONTOSO).secret();
    assert_ne!(whole, narrow);
    let minted = world.azure.minted().pop().unwrap();
    assert_eq!(minted.token, narrow);
    assert_eq!(minted.scopes, ["repository:team/app:pull", "repository:team/base:pull"]);
    assert_eq!(world.azure.calls(AzureCall::RepositoryToken), 1);
    assert_eq!(acr::get(&home, CONTOSO).secret(), narrow, "it is kept until it expires");
    assert_eq!(world.azure.calls(AzureCall::RepositoryToken), 1);
    // The refresh token, which opens all of the registry, rests nowhere.
    let refresh = world.azure.minted().into_iter().rfind(|token| token.scopes.is_empty()).unwrap().token;
    for path in files(&home.path("")) {
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        assert!(!text.contains(&refresh), "{}", path.display());
    }
    home.settings(&table(CONTOSO, "access = \"push\"\nrepositories = [\"team/app\"]"));
    acr::get(&home, CONTOSO).credentials();
    assert_eq!(world.azure.minted().pop().unwrap().scopes, ["repository:team/app:pull,push"]);
    home.settings(&table(CONTOSO, "access = \"pull\""));
    acr::get(&home, CONTOSO).explains(&["needs repositories"]);
}

#[test]
fn the_session_of_a_role_has_a_policy() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    let role = "role_arn = \"arn:aws:iam::123456789012:role/pull\"";
    let assumed = |keys: &str| {
        home.settings(&table(REGISTRY, &format!("{role}\n{keys}")));
        home.get(REGISTRY).credentials();
        aws.assumed().pop().unwrap()
    };
    let plain = assumed("");
    assert_eq!((plain.policy, plain.policy_arns.len(), plain.duration), (None, 0, None));
    let session = assumed("access = \"pull\"\nrepositories = [\"team/app\"]\nduration_seconds = 1800");
    assert_eq!(session.duration.as_deref(), Some("1800"));
    let policy: Value = serde_json::from_str(&session.policy.unwrap()).unwrap();
    let statements = policy["Statement"].as_array().unwrap();
    assert_eq!(statements[0]["Action"], json!(["ecr:GetAuthorizationToken"]));
    assert_eq!(statements[1]["Resource"], json!(["arn:aws:ecr:*:*:repository/team/app"]));
    let actions = statements[1]["Action"].to_string();
    assert!(actions.contains("ecr:BatchGetImage") && !actions.contains("ecr:PutImage"), "{actions}");
    assert!(assumed("access = \"push\"").policy.unwrap().contains("ecr:PutImage"));
    let own = assumed(
        "session_policy = '{\"Version\":\"2012-10-17\",\"Statement\":[]}'\n\
         session_policy_arns = [\"arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly\"]",
    );
    assert_eq!(own.policy.as_deref(), Some("{\"Version\":\"2012-10-17\",\"Statement\":[]}"));
    assert_eq!(own.policy_arns, ["arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"]);
    assert_eq!(aws.calls(Call::AssumeRole), 4, "another policy is another token");
    // Without a role AWS cannot narrow a token, and the whole identity is not used instead.
    home.settings(&table(REGISTRY, "access = \"pull\""));
    home.get(REGISTRY).explains(&["need a role", "role_arn"]);
    let many: Vec<_> = (0..60).map(|nth| format!("\"a-repository-with-a-long-name/{nth}\"")).collect();
    home.settings(&table(REGISTRY, &format!("{role}\nrepositories = [{}]", many.join(", "))));
    home.get(REGISTRY).explains(&["longer than AWS allows"]);
}

#[test]
fn google_narrows_nothing_and_reports_it() {
    let google = Google::start();
    let home = gcr::with_key(&google);
    home.settings(&table("europe-docker.pkg.dev", "access = \"pull\""));
    gcr::get(&home, "europe-docker.pkg.dev").explains(&["Google does not narrow tokens", "set impersonate"]);
    assert_eq!(google.minted().len(), 0);
    // Nor is a token that signs itself without any request, or one that was cached before the table was there.
    home.settings(&table("europe-docker.pkg.dev", "access = \"pull\"\nself_signed_jwt = true"));
    gcr::get(&home, "europe-docker.pkg.dev").explains(&["Google does not narrow tokens"]);
    home.settings("");
    gcr::get(&home, "europe-docker.pkg.dev").credentials();
    home.settings(&table("europe-docker.pkg.dev", "access = \"pull\""));
    gcr::get(&home, "europe-docker.pkg.dev").explains(&["Google does not narrow tokens"]);
}

#[test]
fn keys_that_do_not_fit_are_errors() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    for (keys, words) in [
        ("access = \"admin\"", "access is \"pull\" or \"push\""),
        ("session_policy = \"{}\"", "session_policy needs a role_arn"),
        ("session_policy_arns = [\"arn:aws:iam::aws:policy/x\"]", "session_policy_arns needs a role_arn"),
        ("duration_seconds = 900", "duration_seconds needs a role_arn"),
        ("role_arn = \"r\"\nduration_seconds = 60", "duration_seconds is 900 to 43200"),
        ("role_arn = \"r\"\nsession_policy = \"no\"", "session_policy is a JSON object"),
        ("role_arn = \"r\"\nsession_policy = \"{}\"\naccess = \"pull\"", "a session_policy, or access"),
        ("role_arn = \"r\"\nsession_policy_arns = [\"x\"]", "the ARNs of at most 10 policies"),
        ("repositories = [\"a/*\"]", "without wildcards"),
        ("helper = \"pass\"\nrepositories = [\"a\"]", "need a registry of a cloud"),
        ("helper = \"pass\"\naccess = \"pull\"", "need a registry of a cloud"),
        ("provider = \"quay\"\nrobot = \"a+b\"\nrepositories = [\"a\"]", "does not take repositories"),
        ("provider = \"quay\"\nrobot = \"a+b\"\naccess = \"pull\"", "does not take access"),
    ] {
        home.settings(&table(REGISTRY, keys));
        home.get(REGISTRY).explains(&[words]);
    }
    assert_eq!(aws.all_calls(), 0);
    // Elsewhere nothing is narrowed: the login or token would have all its rights.
    for server in ["quay.io", "docker.cloudsmith.io", "r.example:5000/team"] {
        home.settings(&table(server, "access = \"pull\""));
        home.get(REGISTRY).explains(&["need a registry of a cloud, or a provider that takes them"]);
    }
    home.settings(&table("*.example", "access = \"pull\""));
    home.get("r.example").is_not_found();
}

/// Reports differ on whether GitHub lets Apps read private packages: doctor checks this one.
#[test]
fn doctor_reports_an_app_that_may_not_pull_from_a_missing_package() {
    let mut company = Company::with_app();
    let tokens = TokenServer::beside("/token", |_, _| false);
    let front = RegistryFront::start_bearer_tls(([127, 0, 0, 1], 0).into(), &company.ca, &["ghcr.io"], &tokens, None);
    company.proxy.route("ghcr.io:443", front.addr());
    company.home.write(".docker/config.json", r#"{"credHelpers":{"ghcr.io":"ghcr"}}"#);
    company.home.set("PATH", program(GHCR).parent().unwrap());
    let doctor = |company: &Company| company.home.run(CLI, &["doctor", "ghcr.io/octo-org/team/app:1"], "").stdout;
    let missing = doctor(&company);
    assert!(missing.contains("rejected the credentials of x-access-token"), "{missing}");
    assert!(missing.contains("sees no package team/app of octo-org"), "{missing}");
    company.github.on(GitHubCall::Packages, Behaviour::Empty);
    let denied = doctor(&company);
    assert!(denied.contains("the package team/app of octo-org exists and the App's token sees it"), "{denied}");
    assert!(denied.contains("classic token with read:packages"), "{denied}");
    // An outage has nothing to do with the package, and another token is not an App's.
    company.github.on(GitHubCall::Packages, Behaviour::Page(503));
    assert!(!doctor(&company).contains("the App's token sees"));
    company.github.on(GitHubCall::Packages, Behaviour::Empty);
    company.home.unset("GITHUB_APP_ID").unset("GITHUB_APP_PRIVATE_KEY").set("GH_TOKEN", "ghp_classic");
    assert!(!doctor(&company).contains("the App's token sees"));
}

#[test]
fn the_role_of_a_pod_is_narrowed_too() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    home.settings(&table(REGISTRY, "access = \"pull\"\nrepositories = [\"team/app\"]"));
    let outcome = crate::service_accounts::of_pod(&home, "web", 1, "web");
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let policy = aws.assumed().pop().unwrap().policy.unwrap();
    assert!(policy.contains("repository/team/app") && !policy.contains("ecr:PutImage"), "{policy}");
}
