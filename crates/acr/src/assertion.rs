use std::time::{Duration, SystemTime};

use azure_core::http::ClientMethodOptions;
use azure_identity::ClientAssertion;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use protocol::Secret;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::RSA_PSS_SHA256;
use serde_json::{Value, json};

use crate::application::Application;
use crate::certificate::Certificate;

const LIFE: Duration = Duration::from_secs(10 * 60);

/// A signed JWT that proves an application to Entra ID.
#[derive(Debug)]
pub(crate) struct Assertion(pub(crate) Secret);

impl Assertion {
    /// The token of another issuer, which the application trusts. `echo` leaves a line feed at its end, which
    /// Entra ID rejects.
    pub(crate) fn federated(token: &str) -> Self {
        Assertion(Secret::new(token.trim().to_owned()))
    }

    /// The application's own, by its certificate's key. With the chain, Entra ID takes any certificate of
    /// the same issuer and subject.
    /// <https://learn.microsoft.com/entra/identity-platform/certificate-credentials>
    pub(crate) fn sign(
        certificate: &Certificate,
        application: &Application,
        authority: &str,
        with_chain: bool,
    ) -> Option<Self> {
        let Application { tenant, client_id } = application;
        let mut header = json!({"alg": "PS256", "typ": "JWT"});
        let thumbprint = digest(&SHA256, certificate.chain.first()?);
        header["x5t#S256"] = URL_SAFE_NO_PAD.encode(thumbprint).into();
        if with_chain {
            header["x5c"] = certificate.chain.iter().map(|der| STANDARD.encode(der)).collect::<Value>();
        }
        let random = SystemRandom::new();
        let mut id = [0; 16];
        random.fill(&mut id).ok()?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let claims = json!({
            "aud": format!("{authority}/{tenant}/oauth2/v2.0/token"),
            "iss": client_id,
            "sub": client_id,
            "jti": URL_SAFE_NO_PAD.encode(id),
            "nbf": now,
            "iat": now,
            "exp": now + LIFE.as_secs(),
        });
        let mut jwt = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
        let mut signature = vec![0; certificate.key.public().modulus_len()];
        certificate.key.sign(&RSA_PSS_SHA256, &random, jwt.as_bytes(), &mut signature).ok()?;
        jwt.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut jwt);
        Some(Assertion(Secret::new(jwt)))
    }
}

#[async_trait::async_trait]
impl ClientAssertion for Assertion {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        Ok(self.0.expose().to_owned())
    }
}
