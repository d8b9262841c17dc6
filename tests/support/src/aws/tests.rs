use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::client::{Answer, fetch};

const ECR: &str = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken";
const PUBLIC: &str = "SpencerFrontendService.GetAuthorizationToken";

/// A request with a well-formed signature, `seconds` off this machine's clock.
fn signed(aws: &Aws, key: (&str, Option<&str>), scope: &str, seconds: i64, target: &str, body: &str) -> Answer {
    let now = time::OffsetDateTime::now_utc() + time::Duration::seconds(seconds);
    let form = time::macros::format_description!("[year][month][day]T[hour][minute][second]Z");
    let date = now.format(form).unwrap();
    let (access_key, session_token) = key;
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={access_key}/{}/{scope}/aws4_request, SignedHeaders=host;x-amz-date, Signature={}",
        &date[..8],
        "0".repeat(64)
    );
    let mut headers = vec![("authorization", authorization.as_str()), ("x-amz-date", &date)];
    headers.extend(session_token.map(|token| ("x-amz-security-token", token)));
    headers.extend((!target.is_empty()).then_some(("x-amz-target", target)));
    fetch("POST", &aws.url(), &headers, body.to_owned()).unwrap()
}

const KEY: (&str, Option<&str>) = ("AKIAPRETEND", None);

fn mint(aws: &Aws) -> Answer {
    signed(aws, KEY, "eu-west-1/ecr", 0, ECR, "{}")
}

fn element<'a>(xml: &'a str, name: &str) -> &'a str {
    xml.split_once(&format!("<{name}>")).unwrap().1.split_once('<').unwrap().0
}

#[test]
fn ecr_mints_a_token_for_the_signer() {
    let aws = Aws::start();
    let answer = mint(&aws);
    assert_eq!(answer.status, 200);
    let token = &answer.json()["authorizationData"][0];
    assert_eq!(token["proxyEndpoint"], "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com");
    let hours = (token["expiresAt"].as_f64().unwrap() - cloud::epoch(SystemTime::now()).as_secs_f64()) / 3600.0;
    assert!((11.99..12.01).contains(&hours), "{hours}");
    let [minted] = &aws.minted()[..] else { panic!("one was minted") };
    let login = format!("AWS:{}", minted.password);
    assert_eq!(STANDARD.decode(token["authorizationToken"].as_str().unwrap()).unwrap(), login.into_bytes());
    assert_eq!((minted.access_key.as_str(), minted.region.as_str()), ("AKIAPRETEND", "eu-west-1"));
    assert_eq!((minted.service.as_str(), minted.password.len()), ("ecr", 1880));
    assert_eq!((aws.calls(Call::EcrToken), aws.all_calls()), (1, 1));
}

#[test]
fn ecr_public_returns_an_object_and_only_in_one_region() {
    let aws = Aws::start();
    let answer = signed(&aws, KEY, "us-east-1/ecr-public", 0, PUBLIC, "{}");
    assert!(answer.json()["authorizationData"]["authorizationToken"].is_string());
    assert_eq!(aws.minted()[0].service, "ecr-public");
    assert_eq!(signed(&aws, KEY, "eu-west-1/ecr-public", 0, PUBLIC, "{}").status, 400);
    assert_eq!((aws.calls(Call::EcrPublicToken), aws.minted().len()), (2, 1));
}

#[test]
fn no_two_passwords_are_equal_and_all_have_the_requested_length() {
    let aws = Aws::start();
    aws.set_password_length(2700);
    (0..3).for_each(|_| drop(mint(&aws)));
    let mut passwords: Vec<_> = aws.minted().into_iter().map(|token| token.password).collect();
    assert!(passwords.iter().all(|password| password.len() == 2700));
    passwords.sort();
    passwords.dedup();
    assert_eq!(passwords.len(), 3);
}

#[test]
fn signatures_are_rejected_as_by_aws() {
    let aws = Aws::start();
    let unsigned = fetch("POST", &aws.url(), &[("x-amz-target", ECR)], "{}").unwrap();
    let rows = [
        (unsigned, "MissingAuthenticationTokenException"),
        (signed(&aws, KEY, "eu-west-1/sts", 0, ECR, "{}"), "InvalidSignatureException"),
        (signed(&aws, KEY, "eu-west-1/ecr", 400, ECR, "{}"), "InvalidSignatureException"),
        (signed(&aws, KEY, "eu-west-1/ecr", -400, ECR, "{}"), "InvalidSignatureException"),
        (signed(&aws, KEY, "/ecr", 0, ECR, "{}"), "IncompleteSignatureException"),
        (signed(&aws, ("ASIANOBODY", Some("x")), "eu-west-1/ecr", 0, ECR, "{}"), "UnrecognizedClientException"),
    ];
    for (answer, code) in rows {
        assert_eq!((answer.status, answer.headers["x-amzn-errortype"].as_str()), (400, code));
        assert_eq!(answer.json()["__type"], code);
    }
    assert_eq!((aws.calls(Call::EcrToken), aws.minted().len()), (6, 0));
}

#[test]
fn an_assumed_role_mints_until_it_ends() {
    let aws = Aws::start();
    aws.set_external_id(Some("xyz"));
    let form = "Action=AssumeRole&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fci%2Fpuller&RoleSessionName=s";
    let refused = signed(&aws, KEY, "us-east-1/sts", 0, "", form);
    assert_eq!((refused.status, element(&refused.text(), "Code")), (403, "AccessDenied"));
    let form = format!("{form}&ExternalId=xyz&SourceIdentity=me");
    let xml = signed(&aws, KEY, "us-east-1/sts", 0, "", &form).text();
    let (key, token) = (element(&xml, "AccessKeyId"), element(&xml, "SessionToken"));
    assert!(key.starts_with("ASIAASSUMEROLE"));
    assert_eq!(signed(&aws, (key, Some(token)), "us-east-1/ecr", 0, ECR, "{}").status, 200);
    assert_eq!(aws.minted()[0].identity, "arn:aws:sts::123456789012:assumed-role/puller/s");
    assert_eq!(signed(&aws, (key, Some("another")), "us-east-1/ecr", 0, ECR, "{}").status, 400);
    let assumed = &aws.assumed()[0];
    assert_eq!((assumed.external_id.as_deref(), assumed.source_identity.as_deref()), (Some("xyz"), Some("me")));

    aws.set_identity_life(Duration::ZERO);
    let xml = signed(&aws, KEY, "us-east-1/sts", 0, "", &form).text();
    let ended = (element(&xml, "AccessKeyId"), Some(element(&xml, "SessionToken")));
    let answer = signed(&aws, ended, "us-east-1/ecr", 0, ECR, "{}");
    assert_eq!(answer.json()["__type"], "ExpiredTokenException");
    let answer = signed(&aws, ended, "us-east-1/sts", 0, "", "Action=GetCallerIdentity");
    assert_eq!((answer.status, element(&answer.text(), "Code")), (403, "ExpiredToken"));
}

#[test]
fn every_other_source_gives_credentials_that_mint() {
    let aws = Aws::start();
    let url = |path: &str| aws.url() + path;
    let get = |path: &str, header: (&str, &str)| fetch("GET", &url(path), &[header], "").unwrap();
    let post = |path: &str, body: &'static str| fetch("POST", &url(path), &[], body).unwrap();

    let session = fetch("PUT", &url("/latest/api/token"), &[("x-aws-ec2-metadata-token-ttl-seconds", "60")], "");
    let session = session.unwrap().text();
    let session = ("x-aws-ec2-metadata-token", session.as_str());
    let roles = "/latest/meta-data/iam/security-credentials/";
    assert_eq!(get(roles, ("accept", "*/*")).status, 401, "version 1");
    let role = get(roles, session).text();
    let imds = get(&format!("{roles}{role}"), session).json();
    let ecs = get("/v2/credentials/x", ("accept", "*/*")).json();
    assert_eq!(get("/v1/credentials", ("accept", "*/*")).status, 401);
    let eks = get("/v1/credentials", ("authorization", CONTAINER_AUTHORIZATION)).json();
    let portal = "/federation/credentials?role_name=dev&account_id=123456789012";
    assert_eq!(get(portal, ("accept", "*/*")).status, 401);
    let sso = get(portal, ("x-amz-sso_bearer_token", "t")).json();
    assert!(sso["roleCredentials"]["expiration"].as_u64().unwrap() > 1_700_000_000_000);
    let refresh = r#"{"clientId":"c","clientSecret":"s","grantType":"refresh_token","refreshToken":"r"}"#;
    assert!(post("/token", refresh).json()["accessToken"].is_string());
    assert_eq!(post("/token", r#"{"grantType":"refresh_token"}"#).json()["error"], "invalid_grant");
    let signin = post("/v1/token", refresh).json();
    let web = post(
        "/",
        "Action=AssumeRoleWithWebIdentity&RoleArn=arn:aws:iam::1:role/w&RoleSessionName=s&WebIdentityToken=a.b.c",
    );
    let web = web.text();

    let upper = |json: &serde_json::Value| (json["AccessKeyId"].clone(), json["Token"].clone());
    let lower = |json: &serde_json::Value| (json["accessKeyId"].clone(), json["sessionToken"].clone());
    let rows = [
        ("IMDS", upper(&imds)),
        ("CONTAINER", upper(&ecs)),
        ("CONTAINER", upper(&eks)),
        ("SSO", lower(&sso["roleCredentials"])),
        ("SIGNIN", lower(&signin["accessToken"])),
        ("WEBIDENTITY", (element(&web, "AccessKeyId").into(), element(&web, "SessionToken").into())),
    ];
    for (source, (key, token)) in rows {
        let (key, token) = (key.as_str().unwrap(), token.as_str());
        assert!(key.starts_with(&format!("ASIA{source}0")), "{key}");
        assert_eq!(signed(&aws, (key, token), "us-east-1/ecr", 0, ECR, "{}").status, 200, "{source}");
    }
}

#[test]
fn behaves_as_configured_and_counts_it() {
    let aws = Aws::start();
    aws.on(Call::EcrToken, Behaviour::FailTimes(2));
    assert_eq!([mint(&aws), mint(&aws), mint(&aws)].map(|answer| answer.status), [500, 500, 200]);
    let message = "no".to_owned();
    aws.on(Call::EcrToken, Behaviour::Refuse { status: 400, code: "AccessDeniedException", message });
    let answer = mint(&aws);
    assert_eq!(
        (answer.status, answer.text()),
        (400, r#"{"__type":"AccessDeniedException","message":"no"}"#.to_owned())
    );
    aws.on(Call::EcrToken, Behaviour::Garbage);
    assert!(mint(&aws).json().is_null());
    aws.on(Call::EcrToken, Behaviour::Empty);
    assert_eq!(mint(&aws).body, b"");
    aws.on(Call::EcrToken, Behaviour::Slow(Duration::from_millis(60)));
    let start = std::time::Instant::now();
    assert!(mint(&aws).status == 200 && start.elapsed() >= Duration::from_millis(60));
    aws.on(Call::EcrToken, Behaviour::Close);
    assert!(fetch("POST", &aws.url(), &[("x-amz-target", ECR)], "{}").is_err(), "no answer came");
    assert_eq!((aws.calls(Call::EcrToken), aws.minted().len()), (8, 2));
    assert_eq!(aws.calls(Call::AssumeRole), 0);
}

#[test]
fn what_hangs_is_gone_with_the_server() {
    let aws = Aws::start();
    aws.on(Call::EcrToken, Behaviour::Hang);
    let (url, addr) = (aws.url(), aws.addr());
    let waiting = std::thread::spawn(move || fetch("POST", &url, &[("x-amz-target", ECR)], "{}").is_err());
    while aws.calls(Call::EcrToken) == 0 {
        std::thread::yield_now();
    }
    drop(aws);
    assert!(waiting.join().unwrap());
    assert!(std::net::TcpStream::connect(addr).is_err());
}

#[test]
fn the_clock_is_its_own() {
    let aws = Aws::start();
    aws.set_clock_skew(-3600);
    let answer = mint(&aws);
    assert_eq!(answer.json()["__type"], "InvalidSignatureException");
    let date = httpdate::parse_http_date(&answer.headers["date"]).unwrap();
    let behind = SystemTime::now().duration_since(date).unwrap().as_secs();
    assert!((3595..3605).contains(&behind), "{behind}");
    aws.set_token_life(Duration::from_secs(60));
    let answer = signed(&aws, KEY, "eu-west-1/ecr", -3600, ECR, "{}").json();
    let expires = answer["authorizationData"][0]["expiresAt"].as_f64().unwrap();
    assert!(expires < cloud::epoch(SystemTime::now()).as_secs_f64() - 3500.0);
}

#[test]
fn statistics_count_without_being_counted() {
    let aws = Aws::start();
    mint(&aws);
    assert_eq!(fetch("GET", &format!("{}/nowhere", aws.url()), &[], "").unwrap().status, 404);
    assert_eq!(aws.strange_requests(), ["GET /nowhere"]);
    assert_eq!(aws.counts(), [("EcrToken".to_owned(), 1)].into());
    assert_eq!(aws.all_calls(), 2);
}
