use std::collections::HashSet;
use std::net::TcpListener;
use std::time::Duration;

use pretend_cloud::{APPLICATION_PEM, AzureCall, Behaviour, SilentAddress, TENANT};
use serde_json::{Value, json};

use crate::acr::{CONTOSO, World, get, put_program};
use crate::home::{ACR, Home, Outcome};

fn refuse(status: u16, code: &'static str, message: &str) -> Behaviour {
    Behaviour::Refuse { status, code, message: message.to_owned() }
}

/// A failure is shared for three seconds.
fn let_failures_pass() {
    std::thread::sleep(Duration::from_millis(3_200));
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
fn nobody_signed_in_is_told_and_fast() {
    let world = World::new();
    let mut home = world.home();
    let outcome = get(&home, CONTOSO);
    outcome.says(
        "nobody is signed in to Azure on this machine (run: az login, or set AZURE_CLIENT_ID, AZURE_TENANT_ID and \
         AZURE_CLIENT_SECRET)",
    );
    assert!(outcome.took < Duration::from_secs(1), "{outcome:?}");
    let silent = SilentAddress::new();
    home.set("AZURE_POD_IDENTITY_AUTHORITY_HOST", silent.url());
    let outcome = get(&home, CONTOSO);
    outcome.explains(&["nobody is signed in"]);
    assert!(outcome.took < Duration::from_millis(2_500), "{outcome:?}");
    assert_eq!(world.azure.all_calls(), 0);
}

#[test]
fn an_identity_that_fails_is_the_end() {
    let world = World::new();
    let mut home = world.with_az("jane");
    home.set("AZURE_CLIENT_SECRET", "canary");
    get(&home, CONTOSO).explains(&["AZURE_CLIENT_SECRET is set and AZURE_TENANT_ID is not"]);
    home.set("AZURE_TENANT_ID", TENANT);
    get(&home, CONTOSO).explains(&["AZURE_CLIENT_SECRET is set and AZURE_CLIENT_ID is not"]);
    home.set("AZURE_CLIENT_ID", "app");
    let line = get(&home, CONTOSO).explains(&["AADSTS7000215", "the secret's value, not its id"]).to_owned();
    assert!(!line.contains("canary"), "{line}");
    home.set("AZURE_TENANT_ID", "../common");
    get(&home, CONTOSO).explains(&["the application app with its secret", "AZURE_TENANT_ID"]);
    home.set("AZURE_TENANT_ID", "other-tenant");
    get(&home, CONTOSO).explains(&["there is no such tenant (AADSTS90002)", "AZURE_TENANT_ID"]);
    home.set("AZURE_TENANT_ID", TENANT).set("AZURE_CLIENT_ID", "unknown");
    get(&home, CONTOSO).explains(&["no such application", "AADSTS700016"]);
    assert!(!home.path("runs").exists(), "nobody else is asked");
}

#[test]
fn a_file_that_is_no_certificate_is_told() {
    let world = World::new();
    let (key, certificate) = APPLICATION_PEM.split_at(APPLICATION_PEM.find("-----BEGIN CERTIFICATE").unwrap());
    for (name, text, why) in [
        ("canary.pem", "canary".to_owned(), "cannot be opened"),
        ("key.pem", key.to_owned(), "holds no certificate"),
        ("certificate.pem", certificate.to_owned(), "holds no private key"),
        ("locked.pem", APPLICATION_PEM.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"), "no private key in the clear"),
        ("curve.pem", APPLICATION_PEM.replace("PRIVATE KEY", "EC PRIVATE KEY"), "not one of RSA"),
    ] {
        let mut home = world.with_application();
        home.set("AZURE_CLIENT_CERTIFICATE_PATH", home.write(name, text));
        get(&home, CONTOSO).explains(&["application app with its certificate", name, why]);
    }
    let mut home = world.with_application();
    home.set("AZURE_CLIENT_CERTIFICATE_PATH", "/gone.pem");
    get(&home, CONTOSO).explains(&["/gone.pem cannot be read", "AZURE_CLIENT_CERTIFICATE_PATH"]);
    assert_eq!(world.azure.all_calls(), 0);
}

#[test]
fn entra_ids_refusals_name_the_remedy_and_no_body() {
    let world = World::new();
    for (said, words) in [
        ("AADSTS7000222: canary", &["its secret has expired", "new client secret"][..]),
        ("AADSTS7000112: canary", &["the application is disabled"]),
        ("AADSTS500011: canary", &["the service that the token is for", "audience"]),
        ("AADSTS53003: canary", &["the tenant's rules", "administrator"]),
        ("AADSTS123: canary", &["Entra ID refuses it (AADSTS123)", "AZURE_CLIENT_SECRET"]),
        ("canary", &["login.microsoftonline.com answered invalid_client", "AZURE_CLIENT_ID"]),
    ] {
        world.azure.on(AzureCall::Token, refuse(401, "invalid_client", said));
        let line = get(&world.with_secret(), CONTOSO).explains(words).to_owned();
        assert!(!line.contains("canary"), "{line}");
    }
    world.azure.on(AzureCall::Token, refuse(418, "<canary>", "canary"));
    let line = get(&world.with_secret(), CONTOSO).explains(&["answered with status 418"]).to_owned();
    assert!(!line.contains("canary"), "{line}");
    assert_eq!(world.azure.calls(AzureCall::Token), 7, "what was refused is not asked again");
    world.azure.on(AzureCall::Token, Behaviour::Proper);
    let mut home = world.with_application();
    home.set("AZURE_FEDERATED_TOKEN_FILE", home.write("token", "opaque"));
    get(&home, CONTOSO).explains(&["AADSTS70021", "issuer, the subject and the audience"]);
}

#[test]
fn a_login_servers_refusals_name_the_remedy_and_no_body() {
    let world = World::new();
    for (status, message, words) in [
        (401, "canary", &["contoso.azurecr.io does not let it in", "no right", "AcrPull"][..]),
        (403, "canary", &["no right", "AcrPull"]),
        (403, "client with IP 'canary' is not allowed", &["network rules"]),
        (404, "canary", &["there is no such registry"]),
        (307, "canary", &["answered with status 307"]),
    ] {
        world.azure.on(AzureCall::Exchange, refuse(status, "DENIED", message));
        let line = get(&world.with_secret(), CONTOSO).explains(words).to_owned();
        assert!(line.starts_with("the application app with its secret gets no token: "), "{line}");
        assert!(!line.contains("canary"), "{line}");
    }
    assert_eq!(world.azure.calls(AzureCall::Exchange), 5, "no redirection is followed");
}

#[test]
fn a_wrong_clock_is_told() {
    let world = World::new();
    let mut home = world.with_application();
    home.set("AZURE_CLIENT_CERTIFICATE_PATH", home.write("app.pem", APPLICATION_PEM));
    world.azure.set_clock_skew(3 * 3600);
    get(&home, CONTOSO).explains(&["not valid at this time (AADSTS700024)", "set this machine's clock"]);
    world.azure.set_clock_skew(-4 * 3600);
    get(&world.with_secret(), CONTOSO).explains(&["has already ended", "clock"]);
    world.azure.set_clock_skew(120);
    get(&world.with_secret(), CONTOSO).credentials();
}

#[test]
fn a_token_near_its_end_is_renewed_and_serves_if_it_cannot_be() {
    let world = World::new();
    world.azure.set_token_life(Duration::from_secs(4 * 60));
    let home = world.with_secret();
    let first = get(&home, CONTOSO).secret();
    let second = get(&home, CONTOSO).secret();
    assert_ne!(first, second);
    world.azure.on(AzureCall::Exchange, refuse(500, "x", "canary"));
    assert_eq!(get(&home, CONTOSO).secret(), second);
}

#[test]
fn an_ended_token_is_never_served() {
    let world = World::new();
    world.azure.set_token_life(Duration::from_secs(2));
    let home = world.with_secret();
    get(&home, CONTOSO).credentials();
    world.azure.on(AzureCall::Token, refuse(401, "invalid_client", "AADSTS7000222: x"));
    std::thread::sleep(Duration::from_millis(2_100));
    get(&home, CONTOSO).explains(&["its secret has expired"]);
}

#[test]
fn services_that_hang_stumble_or_talk_nonsense() {
    for call in [AzureCall::Token, AzureCall::Exchange] {
        let world = World::new();
        world.azure.on(call, Behaviour::FailTimes(2));
        get(&world.with_secret(), CONTOSO).credentials();
        assert_eq!(world.azure.calls(call), 3);
        for behaviour in [Behaviour::Garbage, Behaviour::Empty, Behaviour::Close] {
            world.azure.on(call, behaviour);
            get(&world.with_secret(), CONTOSO).explains(&["the application app with its secret", "gets no token"]);
        }
        world.azure.on(call, Behaviour::Hang);
        let home = world.with_secret();
        home.settings("timeout = 2");
        let outcome = get(&home, CONTOSO);
        outcome.explains(&["no answer in time"]);
        assert!(outcome.took < Duration::from_secs(4), "{outcome:?}");
    }
    let world = World::new();
    world.azure.on(AzureCall::MachineToken, Behaviour::Hang);
    let home = world.on_machine();
    home.settings("timeout = 2");
    get(&home, CONTOSO).explains(&["the managed identity of this machine", "no answer in time"]);
}

#[test]
fn an_answer_without_end_is_given_up() {
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
    get(&home, CONTOSO).explains(&["managed identity of Cloud Shell", "does not end"]);
}

#[test]
fn a_program_that_hangs_is_killed_with_all_that_it_has_started() {
    let world = World::new();
    let mut home = world.with_az("jane");
    home.settings("timeout = 2");
    put_program(&mut home, "az", "sleep 60 & echo $! > \"$HOME/pid\"; wait");
    let outcome = get(&home, CONTOSO);
    outcome.explains(&["the Azure CLI's account", "time limit"]);
    assert!(outcome.took < Duration::from_secs(4), "{outcome:?}");
    let pid = std::fs::read_to_string(home.path("pid")).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let command = std::fs::read_to_string(format!("/proc/{}/cmdline", pid.trim())).unwrap_or_default();
    assert!(!command.contains("sleep"), "it is still there: {command}");
}

#[test]
fn the_words_of_az_are_not_repeated() {
    let world = World::new();
    let mut home = world.with_az("jane");
    for (script, why) in [
        (
            "echo 'ERROR: AADSTS700082: canary. Please run: az login' >&2; exit 1",
            "the session has ended (AADSTS700082)",
        ),
        ("echo 'ERROR: AADSTS50076: canary' >&2; exit 1", "wants to see the user again"),
        ("echo 'canary: Interactive authentication is needed.' >&2; exit 1", "the session has ended"),
        ("echo canary >&2; exit 2", "the program failed"),
        ("echo canary", "its answer has none"),
        ("echo '{\"accessToken\": \"canary\"}'", "its answer has none"),
    ] {
        put_program(&mut home, "az", script);
        let line = get(&home, CONTOSO).explains(&["the Azure CLI's account", why, "run: az login"]).to_owned();
        assert!(!line.contains("canary"), "{line}");
        let_failures_pass();
    }
    put_program(&mut home, "az", "exit 127");
    get(&home, CONTOSO).explains(&["nobody is signed in"]);
    home.write(".azd/auth.json", "{}");
    put_program(&mut home, "azd", "echo '{\"data\": {\"message\": \"reauthentication required canary\"}}' >&2; exit 1");
    let line = get(&home, CONTOSO).explains(&["the Azure Developer CLI's account", "run: azd auth login"]).to_owned();
    assert!(!line.contains("canary"), "{line}");
}

#[test]
fn an_unknown_authority_and_a_dead_proxy_are_told() {
    let world = World::new();
    let mut home = world.with_secret();
    home.set("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt");
    get(&home, CONTOSO).explains(&["login.microsoftonline.com", "certificate is not trusted", "SSL_CERT_FILE"]);
    let mut home = world.with_secret();
    home.set("HTTPS_PROXY", "http://127.0.0.1:1");
    get(&home, CONTOSO).explains(&["login.microsoftonline.com", "proxy"]);
    assert_eq!(world.azure.all_calls(), 0);
}

#[test]
fn settings_choose_the_identity_of_a_registry() {
    let world = World::new();
    let mut home = world.with_secret();
    home.set("AZURE_FEDERATED_TOKEN_FILE", home.write("token", "federated.job.signature"));
    world.put_az(&mut home, "jane");
    home.settings(&format!(
        "[[registry]]\nmatch = \"contoso.azurecr.us\"\nauthority = \"login.corp.example\"\n\
         audience = \"https://management.azure.com\"\n\
         [[registry]]\nmatch = \"fabrikam.azurecr.io\"\nclient_id = \"other\"\ntenant = \"{TENANT}\"\n"
    ));
    let minted = world.minted(&get(&home, "contoso.azurecr.us"));
    assert_eq!(
        (minted.authority.as_str(), minted.resource.as_str()),
        ("login.corp.example", "https://management.azure.com")
    );
    assert_eq!(world.minted_by(&get(&home, CONTOSO)), "app app by secret");
    let fabrikam = "fabrikam.azurecr.io";
    assert_eq!(world.minted_by(&get(&home, fabrikam)), "app other by job", "the secret is of another application");
    home.unset("AZURE_FEDERATED_TOKEN_FILE");
    get(&home, fabrikam).explains(&["nobody is signed in"]);
    assert!(!home.path("runs").exists(), "whoever has signed in to az is another one too");
    home.set("AZURE_CLIENT_ID", "OTHER").set("AZURE_CLIENT_SECRET", world.azure.secret_of("other"));
    assert_eq!(world.minted_by(&get(&home, fabrikam)), "app other by secret");
}

#[test]
fn a_custom_domain_stands_for_its_target_or_says_whose_it_is() {
    let world = World::new();
    let home = world.with_secret();
    get(&home, "docker.corp.example").is_not_found();
    home.settings(&format!(
        "[[registry]]\nmatch = \"docker.corp.example\"\nprovider = \"acr\"\ntarget = \"{CONTOSO}\"\n\
         [[registry]]\nmatch = \"registry.local.example\"\nprovider = \"acr\"\n"
    ));
    let (server, _, secret) = get(&home, "docker.corp.example").credentials();
    assert_eq!(server, "docker.corp.example");
    assert_eq!(get(&home, CONTOSO).secret(), secret, "they share the token");
    assert_eq!(world.minted(&get(&home, "registry.local.example")).registry, "registry.local.example");
}

#[test]
fn logins_are_kept_listed_and_erased() {
    let world = World::new();
    let home = world.with_secret();
    let minted = get(&home, CONTOSO).secret();
    let login = json!({"ServerURL": CONTOSO, "Username": "contoso", "Secret": "an admin's password"});
    home.run(ACR, &["store"], login.to_string());
    let (_, username, secret) = get(&home, CONTOSO).credentials();
    assert_eq!((username.as_str(), secret.as_str()), ("contoso", "an admin's password"), "a stored login wins");
    let listed: Value = serde_json::from_str(&home.run(ACR, &["list"], "unused").stdout).unwrap();
    assert!(listed.as_object().unwrap().values().any(|user| user == "contoso"), "{listed}");
    home.run(ACR, &["erase"], CONTOSO).is_silent();
    assert_ne!(get(&home, CONTOSO).secret(), minted, "the minted token was erased too");
    assert_eq!(world.azure.calls(AzureCall::Exchange), 2);
}

#[test]
fn a_secret_is_in_no_log_and_no_error() {
    const CANARY: &str = "c4n4ry";
    let world = World::new();
    let loud = |mut home: Home| {
        home.set("CREDMINT_LOG", "trace").set("RUST_LOG", "trace");
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
    assert!(minted.len() >= 3, "it has gone well too");
    let leaked = minted.iter().chain(&world.azure.access_tokens()).any(|token| said.contains(token.as_str()));
    assert!(!said.contains(CANARY) && !leaked, "{said}");
}
