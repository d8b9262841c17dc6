use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use broker::{MintError, Principal};
use protocol::Secret;
use serde_json::{Value, json};
use url::Url;
use url::form_urlencoded::byte_serialize;
use web::Response;

use crate::error;
use crate::exchange::Exchange;

/// The URLs that a credentials file names.
pub(crate) struct Endpoints<'a> {
    /// `https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15`
    pub(crate) verification: &'a str,
    /// The instance's role, and under its name its keys.
    pub(crate) role: Option<&'a str>,
    /// The instance's availability zone.
    pub(crate) region: Option<&'a str>,
    /// The URL for a session of version 2 of the metadata service.
    pub(crate) session: Option<&'a str>,
}

/// The proof of an AWS identity: a signed `GetCallerIdentity` request, which Google sends to AWS.
/// <https://google.aip.dev/auth/4117#determining-the-subject-token-in-aws>
pub(crate) async fn subject_token(
    endpoints: &Endpoints<'_>,
    audience: &str,
    principal: &Principal,
    exchange: &Exchange<'_>,
) -> Result<Secret, MintError> {
    let mut metadata = Metadata { endpoints, principal, exchange, session: None };
    let variable = |name: &str| exchange.environment.text(name);
    let region = match variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION")) {
        Some(region) => region,
        None => metadata.region().await?,
    };
    let keys = match (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")) {
        (Some(id), Some(secret)) => Credentials::new(id, secret, variable("AWS_SESSION_TOKEN"), None, "environment"),
        _ => metadata.keys().await?,
    };
    let url = endpoints.verification.replace("{region}", &region);
    let signed = signed_request(&url, &region, keys, audience, SystemTime::now());
    signed.ok_or_else(|| principal.no_token_but("cannot sign its request to AWS", "create the file again"))
}

/// A signed `GetCallerIdentity` request, in JSON.
fn signed_request(url: &str, region: &str, keys: Credentials, audience: &str, now: SystemTime) -> Option<Secret> {
    let host = Url::parse(url).ok()?.host_str()?.to_owned();
    let mut settings = SigningSettings::default();
    settings.payload_checksum_kind = PayloadChecksumKind::NoHeader;
    let identity = keys.into();
    let params = SigningParams::builder().identity(&identity).region(region).name("sts").time(now).settings(settings);
    // The signed audience keeps the request from being used for another pool.
    let own = [("host", host.as_str()), ("x-goog-cloud-target-resource", audience)];
    let request = SignableRequest::new("POST", url, own.into_iter(), SignableBody::Bytes(&[])).ok()?;
    let (instructions, _) = sign(request, &params.build().ok()?.into()).ok()?.into_parts();
    let signed = instructions.headers();
    let headers: Vec<Value> =
        own.into_iter().chain(signed).map(|(key, value)| json!({"key": key, "value": value})).collect();
    let request = json!({"url": url, "method": "POST", "headers": headers}).to_string();
    Some(Secret::new(byte_serialize(request.as_bytes()).collect()))
}

/// The instance metadata service of AWS.
struct Metadata<'a> {
    endpoints: &'a Endpoints<'a>,
    principal: &'a Principal,
    exchange: &'a Exchange<'a>,
    session: Option<String>,
}

impl Metadata<'_> {
    /// The zone without its letter.
    async fn region(&mut self) -> Result<String, MintError> {
        let Some(url) = self.endpoints.region else { return Err(self.missing("AWS_REGION")) };
        let mut zone = self.text(url).await?.trim().to_owned();
        zone.pop();
        Ok(zone)
    }

    async fn keys(&mut self) -> Result<Credentials, MintError> {
        let Some(url) = self.endpoints.role else { return Err(self.missing("AWS_ACCESS_KEY_ID")) };
        let role = self.text(url).await?.trim().to_owned();
        let keys: Value = serde_json::from_str(&self.text(&format!("{}/{role}", url.trim_end_matches('/'))).await?)
            .map_err(|_| self.missing("AWS_ACCESS_KEY_ID"))?;
        let field = |name: &str| keys[name].as_str().map(str::to_owned);
        match (field("AccessKeyId"), field("SecretAccessKey")) {
            (Some(id), Some(secret)) => Ok(Credentials::new(id, secret, field("Token"), None, "instance")),
            _ => Err(self.missing("AWS_ACCESS_KEY_ID")),
        }
    }

    async fn text(&mut self, url: &str) -> Result<String, MintError> {
        if let (None, Some(url)) = (&self.session, self.endpoints.session) {
            let request = self.exchange.direct()?.put(url).header("x-aws-ec2-metadata-token-ttl-seconds", "300");
            self.session = Some(self.send(request).await?);
        }
        let request = self.exchange.direct()?.get(url);
        let request = match &self.session {
            Some(session) => request.header("x-aws-ec2-metadata-token", session),
            None => request,
        };
        self.send(request).await
    }

    async fn send(&self, request: web::RequestBuilder) -> Result<String, MintError> {
        let what = "the instance metadata service of AWS";
        let response = Response::to(request, self.exchange.deadline).await;
        let response = response.map_err(|error| error::unreachable(self.principal, what, &error))?;
        let text = response.text().filter(|_| response.is_success()).map(str::to_owned);
        text.ok_or_else(|| self.principal.malformed_response(what))
    }

    fn missing(&self, variable: &str) -> MintError {
        self.principal.no_token_but("no AWS credentials found", format!("set {variable}"))
    }
}
