use broker::{MintError, Principal};
use web::{RequestError, quote};

use crate::principal;

pub(crate) fn no_identity() -> MintError {
    MintError::no_identity(
        "no Google Cloud credentials found",
        "run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS",
    )
}

/// Credential Access Boundaries are for Cloud Storage only.
/// <https://cloud.google.com/iam/docs/create-downscoped-short-lived-credentials>
pub(crate) fn cannot_narrow() -> MintError {
    MintError::failed(
        "access and repositories in the [[registry]] table cannot be applied: Google does not narrow tokens for Artifact Registry",
        "set impersonate to a service account with the role Artifact Registry Reader instead",
    )
}

/// `place` is the file or variable that shows that gcloud has an account.
pub(crate) fn gcloud_not_installed(place: &str) -> MintError {
    let remedy = "install gcloud or add its folder to PATH, or set GOOGLE_APPLICATION_CREDENTIALS";
    principal::gcloud().no_token_but(format!("gcloud is not on PATH, and {place} exists"), remedy)
}

pub(crate) fn unreachable(principal: &Principal, host: &str, error: &RequestError) -> MintError {
    principal.no_token_because(error.explain(&format!("cannot reach {host}")))
}

/// According to the firmware, this is a machine of Google.
pub(crate) fn no_metadata_server(principal: &Principal) -> MintError {
    principal.no_token_but(
        "the metadata server at 169.254.169.254 did not respond",
        "allow this machine or pod to reach it, or set NO_GCE_CHECK=true to go on without it",
    )
}

/// Secrets go over TLS, or to this machine.
pub(crate) fn insecure_url(principal: &Principal) -> MintError {
    principal.no_token_but("its file names a URL that is not https", "create the file again")
}

/// The identity belongs to another of Google's clouds than the registry: its token must not go there.
pub(crate) fn another_universe(principal: &Principal, its: &str, registrys: &str) -> MintError {
    principal.no_token_but(
        format!("it belongs to {} and the registry to {registrys}", quote::name(its)),
        "set `credentials_file` for this registry in credmint's settings",
    )
}
