//! Azure's clouds: each has its own authority, and a token of one is never sent to a registry of another.

use std::net::TcpListener;

use super::*;

#[test]
fn each_cloud_signs_in_at_its_own_authority() {
    let world = World::new();
    let mut home = world.with_secret();
    for (registry, authority) in [
        ("contoso.azurecr.us", "login.microsoftonline.us"),
        ("contoso.azurecr.cn", "login.chinacloudapi.cn"),
        ("contoso.azurecr.sovcloud-azure.fr", "login.sovcloud-identity.fr"),
        ("contoso.azurecr.sovcloud-azure.de", "login.sovcloud-identity.de"),
    ] {
        assert_eq!(world.minted(&get(&home, registry)).authority, authority);
    }
    get(&home, "contoso.azurecr.de").explains(&["Azure Germany", "closed"]);
    home.set("AZURE_AUTHORITY_HOST", "https://login.corp.example");
    assert_eq!(world.minted(&get(&home, "contoso.azurecr.us")).authority, "login.corp.example");
    home.set("AZURE_AUTHORITY_HOST", "http://login.corp.example");
    get(&home, "contoso.azurecr.us").explains(&["AZURE_AUTHORITY_HOST", "https"]);
}

#[test]
fn us_government_and_public_cloud_machines_are_distinguished() {
    let world = World::new();
    world.azure.set_issuer("https://sts.windows.net/t/");
    for (cloud, name, own, other) in [
        ("AzureUSGovernmentCloud", "AzureUSGovernment", "contoso.azurecr.us", CONTOSO),
        ("AzurePublicCloud", "AzureCloud", CONTOSO, "contoso.azurecr.us"),
    ] {
        world.azure.set_machine_cloud(cloud);
        let exchanged = world.azure.calls(AzureCall::Exchange);
        get(&world.on_machine(), other)
            .explains(&["managed identity of this machine", &format!("it belongs to {name}")]);
        assert_eq!(world.azure.calls(AzureCall::Exchange), exchanged, "no registry received the token");
        assert_eq!(world.minted_by(&get(&world.on_machine(), own)), "machine");
    }
}

#[test]
fn an_identity_of_another_azure_cloud_is_rejected() {
    let world = World::new();
    let mut home = world.with_az("jane");
    get(&home, "contoso.azurecr.cn").explains(&["it belongs to AzureCloud and the registry to AzureChinaCloud"]);
    get(&home, "contoso.azurecr.us").explains(&["AzureUSGovernment", "az cloud set --name AzureUSGovernment"]);
    home.write(".azure/config", "[core]\nname = AzureCloud\n[cloud]\nname = AzureChinaCloud\n");
    assert_eq!(world.minted_by(&get(&home, "contoso.azurecr.cn")), "jane");
    get(&home, CONTOSO).explains(&["it belongs to AzureChinaCloud and the registry to AzureCloud"]);
    home.set("AZURE_CLOUD_NAME", "AzureCloud");
    assert_eq!(world.minted_by(&get(&home, CONTOSO)), "jane");
    // In any case, and by its authority if az has a custom cloud.
    home.set("AZURE_CLOUD_NAME", "azureusgovernment");
    get(&home, CONTOSO).explains(&["it belongs to azureusgovernment and the registry to AzureCloud"]);
    home.set("AZURE_CLOUD_NAME", "Ours");
    home.write(".azure/clouds.config", "[Ours]\nendpoint_active_directory = https://login.microsoftonline.us/\n");
    get(&home, CONTOSO).explains(&["it belongs to Ours and the registry to AzureCloud"]);
    assert_eq!(world.minted_by(&get(&home, "contoso.azurecr.us")), "jane");
    // A managed identity's cloud is known by the issuer of its token.
    let calls = world.azure.calls(AzureCall::Exchange);
    let mut home = world.home();
    let token = |issuer: &str| {
        use base64::Engine;
        let claims = serde_json::json!({ "iss": issuer }).to_string();
        format!("e30.{}.c2ln", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(claims))
    };
    for (issuer, registry) in [
        ("https://sts.windows.net/t/", "contoso.azurecr.cn"),
        ("https://sts.chinacloudapi.cn/t/", CONTOSO),
        ("https://login.microsoftonline.us/t/v2.0", CONTOSO),
        ("https://login.microsoftonline.com/t/v2.0", "contoso.azurecr.us"),
    ] {
        let response = serde_json::json!({"access_token": token(issuer)}).to_string();
        let service = FixedResponse::start(response);
        home.set("IDENTITY_ENDPOINT", service.url()).set("IDENTITY_HEADER", "h");
        let host = issuer.split('/').nth(2).unwrap();
        get(&home, registry).explains(&[&format!("it belongs to {host} and the registry to")]);
    }
    assert_eq!(world.azure.calls(AzureCall::Exchange), calls, "no registry received a token of another cloud");
}

/// A service that responds to every request with this JSON.
struct FixedResponse(std::net::SocketAddr);

impl FixedResponse {
    fn start(json: String) -> Self {
        use std::io::{Read, Write};
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for caller in listener.incoming() {
                let mut caller = caller.unwrap();
                let _ = caller.read(&mut [0; 4096]);
                let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/json";
                let _ = write!(caller, "{head}\r\ncontent-length: {}\r\n\r\n{json}", json.len());
            }
        });
        FixedResponse(address)
    }

    fn url(&self) -> String {
        format!("http://{}/token", self.0)
    }
}
