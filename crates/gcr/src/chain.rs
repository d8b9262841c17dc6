//! The credential chain: the sources of an identity of the GCR helper, in order.

use std::future::Future;
use std::pin::Pin;

use broker::{MintError, Principal};
use serde::Deserialize;
use serde_json::Value;
use settings::{Rule, Setup};

use crate::credentials_file::{CredentialsFile, CredentialsType};
use crate::exchange::Exchange;
use crate::identity::Identity;
use crate::impersonation::Impersonation;
use crate::token::AccessToken;
use crate::{error, federation, gcloud, gcloud_config, metadata_server, service_account, user};

/// The first identity of the chain. One that exists and fails ends it: the next one would be another principal.
///
/// The order is that of Google's Application Default Credentials, which do not use gcloud's
/// active account. So that one comes last, after the metadata server: a machine in Google Cloud
/// uses its own identity, not that of a user who signed in to gcloud on it; and starting gcloud takes half a second.
/// <https://cloud.google.com/docs/authentication/application-default-credentials>
pub(crate) async fn find(setup: &Setup, rule: Option<&Rule>, exchange: &Exchange<'_>) -> Result<Identity, MintError> {
    if let Some((path, by)) = gcloud_config::credentials_file(setup, rule) {
        log::debug!("the identity comes from {}", path.display());
        return of_file(&CredentialsFile::read(&path, by)?, exchange).await;
    }
    let start = || gcloud::start(setup, exchange.deadline);
    let gcloud = match metadata_server::identity(exchange, start).await? {
        Ok(identity) => {
            log::debug!("the identity is this machine's");
            return Ok(identity);
        }
        Err(started) => started.unwrap_or_else(start)?,
    };
    if let Some(gcloud) = gcloud
        && let Some(identity) = gcloud.identity().await?
    {
        log::debug!("the identity is gcloud's active account");
        return Ok(identity);
    }
    Err(error::no_identity())
}

/// Boxed, since a credentials file may contain another one.
fn of_file<'a>(
    file: &'a CredentialsFile,
    exchange: &'a Exchange<'_>,
) -> Pin<Box<dyn Future<Output = Result<Identity, MintError>> + 'a>> {
    Box::pin(async move {
        let (principal, token) = match file.kind {
            CredentialsType::ServiceAccount => service_account::token(file, exchange).await?,
            CredentialsType::AuthorizedUser => user::token(file, exchange).await?,
            CredentialsType::ExternalAccountAuthorizedUser => user::workforce_token(file, exchange).await?,
            CredentialsType::ExternalAccount => federation::token(file, exchange).await?,
            CredentialsType::ImpersonatedServiceAccount => impersonated(file, exchange).await?,
            CredentialsType::GdchServiceAccount | CredentialsType::Other => return Err(error::no_identity()),
        };
        let quota_project = file.quota_project.clone();
        Ok(Identity { quota_project, ..Identity::new(principal, token, file.universe.clone()) })
    })
}

#[derive(Deserialize)]
struct Impersonated {
    service_account_impersonation_url: String,
    #[serde(default)]
    delegates: Vec<String>,
    source_credentials: Value,
}

/// What `gcloud auth application-default login --impersonate-service-account` writes.
async fn impersonated(file: &CredentialsFile, exchange: &Exchange<'_>) -> Result<(Principal, AccessToken), MintError> {
    let fields: Impersonated = file.fields()?;
    let inner = file.inner(&fields.source_credentials)?;
    let mut source = of_file(&inner, exchange).await?;
    source.quota_project = source.quota_project.or_else(|| file.quota_project.clone());
    let impersonation =
        Impersonation { delegates: fields.delegates, ..Impersonation::at(fields.service_account_impersonation_url) };
    impersonation.token(&source, exchange).await
}
