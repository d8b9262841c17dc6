use std::path::{Path, PathBuf};

use pretend_cloud::{AzureCall, Behaviour, TENANT};
use serde_json::{Value, json};

use crate::acr::{CONTOSO, World, get};
use crate::home::{ACR, Home, Outcome, skip};

fn real_az() -> Option<PathBuf> {
    let bin = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/reference/azure/bin");
    bin.join("az").exists().then_some(bin)
}

/// A home in which an application has signed in to the real az, with the files that
/// `az login --service-principal` writes.
fn signed_in(world: &World, bin: &Path, cloud: &str, secret: &str) -> Home {
    let mut home = world.home();
    home.set("PATH", format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", bin.display()));
    // On a busy machine the real one takes longer than the time limit that we have unless told otherwise.
    home.settings("timeout = 120");
    home.set("REQUESTS_CA_BUNDLE", home.path("ca.pem")).set("AZURE_CORE_COLLECT_TELEMETRY", "no");
    let user = json!({"name": "app", "type": "servicePrincipal"});
    let account = json!({
        "id": TENANT, "name": "N/A(tenant level account)", "state": "Enabled", "user": user, "isDefault": true,
        "tenantId": TENANT, "environmentName": cloud,
    });
    home.write(".azure/azureProfile.json", json!({"installationId": "x", "subscriptions": [account]}).to_string());
    let entry = json!([{"client_id": "app", "tenant": TENANT, "client_secret": secret}]);
    home.write(".azure/service_principal_entries.json", entry.to_string());
    home.write(".azure/config", format!("[cloud]\nname = {cloud}\n"));
    home
}

#[test]
fn the_real_az_and_ours_sign_in_as_the_same_principal() {
    let test = "the_real_az_and_ours_sign_in_as_the_same_principal";
    let Some(bin) = real_az() else { return skip(test, "az is not installed: tests/reference/set-up") };
    let world = World::new();
    let secret = world.azure.secret_of("app");
    for (cloud, registry, authority) in [
        ("AzureCloud", CONTOSO, "login.microsoftonline.com"),
        ("AzureUSGovernment", "contoso.azurecr.us", "login.microsoftonline.us"),
        ("AzureBleuCloud", "contoso.azurecr.sovcloud-azure.fr", "login.sovcloud-identity.fr"),
    ] {
        let home = signed_in(&world, &bin, cloud, &secret);
        let scope = "https://containerregistry.azure.net/.default";
        let output =
            home.other("az", &["account", "get-access-token", "-o", "json", "--scope", scope]).output().unwrap();
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        let theirs = world.azure.owner_of(answer["accessToken"].as_str().unwrap()).unwrap();
        let minted = world.minted(&get(&home, registry));
        assert_eq!(theirs, (minted.identity.clone(), minted.authority.clone()), "{cloud}");
        assert_eq!(theirs, ("app app by secret".to_owned(), authority.to_owned()), "{cloud}");
    }
}

#[test]
fn what_the_real_az_says_is_understood() {
    let test = "what_the_real_az_says_is_understood";
    let Some(bin) = real_az() else { return skip(test, "az is not installed: tests/reference/set-up") };
    let world = World::new();
    let secret = world.azure.secret_of("app");
    let home = || signed_in(&world, &bin, "AzureCloud", &secret);
    let explains = |outcome: &Outcome, words: &[&str]| {
        let line = outcome.explains(&[&["no token for the account of the Azure CLI: "], words].concat()).to_owned();
        assert!(!line.contains("Traceback") && !line.contains("az login"), "{line}");
    };
    let wrong = signed_in(&world, &bin, "AzureCloud", "wrong");
    get(&wrong, CONTOSO).explains(&["AADSTS7000215"]);
    world.azure.on(AzureCall::Token, Behaviour::Page(503));
    explains(&get(&home(), CONTOSO), &["az failed: the service is unavailable"]);
    world.azure.on(AzureCall::Token, Behaviour::Proper);
    let mut offline = home();
    // az reads this one first.
    offline.set("https_proxy", "http://127.0.0.1:1");
    explains(&get(&offline, CONTOSO), &["az failed: cannot connect through the proxy"]);
    let mut untrusting = home();
    untrusting.unset("REQUESTS_CA_BUNDLE");
    explains(&get(&untrusting, CONTOSO), &["az failed: certificate of the service not trusted", "REQUESTS_CA_BUNDLE"]);
    let mut broken = home();
    broken.set("PYTHONHOME", "/no/such");
    explains(&get(&broken, CONTOSO), &["az failed: it is installed but does not run"]);
    let out = home();
    out.write(".azure/azureProfile.json", json!({"subscriptions": []}).to_string());
    get(&out, CONTOSO).is_not_found_because(&["no Azure credentials found"]);
    // The file in the folder of az has no account.
    let mut elsewhere = home();
    let empty = elsewhere.path("empty");
    elsewhere.set("AZURE_TOKEN_CREDENTIALS", "AzureCliCredential").set("AZURE_CONFIG_DIR", empty);
    get(&elsewhere, CONTOSO).is_not_found_because(&["no Azure credentials found"]);
}

/// A home in which a user has signed in to the real az, with the files that it writes where there is no keyring.
fn signed_in_as_user(world: &World, bin: &Path) -> Home {
    const AZ: &str = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";
    const ENTRA: &str = "login.microsoftonline.com";
    let home = signed_in(world, bin, "AzureCloud", "unused");
    let text = std::fs::read_to_string(home.path(".azure/azureProfile.json")).unwrap();
    home.write(".azure/azureProfile.json", text.replace("\"app\"", "\"jane\"").replace("servicePrincipal", "user"));
    let id = format!("jane.{TENANT}");
    let account = json!({
        "home_account_id": id, "environment": ENTRA, "realm": TENANT, "local_account_id": "jane", "username": "jane",
        "authority_type": "MSSTS",
    });
    let session = json!({
        "credential_type": "RefreshToken", "secret": "refresh", "home_account_id": id, "environment": ENTRA,
        "client_id": AZ,
    });
    let cache = json!({
        "Account": { format!("{id}-{ENTRA}-{TENANT}"): account },
        "RefreshToken": { format!("{id}-{ENTRA}-refreshtoken-{AZ}--"): session },
    });
    home.write(".azure/msal_token_cache.json", cache.to_string());
    home
}

#[test]
fn a_user_who_must_sign_in_again_gets_a_remedy_from_the_real_az() {
    let test = "a_user_who_must_sign_in_again_gets_a_remedy_from_the_real_az";
    let Some(bin) = real_az() else { return skip(test, "az is not installed: tests/reference/set-up") };
    let world = World::new();
    let scope = "--scope https://containerregistry.azure.net/.default";
    for (said, why) in [
        ("AADSTS50076: canary", "the tenant requires an interactive sign-in (AADSTS50076)"),
        ("AADSTS700082: canary", "the session has expired (AADSTS700082)"),
    ] {
        let message = said.to_owned();
        world.azure.on(AzureCall::Token, Behaviour::Refuse { status: 400, code: "invalid_grant", message });
        let home = signed_in_as_user(&world, &bin);
        get(&home, CONTOSO).explains(&[why, "run `az login --tenant", scope]);
    }
}

/// Runs our helper with `.azure` on a file system of its own, after these lines of shell.
fn on_a_disk(home: &Home, lines: &str) -> Option<Outcome> {
    let azure = home.path(".azure");
    let azure = azure.display();
    let line = format!(
        "cp -r {azure} {azure}-copy && mount -t tmpfs -o size=64k none {azure} && cp {azure}-copy/* {azure} && {lines}"
    );
    let unshare = |line: &str| home.other("unshare", &["--mount", "sh", "-c", line]);
    if !unshare("mount -t tmpfs none /mnt").status().is_ok_and(|status| status.success()) {
        return None;
    }
    let program = crate::home::program(ACR);
    let line = format!("({line}) >/dev/null 2>&1; echo {CONTOSO} | {} get", program.display());
    Some(Outcome::of(ACR, &mut unshare(&line)))
}

#[test]
fn a_real_az_without_a_disk_to_write_on_reports_it() {
    let test = "a_real_az_without_a_disk_to_write_on_reports_it";
    let Some(bin) = real_az() else { return skip(test, "az is not installed: tests/reference/set-up") };
    let world = World::new();
    let home = || signed_in(&world, &bin, "AzureCloud", &world.azure.secret_of("app"));
    let azure = |home: &Home| home.path(".azure").display().to_string();
    let full = home();
    let Some(outcome) = on_a_disk(&full, &format!("cat /dev/zero > {}/rest", azure(&full))) else {
        return skip(test, "a file system of one's own needs root");
    };
    outcome.explains(&["az failed: no space left on the disk", "free space in ~/.azure"]);
    let fixed = home();
    let outcome = on_a_disk(&fixed, &format!("mount -o remount,ro {}", azure(&fixed))).unwrap();
    outcome.explains(&["az failed: read-only file system", "let az write to ~/.azure"]);
}
