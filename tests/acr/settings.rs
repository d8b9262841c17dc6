//! What the settings choose for a registry, and stored logins.

use serde_json::Value;

use super::*;

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
    get(&home, fabrikam).is_not_found_because(&["no Azure credentials found"]);
    assert!(!home.path("runs").exists(), "the account of az is another identity, too");
    home.set("AZURE_CLIENT_ID", "OTHER").set("AZURE_CLIENT_SECRET", world.azure.secret_of("other"));
    assert_eq!(world.minted_by(&get(&home, fabrikam)), "app other by secret");
}

#[test]
fn a_custom_domain_is_used_like_its_target_or_names_its_provider() {
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
fn logins_are_stored_listed_and_erased() {
    let world = World::new();
    let home = world.with_secret();
    let minted = get(&home, CONTOSO).secret();
    let login = json!({"ServerURL": CONTOSO, "Username": "contoso", "Secret": "an admin's password"});
    home.run(ACR, &["store"], login.to_string());
    let (_, username, secret) = get(&home, CONTOSO).credentials();
    assert_eq!(
        (username.as_str(), secret.as_str()),
        ("contoso", "an admin's password"),
        "a stored login takes precedence"
    );
    let listed: Value = serde_json::from_str(&home.run(ACR, &["list"], "unused").stdout).unwrap();
    assert!(listed.as_object().unwrap().values().any(|user| user == "contoso"), "{listed}");
    home.run(ACR, &["erase"], CONTOSO).is_silent();
    assert_ne!(get(&home, CONTOSO).secret(), minted, "the minted token was erased too");
    assert_eq!(world.azure.calls(AzureCall::Exchange), 2);
}
