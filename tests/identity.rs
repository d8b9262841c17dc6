//! Whose token it is: every source of an AWS identity, and that a change of it is another token.

use pretend_cloud::{Aws, Behaviour, Call};

use crate::home::{ECR, Home, Outcome, REGISTRY, program, skip};

pub(crate) const SSO_CONFIG: &str = "[profile dev]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = pull\nregion = us-east-1\n\
     [sso-session corp]\nsso_region = us-east-1\nsso_start_url = https://corp.example/start\nsso_registration_scopes = sso:account:access\n";

/// The access key that minted the token of this output.
#[track_caller]
pub(crate) fn minted_by(aws: &Aws, outcome: &Outcome) -> String {
    let (_, username, secret) = outcome.credentials();
    assert_eq!(username, "AWS");
    let token = aws.minted().into_iter().find(|token| token.password == secret);
    token.unwrap_or_else(|| panic!("never minted: {outcome:?}")).access_key
}

/// `~/.aws/config`.
fn config(home: &Home, text: &str) {
    home.write(".aws/config", text);
}

pub(crate) fn without_keys(home: &mut Home) {
    home.unset("AWS_ACCESS_KEY_ID").unset("AWS_SECRET_ACCESS_KEY");
}

#[test]
fn another_key_gets_another_token() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    assert_eq!(minted_by(&aws, &home.get(REGISTRY)), "AKIAALICE");
    home.set("AWS_ACCESS_KEY_ID", "AKIABOB");
    assert_eq!(minted_by(&aws, &home.get(REGISTRY)), "AKIABOB");
    home.set("AWS_ACCESS_KEY_ID", "AKIAALICE");
    assert_eq!(minted_by(&aws, &home.get(REGISTRY)), "AKIAALICE");
    assert_eq!(aws.calls(Call::EcrToken), 2);
}

#[test]
fn another_profile_or_an_edited_file_gets_another_token() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    without_keys(&mut home);
    let keys = |name: &str, key: &str| format!("[{name}]\naws_access_key_id = {key}\naws_secret_access_key = s\n");
    home.write(".aws/credentials", keys("default", "AKIADEFAULT") + &keys("other", "AKIAOTHER"));
    assert_eq!(minted_by(&aws, &home.get(REGISTRY)), "AKIADEFAULT");
    home.set("AWS_PROFILE", "other");
    assert_eq!(minted_by(&aws, &home.get(REGISTRY)), "AKIAOTHER");
    home.unset("AWS_PROFILE");
    home.write(".aws/credentials", keys("default", "AKIAEDITED"));
    assert_eq!(minted_by(&aws, &home.get(REGISTRY)), "AKIAEDITED");
}

#[test]
fn settings_choose_the_profile_for_a_registry_before_the_environment() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    home.write(".aws/credentials", "[prod]\naws_access_key_id = AKIAPROD\naws_secret_access_key = s\n");
    home.settings("[[registry]]\nmatch = \"123456789012.dkr.ecr.*\"\nprofile = \"prod\"\n");
    assert_eq!(minted_by(&aws, &home.get(REGISTRY)), "AKIAPROD");
    let other = home.get("999999999999.dkr.ecr.us-east-1.amazonaws.com");
    assert_eq!(minted_by(&aws, &other), "AKIAALICE", "the other account is reached as before");
    home.settings("[[registry]]\nmatch = \"*\"\nprofile = \"prud\"\n");
    home.get(REGISTRY).explains(&["profile", "prud"]);
}

#[test]
fn settings_choose_a_role_for_a_registry() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    home.settings(
        "[[registry]]\nmatch = \"*\"\nrole_arn = \"arn:aws:iam::123456789012:role/pull\"\nexternal_id = \"agreed\"\n",
    );
    let by = minted_by(&aws, &home.get(REGISTRY));
    assert!(by.starts_with("ASIA"), "{by}");
    assert_eq!(aws.calls(Call::AssumeRole), 1);
    home.get(REGISTRY).credentials();
    assert_eq!(aws.calls(Call::AssumeRole), 1, "the role is not assumed for a cached token");
}

#[test]
fn a_role_of_a_profile_is_assumed() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    without_keys(&mut home);
    home.write(".aws/credentials", "[base]\naws_access_key_id = AKIABASE\naws_secret_access_key = s\n");
    config(
        &home,
        "[profile pull]\nrole_arn = arn:aws:iam::123456789012:role/pull\nsource_profile = base\nregion = us-east-1\n",
    );
    home.set("AWS_PROFILE", "pull");
    let by = minted_by(&aws, &home.get(REGISTRY));
    assert!(by.starts_with("ASIA"), "{by}");
    assert_eq!(aws.calls(Call::AssumeRole), 1);
}

#[test]
fn a_role_with_the_identity_of_the_environment_is_assumed() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    config(&home, "[profile pull]\nrole_arn = arn:aws:iam::123456789012:role/pull\ncredential_source = Environment\n");
    home.settings("[[registry]]\nmatch = \"*\"\nprofile = \"pull\"\n");
    home.set("AWS_REGION", "us-east-1");
    assert!(minted_by(&aws, &home.get(REGISTRY)).starts_with("ASIA"));
    assert_eq!(aws.calls(Call::AssumeRole), 1);
}

#[test]
fn a_program_gives_the_identity() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    without_keys(&mut home);
    let answer = "{\"Version\":1,\"AccessKeyId\":\"AKIAPROCESS\",\"SecretAccessKey\":\"canary\"}";
    let script = home.script("identity", &format!("echo '{answer}'"));
    config(&home, &format!("[default]\ncredential_process = {}\n", script.display()));
    assert_eq!(minted_by(&aws, &home.get(REGISTRY)), "AKIAPROCESS");
    // Without any output of the program.
    home.script("identity", "echo canary\necho canary >&2\nexit 3");
    config(&home, &format!("[default]\ncredential_process = {} changed\n", script.display()));
    let line = home.get(REGISTRY).explains(&["credential_process"]).to_owned();
    assert!(!line.contains("canary"), "{line}");
}

#[test]
fn a_web_identity_is_exchanged() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    without_keys(&mut home);
    let token = home.write("token", "a.b.c");
    home.set("AWS_WEB_IDENTITY_TOKEN_FILE", token).set("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/pod");
    assert!(minted_by(&aws, &home.get(REGISTRY)).starts_with("ASIA"));
    assert_eq!(aws.calls(Call::AssumeRoleWithWebIdentity), 1);
    home.set("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/other");
    home.get(REGISTRY).credentials();
    assert_eq!(aws.calls(Call::AssumeRoleWithWebIdentity), 2);
}

#[test]
fn a_container_gives_the_identity() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    without_keys(&mut home);
    let token = home.write("pod-token", pretend_cloud::CONTAINER_AUTHORIZATION);
    home.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/v2/credentials/task", aws.url()));
    home.set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token);
    assert!(minted_by(&aws, &home.get(REGISTRY)).starts_with("ASIA"));
    assert_eq!(aws.calls(Call::ContainerCredentials), 1);
}

#[test]
fn a_missing_profile_never_falls_back_to_another_identity() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    without_keys(&mut home);
    home.unset("AWS_EC2_METADATA_DISABLED").set("AWS_EC2_METADATA_SERVICE_ENDPOINT", aws.url());
    config(&home, "[profile there]\nregion = us-east-1\n");
    home.set("AWS_PROFILE", "not-there").get(REGISTRY).explains(&["no AWS profile not-there"]);
    home.get("public.ecr.aws").explains(&["no AWS profile not-there"]);
    assert_eq!(aws.all_calls(), 0);
    // An existing profile without an identity leaves it to the instance.
    assert!(minted_by(&aws, &home.set("AWS_PROFILE", "there").get(REGISTRY)).starts_with("ASIA"));
}

#[test]
fn an_identity_that_fails_is_not_replaced_by_the_next() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    without_keys(&mut home);
    home.unset("AWS_EC2_METADATA_DISABLED").set("AWS_EC2_METADATA_SERVICE_ENDPOINT", aws.url());
    let token = home.write("token", "a.b.c");
    home.set("AWS_WEB_IDENTITY_TOKEN_FILE", token).set("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/pod");
    let refusal = Behaviour::Refuse { status: 403, code: "AccessDenied", message: "canary".into() };
    aws.on(Call::AssumeRoleWithWebIdentity, refusal);
    let line = home.get(REGISTRY).explains(&["web identity", "trust policy"]).to_owned();
    assert!(!line.contains("canary"), "{line}");
    assert_eq!(aws.calls(Call::ImdsToken) + aws.calls(Call::EcrToken), 0);
}

#[test]
fn the_instance_gives_the_identity() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    without_keys(&mut home);
    home.unset("AWS_EC2_METADATA_DISABLED").set("AWS_EC2_METADATA_SERVICE_ENDPOINT", aws.url());
    assert!(minted_by(&aws, &home.get(REGISTRY)).starts_with("ASIA"));
    assert!(aws.calls(Call::ImdsToken) >= 1 && aws.calls(Call::ImdsCredentials) >= 1);
}

#[test]
fn a_single_sign_on_session_gives_the_identity() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    without_keys(&mut home);
    config(&home, SSO_CONFIG);
    home.set("AWS_PROFILE", "dev");
    sign_on(&home, "corp", "2099-01-01T00:00:00Z");
    assert!(minted_by(&aws, &home.get(REGISTRY)).starts_with("ASIA"));
    assert_eq!(aws.calls(Call::SsoCredentials), 1);
}

#[test]
fn an_expired_single_sign_on_session_names_the_remedy() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    without_keys(&mut home);
    config(&home, SSO_CONFIG);
    home.set("AWS_PROFILE", "dev");
    home.get(REGISTRY).explains(&["aws sso login --profile dev"]);
    sign_on(&home, "corp", "2001-01-01T00:00:00Z");
    config(&home, &format!("{SSO_CONFIG}\n# edited"));
    home.get(REGISTRY).explains(&["aws sso login --profile dev"]);
}

/// Where a container has the folder read-only, for example.
#[test]
fn a_session_that_cannot_be_written_down_is_renewed_for_every_token() {
    let test = "a_session_that_cannot_be_written_down_is_renewed_for_every_token";
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    without_keys(&mut home);
    config(&home, SSO_CONFIG);
    home.set("AWS_PROFILE", "dev").set("CREDMINT_VAULT", "none");
    let cache = home.path(".aws/sso/cache");
    let file = cache.join(format!("{}.json", sha1_of("corp")));
    let ended = serde_json::json!({
        "accessToken": "canary",
        "expiresAt": "2001-01-01T00:00:00Z",
        "refreshToken": "canary",
        "clientId": "client",
        "clientSecret": "canary",
        "registrationExpiresAt": "2099-01-01T00:00:00Z",
        "region": "us-east-1",
        "startUrl": "https://corp.example/start",
    });
    home.write(file.to_str().unwrap(), ended.to_string());
    let cache = cache.display();
    let read_only = format!("mount --bind {cache} {cache} && mount -o remount,ro,bind {cache}");
    let unshare = |line: &str| home.other("unshare", &["--mount", "sh", "-c", line]);
    if !unshare(&format!("{read_only} && ! touch {cache}/x")).status().is_ok_and(|status| status.success()) {
        return skip(test, "a read-only mount needs root");
    }
    let input = home.write("server", REGISTRY);
    let get = format!("{read_only} && exec {} get < {}", program(ECR).display(), input.display());
    for renewed in 1..=2 {
        let outcome = Outcome::of(ECR, &mut unshare(&get));
        assert!(minted_by(&aws, &outcome).starts_with("ASIA"));
        assert_eq!(aws.calls(Call::SsoOidcToken), renewed);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), ended.to_string());
    }
    // Where it can be written, it is renewed once.
    for _ in 0..2 {
        minted_by(&aws, &home.get(REGISTRY));
        assert_eq!(aws.calls(Call::SsoOidcToken), 3);
    }
    assert_ne!(std::fs::read_to_string(&file).unwrap(), ended.to_string());
}

#[test]
fn a_single_sign_on_of_the_old_kind_gives_the_identity() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    without_keys(&mut home);
    let start = "https://corp.example/start";
    config(
        &home,
        &format!(
            "[default]\nsso_start_url = {start}\nsso_region = us-east-1\nsso_account_id = 123456789012\nsso_role_name = pull\n"
        ),
    );
    home.get(REGISTRY).explains(&["aws sso login"]);
    sign_on(&home, start, "2099-01-01T00:00:00Z");
    config(&home, &(std::fs::read_to_string(home.path(".aws/config")).unwrap() + "# signed in\n"));
    assert!(minted_by(&aws, &home.get(REGISTRY)).starts_with("ASIA"));
}

/// What `aws sso login` leaves: a file named after the SHA-1 of the session's name, or of its address.
pub(crate) fn sign_on(home: &Home, session: &str, expires: &str) {
    let token = serde_json::json!({
        "accessToken": "canary",
        "expiresAt": expires,
        "region": "us-east-1",
        "startUrl": "https://corp.example/start",
    });
    home.write(&format!(".aws/sso/cache/{}.json", sha1_of(session)), token.to_string());
}

fn sha1_of(text: &str) -> String {
    let output =
        std::process::Command::new("sh").args(["-c", &format!("printf %s {text} | sha1sum")]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()[..40].to_owned()
}

/// What the SDK passes over, so that the next identity signs in: the instance's.
#[test]
fn an_unusable_identity_source_is_named() {
    let aws = Aws::start();
    let refused = |set: &dyn Fn(&mut Home), words: &[&str]| {
        let mut home = Home::signed_in(&aws);
        without_keys(&mut home);
        home.unset("AWS_EC2_METADATA_DISABLED").set("AWS_EC2_METADATA_SERVICE_ENDPOINT", aws.url());
        set(&mut home);
        home.get(REGISTRY).explains(words);
    };
    let keys = "[default]\naws_access_key_id = AKIA\naws_secret_access_key = s\n";
    let utf_16: Vec<u8> = keys.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for file in ["config", "credentials"] {
        let path = format!(".aws/{file}");
        refused(&|home| _ = home.write(&path, &utf_16), &[&path, "is not UTF-8"]);
        refused(&|home| _ = home.write(&path, b"[default]\n# caf\xe9\n"), &[&path, "is not UTF-8"]);
        refused(&|home| std::fs::create_dir_all(home.path(&path)).unwrap(), &[&path, "cannot read"]);
    }
    let set = |name: &'static str, value: &'static str| move |home: &mut Home| _ = home.set(name, value);
    refused(
        &set("AWS_WEB_IDENTITY_TOKEN_FILE", "/token"),
        &["AWS_WEB_IDENTITY_TOKEN_FILE is set but AWS_ROLE_ARN is not"],
    );
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
        refused(&set(name, "AKIA\r"), &[name, "carriage return"]);
    }
    for value in ["0", "x", "-1"] {
        refused(&set("AWS_MAX_ATTEMPTS", value), &["AWS_MAX_ATTEMPTS is not a number above 0"]);
    }
    refused(&|home| config(home, "[default]\nmax_attempts = 0\n"), &["max_attempts is not a number"]);
    refused(&set("AWS_ENDPOINT_URL", "localhost"), &["AWS_ENDPOINT_URL is not a URL"]);
    assert_eq!(aws.calls(Call::EcrToken) + aws.calls(Call::ImdsCredentials), 0, "no other identity is used");
    // What other tools take does not stop this one.
    let mut home = Home::signed_in(&aws);
    config(&home, "[default]\nretry_mode = legacy\nmax_attempts = 7\n");
    home.set("AWS_ENDPOINT_URL_STS", "").set("AWS_RETRY_MODE", "adaptive").get(REGISTRY).credentials();
}
