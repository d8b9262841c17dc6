use broker::MintError;

use crate::context::Context;
use crate::error;

/// An application that is registered in a tenant of Entra ID.
#[derive(Clone, Debug)]
pub(crate) struct Application {
    pub(crate) tenant: String,
    pub(crate) client_id: String,
}

impl Application {
    /// The one that the settings name for a registry, else the one of the environment.
    pub(crate) fn of_environment(context: &Context<'_>, because: &str) -> Result<Self, MintError> {
        Self::of(context, because, "AZURE_TENANT_ID", "AZURE_CLIENT_ID")
    }

    /// The same by other variables; `because` is the variable that selects this credential.
    pub(crate) fn of(context: &Context<'_>, because: &str, tenant: &str, client_id: &str) -> Result<Self, MintError> {
        let value = |of_rule: Option<&String>, variable: &str| {
            let value = of_rule.cloned().or_else(|| context.text(variable));
            value.ok_or_else(|| error::missing_variable(because, variable))
        };
        Ok(Application {
            tenant: value(context.rule.and_then(|rule| rule.tenant.as_ref()), tenant)?,
            client_id: value(context.rule.and_then(|rule| rule.client_id.as_ref()), client_id)?,
        })
    }
}

/// Whether the credential in the environment is of another application than the settings name for this
/// registry.
pub(crate) fn is_of_another(context: &Context<'_>, client_id: &str) -> bool {
    let named = context.rule.and_then(|rule| rule.client_id.as_deref());
    named.is_some_and(|named| context.text(client_id).is_some_and(|other| !other.eq_ignore_ascii_case(named)))
}
