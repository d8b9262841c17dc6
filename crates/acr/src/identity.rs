use broker::MintError;
use protocol::Secret;

use crate::asking::Asking;
use crate::failure::{self, Who};
use crate::order::{self, Source};
use crate::{certificate, client_secret, command_line, managed, pipelines, workload};

/// Somebody, and the access token that proves it.
pub(crate) struct Identity {
    pub(crate) who: Who,
    pub(crate) token: Secret,
    /// The tenant that it was asked for in, where one was named.
    pub(crate) tenant: Option<String>,
}

/// The first identity that there is. One that exists and fails is the end: the next one would be
/// somebody else.
pub(crate) async fn find(asking: &Asking<'_>) -> Result<Identity, MintError> {
    for source in order::allowed(asking.environment)? {
        let found = match source {
            Source::ClientSecret => client_secret::identity(asking).await?,
            Source::ClientCertificate => certificate::identity(asking).await?,
            Source::WorkloadIdentity => workload::identity(asking).await?,
            Source::Pipelines => pipelines::identity(asking).await?,
            Source::ManagedIdentity => managed::identity(asking).await?,
            Source::AzureCli => command_line::az(asking).await?,
            Source::DeveloperCli => command_line::azd(asking).await?,
        };
        if let Some(identity) = found {
            log::debug!("the identity is of {source:?}");
            return Ok(identity);
        }
    }
    Err(failure::nobody())
}
