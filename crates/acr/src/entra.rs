use std::sync::Arc;

use azure_core::credentials::TokenCredential;
use azure_identity::ClientAssertionCredentialOptions;
use broker::{MintError, Principal};
use protocol::Secret;

use crate::application::Application;
use crate::context::Context;
use crate::error;
use crate::identity::Identity;
use crate::rejection;
use crate::transport::Transport;

/// The requests of one application to Entra ID.
pub(crate) struct Entra {
    transport: Arc<Transport>,
    authority: String,
    scope: String,
}

impl Entra {
    pub(crate) fn new(context: &Context<'_>) -> Self {
        Entra { transport: Transport::new(context), authority: context.authority.clone(), scope: context.scope() }
    }

    pub(crate) fn options(&self) -> azure_core::http::ClientOptions {
        self.transport.options(&self.authority)
    }

    pub(crate) fn assertion_options(&self) -> ClientAssertionCredentialOptions {
        ClientAssertionCredentialOptions { client_options: self.options() }
    }

    /// Requests an access token. The errors of `azure_identity` contain the bodies of responses, so none of them is
    /// shown.
    pub(crate) async fn identity<C: TokenCredential>(
        &self,
        principal: Principal,
        application: Application,
        credential: azure_core::Result<Arc<C>>,
    ) -> Result<Identity, MintError> {
        let credential = credential.map_err(|_| error::bad_settings(&principal))?;
        match credential.get_token(&[&self.scope], None).await {
            Ok(token) => {
                let token = Secret::new(token.token.secret().to_owned());
                Ok(Identity { principal, token, tenant: Some(application.tenant) })
            }
            Err(_) => Err(match self.transport.last_result() {
                Some((host, result)) => match result {
                    Err(error) => error::unreachable(&principal, &host, &error),
                    Ok(response) if response.is_success() => principal.malformed_response(&host),
                    Ok(response) => rejection::of_token_service(&principal, &host, &response),
                },
                None => error::bad_settings(&principal),
            }),
        }
    }
}
