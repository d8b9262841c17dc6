//! Who a token is for.

use broker::Principal;

use crate::scope::Plan;

/// The registry as images name it: a job has one identity, and its errors differ by the registry.
pub(crate) fn registry(plan: &Plan) -> Principal {
    Principal::new(host(plan), "compare the token with what the service trusts")
}

pub(crate) fn host(plan: &Plan) -> String {
    if plan.server.aliases().is_empty() { plan.server.to_string() } else { "docker.io".to_owned() }
}
