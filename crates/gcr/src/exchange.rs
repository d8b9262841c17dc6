use std::cell::OnceCell;

use broker::{MintError, Principal};
use protocol::{Deadline, Secret};
use serde_json::Value;
use settings::Environment;
use url::{Host, Url};
use web::{Client, Response};

use crate::error;
use crate::rejection;
use crate::token::AccessToken;

/// The one scope that Artifact Registry takes for pulling and pushing; `devstorage.*`, with which
/// Container Registry was content, does not open it.
/// <https://cloud.google.com/artifact-registry/docs/docker/authentication>
pub(crate) const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// A field of a form.
#[derive(Clone, Copy)]
pub(crate) enum Field<'a> {
    Plain(&'a str),
    Secret(&'a Secret),
}

/// How Google's services are called within one `mint`.
pub(crate) struct Exchange<'a> {
    /// Made for the first request: to read the certificate authorities takes longer than to sign a token.
    client: OnceCell<Client>,
    pub(crate) deadline: Deadline,
    pub(crate) environment: &'a Environment,
    /// Whether what a service account's key signs is the token.
    pub(crate) self_signed_jwt: bool,
}

/// A service issued no token.
pub(crate) enum ExchangeError {
    /// It cannot be reached.
    Unreachable(MintError),
    Failed(MintError),
}

impl From<ExchangeError> for MintError {
    fn from(error: ExchangeError) -> Self {
        match error {
            ExchangeError::Unreachable(error) | ExchangeError::Failed(error) => error,
        }
    }
}

impl<'a> Exchange<'a> {
    pub(crate) fn new(environment: &'a Environment, deadline: Deadline, self_signed_jwt: bool) -> Self {
        Exchange { client: OnceCell::new(), deadline, environment, self_signed_jwt }
    }

    /// Requests an access token of an OAuth service; `client` is the id and the secret of an OAuth client.
    pub(crate) async fn token(
        &self,
        principal: &Principal,
        service: &str,
        client: Option<(&str, &Secret)>,
        form: &[(&str, Field<'_>)],
    ) -> Result<AccessToken, ExchangeError> {
        let url = guarded(principal, service).map_err(ExchangeError::Failed)?;
        let fields: Vec<_> = form.iter().map(|(name, field)| (*name, field.expose())).collect();
        let request = self.client_for(&url).map_err(ExchangeError::Failed)?.post(url.clone()).form(&fields);
        let request = match client {
            Some((id, secret)) => request.basic_auth(id, Some(secret.expose())),
            None => request,
        };
        self.ask(principal, &url, request, AccessToken::of_oauth).await
    }

    /// Calls a service that takes and returns JSON, with an access token.
    pub(crate) async fn call(
        &self,
        principal: &Principal,
        service: &str,
        token: &AccessToken,
        quota_project: Option<&str>,
        body: &Value,
    ) -> Result<AccessToken, MintError> {
        let url = guarded(principal, service)?;
        let request = self.client_for(&url)?.post(url.clone()).bearer_auth(token.secret.expose()).json(body);
        // Google does not know which project to charge for a user's token.
        let request = match quota_project {
            Some(project) => request.header("x-goog-user-project", project),
            None => request,
        };
        Ok(self.ask(principal, &url, request, AccessToken::of_iam).await?)
    }

    async fn ask<T>(
        &self,
        principal: &Principal,
        url: &Url,
        request: web::RequestBuilder,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<T, ExchangeError> {
        let host = url.host_str().unwrap_or_default();
        let response = Response::to(request, self.deadline).await.map_err(|error| {
            let is_unreachable = error.is_unreachable();
            let error = error::unreachable(principal, host, &error);
            if is_unreachable { ExchangeError::Unreachable(error) } else { ExchangeError::Failed(error) }
        })?;
        if !response.is_success() {
            return Err(ExchangeError::Failed(rejection::error(principal, host, &response)));
        }
        let token = response.json().as_ref().and_then(read);
        token.ok_or_else(|| ExchangeError::Failed(principal.malformed_response(host)))
    }

    pub(crate) fn client_for(&self, url: &Url) -> Result<&web::HttpClient, MintError> {
        if is_local(url) { self.direct() } else { Ok(self.client()?.proxied()) }
    }

    /// Metadata services are called directly: a proxy cannot reach that of this machine.
    pub(crate) fn direct(&self) -> Result<&web::HttpClient, MintError> {
        Ok(self.client()?.direct())
    }

    fn client(&self) -> Result<&Client, MintError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = Client::new(self.environment).map_err(MintError::Failed)?;
        Ok(self.client.get_or_init(|| client))
    }
}

impl Field<'_> {
    fn expose(&self) -> &str {
        match self {
            Field::Plain(text) => text,
            Field::Secret(secret) => secret.expose(),
        }
    }
}

/// An address that secrets may be sent to: over TLS, or not leaving this machine.
fn guarded(principal: &Principal, service: &str) -> Result<Url, MintError> {
    let url = Url::parse(service).ok().filter(|url| url.host().is_some());
    url.filter(|url| url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url)))
        .ok_or_else(|| error::insecure_url(principal))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn is_local(url: &Url) -> bool {
    is_loopback(url)
        || match url.host() {
            Some(Host::Domain(name)) => name == "metadata.google.internal",
            Some(Host::Ipv4(address)) => address.is_link_local(),
            Some(Host::Ipv6(address)) => address.is_unique_local() || address.is_unicast_link_local(),
            None => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::principal;

    #[test]
    fn secrets_are_sent_over_tls_or_nowhere() {
        let principal = principal::gcloud();
        for service in [
            "https://oauth2.googleapis.com/token",
            "http://127.0.0.1:8080/token",
            "http://localhost/",
            "http://[::1]:1/",
        ] {
            assert!(guarded(&principal, service).is_ok(), "{service}");
        }
        for service in [
            "http://oauth2.googleapis.com/token",
            "http://localhost.attacker.com/",
            "http://169.254.169.254/",
            "ftp://x/",
            "file:///etc/passwd",
            "token",
            "",
        ] {
            assert!(guarded(&principal, service).is_err(), "{service}");
        }
    }

    #[test]
    fn the_machines_own_services_are_called_without_a_proxy() {
        for (url, expected) in [
            ("http://169.254.169.254/metadata/identity/oauth2/token", true),
            ("http://metadata.google.internal/", true),
            ("http://[fd00:ec2::254]/", true),
            ("http://127.0.0.1:40342/", true),
            ("https://sts.googleapis.com/v1/token", false),
            ("https://10.0.0.1/", false),
        ] {
            assert_eq!(is_local(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }
}
