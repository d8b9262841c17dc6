//! Who a registry's token is minted for.

use broker::Principal;
use web::quote;

pub(crate) fn client_secret(client_id: &str) -> Principal {
    application(client_id, "client secret", "check AZURE_CLIENT_SECRET, AZURE_CLIENT_ID and AZURE_TENANT_ID")
}

pub(crate) fn client_certificate(client_id: &str) -> Principal {
    let remedy = "check AZURE_CLIENT_CERTIFICATE_PATH, AZURE_CLIENT_ID and AZURE_TENANT_ID";
    application(client_id, "client certificate", remedy)
}

pub(crate) fn workload_identity(client_id: &str) -> Principal {
    let remedy = "check the application's federated credential, AZURE_CLIENT_ID and AZURE_TENANT_ID";
    application(client_id, "federated token", remedy)
}

pub(crate) fn pod(client_id: &str) -> Principal {
    let remedy = "check the application's federated credential, and the audience of the tokens that kubelet requests";
    application(client_id, "service account of the pod", remedy)
}

pub(crate) fn service_connection(client_id: &str) -> Principal {
    let remedy = "check the service connection, and set SYSTEM_ACCESSTOKEN to $(System.AccessToken)";
    application(client_id, "service connection", remedy)
}

pub(crate) fn managed_identity(client_id: Option<&str>, of: &str) -> Principal {
    let name = match client_id {
        Some(id) => format!("the managed identity of {of} (client ID {})", quote::name(id)),
        None => format!("the managed identity of {of}"),
    };
    Principal::new(name, "assign the identity to it, or check AZURE_CLIENT_ID")
}

/// `login` is the command that signs in.
pub(crate) fn azure_cli(login: &str) -> Principal {
    Principal::user("the account of the Azure CLI", format!("run `{login}`"))
}

pub(crate) fn developer_cli() -> Principal {
    Principal::user("the account of the Azure Developer CLI", "run `azd auth login`")
}

fn application(client_id: &str, proof: &str, remedy: &str) -> Principal {
    Principal::new(format!("application {} ({proof})", quote::name(client_id)), remedy)
}
