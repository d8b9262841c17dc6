use pretend_cloud::TENANT;
use serde_json::json;

use crate::acr::{CONTOSO, World, get, put_program};
use crate::home::{ACR, Outcome};

#[test]
fn az_is_called_wherever_its_account_is() {
    let world = World::new();
    let mut home = world.with_az("jane");
    // Without reading its file, if no other credential is tried.
    std::fs::remove_file(home.path(".azure/azureProfile.json")).unwrap();
    get(&home, CONTOSO).is_not_found_because(&["no Azure credentials found"]);
    home.set("AZURE_TOKEN_CREDENTIALS", "AzureCliCredential");
    assert_eq!(world.minted_by(&get(&home, CONTOSO)), "jane");
    // Relative to the caller's folder, although az runs in another one.
    let mut home = world.home();
    home.write("mine/az/azureProfile.json", "\u{feff}{\"subscriptions\": [{}]}");
    home.set("AZURE_CONFIG_DIR", "az");
    let token = world.azure.access_token_of("joan");
    let answer = json!({"accessToken": token, "expiresOn": "2026-11-26 20:15:30.000000", "tokenType": "Bearer"});
    put_program(&mut home, "az", &format!("test -f \"$AZURE_CONFIG_DIR/azureProfile.json\" && echo '{answer}'"));
    let mut command = home.shell(&format!("echo {CONTOSO} | {} get", crate::home::program(ACR).display()));
    let outcome = Outcome::of(ACR, command.current_dir(home.path("mine")));
    assert_eq!(world.minted_by(&outcome), "joan", "with the answer of an az before 2.54");
    // There is no account any more.
    home.write("mine/az/azureProfile.json", "{\"subscriptions\": []}");
    home.set("AZURE_CONFIG_DIR", home.path("mine/az"));
    get(&home, CONTOSO).is_not_found_because(&["no Azure credentials found"]);
}

#[test]
fn az_is_called_if_it_has_an_account() {
    let world = World::new();
    let mut home = world.home();
    put_program(&mut home, "az", "echo run >> \"$HOME/runs\"; exit 1");
    get(&home, CONTOSO).is_not_found_because(&["no Azure credentials found", "az login"]);
    assert!(!home.path("runs").exists(), "it is not started in vain");
    world.put_az(&mut home, "jane@contoso.example");
    assert_eq!(world.minted_by(&get(&home, CONTOSO)), "jane@contoso.example");
    get(&home, CONTOSO).credentials();
    let command = "account get-access-token -o json --scope https://containerregistry.azure.net/.default\n";
    assert_eq!(std::fs::read_to_string(home.path("runs")).unwrap(), command, "it is started once");
    world.put_az(&mut home, "john.doe@contoso.example");
    assert_eq!(world.minted_by(&get(&home, CONTOSO)), "john.doe@contoso.example", "another account is another token");
    home.settings(&format!("[[registry]]\nmatch = \"fabrikam.azurecr.io\"\ntenant = \"{TENANT}\"\n"));
    assert_eq!(world.minted(&get(&home, "fabrikam.azurecr.io")).tenant.as_deref(), Some(TENANT));
    let runs = std::fs::read_to_string(home.path("runs")).unwrap();
    assert!(runs.ends_with(&format!("/.default --tenant {TENANT}\n")), "{runs}");
}

#[test]
fn azd_comes_after_az() {
    let world = World::new();
    let mut home = world.with_az("jane");
    let token = world.azure.access_token_of("joan");
    let answer = json!({"token": token, "expiresOn": "2100-01-01T00:00:00Z"});
    put_program(&mut home, "azd", &format!("echo '{answer}'"));
    assert_eq!(world.minted_by(&get(&home, CONTOSO)), "jane");
    home.write(".azd/auth.json", "{}");
    put_program(&mut home, "az", "echo \"ERROR: Please run 'az login' to setup account.\" >&2; exit 1");
    assert_eq!(world.minted_by(&get(&home, CONTOSO)), "joan");
    for az in ["echo 'ERROR: AADSTS700082: x' >&2; exit 1", "echo 'canary: [Errno 28]' >&2; exit 1", "exit 127"] {
        put_program(&mut home, "az", az);
        home.write(".azd/auth.json", format!("{{\"x\": \"{}\"}}", az.len()));
        assert_eq!(world.minted_by(&get(&home, CONTOSO)), "joan", "{az}");
    }
    std::fs::remove_file(home.path("bin/az")).unwrap();
    home.write(".azd/auth.json", "{ }");
    assert_eq!(world.minted_by(&get(&home, CONTOSO)), "joan");
}

#[test]
fn an_az_that_fails_is_not_always_to_be_signed_in_to() {
    let world = World::new();
    let mut home = world.with_az("jane");
    for (said, code, why, remedy) in [
        (
            "canary [Errno 28] No space left on device",
            1,
            "az failed: no space left on the disk",
            "free space in ~/.azure",
        ),
        ("canary [Errno 30] Read-only file system", 1, "az failed: read-only file system", "~/.azure"),
        (
            "canary [Errno 13] Permission denied",
            1,
            "az failed: permission denied for one of its files",
            "the owner and permissions",
        ),
        ("canary Failed to resolve 'login.canary'", 1, "az failed: cannot reach the service", "check the network"),
        (
            "canary CERTIFICATE_VERIFY_FAILED",
            1,
            "az failed: certificate of the service not trusted",
            "REQUESTS_CA_BUNDLE",
        ),
        ("canary Service Unavailable", 1, "az failed: the service is unavailable", "try again later"),
        ("canary ModuleNotFoundError", 1, "az failed: it is installed but does not run", "reinstall az"),
        ("canary", 127, "az failed: it is installed but does not run", "reinstall az"),
        ("canary", 2, "az exited with 2", "az account get-access-token"),
        ("AADSTS53003: canary. Please run: az login", 1, "conditional access", "the tenant's administrator"),
        ("AADSTS90033: canary. Please run: az login", 1, "Entra ID is unavailable", "try again later"),
    ] {
        put_program(&mut home, "az", &format!("echo \"{said}\" >&2; exit {code}"));
        let line =
            get(&home, CONTOSO).explains(&["no token for the account of the Azure CLI: ", why, remedy]).to_owned();
        assert!(!line.contains("canary") && !line.contains("az login"), "{line}");
    }
    // As az prints it, with the tenant and the scope that require a sign-in.
    let says = "AADSTS50076: canary\nPlease run:\naz login --tenant 'common' --scope 'canary'".replace('\'', "\\\"");
    put_program(&mut home, "az", &format!("printf \"{says}\" >&2; exit 1"));
    get(&home, CONTOSO).explains(&[
        "requires an interactive sign-in (AADSTS50076)",
        "run `az login --tenant common --scope https://containerregistry.azure.net/.default`",
    ]);
    std::fs::write(home.path("bin/az"), "#!/no/such/python\n").unwrap();
    get(&home, CONTOSO).explains(&["az failed: it is installed but does not run", "reinstall az"]);
    std::fs::remove_file(home.path("bin/az")).unwrap();
    get(&home, CONTOSO).explains(&[
        "the account of the Azure CLI",
        "az is not on PATH",
        "add the folder of az to PATH",
    ]);
    // What came of that is of no concern to whoever comes next, however soon.
    world.put_az(&mut home, "jane");
    assert_eq!(world.minted_by(&get(&home, CONTOSO)), "jane");
}

#[test]
fn the_words_of_az_are_not_repeated() {
    let world = World::new();
    let mut home = world.with_az("jane");
    for (script, why) in [
        (
            "echo 'ERROR: AADSTS700082: canary. Please run: az login' >&2; exit 1",
            "the session has expired (AADSTS700082)",
        ),
        ("echo 'ERROR: AADSTS50076: canary' >&2; exit 1", "requires an interactive sign-in"),
        ("echo 'canary: Interactive authentication is needed.' >&2; exit 1", "the session has expired"),
        ("echo canary", "az printed no token"),
        ("echo '{\"accessToken\": \"canary\"}'", "az printed no token"),
    ] {
        put_program(&mut home, "az", script);
        let line = get(&home, CONTOSO).explains(&["the account of the Azure CLI", why, "run `az login`"]).to_owned();
        assert!(!line.contains("canary"), "{line}");
    }
    put_program(
        &mut home,
        "az",
        "echo 'ERROR: Please run az login to setup account' | sed \"s/az login/'&'/\" >&2; exit 1",
    );
    get(&home, CONTOSO).is_not_found_because(&["no Azure credentials found"]);
    home.write(".azd/auth.json", "{}");
    put_program(&mut home, "azd", "echo '{\"data\": {\"message\": \"reauthentication required canary\"}}' >&2; exit 1");
    let line =
        get(&home, CONTOSO).explains(&["the account of the Azure Developer CLI", "run `azd auth login`"]).to_owned();
    assert!(!line.contains("canary"), "{line}");
}

#[test]
fn a_program_that_hangs_is_killed_with_all_that_it_has_started() {
    let world = World::new();
    let mut home = world.with_az("jane");
    home.settings("timeout = 2");
    put_program(&mut home, "az", "sleep 300 & wait");
    get(&home, CONTOSO).gave_up().explains(&["the account of the Azure CLI", "az timed out"]);
    home.is_quiet();
}
