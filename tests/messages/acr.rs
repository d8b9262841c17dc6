use std::path::PathBuf;

use pretend_cloud::{APPLICATION_PEM, APPLICATION_PFX, AzureCall, Behaviour, TENANT};

use super::Messages;
use crate::acr::{CONTOSO, World, get, put_program};
use crate::home::Home;

fn refuse(status: u16, code: &'static str, message: &str) -> Behaviour {
    Behaviour::Refuse { status, code, message: message.to_owned() }
}

#[test]
fn acr() {
    let world = World::new();
    let mut messages = Messages::new();
    messages.add("no identity", &get(&world.home(), CONTOSO));
    applications(&world, &mut messages);
    certificates(&world, &mut messages);
    entra_id(&world, &mut messages);
    managed_identities(&world, &mut messages);
    az(&world, &mut messages);
    other_clouds(&world, &mut messages);
    login_server(&world, &mut messages);
    network(&world, &mut messages);
    messages.compare("acr");
}

fn applications(world: &World, messages: &mut Messages) {
    let mut home = world.home();
    home.set("AZURE_CLIENT_SECRET", "canary");
    messages.add("a client secret without a tenant", &get(&home, CONTOSO));
    home.set("AZURE_TENANT_ID", "../common").set("AZURE_CLIENT_ID", "app");
    messages.add("a tenant that is not a name", &get(&home, CONTOSO));
    home.set("AZURE_TOKEN_CREDENTIALS", "VisualStudioCredential");
    messages.add("AZURE_TOKEN_CREDENTIALS names an unsupported credential", &get(&home, CONTOSO));
    home.unset("AZURE_TOKEN_CREDENTIALS").set("AZURE_AUTHORITY_HOST", "http://login.corp.example");
    messages.add("AZURE_AUTHORITY_HOST without https", &get(&home, CONTOSO));
    home.unset("AZURE_AUTHORITY_HOST");
    messages.add("a registry of the closed German cloud", &get(&home, "contoso.azurecr.de"));
    let mut home = world.with_application();
    home.set("AZURE_FEDERATED_TOKEN_FILE", "/gone/token");
    messages.add("AZURE_FEDERATED_TOKEN_FILE does not exist", &get(&home, CONTOSO));
    home.set("AZURE_FEDERATED_TOKEN_FILE", home.write("token", "opaque"));
    messages.add("a federated token that Entra ID does not accept", &get(&home, CONTOSO));
    let mut home = world.home();
    home.set("SYSTEM_OIDCREQUESTURI", "https://dev.azure.com/oidc?x=y").set("SYSTEM_ACCESSTOKEN", "another");
    home.set("AZURESUBSCRIPTION_CLIENT_ID", "deployer").set("AZURESUBSCRIPTION_TENANT_ID", TENANT);
    home.set("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", "connection");
    messages.add("a SYSTEM_ACCESSTOKEN that Azure Pipelines does not accept", &get(&home, CONTOSO));
    home.set("SYSTEM_OIDCREQUESTURI", "http://dev.azure.com/oidc");
    messages.add("SYSTEM_OIDCREQUESTURI without https", &get(&home, CONTOSO));
}

fn certificates(world: &World, messages: &mut Messages) {
    let (key, certificate) = APPLICATION_PEM.split_at(APPLICATION_PEM.find("-----BEGIN CERTIFICATE").unwrap());
    let other_key = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    for (situation, file) in [
        ("a certificate file that is neither PEM nor PFX", &b"canary"[..]),
        ("a PFX file without its password", APPLICATION_PFX),
        ("a PEM file without a certificate", key.as_bytes()),
        ("a PEM file without a private key", certificate.as_bytes()),
        ("a PEM file with a legacy encrypted key", format!("{other_key}{certificate}").as_bytes()),
        (
            "a PEM file with an encrypted key",
            APPLICATION_PEM.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY").as_bytes(),
        ),
        ("a PEM file with a key that is not RSA", APPLICATION_PEM.replace("PRIVATE KEY", "EC PRIVATE KEY").as_bytes()),
    ] {
        let mut home = world.with_application();
        home.set("AZURE_CLIENT_CERTIFICATE_PATH", home.write("app.pem", file));
        messages.add(situation, &get(&home, CONTOSO));
    }
    let mut home = world.with_application();
    home.set("AZURE_CLIENT_CERTIFICATE_PATH", "/gone.pem");
    messages.add("AZURE_CLIENT_CERTIFICATE_PATH does not exist", &get(&home, CONTOSO));
    home.set("AZURE_CLIENT_CERTIFICATE_PATH", home.write("app.pem", APPLICATION_PEM));
    world.azure.set_clock_skew(3 * 3600);
    messages.add("a clock that is three hours off", &get(&home, CONTOSO));
    world.azure.set_clock_skew(-4 * 3600);
    messages.add("a refresh token that has expired on arrival", &get(&world.with_secret(), CONTOSO));
    world.azure.set_clock_skew(0);
}

/// One of each row of the table of codes.
fn entra_id(world: &World, messages: &mut Messages) {
    for code in [
        7_000_215, 7_000_222, 700_027, 7_000_112, 700_016, 90_002, 90_038, 70_021, 700_024, 50_013, 500_011, 70_011,
        50_173, 50_076, 50_034, 50_105, 53_003, 90_033, 123,
    ] {
        world.azure.on(AzureCall::Token, refuse(401, "invalid_client", &format!("AADSTS{code}: canary")));
        messages.add(&format!("Entra ID responds AADSTS{code}"), &get(&world.with_secret(), CONTOSO));
    }
    for (situation, behaviour) in [
        ("Entra ID responds invalid_client without an AADSTS code", refuse(401, "invalid_client", "canary")),
        ("Entra ID responds HTTP 418 without a code", refuse(418, "<canary>", "canary")),
        ("Entra ID responds HTTP 503", Behaviour::Page(503)),
        ("Entra ID responds HTTP 429", Behaviour::Page(429)),
        ("Entra ID sends a malformed response", Behaviour::Garbage),
        ("Entra ID closes the connection", Behaviour::Close),
    ] {
        world.azure.on(AzureCall::Token, behaviour);
        messages.add(situation, &get(&world.with_secret(), CONTOSO));
    }
    world.azure.on(AzureCall::Token, Behaviour::Hang);
    let home = world.with_secret();
    home.settings("timeout = 1");
    messages.add_unanswered(
        "Entra ID does not respond in time",
        || world.azure.calls(AzureCall::Token),
        || get(&home, CONTOSO),
    );
    world.azure.on(AzureCall::Token, Behaviour::Proper);
}

fn managed_identities(world: &World, messages: &mut Messages) {
    world.azure.on(AzureCall::MachineToken, refuse(400, "invalid_request", "Identity not found"));
    messages.add("a virtual machine without a managed identity", &get(&world.on_machine(), CONTOSO));
    let mut home = world.on_machine();
    home.set("AZURE_CLIENT_ID", "assigned");
    messages.add("a managed identity that is not assigned to the machine", &get(&home, CONTOSO));
    world.azure.on(AzureCall::MachineToken, Behaviour::Garbage);
    messages.add("the metadata service sends a malformed response", &get(&world.on_machine(), CONTOSO));
    world.azure.on(AzureCall::MachineToken, Behaviour::Hang);
    let home = world.on_machine();
    home.settings("timeout = 1");
    messages.add_unanswered(
        "the metadata service does not respond in time",
        || world.azure.calls(AzureCall::MachineToken),
        || get(&home, CONTOSO),
    );
    world.azure.on(AzureCall::MachineToken, Behaviour::Proper);
    let variables = |variables: &[(&str, &str)]| {
        let mut home = world.home();
        variables.iter().for_each(|&(name, value)| _ = home.set(name, value));
        get(&home, CONTOSO)
    };
    let at = |path: &str| format!("{}/{path}", world.azure.url());
    let (shell, app, arc) = (at("shell"), at("app"), at("arc"));
    let identity = [("MSI_ENDPOINT", shell.as_str()), ("AZURE_CLIENT_ID", "assigned")];
    messages.add("Cloud Shell with AZURE_CLIENT_ID", &variables(&identity));
    let wrong_header = [("IDENTITY_ENDPOINT", app.as_str()), ("IDENTITY_HEADER", "canary")];
    messages.add("App Service with another IDENTITY_HEADER", &variables(&wrong_header));
    let no_address = [("IDENTITY_ENDPOINT", "nowhere"), ("IDENTITY_HEADER", "canary")];
    messages.add("IDENTITY_ENDPOINT is not a URL", &variables(&no_address));
    let fabric = [&no_address[..], &[("IDENTITY_SERVER_THUMBPRINT", "t")]].concat();
    messages.add("Service Fabric", &variables(&fabric));
    let agent = [("IDENTITY_ENDPOINT", arc.as_str()), ("IDENTITY_HEADER", ""), ("IMDS_ENDPOINT", arc.as_str())];
    world.azure.set_arc_key("/etc/own.key");
    messages.add("Azure Arc's agent names a file outside of its folder", &variables(&agent));
    world.azure.set_arc_key("/var/opt/azcmagent/tokens/none.key");
    messages.add("a key of Azure Arc's agent that cannot be read", &variables(&agent));
}

fn az(world: &World, messages: &mut Messages) {
    let with = |name: &str, file: &str, session: &str, script: Option<&str>| {
        let mut home = world.home();
        home.write(file, session);
        home.set("PATH", "/usr/bin:/bin");
        script.iter().for_each(|script| put_program(&mut home, name, script));
        home
    };
    let az = |script: Option<&str>| with("az", ".azure/azureProfile.json", "{\"subscriptions\": [{}]}", script);
    let fail = |stderr: &str| az(Some(&format!("echo \"{stderr}\" >&2; exit 1")));
    messages.add("az is not installed", &get(&az(None), CONTOSO));
    messages.add("az has no account", &get(&fail("Please run 'az login' to setup account."), CONTOSO));
    messages.add("az has an expired session", &get(&fail("Interactive authentication is needed. canary"), CONTOSO));
    messages.add("az prints AADSTS700082", &get(&fail("ERROR: AADSTS700082: canary"), CONTOSO));
    messages.add("az prints AADSTS53003", &get(&fail("ERROR: AADSTS53003: canary"), CONTOSO));
    let again = "AADSTS50076: canary\naz login --tenant \\\"common\\\" --scope \\\"canary\\\"";
    messages.add("az prints the az login to run", &get(&az(Some(&format!("printf '{again}' >&2; exit 1"))), CONTOSO));
    for (situation, stderr) in [
        ("az finds the disk full", "[Errno 28] No space left on device"),
        ("az finds the file system read-only", "[Errno 30] Read-only file system"),
        ("az may not read a file", "[Errno 13] Permission denied"),
        ("az finds no name", "Failed to resolve 'login.canary'"),
        ("az does not trust a certificate", "CERTIFICATE_VERIFY_FAILED"),
        ("az does not get through the proxy", "ProxyError canary"),
        ("az is rate limited", "Too Many Requests"),
        ("az finds the service down", "Service Unavailable"),
        ("az lacks a module", "ModuleNotFoundError"),
    ] {
        messages.add(situation, &get(&fail(stderr), CONTOSO));
    }
    messages.add("az exits with 2", &get(&az(Some("exit 2")), CONTOSO));
    messages.add("az is killed", &get(&az(Some("kill -9 $$")), CONTOSO));
    messages.add("az prints something else", &get(&az(Some("echo canary")), CONTOSO));
    let home = az(Some("sleep 300 & wait"));
    home.settings("timeout = 1");
    messages.add("az does not end in time", &get(&home, CONTOSO));
    let azd = |script: Option<&str>| {
        with("azd", ".azd/auth.json", "{\"auth\": {\"account\": {\"currentUser\": {}}}}", script)
    };
    messages.add("azd is not installed", &get(&azd(None), CONTOSO));
    let reauthenticate = "echo 'reauthentication required canary' >&2; exit 1";
    messages.add("azd has an expired session", &get(&azd(Some(reauthenticate)), CONTOSO));
    messages.add("azd exits with 2", &get(&azd(Some("exit 2")), CONTOSO));
}

fn other_clouds(world: &World, messages: &mut Messages) {
    let home = world.with_az("jane");
    messages.add("az is set to another cloud than the registry's", &get(&home, "contoso.azurecr.cn"));
    world.azure.set_issuer("https://sts.windows.net/t/");
    world.azure.set_machine_cloud("AzureUSGovernmentCloud");
    messages.add("a machine in another cloud than the registry", &get(&world.on_machine(), CONTOSO));
}

fn login_server(world: &World, messages: &mut Messages) {
    for (situation, behaviour) in [
        ("the login server responds HTTP 401", refuse(401, "UNAUTHORIZED", "canary")),
        ("the login server responds HTTP 403", refuse(403, "DENIED", "canary")),
        ("the login server's network rules", refuse(403, "DENIED", "client with IP 'canary' is not allowed")),
        ("the login server responds HTTP 404", refuse(404, "x", "canary")),
        ("the login server responds HTTP 307", refuse(307, "x", "canary")),
        ("the login server responds HTTP 503", Behaviour::Page(503)),
        ("the login server sends a malformed response", Behaviour::Garbage),
    ] {
        world.azure.on(AzureCall::Exchange, behaviour);
        messages.add(situation, &get(&world.with_secret(), CONTOSO));
    }
    world.azure.on(AzureCall::Exchange, Behaviour::Proper);
}

fn network(world: &World, messages: &mut Messages) {
    let certificates = |home: &mut Home, name: &str| {
        let path: PathBuf = home.write(name, pretend_cloud::Ca::new().pem());
        home.set("SSL_CERT_FILE", path);
    };
    let mut home = world.with_secret();
    certificates(&mut home, "other.pem");
    messages.add("a certificate that is not trusted", &get(&home, CONTOSO));
    let mut home = world.with_secret();
    home.set("HTTPS_PROXY", "http://127.0.0.1:1");
    messages.add("a proxy that is down", &get(&home, CONTOSO));
}
