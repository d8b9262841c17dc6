use broker::MintError;
use protocol::{Deadline, Secret};
use serde_json::Value;
use settings::Environment;
use url::{Host, Url};
use web::{Answer, Client};

use crate::failure::{self, Who};
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

/// How Google's services are asked within one `mint`.
pub(crate) struct Exchange<'a> {
    pub(crate) client: Client,
    pub(crate) deadline: Deadline,
    pub(crate) environment: &'a Environment,
}

impl Exchange<'_> {
    /// Asks an OAuth service for an access token; `client` is the id and the secret of an OAuth client.
    pub(crate) async fn token(
        &self,
        who: &Who,
        service: &str,
        client: Option<(&str, &Secret)>,
        form: &[(&str, Field<'_>)],
    ) -> Result<AccessToken, MintError> {
        let url = guarded(who, service)?;
        let fields: Vec<_> = form.iter().map(|(name, field)| (*name, field.expose())).collect();
        let request = self.client_for(&url).post(url.clone()).form(&fields);
        let request = match client {
            Some((id, secret)) => request.basic_auth(id, Some(secret.expose())),
            None => request,
        };
        self.ask(who, &url, request, AccessToken::of_oauth).await
    }

    /// Asks a service that takes and gives JSON, as somebody who has an access token.
    pub(crate) async fn call(
        &self,
        who: &Who,
        service: &str,
        token: &AccessToken,
        quota_project: Option<&str>,
        body: &Value,
    ) -> Result<AccessToken, MintError> {
        let url = guarded(who, service)?;
        let request = self.client_for(&url).post(url.clone()).bearer_auth(token.secret.expose()).json(body);
        // Of a user's token Google does not know which project it is to be charged to.
        let request = match quota_project {
            Some(project) => request.header("x-goog-user-project", project),
            None => request,
        };
        self.ask(who, &url, request, AccessToken::of_iam).await
    }

    async fn ask<T>(
        &self,
        who: &Who,
        url: &Url,
        request: web::RequestBuilder,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<T, MintError> {
        let host = url.host_str().unwrap_or_default();
        let answer = Answer::to(request, self.deadline).await;
        let answer = answer.map_err(|trouble| failure::unreachable(who, host, &trouble))?;
        if !answer.is_success() {
            return Err(failure::refused(who, host, &answer));
        }
        answer.json().as_ref().and_then(read).ok_or_else(|| failure::nonsense(who, host))
    }

    /// Metadata services are asked directly: no proxy can reach this machine's own.
    pub(crate) fn client_for(&self, url: &Url) -> &web::HttpClient {
        if is_local(url) { self.client.direct() } else { self.client.proxied() }
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
fn guarded(who: &Who, service: &str) -> Result<Url, MintError> {
    let url = Url::parse(service).ok().filter(|url| url.host().is_some());
    url.filter(|url| url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url)))
        .ok_or_else(|| failure::bad_address(who))
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

    #[test]
    fn secrets_are_sent_over_tls_or_nowhere() {
        let who = Who::gcloud();
        for service in [
            "https://oauth2.googleapis.com/token",
            "http://127.0.0.1:8080/token",
            "http://localhost/",
            "http://[::1]:1/",
        ] {
            assert!(guarded(&who, service).is_ok(), "{service}");
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
            assert!(guarded(&who, service).is_err(), "{service}");
        }
    }

    #[test]
    fn the_machines_own_services_are_asked_without_a_proxy() {
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
