use pretend_cloud::{Aws, Behaviour, Ca, Call};

use super::Messages;
use crate::home::{Home, REGISTRY};
use crate::identity::{SSO_CONFIG, sign_on, without_keys};

const PUBLIC: &str = "public.ecr.aws";
const KEYS: &str = "aws_access_key_id = AKIABASE\naws_secret_access_key = s\n";
const ROLE: &str = "role_arn = arn:aws:iam::123456789012:role/pull\n";

fn refuse(code: &'static str, message: &str) -> Behaviour {
    Behaviour::Refuse { status: 400, code, message: message.to_owned() }
}

#[test]
fn ecr() {
    let aws = Aws::start();
    let mut messages = Messages::new();
    messages.add("no identity", &home(&aws).get(REGISTRY));
    messages.add("no identity, for the public registry", &home(&aws).get(PUBLIC));
    variables(&aws, &mut messages);
    profiles(&aws, &mut messages);
    processes(&aws, &mut messages);
    sign_ons(&aws, &mut messages);
    roles(&aws, &mut messages);
    machines(&aws, &mut messages);
    api(&aws, &mut messages);
    network(&mut messages);
    messages.compare("ecr");
}

/// One without an identity, on a machine without a metadata service.
fn home(aws: &Aws) -> Home {
    let mut home = Home::signed_in(aws);
    without_keys(&mut home);
    // The SDK's pauses between its attempts are not tested here.
    home.set("AWS_MAX_ATTEMPTS", "1");
    home
}

/// One with keys in the environment.
fn signed_in(aws: &Aws) -> Home {
    let mut home = Home::signed_in(aws);
    home.set("AWS_MAX_ATTEMPTS", "1");
    home
}

/// A home with this `~/.aws/config` and the profile `p`.
fn with_config(aws: &Aws, config: &str) -> Home {
    let mut home = home(aws);
    home.write(".aws/config", config);
    home.set("AWS_PROFILE", "p");
    home
}

fn variables(aws: &Aws, messages: &mut Messages) {
    for (situation, name, value) in [
        ("AWS_ACCESS_KEY_ID without AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AKIA"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE without AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "/token"),
        ("AWS_SESSION_TOKEN with a carriage return", "AWS_SESSION_TOKEN", "canary\r"),
        ("AWS_MAX_ATTEMPTS is not a number", "AWS_MAX_ATTEMPTS", "many"),
        ("AWS_ENDPOINT_URL is not a URL", "AWS_ENDPOINT_URL", "localhost"),
        ("AWS_PROFILE names no profile", "AWS_PROFILE", "prud"),
    ] {
        messages.add(situation, &home(aws).set(name, value).get(REGISTRY));
    }
    let mut home = home(aws);
    home.set("AWS_WEB_IDENTITY_TOKEN_FILE", "/gone").set("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/pod");
    messages.add("AWS_WEB_IDENTITY_TOKEN_FILE does not exist", &home.get(REGISTRY));
    home.set("AWS_WEB_IDENTITY_TOKEN_FILE", home.write("token", "\n"));
    messages.add("AWS_WEB_IDENTITY_TOKEN_FILE is empty", &home.get(REGISTRY));
    home.set("AWS_WEB_IDENTITY_TOKEN_FILE", home.write("token", "canary"));
    for code in ["AccessDenied", "InvalidIdentityToken", "ExpiredTokenException"] {
        aws.on(Call::AssumeRoleWithWebIdentity, refuse(code, "canary"));
        messages.add(&format!("AssumeRoleWithWebIdentity responds {code}"), &home.get(REGISTRY));
    }
    aws.on(Call::AssumeRoleWithWebIdentity, Behaviour::Proper);
}

fn profiles(aws: &Aws, messages: &mut Messages) {
    for (situation, config) in [
        ("a profile with an access key ID and no secret", "[profile p]\naws_access_key_id = AKIA\n"),
        ("a profile with a secret and no access key ID", "[profile p]\naws_secret_access_key = canary\n"),
        ("a role without a source", "[profile p]\nrole_arn = a\n"),
        (
            "a role with two sources",
            "[profile p]\nrole_arn = a\nsource_profile = q\ncredential_source = Environment\n[profile q]\n",
        ),
        ("a role whose source_profile is itself", "[profile p]\nrole_arn = a\nsource_profile = p\n"),
        (
            "roles whose source_profile is each other",
            "[profile p]\nrole_arn = a\nsource_profile = q\n[profile q]\nrole_arn = b\nsource_profile = p\n",
        ),
        (
            "a source_profile without credentials",
            "[profile p]\nrole_arn = a\nsource_profile = q\n[profile q]\nregion = x\n",
        ),
        ("a source_profile that does not exist", "[profile p]\nrole_arn = a\nsource_profile = q\n"),
        ("an unknown credential_source", "[profile p]\nrole_arn = a\ncredential_source = canary\n"),
        ("a credential_source that has no credentials", "[profile p]\nrole_arn = a\ncredential_source = Environment\n"),
        (
            "a duration_seconds that is not a number",
            "[profile p]\nrole_arn = a\ncredential_source = Environment\nduration_seconds = canary\n",
        ),
        ("a web_identity_token_file without a role", "[profile p]\nweb_identity_token_file = /t\n"),
        ("an sso_session that does not exist", "[profile p]\nsso_account_id = 1\nsso_role_name = r\nsso_session = c\n"),
        ("a sign-on without sso_start_url", "[profile p]\nsso_account_id = 1\nsso_role_name = r\nsso_region = x\n"),
        (
            "an sso_region that contradicts the session's",
            "[profile p]\nsso_account_id = 1\nsso_role_name = r\nsso_session = c\nsso_region = x\n\
             [sso-session c]\nsso_region = y\nsso_start_url = u\n",
        ),
        (
            "a role with mfa_serial",
            "[profile p]\nrole_arn = a\nsource_profile = q\nmfa_serial = arn:aws:iam::123456789012:mfa/jane\n\
             [profile q]\naws_access_key_id = AKIA\naws_secret_access_key = s\n",
        ),
        ("a line without an equals sign", "[profile p]\ncanary\n"),
        ("a line before the first section", "region = x\n[profile p]\n"),
        ("a section without its closing bracket", "[profile p\n"),
        ("a line without a name", "[profile p]\n= x\n"),
        ("a max_attempts that is not a number", "[profile p]\nmax_attempts = 0\n"),
    ] {
        let mut home = with_config(aws, config);
        home.unset("AWS_MAX_ATTEMPTS");
        messages.add(situation, &home.get(REGISTRY));
    }
    messages.add("a config that is not UTF-8", &{
        let home = home(aws);
        home.write(".aws/config", b"[default]\n# caf\xe9\n");
        home.get(REGISTRY)
    });
    messages.add("a config that is a folder", &{
        let home = home(aws);
        std::fs::create_dir_all(home.path(".aws/config")).unwrap();
        home.get(REGISTRY)
    });
    messages.add("credmint's settings name a profile without credentials", &{
        let home = with_config(aws, "[profile prod]\nregion = x\n");
        home.settings("[[registry]]\nmatch = \"*\"\nprofile = \"prod\"\n");
        home.get(REGISTRY)
    });
}

fn processes(aws: &Aws, messages: &mut Messages) {
    let (now, past) = ("2099-01-01T00:00:00Z", "2001-01-01T00:00:00Z");
    let credentials = |version: u8, expires: &str| {
        format!(
            "echo '{{\"Version\":{version},\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\",\"Expiration\":\"{expires}\"}}'"
        )
    };
    for (situation, command) in [
        ("a credential_process that is not installed", "/nowhere/canary".to_owned()),
        ("a credential_process that is not executable", "/dev/null".to_owned()),
        ("a credential_process that exits with 3", "exit 3".to_owned()),
        ("a credential_process that is killed", "kill -9 $$".to_owned()),
        ("a credential_process that prints nothing", "true".to_owned()),
        ("a credential_process that prints something else", "echo canary".to_owned()),
        ("a credential_process that prints another version", credentials(2, now)),
        ("a credential_process that prints no AccessKeyId", "echo '{\"Version\":1}'".to_owned()),
        ("a credential_process that prints expired credentials", credentials(1, past)),
        ("a credential_process that prints a malformed Expiration", credentials(1, "soon")),
        ("a credential_process on a full disk", "echo canary: No space left on device >&2; exit 1".to_owned()),
        ("a credential_process on a read-only disk", "echo canary: Read-only file system >&2; exit 1".to_owned()),
        ("a credential_process that may not read a file", "echo canary: permission denied >&2; exit 1".to_owned()),
        ("a credential_process that lacks a module", "echo canary: No module named x >&2; exit 1".to_owned()),
        ("a credential_process without network", "echo canary: connection refused >&2; exit 1".to_owned()),
        ("a credential_process that trusts no certificate", "echo canary: certificate >&2; exit 1".to_owned()),
        ("a credential_process whose service is down", "echo canary: 503 >&2; exit 1".to_owned()),
        ("a credential_process whose session has expired", "echo canary: expired >&2; exit 1".to_owned()),
    ] {
        // In a script, so that what it prints is not in the profile, too.
        let home = with_config(aws, "");
        let direct = command.starts_with('/');
        let command = if direct { command } else { home.script("identity", &command).display().to_string() };
        home.write(".aws/config", format!("[profile p]\ncredential_process = {command}\n"));
        messages.add(situation, &home.get(REGISTRY));
    }
    let home = with_config(aws, "[profile p]\ncredential_process = sleep 300\n");
    home.settings("timeout = 1");
    messages.add("a credential_process that does not end in time", &home.get(REGISTRY));
}

fn sign_ons(aws: &Aws, messages: &mut Messages) {
    let dev = || {
        let mut home = with_config(aws, SSO_CONFIG);
        home.set("AWS_PROFILE", "dev");
        home
    };
    messages.add("single sign-on without a session", &dev().get(REGISTRY));
    let home = dev();
    sign_on(&home, "corp", "2001-01-01T00:00:00Z");
    messages.add("single sign-on with an expired session", &home.get(REGISTRY));
    sign_on(&home, "corp", "2099-01-01T00:00:00Z");
    for code in ["UnauthorizedException", "ForbiddenException", "ResourceNotFoundException"] {
        aws.on(Call::SsoCredentials, refuse(code, "canary"));
        messages.add(&format!("single sign-on responds {code}"), &home.get(REGISTRY));
    }
    aws.on(Call::SsoCredentials, Behaviour::Proper);
    let console = "[profile p]\nlogin_session = arn:aws:iam::123456789012:user/jane\nregion = us-east-1\n";
    messages.add("aws login without a session", &with_config(aws, console).get(REGISTRY));
    let spaces = console.replace("[profile p]", "[profile \"my corp\"]");
    messages.add("aws login in a profile with a space", &{
        let mut home = with_config(aws, &spaces);
        home.set("AWS_PROFILE", "my corp");
        home.get(REGISTRY)
    });
}

fn roles(aws: &Aws, messages: &mut Messages) {
    let jane = "User: arn:aws:iam::123456789012:user/jane is not authorized to perform: sts:AssumeRole because canary";
    let profile = with_config(aws, &format!("[profile p]\n{ROLE}source_profile = base\n[profile base]\n{KEYS}"));
    let settings = signed_in(aws);
    settings.settings("[[registry]]\nmatch = \"*\"\nrole_arn = \"arn:aws:iam::123456789012:role/pull\"\n");
    for (by, home) in [("a profile", &profile), ("credmint's settings", &settings)] {
        for (code, message) in [
            ("AccessDenied", jane),
            ("InvalidClientTokenId", "canary"),
            ("ExpiredToken", "canary"),
            ("RegionDisabledException", "canary"),
            ("SignatureDoesNotMatch", "canary"),
            ("Throttling", "canary"),
            ("MalformedPolicyDocument", "canary"),
        ] {
            aws.on(Call::AssumeRole, refuse(code, message));
            messages.add(&format!("AssumeRole responds {code} to a role of {by}"), &home.get(REGISTRY));
        }
    }
    aws.on(Call::AssumeRole, Behaviour::Page(503));
    messages.add("AssumeRole responds HTTP 503", &profile.get(REGISTRY));
    aws.on(Call::AssumeRole, Behaviour::Page(302));
    messages.add("a captive portal responds in place of STS", &profile.get(REGISTRY));
    aws.on(Call::AssumeRole, Behaviour::Proper);
}

fn machines(aws: &Aws, messages: &mut Messages) {
    let mut container = home(aws);
    container.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/v2/credentials/task", aws.url()));
    container.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "canary");
    aws.on(Call::ContainerCredentials, refuse("AccessDenied", "canary"));
    messages.add("a container's agent responds AccessDenied", &container.get(REGISTRY));
    aws.on(Call::ContainerCredentials, Behaviour::Garbage);
    messages.add("a container's agent sends a malformed response", &container.get(REGISTRY));
    aws.on(Call::ContainerCredentials, Behaviour::Proper);
    let mut instance = home(aws);
    instance.unset("AWS_EC2_METADATA_DISABLED").set("AWS_EC2_METADATA_SERVICE_ENDPOINT", aws.url());
    aws.on(
        Call::ImdsCredentials,
        Behaviour::Refuse { status: 400, code: "AssumeRoleUnauthorizedAccess", message: "canary".into() },
    );
    messages.add("an instance whose role cannot be assumed", &instance.get(REGISTRY));
    instance.settings("[[registry]]\nmatch = \"*\"\nprofile = \"p\"\n");
    instance.write(
        ".aws/config",
        "[profile p]\nrole_arn = arn:aws:iam::123456789012:role/pull\ncredential_source = Ec2InstanceMetadata\n",
    );
    messages.add("an instance whose role cannot be assumed, named by a profile", &instance.get(REGISTRY));
    instance.settings("");
    aws.on(Call::ImdsCredentials, Behaviour::Proper);
    instance.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", "no URL");
    messages.add("AWS_EC2_METADATA_SERVICE_ENDPOINT is not a URL", &instance.get(REGISTRY));
}

fn api(aws: &Aws, messages: &mut Messages) {
    let home = signed_in(aws);
    let jane = "User: arn:aws:iam::123456789012:user/jane is not authorized to perform: \
                ecr:GetAuthorizationToken on resource: * because canary";
    for (code, message) in [
        ("AccessDeniedException", jane),
        ("UnrecognizedClientException", "canary"),
        ("ExpiredTokenException", "canary"),
        ("InvalidSignatureException", "canary"),
        ("ThrottlingException", "canary"),
        ("ServerException", "canary"),
        ("<canary>", "canary"),
    ] {
        aws.on(Call::EcrToken, refuse(code, message));
        let situation = if code.starts_with('<') { "ECR responds an unreadable code".into() } else { code.to_owned() };
        messages.add(&format!("GetAuthorizationToken: {situation}"), &home.get(REGISTRY));
    }
    aws.on(Call::EcrToken, refuse("AccessDeniedException", "canary"));
    messages.add("GetAuthorizationToken: AccessDeniedException without a principal", &home.get(REGISTRY));
    aws.on(Call::EcrPublicToken, refuse("AccessDeniedException", jane));
    messages.add("GetAuthorizationToken of ECR Public: AccessDeniedException", &home.get(PUBLIC));
    for (situation, behaviour) in [
        ("ECR sends a malformed response", Behaviour::Garbage),
        ("ECR sends an empty response", Behaviour::Empty),
        ("ECR closes the connection", Behaviour::Close),
        ("ECR responds HTTP 503", Behaviour::Page(503)),
        ("ECR responds HTTP 429", Behaviour::Page(429)),
        ("a captive portal responds in place of ECR", Behaviour::Page(200)),
    ] {
        aws.on(Call::EcrToken, behaviour);
        messages.add(situation, &home.get(REGISTRY));
    }
    aws.on(Call::EcrToken, Behaviour::Hang);
    home.settings("timeout = 1");
    messages.add_unanswered("ECR does not respond in time", || aws.calls(Call::EcrToken), || home.get(REGISTRY));
    aws.on(Call::EcrToken, Behaviour::Proper);
    aws.set_clock_skew(3_600);
    let slow = signed_in(aws);
    messages.add("a clock that is an hour behind", &slow.get(REGISTRY));
    aws.set_clock_skew(0);
    aws.set_token_life(std::time::Duration::ZERO);
    messages.add("a token that has expired on arrival", &slow.get(REGISTRY));
    aws.set_token_life(std::time::Duration::from_secs(3_600));
}

fn network(messages: &mut Messages) {
    let ca = Ca::new();
    let aws = Aws::start_tls("127.0.0.1:0".parse().unwrap(), &ca, &["127.0.0.1"]);
    let mut home = signed_in(&aws);
    messages.add("a certificate that is not trusted", &home.get(REGISTRY));
    home.set("SSL_CERT_FILE", home.write("ca.pem", ca.pem())).set("HTTPS_PROXY", "http://127.0.0.1:1");
    messages.add("a proxy that is down", &home.get(REGISTRY));
    home.unset("HTTPS_PROXY").set("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    messages.add("no connection", &home.get(REGISTRY));
}
