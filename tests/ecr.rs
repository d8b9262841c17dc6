use std::time::Duration;

use pretend_cloud::{Aws, Behaviour, Call};

use crate::home::{CREDMINT, Home, REGISTRY};
use crate::identity::{minted_by, without_keys};

const PUBLIC: &str = "public.ecr.aws";

#[test]
fn the_second_get_is_cached() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    let first = home.get(REGISTRY);
    assert_eq!(first.credentials().0, REGISTRY);
    assert_eq!(minted_by(&aws, &first), "AKIAALICE");
    let calls = aws.all_calls();
    assert_eq!(calls, 1);
    assert_eq!(home.get(&format!("https://{REGISTRY}/v2/")).secret(), first.secret());
    assert_eq!(aws.all_calls(), calls, "a cached get sends no request");
}

#[test]
fn one_token_serves_every_account_of_a_region() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    let first = home.get(REGISTRY).secret();
    assert_eq!(home.get("999999999999.dkr.ecr.us-east-1.amazonaws.com").secret(), first);
    assert_eq!(home.get(&format!("{REGISTRY}/team/app")).secret(), first);
    assert_eq!(aws.calls(Call::EcrToken), 1);
    let other = home.get("123456789012.dkr.ecr.eu-west-1.amazonaws.com").secret();
    assert_ne!(other, first);
    let regions: Vec<_> = aws.minted().into_iter().map(|token| token.region).collect();
    assert_eq!(regions, ["us-east-1", "eu-west-1"]);
}

#[test]
fn the_token_is_asked_for_at_every_kind_of_endpoint() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    for (host, region) in [
        ("123456789012.dkr.ecr-fips.us-west-2.amazonaws.com", "us-west-2"),
        ("123456789012.dkr-ecr.us-west-2.on.aws", "us-west-2"),
        ("123456789012.dkr-ecr-fips.us-gov-west-1.on.aws", "us-gov-west-1"),
        ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
    ] {
        home.get(host).credentials();
        assert_eq!(aws.minted().last().unwrap().region, region);
    }
    assert_eq!(aws.calls(Call::EcrToken), 5, "each kind of endpoint has a token of its own");
}

#[test]
fn a_custom_domain_means_its_target() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    home.get("docker.corp.example").is_not_found();
    home.settings(&format!(
        "[[registry]]\nmatch = \"docker.corp.example\"\nprovider = \"ecr\"\ntarget = \"{REGISTRY}\"\n"
    ));
    let (server, username, _) = home.get("docker.corp.example").credentials();
    assert_eq!((server.as_str(), username.as_str()), ("docker.corp.example", "AWS"));
    assert_eq!(home.list()["docker.corp.example"], "AWS");
}

#[test]
fn the_public_registry_gets_a_token_of_the_identity() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    let first = home.get(PUBLIC);
    assert_eq!(first.credentials().1, "AWS");
    assert_eq!((aws.calls(Call::EcrPublicToken), aws.calls(Call::EcrToken)), (1, 0));
    assert_eq!(home.get(PUBLIC).secret(), first.secret());
    assert_eq!(aws.all_calls(), 1);
}

#[test]
fn without_identity_public_is_anonymous_and_private_says_what_to_do() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    without_keys(&mut home);
    home.get(PUBLIC).is_not_found();
    home.get(REGISTRY).is_not_found_because(&["no AWS credentials found", "aws sso login"]);
    assert_eq!(aws.calls(Call::EcrToken) + aws.calls(Call::EcrPublicToken), 0);
}

#[test]
fn a_denied_request_reports_the_cause_and_no_body() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    for (nth, (status, code, words)) in [
        (400, "AccessDeniedException", &["ecr:GetAuthorizationToken"][..]),
        (400, "UnrecognizedClientException", &["AWS"]),
        (400, "ExpiredTokenException", &["expired"]),
        (400, "ThrottlingException", &["us-east-"]),
        (403, "InvalidSignatureException", &["clock"]),
    ]
    .into_iter()
    .enumerate()
    {
        aws.on(Call::EcrToken, Behaviour::Refuse { status, code, message: "canary body".into() });
        let line =
            home.get(&format!("123456789012.dkr.ecr.us-east-{}.amazonaws.com", nth + 1)).explains(words).to_owned();
        assert!(!line.contains("canary"), "{line}");
    }
    aws.on(
        Call::EcrPublicToken,
        Behaviour::Refuse { status: 400, code: "AccessDeniedException", message: "no".into() },
    );
    home.get(PUBLIC).explains(&["sts:GetServiceBearerToken"]);
}

#[test]
fn a_long_password_is_kept_whole() {
    let aws = Aws::start();
    aws.set_password_length(9_000);
    let home = Home::signed_in(&aws);
    let first = home.get(REGISTRY).secret();
    assert!(first.len() >= 9_000);
    assert_eq!(home.get(REGISTRY).secret(), first);
    assert_eq!(aws.all_calls(), 1);
}

#[test]
fn a_token_near_its_end_is_renewed_and_serves_if_it_cannot_be() {
    let aws = Aws::start();
    aws.set_token_life(Duration::from_secs(9 * 60));
    let home = Home::signed_in(&aws);
    let first = home.get(REGISTRY).secret();
    home.tokens_were_received(-7_200);
    let second = home.get(REGISTRY).secret();
    assert_ne!(first, second);
    home.tokens_were_received(-7_200);
    aws.on(Call::EcrToken, Behaviour::Refuse { status: 400, code: "AccessDeniedException", message: String::new() });
    assert_eq!(home.get(REGISTRY).secret(), second);
    home.settings("refresh_before = 60");
    let calls = aws.all_calls();
    assert_eq!(home.get(REGISTRY).secret(), second);
    assert_eq!(aws.all_calls(), calls, "with a shorter margin it is fresh");
}

#[test]
fn an_expired_token_is_never_served() {
    // The peer returns a token that expired 18 hours ago if the network is down.
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    home.get(REGISTRY).credentials();
    home.end_token();
    assert_eq!(home.list()[REGISTRY], "AWS", "the name outlives the token");
    aws.on(Call::EcrToken, Behaviour::Refuse { status: 400, code: "AccessDeniedException", message: String::new() });
    home.get(REGISTRY).explains(&["ecr:GetAuthorizationToken"]);
}

#[test]
fn a_login_wins_until_it_is_erased() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    assert_eq!(home.store(REGISTRY, "AWS", "pasted").code, 0);
    assert_eq!(home.get(REGISTRY).secret(), "pasted");
    assert_eq!(home.list()[REGISTRY], "AWS");
    assert_eq!(aws.all_calls(), 0);
    home.erase(REGISTRY).is_silent();
    assert_eq!(minted_by(&aws, &home.get(REGISTRY)), "AKIAALICE");
}

#[test]
fn erase_forgets_the_minted_token() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    let first = home.get(REGISTRY).secret();
    assert_eq!(home.list()[REGISTRY], "AWS");
    home.erase(REGISTRY).is_silent();
    assert!(home.list().is_empty());
    assert_eq!(aws.calls(Call::EcrToken), 1, "neither list nor erase sends a request");
    assert_ne!(home.get(REGISTRY).secret(), first);
}

/// docker-py's `build`, the classic builder and others call `list` first, and `get` only for what it lists.
#[test]
fn list_names_what_docker_wires_and_what_was_served() {
    const OTHER: &str = "210987654321.dkr.ecr.us-east-1.amazonaws.com";
    const WIRED: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    home.write(
        ".docker/config.json",
        format!(r#"{{"credHelpers": {{"{WIRED}": "ecr", "ghcr.io": "ecr", "quay.io": "other"}}}}"#),
    );
    let listed = || home.list().into_keys().collect::<Vec<_>>();
    assert_eq!(listed(), [WIRED], "on a fresh machine, and nothing that it cannot answer");
    home.get(REGISTRY).credentials();
    home.get(OTHER).credentials();
    assert_eq!(listed(), [WIRED, REGISTRY, OTHER], "one token, two hosts");
    assert_eq!(aws.calls(Call::EcrToken), 1);
    home.erase(OTHER).is_silent();
    assert_eq!(listed(), [WIRED, REGISTRY]);
    for server in home.list().into_keys() {
        home.get(&server).credentials();
    }
    // As the one for everything, by the settings.
    home.write(".docker/config.json", r#"{"credsStore": "credmint"}"#);
    home.settings(&format!("[[registry]]\nmatch = \"docker.corp.example\"\ntarget = \"{REGISTRY}\"\n[[registry]]\nmatch = \"*.eu\"\nprofile = \"x\"\n"));
    let outcome = home.run(CREDMINT, &["list"], "");
    let names: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!((&names["docker.corp.example"], names.as_object().unwrap().len()), (&"AWS".into(), 3), "{outcome:?}");
}

#[test]
fn a_look_alike_host_is_sent_nothing() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    for server in [
        "123456789012.dkr.ecr.us-east-1.amazonaws.com.attacker.example",
        "https://123456789012.dkr.ecr.us-east-1.amazonaws.com@attacker.example",
        "http://123456789012.dkr.ecr.us-east-1.amazonaws.com",
        "123456789012.dkr.ecr.us-east-1.amazonaws.com:8080",
        "attacker.example/123456789012.dkr.ecr.us-east-1.amazonaws.com",
        "123456789012.dkr.ecr.cn-north-1.amazonaws.com",
    ] {
        home.get(server).is_not_found();
    }
    assert_eq!(aws.all_calls(), 0);
}

#[test]
fn nothing_is_stored_if_configured_so() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    home.set("CREDMINT_VAULT", "none");
    assert_ne!(home.get(REGISTRY).secret(), home.get(REGISTRY).secret());
    home.store("r.example", "u", "s").explains(&["vault is \"none\"", "set vault = \"auto\""]);
    assert!(home.list().is_empty());
    home.erase(REGISTRY).is_silent();
}
