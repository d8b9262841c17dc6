use azure_identity::ClientAssertionCredential;
use broker::MintError;
use settings::Workload;

use crate::application::Application;
use crate::assertion::Assertion;
use crate::context::Context;
use crate::entra::Entra;
use crate::identity::Identity;
use crate::{error, principal};

/// The application, or the managed identity, that trusts the service account of a pod; its annotations
/// take the place of the application in a rule.
/// <https://learn.microsoft.com/azure/aks/workload-identity-overview>
pub(crate) async fn identity(
    workload: &Workload,
    client_id: &str,
    context: &Context<'_>,
) -> Result<Identity, MintError> {
    let tenant = workload.azure_tenant().or_else(|| context.rule?.tenant.as_deref()).map(str::to_owned);
    let tenant = tenant.or_else(|| context.text("AZURE_TENANT_ID")).ok_or_else(error::pod_without_tenant)?;
    let application = Application { tenant, client_id: client_id.to_owned() };
    let entra = Entra::new(context);
    let token = Assertion(workload.token.clone());
    let options = Some(entra.assertion_options());
    let Application { tenant, client_id } = application.clone();
    let credential = ClientAssertionCredential::new(tenant, client_id, token, options);
    entra.identity(principal::pod(&application.client_id), application, credential).await
}
