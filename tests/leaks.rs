use std::os::unix::fs::PermissionsExt;

use pretend_cloud::{Aws, Behaviour, Call};

use crate::home::files;
use crate::home::{ECR, Home, Outcome, REGISTRY};

/// Stands in every secret that a helper meets.
const CANARY: &str = "c4n4ry";

/// Everything that was said besides the reply.
fn overheard(outcome: &Outcome) -> String {
    if outcome.code == 0 { outcome.stderr.clone() } else { format!("{}{}", outcome.stdout, outcome.stderr) }
}

#[test]
fn a_secret_is_in_no_log_and_no_error() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    let token = home.write("web-token", format!("{CANARY}.{CANARY}.{CANARY}"));
    let proxy = format!("http://user:{CANARY}@127.0.0.1:1");
    home.set("AWS_SECRET_ACCESS_KEY", CANARY).set("AWS_SESSION_TOKEN", CANARY).set("CREDMINT_LOG", "trace");
    // Of the SDK and its libraries too, should they ever listen to it.
    home.set("RUST_LOG", "trace");
    let login = format!("{{\"ServerURL\":\"r.example\",\"Username\":\"u\",\"Secret\":\"{CANARY}\"}}");
    let mut said = String::new();
    let mut hear = |outcome: &Outcome| said.push_str(&overheard(outcome));

    let first = home.get(REGISTRY);
    assert!(first.stderr.contains("minting a token"), "the log is on: {first:?}");
    hear(&first);
    let minted = aws.minted()[0].password.clone();
    hear(&home.get(REGISTRY));
    hear(&home.run(ECR, &["store"], &login));
    hear(&home.run(ECR, &["store"], &login[..login.len() - 1]));
    hear(&home.run(ECR, &["store"], format!("[{login}]")));
    hear(&home.get(&format!("https://u:{CANARY}@r.example")));
    hear(&home.run(ECR, &["list"], CANARY));
    hear(&home.erase("r.example"));
    hear(&home.erase(REGISTRY));
    for behaviour in [
        Behaviour::Refuse { status: 400, code: "AccessDeniedException", message: CANARY.into() },
        Behaviour::Refuse { status: 500, code: "InternalError", message: CANARY.into() },
        Behaviour::Garbage,
    ] {
        aws.on(Call::EcrToken, behaviour);
        hear(&home.get("123456789012.dkr.ecr.eu-west-1.amazonaws.com"));
        home.erase("123456789012.dkr.ecr.eu-west-1.amazonaws.com");
        std::thread::sleep(std::time::Duration::from_millis(3_200));
    }
    home.set("HTTPS_PROXY", &proxy).set("HTTP_PROXY", &proxy).set("AWS_WEB_IDENTITY_TOKEN_FILE", token);
    home.set("AWS_ROLE_ARN", "arn:aws:iam::1:role/x").unset("AWS_ACCESS_KEY_ID");
    home.set("AWS_ENDPOINT_URL", "http://registry.invalid");
    hear(&home.get("123456789012.dkr.ecr.eu-west-2.amazonaws.com"));

    assert!(!said.contains(CANARY) && !said.contains(&minted), "{said}");
}

#[test]
fn a_secret_rests_only_where_its_owner_alone_can_read() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    let secret = home.get(REGISTRY).secret();
    home.store("r.example", "u", CANARY);
    let mut holders = 0;
    for path in files(&home.path("")) {
        let content = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        if content.contains(&secret) || content.contains(CANARY) {
            holders += 1;
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
            let folder = path.parent().unwrap().metadata().unwrap();
            assert_eq!(folder.permissions().mode() & 0o777, 0o700, "{}", path.display());
        }
        assert!(!path.to_string_lossy().contains(CANARY));
    }
    assert_eq!(holders, 2);
}

#[test]
fn the_log_goes_to_a_file_of_its_owner() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    let log = home.path("helper.log");
    home.set("CREDMINT_LOG", format!("debug:{}", log.display()));
    let secret = home.get(REGISTRY).secret();
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(text.contains("minting a token") && !text.contains(&secret), "{text}");
    assert_eq!(log.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}
