//! Each step of each exchange with a service that is unavailable, overloaded or rate limited: the service is
//! named, and nothing that its user has set up is blamed.

use pretend_cloud::{Aws, AzureCall, Behaviour, Call, GitHubCall, Google, GoogleCall};

use crate::acr::{self, CONTOSO, World};
use crate::gcr::{self, EUROPE};
use crate::ghcr::Company;
use crate::home::{Home, Outcome, REGISTRY};

const STATUSES: [u16; 5] = [429, 500, 502, 503, 504];

/// The remedies for a rejected identity.
const BLAME: [&str; 8] =
    ["AZURE_", "AWS_", "GOOGLE_", "GITHUB_", "trust policy", "deleted or disabled", "permission", "role Acr"];

/// Asks with each status, as an error in the service's own form and as a page of whatever stands before it.
#[track_caller]
fn blames_the_service(set: impl Fn(Behaviour), get: impl Fn() -> Outcome, host: &str) {
    for status in STATUSES {
        let own = Behaviour::Refuse { status, code: "ServiceUnavailable", message: "canary".into() };
        for behaviour in [own, Behaviour::Page(status)] {
            set(behaviour.clone());
            let outcome = get();
            let line = outcome.explains(&[host, &format!("HTTP {status}"), "again"]);
            assert!(!BLAME.iter().any(|word| line.contains(word)), "{behaviour:?}: {line}");
            assert!(!line.contains("canary"), "{line}");
        }
    }
    set(Behaviour::Proper);
    get().credentials();
}

#[test]
fn of_aws() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    // The SDK's pauses between its attempts are not tested here.
    home.set("AWS_MAX_ATTEMPTS", "1").set("CREDMINT_VAULT", "none");
    blames_the_service(|behaviour| aws.on(Call::EcrToken, behaviour), || home.get(REGISTRY), "127.0.0.1");
    blames_the_service(|behaviour| aws.on(Call::EcrPublicToken, behaviour), || home.get("public.ecr.aws"), "127.0.0.1");
    home.settings(&format!("[[registry]]\nmatch = \"{REGISTRY}\"\nrole_arn = \"arn:aws:iam::1:role/x\"\n"));
    blames_the_service(|behaviour| aws.on(Call::AssumeRole, behaviour), || home.get(REGISTRY), "127.0.0.1");
    home.settings("");
    home.unset("AWS_ACCESS_KEY_ID").unset("AWS_SECRET_ACCESS_KEY");
    let token = home.write("token", "federated.job.signature");
    home.set("AWS_WEB_IDENTITY_TOKEN_FILE", token).set("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/pod");
    blames_the_service(
        |behaviour| aws.on(Call::AssumeRoleWithWebIdentity, behaviour),
        || home.get(REGISTRY),
        "127.0.0.1",
    );
}

#[test]
fn of_azure() {
    let world = World::new();
    let mut home = world.with_secret();
    home.set("CREDMINT_VAULT", "none");
    let get = || acr::get(&home, CONTOSO);
    blames_the_service(|behaviour| world.azure.on(AzureCall::Token, behaviour), get, "login.microsoftonline.com");
    blames_the_service(|behaviour| world.azure.on(AzureCall::Exchange, behaviour), get, CONTOSO);
}

#[test]
fn of_google() {
    let google = Google::start();
    let mut home = gcr::with_key(&google);
    home.set("CREDMINT_VAULT", "none");
    blames_the_service(|behaviour| google.on(GoogleCall::Token, behaviour), || gcr::get(&home, EUROPE), "127.0.0.1");
}

#[test]
fn of_github() {
    let mut company = Company::with_app();
    company.home.set("CREDMINT_VAULT", "none");
    for call in [GitHubCall::Installations, GitHubCall::InstallationToken] {
        blames_the_service(|behaviour| company.github.on(call, behaviour), || company.get("ghcr.io"), "github.com");
    }
}
