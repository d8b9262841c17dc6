use std::fmt::Display;
use std::path::Path;

use broker::{MintError, Principal};
use web::RequestError;

pub(crate) fn no_identity() -> MintError {
    MintError::no_identity(
        "no Azure credentials found",
        "run `az login`, or set AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET",
    )
}

pub(crate) fn unsupported_credential() -> MintError {
    MintError::failed(
        "AZURE_TOKEN_CREDENTIALS names an unsupported credential",
        "set it to dev or prod, or to a single credential such as AzureCliCredential",
    )
}

pub(crate) fn service_fabric() -> MintError {
    MintError::failed(
        "managed identities of Service Fabric are not supported",
        "set AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET",
    )
}

pub(crate) fn closed_cloud() -> MintError {
    MintError::failed("this registry's cloud, Azure Germany, was closed in 2021", "use a registry in azurecr.io")
}

/// `setting` is a variable or a key.
pub(crate) fn bad_authority(setting: &str) -> MintError {
    MintError::failed(format!("{setting} is not a host name or an https URL"), format!("check {setting}"))
}

/// A variable selects a credential, and another one that it needs is missing.
pub(crate) fn missing_variable(set: &str, missing: &str) -> MintError {
    MintError::failed(format!("{set} is set but {missing} is not"), format!("set {missing}, or unset {set}"))
}

/// The scope of a token of a registry names repositories, and has no wildcards.
pub(crate) fn no_repositories() -> MintError {
    MintError::failed(
        "access in the [[registry]] table needs repositories: Azure narrows a token to named repositories only",
        "set repositories = [\"team/app\"]",
    )
}

pub(crate) fn pod_without_tenant() -> MintError {
    MintError::failed(
        "the service account has an annotation for an application and none for its tenant",
        "annotate it with kubernetes.azure.com/acr-tenant-id, or set `tenant` in credmint's settings",
    )
}

/// `azure_identity` does not take the names of an application, or the address of a service.
pub(crate) fn bad_settings(principal: &Principal) -> MintError {
    principal.no_token("its tenant, client ID or endpoint is malformed")
}

/// `setting` names the file.
pub(crate) fn unreadable(principal: &Principal, path: &Path, error: impl Display, setting: &str) -> MintError {
    principal.no_token_but(format!("cannot read {}: {error}", path.display()), format!("check {setting}"))
}

pub(crate) fn unreachable(principal: &Principal, service: &str, error: &RequestError) -> MintError {
    principal.no_token_because(error.explain(&format!("cannot reach {service}")))
}

/// It must exist, according to the firmware or because the settings allow nothing else.
pub(crate) fn no_metadata_service(principal: &Principal) -> MintError {
    principal.no_token_but(
        "the metadata service at 169.254.169.254 did not respond",
        "allow this machine or pod to reach it, or set AZURE_TOKEN_CREDENTIALS=dev to go on without it",
    )
}

/// The identity is of another of Azure's clouds than the registry: its token must not go there.
pub(crate) fn another_cloud(principal: &Principal, its_cloud: &str, registry_cloud: &str) -> MintError {
    let cause = format!("it belongs to {its_cloud} and the registry to {registry_cloud}");
    let remedy = format!("to sign in to that cloud, run `az cloud set --name {registry_cloud} && az login`");
    principal.no_token_but(cause, remedy)
}

/// A program has an account here and is not installed.
pub(crate) fn not_installed(principal: &Principal, program: &str) -> MintError {
    let remedy =
        format!("add the folder of {program} to PATH, or set AZURE_TOKEN_CREDENTIALS=prod to go on without it");
    principal.no_token_but(format!("{program} is not on PATH"), remedy)
}
