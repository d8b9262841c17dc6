use pretend_cloud::{Behaviour, Ca, Google, GoogleCall};
use serde_json::{Value, json};

use super::Messages;
use crate::gcr::{EUROPE, get, home, name_file, on_machine, put_program, with_key};
use crate::home::{Home, Outcome};

fn refuse(status: u16, code: &'static str, message: &str) -> Behaviour {
    Behaviour::Refuse { status, code, message: message.to_owned() }
}

#[test]
fn gcr() {
    let google = Google::start();
    let mut messages = Messages::new();
    messages.add("no identity", &get(&home(), EUROPE));
    files(&google, &mut messages);
    service_accounts(&google, &mut messages);
    users(&google, &mut messages);
    federation(&google, &mut messages);
    impersonation(&google, &mut messages);
    metadata_server(&google, &mut messages);
    gcloud(&mut messages);
    network(&google, &mut messages);
    messages.compare("gcr");
}

fn with(file: &Value) -> Home {
    let mut home = home();
    name_file(&mut home, file);
    home
}

fn of(file: &Value) -> Outcome {
    get(&with(file), EUROPE)
}

fn files(google: &Google, messages: &mut Messages) {
    let mut home = home();
    home.set("GOOGLE_APPLICATION_CREDENTIALS", "/gone.json");
    messages.add("GOOGLE_APPLICATION_CREDENTIALS does not exist", &get(&home, EUROPE));
    home.settings("[[registry]]\nmatch = \"*\"\ncredentials_file = '/gone.json'\n");
    messages.add("credmint's settings name a file that does not exist", &get(&home, EUROPE));
    let file = home.write("credentials.json", "canary");
    home.settings("");
    home.set("GOOGLE_APPLICATION_CREDENTIALS", file);
    messages.add("a credentials file that is not JSON", &get(&home, EUROPE));
    for (situation, file) in [
        ("a credentials file without its fields", json!({"type": "authorized_user", "client_id": "canary"})),
        ("a credentials file of an unsupported type", json!({"type": "canary"})),
        ("a credentials file for Google Distributed Cloud", json!({"type": "gdch_service_account"})),
        (
            "a federated identity with a certificate",
            google.federation_file(json!({"certificate": {"use_default_certificate_config": true}})),
        ),
    ] {
        messages.add(situation, &of(&file));
    }
    let mut file = google.key_file("puller@pretend.iam.gserviceaccount.com");
    file["token_uri"] = "http://attacker.example/token".into();
    messages.add("a token endpoint without https", &of(&file));
    file["private_key"] = "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n".into();
    messages.add("a private key that is malformed", &of(&file));
    let mut file = google.key_file("puller@pretend.iam.gserviceaccount.com");
    file["universe_domain"] = "s3nsapis.fr".into();
    messages.add("an identity of another cloud than the registry", &of(&file));
}

/// One of each row of the table of codes.
fn service_accounts(google: &Google, messages: &mut Messages) {
    for (status, code) in [
        (400, "invalid_grant"),
        (401, "invalid_client"),
        (400, "invalid_target"),
        (403, "access_denied"),
        (400, "invalid_scope"),
        (429, "rateLimitExceeded"),
        (418, "unheard_of"),
    ] {
        google.on(GoogleCall::Token, refuse(status, code, "canary"));
        messages.add(&format!("the token endpoint responds {code}"), &get(&with_key(google), EUROPE));
    }
    for (situation, behaviour) in [
        ("the token endpoint responds HTTP 418 without a code", refuse(418, "<canary>", "canary")),
        ("the token endpoint responds HTTP 503", Behaviour::Page(503)),
        ("the token endpoint responds HTTP 429", Behaviour::Page(429)),
        ("the token endpoint sends a malformed response", Behaviour::Garbage),
        ("the token endpoint closes the connection", Behaviour::Close),
    ] {
        google.on(GoogleCall::Token, behaviour);
        messages.add(situation, &get(&with_key(google), EUROPE));
    }
    let home = with_key(google);
    home.settings("timeout = 1");
    google.on(GoogleCall::Token, Behaviour::Hang);
    messages.add_unanswered(
        "the token endpoint does not respond in time",
        || google.calls(GoogleCall::Token),
        || get(&home, EUROPE),
    );
    google.on(GoogleCall::Token, Behaviour::Proper);
    google.set_clock_skew(3 * 3600);
    messages.add("a clock that is three hours behind", &get(&with_key(google), EUROPE));
    google.set_clock_skew(0);
    google.set_token_life(std::time::Duration::ZERO);
    messages.add("a token that has expired on arrival", &get(&with_key(google), EUROPE));
    google.set_token_life(std::time::Duration::from_secs(3600));
}

fn users(google: &Google, messages: &mut Messages) {
    for (status, code) in [(400, "invalid_grant"), (400, "invalid_rapt"), (401, "invalid_client")] {
        google.on(GoogleCall::Token, refuse(status, code, "canary"));
        messages.add(&format!("a user's refresh token: {code}"), &of(&google.user_file("jane")));
    }
    google.on(GoogleCall::Token, Behaviour::Proper);
}

fn federation(google: &Google, messages: &mut Messages) {
    let url = |bearer: &str| {
        let headers = json!({"Authorization": bearer});
        google.federation_file(json!({"url": format!("{}/subject", google.url()), "headers": headers}))
    };
    messages.add("the service of a subject token responds with an error", &of(&url("bearer canary")));
    messages.add("a subject token's file that does not exist", &of(&google.federation_file(json!({"file": "/gone"}))));
    let program = google.federation_file(json!({"executable": {"command": "/gone/program"}}));
    messages.add("a program that is not allowed", &of(&program));
    let mut home = with(&program);
    home.set("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1");
    messages.add("a program that does not exist", &get(&home, EUROPE));
    let path = home.write("token", "subject");
    let file = google.federation_file(json!({"file": path}));
    for (status, code) in [(400, "invalid_grant"), (400, "invalid_target"), (403, "PERMISSION_DENIED")] {
        google.on(GoogleCall::Exchange, refuse(status, code, "canary"));
        messages.add(&format!("the security token service responds {code}"), &of(&file));
    }
    google.on(GoogleCall::Exchange, Behaviour::Proper);
}

fn impersonation(google: &Google, messages: &mut Messages) {
    let file = json!({
        "type": "impersonated_service_account",
        "service_account_impersonation_url": google.impersonation_url("deployer@pretend.iam.gserviceaccount.com"),
        "source_credentials": google.user_file("jane"),
    });
    for (status, code, message) in [
        (403, "PERMISSION_DENIED", "canary"),
        (403, "PERMISSION_DENIED", "SERVICE_DISABLED"),
        (404, "NOT_FOUND", "canary"),
        (401, "UNAUTHENTICATED", "canary"),
        (429, "RESOURCE_EXHAUSTED", "canary"),
    ] {
        google.on(GoogleCall::Impersonate, refuse(status, code, message));
        let detail = if message == "canary" { "" } else { ", SERVICE_DISABLED" };
        messages.add(&format!("the IAM Credentials API responds {code}{detail}"), &of(&file));
    }
    google.on(GoogleCall::Impersonate, Behaviour::Proper);
}

fn metadata_server(google: &Google, messages: &mut Messages) {
    for (situation, behaviour) in [
        ("a machine without a service account", refuse(404, "x", "canary")),
        ("the metadata server responds HTTP 403", refuse(403, "x", "canary")),
        ("the metadata server responds HTTP 503", Behaviour::Page(503)),
        ("the metadata server sends a malformed response", Behaviour::Garbage),
    ] {
        google.on(GoogleCall::MetadataToken, behaviour);
        messages.add(situation, &get(&on_machine(google), EUROPE));
    }
    google.on(GoogleCall::MetadataToken, Behaviour::Proper);
}

fn gcloud(messages: &mut Messages) {
    let account = || {
        let mut home = home();
        home.write(".config/gcloud/credentials.db", "");
        home.set("PATH", "/usr/bin:/bin");
        home
    };
    let prints = |script: &str| {
        let mut home = account();
        put_program(&mut home, "gcloud", script);
        get(&home, EUROPE)
    };
    let mut without = account();
    without.set("PATH", "/nowhere");
    without.write(".config/gcloud/configurations/config_default", "[core]\naccount = jane@corp.example\n");
    messages.add("gcloud is not installed", &get(&without, EUROPE));
    for (situation, stderr) in [
        ("gcloud has an expired session", "Reauthentication required. canary"),
        ("gcloud cannot refresh its token", "There was a problem refreshing your current auth tokens: canary"),
        ("gcloud has no credentials", "Your current active account [canary] does not have any valid credentials"),
        ("gcloud cannot read its token file", "Unable to read file [canary]: [Errno 2]"),
        ("gcloud finds the disk full", "[Errno 28] No space left on device"),
        ("gcloud finds the file system read-only", "[Errno 30] Read-only file system"),
        ("gcloud may not read a file", "[Errno 13] Permission denied"),
        ("gcloud finds no name", "Failed to resolve 'oauth2.canary'"),
        ("gcloud does not get through the proxy", "ProxyError canary"),
        ("gcloud finds the service down", "(Server Error) canary"),
        ("gcloud fails for another reason", "canary"),
    ] {
        messages.add(situation, &prints(&format!("echo \"ERROR: {stderr}\" >&2; exit 1")));
    }
    messages.add("gcloud prints something else", &prints("echo canary"));
    let mut home = account();
    home.set("CLOUDSDK_ACTIVE_CONFIG_NAME", "gone");
    let gone = "WARNING: Could not open the configuration file: [canary].
ERROR: (x) You do not currently have an active account selected.";
    put_program(&mut home, "gcloud", &format!("echo '{gone}' >&2; exit 1"));
    messages.add("CLOUDSDK_ACTIVE_CONFIG_NAME does not exist", &get(&home, EUROPE));
    let mut home = account();
    home.settings("timeout = 1");
    put_program(&mut home, "gcloud", "sleep 300 & wait");
    messages.add("gcloud does not end in time", &get(&home, EUROPE));
}

fn network(google: &Google, messages: &mut Messages) {
    let mut file = google.key_file("puller@pretend.iam.gserviceaccount.com");
    let ca = Ca::new();
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let tls = Google::start_tls(address, &ca, &["localhost"]);
    file["token_uri"] = format!("https://localhost:{}/token", tls.addr().port()).into();
    let mut home = with(&file);
    home.set("SSL_CERT_FILE", home.write("other.pem", Ca::new().pem()));
    messages.add("a certificate that is not trusted", &get(&home, EUROPE));
    file["token_uri"] = "https://oauth2.googleapis.com/token".into();
    let mut home = with(&file);
    home.set("HTTPS_PROXY", "http://127.0.0.1:1");
    messages.add("a proxy that is down", &get(&home, EUROPE));
}
