use std::sync::Arc;

use azure_core::credentials::TokenCredential;
use azure_identity::ClientAssertionCredentialOptions;
use broker::MintError;
use protocol::Secret;

use crate::application::Application;
use crate::asking::Asking;
use crate::failure::{self, Who};
use crate::identity::Identity;
use crate::transport::Transport;

/// What one application and Entra ID have to say to each other.
pub(crate) struct Entra {
    transport: Arc<Transport>,
    authority: String,
    scope: String,
}

impl Entra {
    pub(crate) fn new(asking: &Asking<'_>) -> Self {
        Entra { transport: Transport::new(asking), authority: asking.authority.clone(), scope: asking.scope() }
    }

    pub(crate) fn options(&self) -> azure_core::http::ClientOptions {
        self.transport.options(&self.authority)
    }

    pub(crate) fn assertion_options(&self) -> ClientAssertionCredentialOptions {
        ClientAssertionCredentialOptions { client_options: self.options() }
    }

    /// Asks for an access token. The errors of `azure_identity` hold what services have answered, so none
    /// of them is shown.
    pub(crate) async fn identity<C: TokenCredential>(
        &self,
        who: Who,
        application: Application,
        credential: azure_core::Result<Arc<C>>,
    ) -> Result<Identity, MintError> {
        let credential = credential.map_err(|_| failure::bad_application(&who))?;
        match credential.get_token(&[&self.scope], None).await {
            Ok(token) => {
                let token = Secret::new(token.token.secret().to_owned());
                Ok(Identity { who, token, tenant: Some(application.tenant) })
            }
            Err(_) => Err(match self.transport.heard() {
                Some(heard) => match heard.what {
                    Err(trouble) => failure::unreachable(&who, &heard.host, &trouble),
                    Ok(answer) if answer.is_success() => failure::nonsense(&who, &heard.host),
                    Ok(answer) => failure::refused(&who, &heard.host, &answer),
                },
                None => failure::bad_application(&who),
            }),
        }
    }
}
