//! The managed identities of machines and services.

use super::*;

#[test]
fn a_machine_is_its_managed_identity() {
    let world = World::new();
    let mut home = world.on_machine();
    let first = world.minted(&get(&home, CONTOSO));
    assert_eq!((first.identity.as_str(), first.tenant.as_deref()), ("machine", Some(TENANT)));
    let calls = world.azure.all_calls();
    get(&home, CONTOSO).credentials();
    assert_eq!(world.azure.all_calls(), calls, "a cached get sends no request");
    home.set("AZURE_CLIENT_ID", "assigned");
    assert_eq!(world.minted_by(&get(&home, CONTOSO)), "machine assigned");
    home.set("HTTP_PROXY", world.proxy.url()).set("http_proxy", world.proxy.url()).set("AZURE_CLIENT_ID", "other");
    assert_eq!(world.minted_by(&get(&home, CONTOSO)), "machine other", "without the proxy");
    assert_eq!(world.azure.strange_requests(), [""; 0]);
}

#[test]
fn every_place_gives_its_managed_identity() {
    let world = World::new();
    let at = |path: &str| format!("{}/{path}", world.azure.url());
    for (variables, several, expected) in [
        ([("IDENTITY_ENDPOINT", at("app")), ("IDENTITY_HEADER", "pretend-header".into())], true, "app service"),
        ([("MSI_ENDPOINT", at("learning")), ("MSI_SECRET", "pretend-secret".into())], true, "learning"),
        ([("MSI_ENDPOINT", at("shell")), ("MSI_SECRET", String::new())], false, "shell"),
    ] {
        let mut home = world.home();
        for (name, value) in variables {
            home.set(name, value);
        }
        assert_eq!(world.minted_by(&get(&home, CONTOSO)), expected);
        home.set("AZURE_CLIENT_ID", "assigned");
        if several {
            assert_eq!(world.minted_by(&get(&home, CONTOSO)), format!("{expected} assigned"));
        } else {
            get(&home, CONTOSO).explains(&["managed identity of Cloud Shell (client ID assigned)", "AZURE_CLIENT_ID"]);
        }
    }
}

#[test]
fn azure_arcs_agent_gives_tokens_to_users_who_can_read_its_key() {
    let test = "azure_arcs_agent_gives_tokens_to_users_who_can_read_its_key";
    let world = World::new();
    let mut home = world.home();
    home.set("IDENTITY_ENDPOINT", format!("{}/arc", world.azure.url())).set("IMDS_ENDPOINT", world.azure.url());
    let own = home.write("own.key", "pretend-key");
    for path in [own.to_str().unwrap(), "/var/opt/azcmagent/tokens/../../../../etc/own.key", ""] {
        world.azure.set_arc_key(path);
        get(&home, CONTOSO).explains(&["managed identity of Azure Arc", "not one of its keys"]);
    }
    world.azure.set_arc_key("/var/opt/azcmagent/tokens/0af.key");
    let line = |what: &str| format!("mount -t tmpfs none /var/opt && mkdir -p /var/opt/azcmagent/tokens && {what}");
    if !home.other("unshare", &["--mount", "sh", "-c", &line("true")]).status().is_ok_and(|status| status.success()) {
        return skip(test, "a folder of Azure Arc's needs root");
    }
    let program = crate::home::program(ACR);
    let line = line(&format!(
        "printf pretend-key > /var/opt/azcmagent/tokens/0af.key && echo {CONTOSO} | {}  get",
        program.display()
    ));
    for (id, expected) in [(None, "arc"), (Some("assigned"), "arc assigned")] {
        id.iter().for_each(|id| _ = home.set("AZURE_CLIENT_ID", *id));
        let outcome = Outcome::of(ACR, &mut home.other("unshare", &["--mount", "sh", "-c", &line]));
        assert_eq!(world.minted_by(&outcome), expected);
    }
}

#[test]
fn azure_arcs_agent_is_found_without_variables() {
    let test = "azure_arcs_agent_is_found_without_variables";
    let world = World::new();
    let mut home = world.home();
    home.unset("AZURE_POD_IDENTITY_AUTHORITY_HOST").set("PATH", "/usr/sbin:/sbin:/usr/bin:/bin");
    let line = "ip link set lo up && mount -t tmpfs none /opt && mkdir -p /opt/azcmagent/bin && echo > /opt/azcmagent/bin/himds";
    let unshare = |line: &str| home.other("unshare", &["--net", "--mount", "sh", "-c", line]);
    if !unshare(line).status().is_ok_and(|status| status.success()) {
        return skip(test, "a folder and a network of Azure Arc's need root");
    }
    let program = crate::home::program(ACR);
    let output = unshare(&format!("{line} && echo {CONTOSO} | {} get", program.display())).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.starts_with("no token for the managed identity of Azure Arc"), "{said}");
}

#[test]
fn a_machine_that_is_being_updated_is_called_again() {
    for status in [404, 410] {
        let world = World::new();
        world.azure.on(AzureCall::MachineToken, Behaviour::StumbleTimes(status, 2));
        assert_eq!(world.minted_by(&get(&world.on_machine(), CONTOSO)), "machine", "{status}");
        assert_eq!(world.azure.calls(AzureCall::MachineToken), 3, "{status}");
    }
}

#[test]
fn a_machine_without_an_identity_is_skipped() {
    let world = World::new();
    let mut home = world.with_az("jane");
    home.set("AZURE_POD_IDENTITY_AUTHORITY_HOST", world.azure.url());
    let refuse = |code, message: &str| Behaviour::Refuse { status: 400, code, message: message.into() };
    world.azure.on(AzureCall::MachineToken, refuse("invalid_request", "Identity not found"));
    assert_eq!(world.minted_by(&get(&home, CONTOSO)), "jane");
    // A client ID selects one of the machine's identities; az is tried if the machine does not have it.
    home.set("AZURE_CLIENT_ID", "assigned");
    assert_eq!(world.minted_by(&get(&home, CONTOSO)), "jane");
    let mut machine = world.on_machine();
    get(&machine, CONTOSO).is_not_found_because(&["no Azure credentials found"]);
    machine.set("AZURE_CLIENT_ID", "assigned");
    get(&machine, CONTOSO).explains(&[
        "managed identity of this machine (client ID assigned)",
        "invalid_request",
        "assign the identity to it",
    ]);
    machine.unset("AZURE_CLIENT_ID").set("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential");
    get(&machine, CONTOSO).explains(&["managed identity of this machine", "invalid_request"]);
    // Another cloud's metadata service.
    world.azure.on(AzureCall::MachineToken, Behaviour::Garbage);
    home.unset("AZURE_CLIENT_ID").set("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.com");
    get(&home, CONTOSO).explains(&["managed identity of this machine", "malformed response"]);
}
