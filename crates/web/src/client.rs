use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use protocol::{Deadline, Explained};
use reqwest::{RequestBuilder, redirect};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use settings::Environment;
use zeroize::Zeroizing;

use crate::authorities::{authorities, unusable};
use crate::reason::{Reason, connection, trail};

/// How long to wait for a connection, as AWS's SDK does: longer than a lost packet takes twice.
const CONNECT: Duration = Duration::from_millis(3_100);
/// No answer of a token service is near this.
const LARGEST: usize = 1 << 20;
/// How often a request is sent before giving up on a service that is down or overloaded.
const ATTEMPTS: u32 = 3;
const LATE: Reason = Reason { what: "no answer in time", hint: "check the network and the proxy" };
const ENDLESS: Reason = Reason { what: "its answer does not end", hint: "check the network and the proxy" };

/// Two HTTP clients with the system's authorities or those that the environment names: one that
/// uses the proxy of the environment, and one that never does. Neither follows redirections, since
/// a request holds a secret that is meant for its host alone.
#[derive(Clone, Debug)]
pub struct Client {
    proxied: reqwest::Client,
    direct: reqwest::Client,
}

impl Client {
    /// Reads the authorities; connects to nobody.
    ///
    /// # Errors
    /// Authorities that cannot be read or used.
    pub fn new(environment: &Environment) -> Result<Self, Explained> {
        let tls = tls(environment)?;
        let build = |builder: reqwest::ClientBuilder| builder.build().map_err(|_| unusable());
        let builder = || {
            reqwest::Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .redirect(redirect::Policy::none())
                .connect_timeout(CONNECT)
                .user_agent(concat!("credmint/", env!("CARGO_PKG_VERSION")))
        };
        Ok(Client { proxied: build(builder())?, direct: build(builder().no_proxy())? })
    }

    /// For services of the world, through the proxy if there is one.
    pub fn proxied(&self) -> &reqwest::Client {
        &self.proxied
    }

    /// For metadata services, which no proxy can reach.
    pub fn direct(&self) -> &reqwest::Client {
        &self.direct
    }
}

fn tls(environment: &Environment) -> Result<ClientConfig, Explained> {
    let mut roots = RootCertStore::empty();
    match authorities(environment, &["SSL_CERT_FILE"])? {
        Some(pem) => {
            let certificates = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok);
            roots.add_parsable_certificates(certificates);
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
        }
    }
    if roots.is_empty() {
        return Err(unusable());
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| unusable())?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// What a service answered, whatever it was.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    body: Zeroizing<Vec<u8>>,
}

impl Answer {
    /// Sends a request, again if the service is down or overloaded, and reads the whole answer.
    ///
    /// # Errors
    /// No connection, no answer in time, or one that does not end.
    pub async fn to(request: RequestBuilder, deadline: Deadline) -> Result<Self, Trouble> {
        let mut attempt = 1;
        loop {
            // A body at hand can be sent again; one that streams could not, and none of ours does.
            let Some(this) = request.try_clone() else { return Self::once(request, deadline).await };
            let answer = Self::once(this, deadline).await;
            let passing = match &answer {
                Ok(answer) => matches!(answer.status, 429 | 500..),
                Err(trouble) => trouble.passing,
            };
            let pause = Duration::from_millis(100 << attempt);
            if !passing || attempt == ATTEMPTS || deadline.remaining() <= pause {
                return answer;
            }
            log::debug!("asking again after {answer:?}");
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    /// Sends a request once: for services that may not be there, such as metadata services.
    ///
    /// # Errors
    /// No connection, no answer in time, or one that does not end.
    pub async fn once(request: RequestBuilder, deadline: Deadline) -> Result<Self, Trouble> {
        let mut response = request.timeout(deadline.remaining()).send().await.map_err(Trouble::of)?;
        let mut body = Zeroizing::new(Vec::new());
        while let Some(chunk) = response.chunk().await.map_err(Trouble::of)? {
            if body.len() + chunk.len() > LARGEST {
                return Err(Trouble { reason: Some(ENDLESS), passing: false });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status: response.status().as_u16(), headers: response.headers().clone(), body })
    }

    /// Whether the status is one of success.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body; never to be shown.
    pub fn bytes(&self) -> &[u8] {
        &self.body
    }

    /// The body as JSON, if it is; never to be shown.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The body as text, if it is; never to be shown.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.body).ok()
    }
}

impl fmt::Debug for Answer {
    /// Without the body, which may hold a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug)]
pub struct Trouble {
    reason: Option<Reason>,
    /// Whether it may be over in a moment.
    passing: bool,
}

impl Trouble {
    fn of(error: reqwest::Error) -> Self {
        // The address may hold a secret, and is named by the caller in its own words.
        let error = error.without_url();
        let reason = if error.is_timeout() { Some(LATE) } else { connection(&trail(&error)) };
        log::debug!("no answer: {}", trail(&error));
        Trouble { reason, passing: !error.is_timeout() && !error.is_builder() }
    }

    /// For the user; `what` says what was wanted: `Entra ID at login.microsoftonline.com cannot be asked`.
    pub fn explain(&self, what: &str) -> Explained {
        match self.reason {
            Some(reason) => Explained { what: format!("{what}: {}", reason.what), hint: Some(reason.hint.to_owned()) },
            None => Explained { what: format!("{what}: no proper answer"), hint: None },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use pretend_cloud::{Aws, Behaviour, Ca, Call, SilentAddress};
    use settings::Environment;

    use super::*;
    use crate::run;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        Environment::of(variables.iter().copied())
    }

    /// Asks the pretend AWS who we are, which it refuses to tell to the unsigned.
    fn ask(client: &Client, url: &str, deadline: Deadline) -> Result<Answer, Trouble> {
        let request = client.direct().post(format!("{url}/")).form(&[("Action", "GetCallerIdentity")]);
        run(Answer::to(request, deadline)).unwrap()
    }

    fn soon() -> Deadline {
        Deadline::after(Duration::from_secs(10))
    }

    #[test]
    fn a_service_that_is_down_is_asked_three_times_and_one_that_refuses_once() {
        let aws = Aws::start();
        let client = Client::new(&environment(&[("", "")])).unwrap();
        for (behaviour, status, calls) in [
            (Behaviour::FailTimes(2), 403, 3),
            (Behaviour::FailTimes(9), 500, 3),
            (Behaviour::Refuse { status: 400, code: "X", message: "x".into() }, 400, 1),
        ] {
            let before = aws.calls(Call::GetCallerIdentity);
            aws.on(Call::GetCallerIdentity, behaviour);
            assert_eq!(ask(&client, &aws.url(), soon()).unwrap().status, status);
            assert_eq!(aws.calls(Call::GetCallerIdentity) - before, calls);
        }
    }

    #[test]
    fn what_never_answers_ends_with_the_deadline() {
        let silent = SilentAddress::new();
        let client = Client::new(&environment(&[("", "")])).unwrap();
        let started = Instant::now();
        let trouble = ask(&client, &silent.url(), Deadline::after(Duration::from_millis(300))).unwrap_err();
        assert!(started.elapsed() < Duration::from_secs(2));
        let explained = trouble.explain("it cannot be asked").to_string();
        assert_eq!(explained, "it cannot be asked: no answer in time (check the network and the proxy)");
    }

    #[test]
    fn only_named_authorities_count() {
        let ca = Ca::new();
        let aws = Aws::start_tls((std::net::Ipv4Addr::LOCALHOST, 0).into(), &ca, &["127.0.0.1"]);
        let folder = tempfile::tempdir().unwrap();
        let bundle = folder.path().join("ca.pem");
        std::fs::write(&bundle, ca.pem()).unwrap();
        let trusting = Client::new(&environment(&[("SSL_CERT_FILE", bundle.to_str().unwrap())])).unwrap();
        assert_eq!(ask(&trusting, &aws.url(), soon()).unwrap().status, 403);
        let other = Client::new(&environment(&[("", "")])).unwrap();
        let explained = ask(&other, &aws.url(), soon()).unwrap_err().explain("it cannot be asked");
        assert_eq!(explained.what, "it cannot be asked: its certificate is not trusted");
        std::fs::write(&bundle, "no certificate").unwrap();
        let broken = Client::new(&environment(&[("SSL_CERT_FILE", bundle.to_str().unwrap())])).unwrap_err();
        assert_eq!(broken.hint.as_deref(), Some("check SSL_CERT_FILE"));
    }
}
