//! Who a registry's token is minted for.

use std::path::Path;

use broker::Principal;
use web::quote;

pub(crate) fn service_account(email: &str, path: &Path) -> Principal {
    let name = format!("the service account {} of {}", quote::name(email), path.display());
    Principal::new(name, "check that neither its key nor the account has been deleted or disabled")
}

pub(crate) fn user(path: &Path) -> Principal {
    let name = format!("the Google user of {}", path.display());
    Principal::user(name, "run `gcloud auth application-default login`")
}

pub(crate) fn federated(path: &Path) -> Principal {
    let name = format!("the federated identity of {}", path.display());
    Principal::new(name, "check the workload identity pool, its provider and its conditions")
}

pub(crate) fn pod() -> Principal {
    let remedy = "check the workload identity pool, its provider, and the audience of the tokens that kubelet requests";
    Principal::new("the pod's service account", remedy)
}

pub(crate) fn machine() -> Principal {
    Principal::new("this machine's service account", "check that it exists and may use the cloud-platform scope")
}

pub(crate) fn gcloud() -> Principal {
    Principal::user("gcloud's active account", "run `gcloud auth login`")
}

pub(crate) fn impersonated(account: &str, remedy: &str) -> Principal {
    Principal::new(format!("the impersonated service account {}", quote::name(account)), remedy)
}
