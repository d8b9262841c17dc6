use azure_identity::ClientAssertionCredential;
use broker::MintError;
use settings::Workload;

use crate::application::Application;
use crate::asking::Asking;
use crate::assertion::Assertion;
use crate::entra::Entra;
use crate::failure::{self, Who};
use crate::identity::Identity;

/// The application, or the managed identity, that trusts the service account of a pod; its annotations
/// stand in place of what a rule says of applications.
/// <https://learn.microsoft.com/azure/aks/workload-identity-overview>
pub(crate) async fn identity(workload: &Workload, client_id: &str, asking: &Asking<'_>) -> Result<Identity, MintError> {
    let tenant = workload.azure_tenant().or_else(|| asking.rule?.tenant.as_deref()).map(str::to_owned);
    let tenant = tenant.or_else(|| asking.text("AZURE_TENANT_ID")).ok_or_else(failure::no_tenant_of_pod)?;
    let application = Application { tenant, client_id: client_id.to_owned() };
    let entra = Entra::new(asking);
    let token = Assertion(workload.token.clone());
    let options = Some(entra.assertion_options());
    let Application { tenant, client_id } = application.clone();
    let credential = ClientAssertionCredential::new(tenant, client_id, token, options);
    entra.identity(Who::pod(&application), application, credential).await
}
