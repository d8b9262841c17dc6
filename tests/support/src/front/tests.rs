use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::aws::MintedToken;
use crate::behaviour::Behaviour;
use crate::client::{Answer, fetch};
use crate::pull::pull;

const ECR: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";

/// A login with a minted token, without a signed request.
fn mint(aws: &Aws, service: &str, life: Duration) -> String {
    let cloud = aws.cloud();
    let password = format!("password-{}", aws.minted().len());
    let login = format!("Basic {}", STANDARD.encode(format!("AWS:{password}")));
    let own = str::to_owned;
    let (access_key, identity, region, host) = (own("A"), own("arn"), own("us-east-1"), own("h"));
    let expires = cloud.now() + life;
    let token = MintedToken { password, access_key, identity, region, service: own(service), host, expires };
    cloud.state().minted.push(token);
    login
}

fn get(front: &RegistryFront, host: &str, path: &str, login: &str) -> Answer {
    let headers = [("host", host), ("authorization", login)];
    let given = if login.is_empty() { &headers[..1] } else { &headers };
    fetch("GET", &(front.url() + path), given, "").unwrap()
}

#[test]
fn opens_only_to_a_minted_token() {
    let aws = Aws::start();
    let front = RegistryFront::start(&aws, None);
    let good = mint(&aws, "ecr", Duration::from_secs(60));
    assert_eq!(get(&front, ECR, "/v2/", &good).status, 200);
    let rows = [
        ("", ECR, "Not Authorized"),
        ("Basic QVdTOm5vbmU=", ECR, "Not Authorized"),
        (&mint(&aws, "ecr-public", Duration::from_secs(60)), ECR, "invalid"),
        (&mint(&aws, "ecr", Duration::ZERO), ECR, "expired"),
        (&good, "123456789012.dkr-ecr-fips.eu-west-1.on.aws", "invalid"),
    ];
    for (login, host, reason) in rows {
        let answer = get(&front, host, "/v2/app/manifests/1", login);
        assert_eq!(answer.status, 401);
        assert!(answer.text().contains(reason), "{}", answer.text());
        let realm = format!("Basic realm=\"http://{host}/\",service=\"ecr.amazonaws.com\"");
        assert_eq!(answer.headers["www-authenticate"], realm);
    }
    assert_eq!(aws.calls(Call::Registry), 6);
    aws.end_tokens();
    assert_eq!(get(&front, ECR, "/v2/", &good).status, 401);
    let good = mint(&aws, "ecr", Duration::from_secs(60));
    aws.on(Call::Registry, Behaviour::FailTimes(1));
    assert_eq!(get(&front, ECR, "/v2/", &good).status, 500);
}

#[test]
fn the_built_in_image_is_whole() {
    let aws = Aws::start();
    let front = RegistryFront::start(&aws, None);
    let login = mint(&aws, "ecr", Duration::from_secs(60));
    let pulled = pull(&front.url(), "team/app", "1", "AWS", &aws.minted()[0].password).unwrap();
    assert!(pulled.parts == 3 && pulled.bytes > 1024, "{pulled:?}");
    let refused = pull(&front.url(), "team/app", "1", "AWS", "wrong").unwrap_err();
    assert!(refused.contains("401") && refused.contains("Not Authorized"), "{refused}");

    let manifest = get(&front, ECR, "/v2/app/manifests/1", &login);
    let by_digest = format!("/v2/app/manifests/{}", manifest.headers["docker-content-digest"]);
    assert_eq!(get(&front, ECR, &by_digest, &login).body, manifest.body);
    assert_eq!(get(&front, ECR, "/v2/app/manifests/sha256:0", &login).status, 404);
    let head = fetch("HEAD", &(front.url() + &by_digest), &[("authorization", &login)], "").unwrap();
    assert_eq!((head.headers["content-length"].clone(), head.body), (manifest.body.len().to_string(), Vec::new()));
    let put = fetch("PUT", &(front.url() + "/v2/app/manifests/1"), &[("authorization", &login)], "").unwrap();
    assert_eq!(put.status, 405);
}

#[test]
fn public_serves_everyone_but_a_wrong_login() {
    let aws = Aws::start();
    let front = RegistryFront::start(&aws, None);
    let host = "public.ecr.aws";
    let challenge = get(&front, host, "/v2/", "");
    assert_eq!(challenge.status, 401);
    assert!(challenge.headers["www-authenticate"].starts_with("Bearer realm=\"http://public.ecr.aws/token/\""));
    let anonymous = fetch("GET", &(front.url() + "/token/?scope=aws"), &[("host", host)], "").unwrap();
    let bearer = format!("Bearer {}", anonymous.json()["token"].as_str().unwrap());
    assert_eq!(get(&front, host, "/v2/app/manifests/1", &bearer).status, 200);
    let good = mint(&aws, "ecr-public", Duration::from_secs(60));
    let wrong = mint(&aws, "ecr", Duration::from_secs(60));
    assert_eq!([&good, &wrong].map(|login| get(&front, host, "/token/", login).status), [200, 401]);
}

#[test]
fn hands_on_to_the_registry_behind_it() {
    // Another front is the registry: it requires a login, which must not reach it, hence its 401.
    let aws = Aws::start();
    let upstream = RegistryFront::start(&aws, None);
    let front = RegistryFront::start(&aws, Some(upstream.addr()));
    let login = mint(&aws, "ecr", Duration::from_secs(60));
    let answer = get(&front, ECR, "/v2/", &login);
    assert_eq!((answer.status, aws.calls(Call::Registry)), (401, 2));
    assert!(answer.text().contains("Not Authorized"));
    drop(upstream);
    assert_eq!(get(&front, ECR, "/v2/", &login).status, 502);
}

#[test]
fn a_token_server_grants_what_the_login_may() {
    let tokens = TokenServer::beside("/token", |user, password| (user, password) == ("me", "right"));
    let front = RegistryFront::start_bearer(&tokens, None);
    let path = "/v2/team/app/manifests/1";
    let challenge = get(&front, "ghcr.io", path, "");
    assert_eq!(challenge.status, 401);
    let expected = "Bearer realm=\"http://ghcr.io/token\",service=\"ghcr.io\",scope=\"repository:team/app:pull\"";
    assert_eq!(challenge.headers["www-authenticate"], expected);

    let login = |login: &str| format!("Basic {}", STANDARD.encode(login));
    let ask =
        |scope: &str, login: &str| get(&front, "ghcr.io", &format!("/token?service=ghcr.io&scope={scope}"), login);
    assert_eq!(ask("repository:team/app:pull", &login("me:wrong")).status, 401);
    let rows = [
        ("repository:team/app:pull,push", login("me:right"), path, 200),
        ("repository:team/other:pull", login("me:right"), path, 401),
        ("repository:team/app:push", login("me:right"), path, 401),
        ("repository:team/app:pull", String::new(), path, 401),
        ("repository:team/public/app:pull", String::new(), "/v2/team/public/app/manifests/1", 200),
    ];
    let with_token = |scope: &str, login: &str, path: &str| {
        let bearer = format!("Bearer {}", ask(scope, login).json()["token"].as_str().unwrap());
        (get(&front, "ghcr.io", path, &bearer).status, bearer)
    };
    for (scope, login, path, status) in rows {
        assert_eq!(with_token(scope, &login, path).0, status, "{scope} {path}");
    }
    let (_, bearer) = with_token("repository:team/app:pull", &login("me:right"), path);
    tokens.end_tokens();
    let ended = get(&front, "ghcr.io", path, &bearer);
    assert!(ended.headers["www-authenticate"].ends_with("error=\"invalid_token\""), "{ended:?}");
    let post = fetch("POST", &(front.url() + "/token"), &[], "").unwrap();
    assert_eq!(post.status, 405);
}

#[test]
fn a_token_server_apart_also_takes_a_form() {
    let tokens = TokenServer::apart("auth.docker.io", |user, password| (user, password) == ("me", "right"));
    let front = RegistryFront::start_bearer(&tokens, None);
    let challenge = get(&front, "registry-1.docker.io", "/v2/", "");
    let expected = "Bearer realm=\"http://auth.docker.io/token\",service=\"registry-1.docker.io\"";
    assert_eq!(challenge.headers["www-authenticate"], expected);
    let ask = |password: &str| {
        let form = format!("grant_type=password&username=me&password={password}&scope=repository%3Aapp%3Apull");
        fetch("POST", &(front.url() + "/token"), &[("host", "auth.docker.io")], form).unwrap()
    };
    assert_eq!(ask("wrong").status, 401);
    let bearer = format!("Bearer {}", ask("right").json()["access_token"].as_str().unwrap());
    assert_eq!(get(&front, "registry-1.docker.io", "/v2/app/manifests/1", &bearer).status, 200);
}

#[test]
fn a_registry_of_azure_opens_to_the_token_it_exchanged() {
    let azure = crate::Azure::start();
    let front = RegistryFront::start_bearer(&TokenServer::of_acr(&azure), None);
    let post = |host: &str, path: &str, form: String| {
        let headers = [("host", host), ("content-type", "application/x-www-form-urlencoded")];
        fetch("POST", &(front.url() + path), &headers, form).unwrap().json()
    };
    let host = "contoso.azurecr.io";
    let access = azure.access_token_of("me");
    let form = format!("grant_type=access_token&service={host}&access_token={access}");
    let refresh = post(host, "/oauth2/exchange", form)["refresh_token"].as_str().unwrap().to_owned();
    let scope = "repository%3Aapp%3Apull";
    let form = format!("grant_type=refresh_token&service={host}&scope={scope}&refresh_token={refresh}");
    let bearer = format!("Bearer {}", post(host, "/oauth2/token", form.clone())["access_token"].as_str().unwrap());
    assert_eq!(get(&front, host, "/v2/app/manifests/1", &bearer).status, 200);
    assert!(post("fabrikam.azurecr.io", "/oauth2/token", form.clone())["access_token"].is_null());
    let basic = format!("Basic {}", STANDARD.encode(format!("00000000-0000-0000-0000-000000000000:{refresh}")));
    assert_eq!(get(&front, host, &format!("/oauth2/token?scope={scope}"), &basic).status, 200);
    azure.end_tokens();
    assert!(post(host, "/oauth2/token", form)["access_token"].is_null());
}
