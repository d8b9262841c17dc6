use std::future::Future;
use std::pin::Pin;

use broker::MintError;
use serde::Deserialize;
use serde_json::Value;
use settings::{Rule, Setup};

use crate::exchange::Exchange;
use crate::failure::{self, Who};
use crate::file::{CredentialsFile, Kind};
use crate::impersonation::Impersonation;
use crate::token::AccessToken;
use crate::{federation, gcloud, metadata, places, service_account, user};

/// Somebody, and the token that proves it.
pub(crate) struct Identity {
    pub(crate) who: Who,
    pub(crate) token: AccessToken,
    /// The domain of the Google Cloud that knows it.
    pub(crate) universe: String,
    pub(crate) quota_project: Option<String>,
}

/// The first identity that there is. One that exists and fails is the end: the next one would be
/// somebody else.
///
/// The order is that of Google's Application Default Credentials, which know nothing of gcloud's
/// active account. So that one comes last, after the metadata server: a machine in Google Cloud
/// works as itself, whoever has once signed in to gcloud on it; and starting gcloud takes half a second.
/// <https://cloud.google.com/docs/authentication/application-default-credentials>
pub(crate) async fn find(setup: &Setup, rule: Option<&Rule>, exchange: &Exchange<'_>) -> Result<Identity, MintError> {
    if let Some((path, by)) = places::credentials_file(setup, rule) {
        log::debug!("the identity is that of {}", path.display());
        return of_file(&CredentialsFile::read(&path, by)?, exchange).await;
    }
    if let Some(identity) = metadata::identity(exchange).await? {
        log::debug!("the identity is this machine's");
        return Ok(identity);
    }
    if places::gcloud_may_have_account(setup)
        && let Some(identity) = gcloud::identity(exchange).await?
    {
        log::debug!("the identity is gcloud's active account");
        return Ok(identity);
    }
    Err(failure::nobody())
}

/// Boxed, since a file may hold another one.
fn of_file<'a>(
    file: &'a CredentialsFile,
    exchange: &'a Exchange<'_>,
) -> Pin<Box<dyn Future<Output = Result<Identity, MintError>> + 'a>> {
    Box::pin(async move {
        let (who, token) = match file.kind {
            Kind::ServiceAccount => service_account::token(file, exchange).await?,
            Kind::AuthorizedUser => user::token(file, exchange).await?,
            Kind::ExternalAccountAuthorizedUser => user::workforce_token(file, exchange).await?,
            Kind::ExternalAccount => federation::token(file, exchange).await?,
            Kind::ImpersonatedServiceAccount => impersonated(file, exchange).await?,
            Kind::Other => return Err(failure::nobody()),
        };
        Ok(Identity { who, token, universe: file.universe.clone(), quota_project: file.quota_project.clone() })
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
async fn impersonated(file: &CredentialsFile, exchange: &Exchange<'_>) -> Result<(Who, AccessToken), MintError> {
    let fields: Impersonated = file.fields()?;
    let inner = file.inner(&fields.source_credentials)?;
    let mut source = of_file(&inner, exchange).await?;
    source.quota_project = source.quota_project.or_else(|| file.quota_project.clone());
    let impersonation =
        Impersonation { delegates: fields.delegates, ..Impersonation::at(fields.service_account_impersonation_url) };
    impersonation.token(&source, exchange).await
}
