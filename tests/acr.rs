mod clouds;
mod managed_identity;
mod settings;

use pretend_cloud::{
    APPLICATION_PEM, APPLICATION_PFX, APPLICATION_PFX_LEGACY, Azure, AzureCall, Behaviour, Ca, PFX_PASSWORD, Proxy,
    RefreshToken, TENANT,
};
use serde_json::json;

use crate::home::{ACR, Home, Outcome, skip};

pub(crate) const CONTOSO: &str = "contoso.azurecr.io";
const USER: &str = "00000000-0000-0000-0000-000000000000";
const HOSTS: [&str; 16] = [
    "login.microsoftonline.com",
    "login.microsoftonline.us",
    "login.chinacloudapi.cn",
    "login.sovcloud-identity.fr",
    "login.sovcloud-identity.de",
    "login.corp.example",
    "dev.azure.com",
    CONTOSO,
    "fabrikam.azurecr.io",
    "contoso.eastus.geo.azurecr.io",
    "contoso.azurecr.us",
    "contoso.azurecr.cn",
    "contoso.azurecr.de",
    "contoso.azurecr.sovcloud-azure.fr",
    "contoso.azurecr.sovcloud-azure.de",
    "registry.local.example",
];

/// A pretend Azure under its real names, which only a proxy knows.
pub(crate) struct World {
    /// Over plain HTTP: the places that give managed identities.
    pub(crate) azure: Azure,
    pub(crate) proxy: Proxy,
    pub(crate) ca: Ca,
    _under_its_names: Azure,
}

impl World {
    pub(crate) fn new() -> Self {
        let (azure, proxy, ca) = (Azure::start(), Proxy::start(), Ca::new());
        let under_its_names = azure.also_tls("127.0.0.1:0".parse().unwrap(), &ca, &HOSTS);
        for host in HOSTS {
            proxy.route(&format!("{host}:443"), under_its_names.addr());
        }
        World { azure, proxy, ca, _under_its_names: under_its_names }
    }

    /// A home without an identity, on a machine without a metadata service.
    pub(crate) fn home(&self) -> Home {
        let mut home = Home::new();
        let pem = home.write("ca.pem", self.ca.pem());
        home.set("HTTPS_PROXY", self.proxy.url()).set("SSL_CERT_FILE", pem);
        home.set("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:1");
        home
    }

    /// One in which an application is signed in with its secret.
    pub(crate) fn with_secret(&self) -> Home {
        let mut home = self.with_application();
        home.set("AZURE_CLIENT_SECRET", self.azure.secret_of("app"));
        home
    }

    /// One that knows an application, and nothing that proves it.
    pub(crate) fn with_application(&self) -> Home {
        let mut home = self.home();
        home.set("AZURE_TENANT_ID", TENANT).set("AZURE_CLIENT_ID", "app");
        home
    }

    /// One on a virtual machine of Azure's.
    pub(crate) fn on_machine(&self) -> Home {
        let mut home = self.home();
        home.set("AZURE_POD_IDENTITY_AUTHORITY_HOST", self.azure.url());
        home
    }

    /// A home with an account of az.
    pub(crate) fn with_az(&self, user: &str) -> Home {
        let mut home = self.home();
        self.put_az(&mut home, user);
        home
    }

    pub(crate) fn put_az(&self, home: &mut Home, user: &str) {
        home.write(".azure/azureProfile.json", json!({"subscriptions": [{"user": {"name": user}}]}).to_string());
        let token = self.azure.access_token_of(user);
        let answer = json!({"accessToken": token, "expires_on": 4_102_444_800_u64, "tokenType": "Bearer"});
        put_program(home, "az", &format!("echo \"$@\" >> \"$HOME/runs\"; test ! -t 0 && echo '{answer}'"));
    }

    /// The token of this output.
    #[track_caller]
    pub(crate) fn minted(&self, outcome: &Outcome) -> RefreshToken {
        let (_, username, secret) = outcome.credentials();
        assert_eq!(username, USER);
        let token = self.azure.minted().into_iter().find(|token| token.token == secret);
        token.unwrap_or_else(|| panic!("never minted: {outcome:?}"))
    }

    /// The identity of the token of this output.
    #[track_caller]
    pub(crate) fn minted_by(&self, outcome: &Outcome) -> String {
        self.minted(outcome).identity
    }
}

pub(crate) fn get(home: &Home, server: &str) -> Outcome {
    home.run(ACR, &["get"], server)
}

/// A program of this name on the `PATH`.
pub(crate) fn put_program(home: &mut Home, name: &str, script: &str) {
    home.script(&format!("bin/{name}"), script);
    home.set("PATH", format!("{}:/usr/bin:/bin", home.path("bin").display()));
}

#[test]
fn the_second_get_is_cached_and_each_registry_has_its_token() {
    let world = World::new();
    let home = world.with_secret();
    let first = get(&home, CONTOSO);
    let minted = world.minted(&first);
    assert_eq!((minted.identity.as_str(), minted.registry.as_str()), ("app app by secret", CONTOSO));
    assert_eq!(minted.resource, "https://containerregistry.azure.net");
    assert_eq!((minted.tenant.as_deref(), minted.authority.as_str()), (Some(TENANT), "login.microsoftonline.com"));
    for spelling in ["https://contoso.azurecr.io/v2/", "Contoso.azurecr.io", "contoso.azurecr.io:443"] {
        assert_eq!(get(&home, spelling).secret(), first.secret(), "{spelling}");
    }
    assert_eq!((world.azure.all_calls(), world.proxy.requests()), (2, 2));
    assert_eq!(world.minted(&get(&home, "fabrikam.azurecr.io")).registry, "fabrikam.azurecr.io");
    let regional = "contoso.eastus.geo.azurecr.io";
    assert_eq!(world.minted(&get(&home, regional)).registry, regional);
}

#[test]
fn foreign_hosts_are_not_found_without_any_request() {
    let world = World::new();
    let home = world.with_secret();
    for host in [
        "docker.io",
        "contoso.azurecr.io.attacker.com",
        "contoso.eastus.data.azurecr.io",
        "contoso.azurecr.io:8443",
        "http://contoso.azurecr.io",
        "mcr.microsoft.com",
    ] {
        get(&home, host).is_not_found();
    }
    assert_eq!((world.azure.all_calls(), world.proxy.requests()), (0, 0));
}

#[test]
fn a_certificate_signs_in_from_every_kind_of_file() {
    let world = World::new();
    for (name, file, password) in [
        ("app.pem", APPLICATION_PEM.as_bytes(), None),
        ("app.pfx", APPLICATION_PFX, Some(PFX_PASSWORD)),
        ("old.pfx", APPLICATION_PFX_LEGACY, Some(PFX_PASSWORD)),
    ] {
        let mut home = world.with_application();
        home.set("AZURE_CLIENT_CERTIFICATE_PATH", home.write(name, file));
        if let Some(password) = password {
            get(&home, CONTOSO).explains(&["application app (client certificate)", name, "password"]);
            home.set("AZURE_CLIENT_CERTIFICATE_PASSWORD", password);
        }
        assert_eq!(world.minted_by(&get(&home, CONTOSO)), "app app by certificate", "{name}");
        home.set("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN", "true");
        assert_eq!(world.minted_by(&get(&home, CONTOSO)), "app app by certificate with its chain", "{name}");
    }
}

#[test]
fn a_federated_token_signs_in_and_a_new_one_is_another_identity() {
    let world = World::new();
    let mut home = world.with_application();
    let token = home.write("token", "federated.pod.signature");
    home.set("AZURE_FEDERATED_TOKEN_FILE", &token);
    home.set("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.com/");
    assert_eq!(world.minted_by(&get(&home, CONTOSO)), "app app by pod");
    home.write("token", "federated.another-pod.signature\n");
    assert_eq!(world.minted_by(&get(&home, CONTOSO)), "app app by another-pod");
    std::fs::remove_file(token).unwrap();
    get(&home, CONTOSO).explains(&["application app", "cannot read", "AZURE_FEDERATED_TOKEN_FILE"]);
}

#[test]
fn a_job_of_azure_pipelines_is_its_service_connection() {
    let world = World::new();
    let mut home = world.home();
    home.set("SYSTEM_OIDCREQUESTURI", "https://dev.azure.com/oidc?x=y");
    home.set("AZURESUBSCRIPTION_CLIENT_ID", "deployer").set("AZURESUBSCRIPTION_TENANT_ID", TENANT);
    home.set("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", "connection");
    get(&home, CONTOSO).is_not_found_because(&["no Azure credentials found"]);
    home.set("SYSTEM_ACCESSTOKEN", "token-of-the-job");
    assert_eq!(world.minted_by(&get(&home, CONTOSO)), "app deployer by connection");
    home.set("SYSTEM_ACCESSTOKEN", "another");
    get(&home, CONTOSO).explains(&["dev.azure.com rejected the request (HTTP 401)", "System.AccessToken"]);
    home.set("SYSTEM_OIDCREQUESTURI", "http://dev.azure.com/oidc");
    get(&home, CONTOSO).explains(&["no token for application deployer"]);
    assert_eq!(world.azure.calls(AzureCall::PipelineToken), 2, "a job's token goes over TLS alone");
}

#[test]
fn the_order_is_that_of_the_sdks() {
    let world = World::new();
    let mut home = world.with_az("jane");
    home.set("AZURE_TENANT_ID", TENANT);
    assert_eq!(world.minted_by(&get(&home, CONTOSO)), "jane");
    home.set("AZURE_POD_IDENTITY_AUTHORITY_HOST", world.azure.url());
    assert_eq!(world.minted_by(&get(&home, CONTOSO)), "machine");
    home.set("AZURE_CLIENT_ID", "app");
    home.set("AZURE_FEDERATED_TOKEN_FILE", home.write("token", "federated.pod.signature"));
    assert_eq!(world.minted_by(&get(&home, CONTOSO)), "app app by pod");
    home.set("AZURE_CLIENT_CERTIFICATE_PATH", home.write("app.pem", APPLICATION_PEM));
    assert_eq!(world.minted_by(&get(&home, CONTOSO)), "app app by certificate");
    home.set("AZURE_CLIENT_SECRET", world.azure.secret_of("app"));
    assert_eq!(world.minted_by(&get(&home, CONTOSO)), "app app by secret");
    for (choice, expected) in [
        ("dev", "jane"),
        ("prod", "app app by secret"),
        ("EnvironmentCredential", "app app by secret"),
        ("workloadidentitycredential", "app app by pod"),
        ("ManagedIdentityCredential", "machine app"),
        ("AzureCliCredential", "jane"),
    ] {
        home.set("AZURE_TOKEN_CREDENTIALS", choice);
        assert_eq!(world.minted_by(&get(&home, CONTOSO)), expected, "{choice}");
    }
    home.set("AZURE_TOKEN_CREDENTIALS", "VisualStudioCredential");
    get(&home, CONTOSO).explains(&["AZURE_TOKEN_CREDENTIALS", "AzureCliCredential"]);
}
