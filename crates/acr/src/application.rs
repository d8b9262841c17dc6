use broker::MintError;

use crate::asking::Asking;
use crate::failure;

/// An application that is registered in a tenant, and proves itself there.
#[derive(Clone, Debug)]
pub(crate) struct Application {
    pub(crate) tenant: String,
    pub(crate) client_id: String,
}

impl Application {
    /// The one that the settings name for a registry, else the one of the environment.
    pub(crate) fn of_environment(asking: &Asking<'_>, because: &str) -> Result<Self, MintError> {
        Self::of(asking, because, "AZURE_TENANT_ID", "AZURE_CLIENT_ID")
    }

    /// The same by other variables; `because` is the variable that says that there is one.
    pub(crate) fn of(asking: &Asking<'_>, because: &str, tenant: &str, client_id: &str) -> Result<Self, MintError> {
        let value = |of_rule: Option<&String>, variable: &str| {
            let value = of_rule.cloned().or_else(|| asking.text(variable));
            value.ok_or_else(|| failure::half_set(because, variable))
        };
        Ok(Application {
            tenant: value(asking.rule.and_then(|rule| rule.tenant.as_ref()), tenant)?,
            client_id: value(asking.rule.and_then(|rule| rule.client_id.as_ref()), client_id)?,
        })
    }
}

/// Whether what proves an application is another application's than the one that the settings name
/// for this registry.
pub(crate) fn is_anothers(asking: &Asking<'_>, client_id: &str) -> bool {
    let named = asking.rule.and_then(|rule| rule.client_id.as_deref());
    named.is_some_and(|named| asking.text(client_id).is_some_and(|other| !other.eq_ignore_ascii_case(named)))
}
