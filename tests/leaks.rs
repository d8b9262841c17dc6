use std::os::unix::fs::PermissionsExt;

use pretend_cloud::{Aws, Behaviour, Call};

use crate::home::files;
use crate::home::{ACR, CLI, ECR, GCR, GHCR, Home, Outcome, REGISTRY};

/// Stands in every secret that a helper meets.
const CANARY: &str = "c4n4ry";

/// Every output except the response.
fn overheard(outcome: &Outcome) -> String {
    if outcome.code == 0 { outcome.stderr.clone() } else { format!("{}{}", outcome.stdout, outcome.stderr) }
}

#[test]
fn a_secret_is_in_no_log_and_no_error() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    let token = home.write("web-token", format!("{CANARY}.{CANARY}.{CANARY}"));
    let proxy = format!("http://user:{CANARY}@127.0.0.1:1");
    home.set("AWS_SECRET_ACCESS_KEY", CANARY).set("AWS_SESSION_TOKEN", CANARY);
    // Of the SDK and its libraries too, should they ever listen to it.
    home.log_everything();
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

/// A GitLab variable of the wrong type holds the file's content in place of its path.
#[test]
fn a_key_where_a_path_belongs_is_printed_by_nothing() {
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{CANARY}\n");
    let json = serde_json::json!({"type": "service_account", "private_key": pem}).to_string();
    let keys = [json, pem, format!("eyJhbGciOiJIUzI1NiJ9.{CANARY}.{CANARY}")];
    const AWS: [&str; 6] = [
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_LOGIN_CACHE_DIRECTORY",
        "AWS_CA_BUNDLE",
    ];
    const AZURE: [&str; 4] =
        ["AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_CONFIG_DIR", "AZD_CONFIG_DIR"];
    const GOOGLE: [&str; 4] = [
        "GOOGLE_APPLICATION_CREDENTIALS",
        "CLOUDSDK_CONFIG",
        "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE",
        "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE",
    ];
    const GITHUB: [&str; 6] = [
        "GITHUB_APP_PRIVATE_KEY_PATH",
        "GH_CONFIG_DIR",
        "GH_PATH",
        "XDG_CONFIG_HOME",
        "SSL_CERT_FILE",
        "CREDMINT_CONFIG",
    ];
    for (program, server, variables) in [
        (ECR, REGISTRY, &AWS[..]),
        (ACR, "contoso.azurecr.io", &AZURE),
        (GCR, "europe-docker.pkg.dev", &GOOGLE),
        (GHCR, "ghcr.io", &GITHUB),
    ] {
        for (variable, key) in variables.iter().flat_map(|variable| keys.iter().map(move |key| (*variable, key))) {
            let mut home = Home::of(program);
            home.set("NO_GCE_CHECK", "true").set("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:1");
            home.set(variable, key).log_everything();
            let mut said = overheard(&home.get(server));
            assert!(said.contains(&format!("{variable} contains a key instead of a path")), "{variable}: {said}");
            for arguments in
                [&["token", server][..], &["export", server], &["doctor", "--offline", server], &["status"]]
            {
                let outcome = home.run(CLI, arguments, "");
                said += &format!("{}{}", outcome.stdout, outcome.stderr);
            }
            assert!(!said.contains(CANARY), "{variable}: {said}");
        }
    }
    let home = Home::of(GCR);
    for (setting, key) in
        ["credentials_file", "private_key_file"].iter().flat_map(|name| keys.iter().map(move |key| (name, key)))
    {
        home.settings(&format!("[[registry]]\nmatch = \"*\"\n{setting} = {key:?}\n"));
        let outcome = home.get("gcr.io");
        assert!(!overheard(&outcome).contains(CANARY), "{outcome:?}");
        outcome.explains(&["contains a key instead of a path"]);
    }
}

#[test]
fn a_secret_is_stored_only_where_its_owner_alone_can_read() {
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
