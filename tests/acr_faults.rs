use std::collections::HashSet;
use std::net::TcpListener;
use std::time::Duration;

use pretend_cloud::{APPLICATION_PEM, AzureCall, Behaviour, SilentAddress, TENANT};
use testing::quick;

use crate::acr::{CONTOSO, World, get, put_program};
use crate::home::{Home, Outcome};

fn refuse(status: u16, code: &'static str, message: &str) -> Behaviour {
    Behaviour::Refuse { status, code, message: message.to_owned() }
}

#[test]
fn fifty_at_once_mint_once() {
    let world = World::new();
    world.azure.on(AzureCall::Exchange, Behaviour::Slow(Duration::from_millis(200)));
    let home = world.with_secret();
    let outcomes: Vec<Outcome> = std::thread::scope(|threads| {
        let running: Vec<_> = (0..50).map(|_| threads.spawn(|| get(&home, CONTOSO))).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let secrets: HashSet<_> = outcomes.iter().map(Outcome::secret).collect();
    assert_eq!((secrets.len(), world.azure.calls(AzureCall::Token), world.azure.calls(AzureCall::Exchange)), (1, 1, 1));
}

#[test]
fn without_an_identity_the_error_is_immediate() {
    let world = World::new();
    // Each try in its own home.
    quick(Duration::from_secs(1), || {
        let outcome = get(&world.home(), CONTOSO);
        outcome.is_not_found_because(&[
            "no Azure credentials found: run `az login`, or set AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET",
        ]);
        ((), outcome.took)
    });
    let silent = SilentAddress::new();
    let mut home = world.home();
    home.set("AZURE_POD_IDENTITY_AUTHORITY_HOST", silent.url());
    get(&home, CONTOSO).gave_up().is_not_found_because(&["no Azure credentials found"]);
    assert_eq!(world.azure.all_calls(), 0);
}

#[test]
fn an_identity_that_fails_ends_the_chain() {
    let world = World::new();
    let mut home = world.with_az("jane");
    home.set("AZURE_CLIENT_SECRET", "canary");
    get(&home, CONTOSO).explains(&["AZURE_CLIENT_SECRET is set but AZURE_TENANT_ID is not"]);
    home.set("AZURE_TENANT_ID", TENANT);
    get(&home, CONTOSO).explains(&["AZURE_CLIENT_SECRET is set but AZURE_CLIENT_ID is not"]);
    home.set("AZURE_CLIENT_ID", "app");
    let line = get(&home, CONTOSO).explains(&["AADSTS7000215", "the value of the secret, not to its ID"]).to_owned();
    assert!(!line.contains("canary"), "{line}");
    home.set("AZURE_TENANT_ID", "../common");
    get(&home, CONTOSO).explains(&["application app (client secret)", "AZURE_TENANT_ID"]);
    home.set("AZURE_TENANT_ID", "other-tenant");
    get(&home, CONTOSO).explains(&["there is no such tenant (AADSTS90002)", "AZURE_TENANT_ID"]);
    home.set("AZURE_TENANT_ID", TENANT).set("AZURE_CLIENT_ID", "unknown");
    get(&home, CONTOSO).explains(&["no such application", "AADSTS700016"]);
    assert!(!home.path("runs").exists(), "no other identity is tried");
}

#[test]
fn a_malformed_certificate_file_is_reported() {
    let world = World::new();
    let (key, certificate) = APPLICATION_PEM.split_at(APPLICATION_PEM.find("-----BEGIN CERTIFICATE").unwrap());
    for (name, text, why) in [
        ("canary.pem", "canary".to_owned(), "is not a PFX file"),
        ("key.pem", key.to_owned(), "has no certificate"),
        ("certificate.pem", certificate.to_owned(), "has no private key"),
        (
            "locked.pem",
            APPLICATION_PEM.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"),
            "encrypted private key, and the password is missing or wrong",
        ),
        ("curve.pem", APPLICATION_PEM.replace("PRIVATE KEY", "EC PRIVATE KEY"), "not RSA"),
    ] {
        let mut home = world.with_application();
        home.set("AZURE_CLIENT_CERTIFICATE_PATH", home.write(name, text));
        get(&home, CONTOSO).explains(&["application app (client certificate)", name, why]);
    }
    let mut home = world.with_application();
    home.set("AZURE_CLIENT_CERTIFICATE_PATH", "/gone.pem");
    get(&home, CONTOSO).explains(&["cannot read /gone.pem", "AZURE_CLIENT_CERTIFICATE_PATH"]);
    assert_eq!(world.azure.all_calls(), 0);
}

#[test]
fn rejections_of_entra_id_name_the_remedy_and_no_body() {
    let world = World::new();
    for (said, words) in [
        ("AADSTS7000222: canary", &["the client secret has expired", "az ad app credential reset"][..]),
        ("AADSTS7000112: canary", &["the application is disabled"]),
        ("AADSTS500011: canary", &["the resource that the token is for", "audience"]),
        ("AADSTS53003: canary", &["conditional access denied", "administrator"]),
        ("AADSTS123: canary", &["Entra ID rejected the request (AADSTS123)", "AZURE_CLIENT_SECRET"]),
        ("canary", &["login.microsoftonline.com rejected the request (invalid_client)", "AZURE_CLIENT_ID"]),
    ] {
        world.azure.on(AzureCall::Token, refuse(401, "invalid_client", said));
        let line = get(&world.with_secret(), CONTOSO).explains(words).to_owned();
        assert!(!line.contains("canary"), "{line}");
    }
    world.azure.on(AzureCall::Token, refuse(418, "<canary>", "canary"));
    let line = get(&world.with_secret(), CONTOSO).explains(&["rejected the request (HTTP 418)"]).to_owned();
    assert!(!line.contains("canary"), "{line}");
    assert_eq!(world.azure.calls(AzureCall::Token), 7, "a rejected request is not repeated");
    world.azure.on(AzureCall::Token, Behaviour::Proper);
    let mut home = world.with_application();
    home.set("AZURE_FEDERATED_TOKEN_FILE", home.write("token", "opaque"));
    get(&home, CONTOSO).explains(&["AADSTS70021", "issuer, the subject and the audience"]);
}

#[test]
fn rejections_of_a_login_server_name_the_remedy_and_no_body() {
    let world = World::new();
    for (status, message, words) in [
        (401, "canary", &["contoso.azurecr.io denied access (HTTP 401)", "AcrPull"][..]),
        (403, "canary", &["denied access (HTTP 403)", "AcrPull"]),
        (403, "client with IP 'canary' is not allowed", &["network rules"]),
        (404, "canary", &["there is no registry contoso.azurecr.io (HTTP 404)"]),
        (307, "canary", &["rejected the request (HTTP 307)"]),
    ] {
        world.azure.on(AzureCall::Exchange, refuse(status, "DENIED", message));
        let line = get(&world.with_secret(), CONTOSO).explains(words).to_owned();
        assert!(line.starts_with("no token for application app (client secret): "), "{line}");
        assert!(!line.contains("canary"), "{line}");
    }
    assert_eq!(world.azure.calls(AzureCall::Exchange), 5, "no redirection is followed");
}

#[test]
fn a_wrong_clock_is_reported() {
    let world = World::new();
    let mut home = world.with_application();
    home.set("AZURE_CLIENT_CERTIFICATE_PATH", home.write("app.pem", APPLICATION_PEM));
    world.azure.set_clock_skew(3 * 3600);
    get(&home, CONTOSO).explains(&["not valid at this time (AADSTS700024)", "set this machine's clock"]);
    world.azure.set_clock_skew(-4 * 3600);
    get(&world.with_secret(), CONTOSO).explains(&["has already expired", "clock"]);
    world.azure.set_clock_skew(120);
    get(&world.with_secret(), CONTOSO).credentials();
}

#[test]
fn a_token_near_expiry_is_renewed_and_served_if_that_fails() {
    let world = World::new();
    world.azure.set_token_life(Duration::from_secs(4 * 60));
    let home = world.with_secret();
    let first = get(&home, CONTOSO).secret();
    home.tokens_were_received(-7_200);
    let second = get(&home, CONTOSO).secret();
    assert_ne!(first, second);
    home.tokens_were_received(-7_200);
    world.azure.on(AzureCall::Exchange, refuse(500, "x", "canary"));
    assert_eq!(get(&home, CONTOSO).secret(), second);
}

#[test]
fn an_expired_token_is_never_served() {
    let world = World::new();
    let home = world.with_secret();
    get(&home, CONTOSO).credentials();
    world.azure.on(AzureCall::Token, refuse(401, "invalid_client", "AADSTS7000222: x"));
    home.end_token();
    get(&home, CONTOSO).explains(&["the client secret has expired"]);
}

#[test]
fn services_that_hang_fail_or_send_malformed_responses() {
    for call in [AzureCall::Token, AzureCall::Exchange] {
        let world = World::new();
        world.azure.on(call, Behaviour::FailTimes(2));
        get(&world.with_secret(), CONTOSO).credentials();
        assert_eq!(world.azure.calls(call), 3);
        for behaviour in [Behaviour::Garbage, Behaviour::Empty, Behaviour::Close] {
            world.azure.on(call, behaviour);
            get(&world.with_secret(), CONTOSO).explains(&["no token for application app (client secret)"]);
        }
        world.azure.on(call, Behaviour::Hang);
        let home = world.with_secret();
        home.settings("timeout = 2");
        get(&home, CONTOSO).gave_up().explains(&["timed out"]);
    }
    let world = World::new();
    world.azure.on(AzureCall::MachineToken, Behaviour::Hang);
    let home = world.on_machine();
    home.settings("timeout = 2");
    get(&home, CONTOSO).explains(&["the managed identity of this machine", "timed out"]);
}

#[test]
fn an_endless_response_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            use std::io::{Read, Write};
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            while stream.write_all(&[b'{'; 65_536]).is_ok() {}
        }
    });
    let mut home = World::new().home();
    home.set("MSI_ENDPOINT", format!("http://{address}/"));
    get(&home, CONTOSO).explains(&["managed identity of Cloud Shell", "response too large"]);
}

#[test]
fn an_untrusted_certificate_and_a_dead_proxy_are_reported() {
    let world = World::new();
    let mut home = world.with_secret();
    home.set("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt");
    get(&home, CONTOSO).explains(&["login.microsoftonline.com", "certificate not trusted", "SSL_CERT_FILE"]);
    let mut home = world.with_secret();
    home.set("HTTPS_PROXY", "http://127.0.0.1:1");
    get(&home, CONTOSO).explains(&["login.microsoftonline.com", "proxy"]);
    assert_eq!(world.azure.all_calls(), 0);
}

#[test]
fn a_secret_is_in_no_log_and_no_error() {
    const CANARY: &str = "c4n4ry";
    let world = World::new();
    let loud = |mut home: Home| {
        home.log_everything();
        home
    };
    let mut said = String::new();
    let mut hear = |outcome: Outcome| {
        said.push_str(&outcome.stderr);
        if outcome.code != 0 {
            said.push_str(&outcome.stdout);
        }
    };
    let mut home = loud(world.with_secret());
    let first = get(&home, CONTOSO);
    assert!(first.stderr.contains("minting a token"), "the log is on: {first:?}");
    hear(first);
    home.set("AZURE_CLIENT_SECRET", CANARY);
    hear(get(&home, CONTOSO));
    for behaviour in [refuse(400, CANARY, CANARY), refuse(500, CANARY, CANARY), Behaviour::Garbage] {
        for call in [AzureCall::Token, AzureCall::Exchange] {
            world.azure.on(call, behaviour.clone());
            hear(get(&loud(world.with_secret()), CONTOSO));
            world.azure.on(call, Behaviour::Proper);
        }
    }
    let mut home = loud(world.with_application());
    home.set("AZURE_FEDERATED_TOKEN_FILE", home.write("token", format!("federated.x.{CANARY}")));
    hear(get(&home, CONTOSO));
    home.set("AZURE_CLIENT_CERTIFICATE_PATH", home.write("app.pfx", CANARY));
    hear(get(home.set("AZURE_CLIENT_CERTIFICATE_PASSWORD", CANARY), CONTOSO));
    home.set("AZURE_CLIENT_CERTIFICATE_PATH", home.write("app.pem", APPLICATION_PEM));
    hear(get(&home, CONTOSO));
    let mut home = loud(world.home());
    home.set("SYSTEM_OIDCREQUESTURI", "https://dev.azure.com/oidc").set("SYSTEM_ACCESSTOKEN", CANARY);
    home.set("AZURESUBSCRIPTION_CLIENT_ID", "app").set("AZURESUBSCRIPTION_TENANT_ID", TENANT);
    hear(get(home.set("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", "c"), CONTOSO));
    let mut home = loud(world.home());
    home.set("IDENTITY_ENDPOINT", format!("{}/app", world.azure.url()));
    hear(get(home.set("IDENTITY_HEADER", CANARY), CONTOSO));
    hear(get(&loud(world.with_az("jane")), CONTOSO));
    let mut home = loud(world.with_az("jane"));
    put_program(&mut home, "az", &format!("echo {CANARY}; echo {CANARY} >&2; exit 1"));
    hear(get(&home, CONTOSO));
    let minted: Vec<_> = world.azure.minted().into_iter().map(|minted| minted.token).collect();
    assert!(minted.len() >= 3, "some calls have succeeded");
    let leaked = minted.iter().chain(&world.azure.access_tokens()).any(|token| said.contains(token.as_str()));
    assert!(!said.contains(CANARY) && !leaked, "{said}");
}
