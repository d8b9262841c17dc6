//! Requests that are signed as Alibaba Cloud's API wants them: ACS3-HMAC-SHA256.
//! <https://www.alibabacloud.com/help/en/sdk/product-overview/v3-request-structure-and-signature>

use std::fmt::Write;
use std::time::SystemTime;

use registry::exchange::Body;
use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hmac};
use time::OffsetDateTime;
use web::Url;
use zeroize::Zeroizing;

use crate::access_key::AccessKey;
use crate::oci::host;
use crate::request::{SignedHeaders, Unsigned};
use crate::values::encoded;

const ALGORITHM: &str = "ACS3-HMAC-SHA256";

/// The call of an edition's API.
pub(crate) struct Call {
    version: &'static str,
    method: &'static str,
}

impl Call {
    /// Completes a request for a token: of this instance of the Enterprise Edition, else of the Personal Edition.
    pub(crate) fn of(request: &mut Unsigned, instance: Option<&str>) -> Self {
        match instance {
            Some(instance) => {
                request.url.set_query(Some(&format!("InstanceId={}", encoded(instance))));
                Call { version: "2018-12-01", method: "POST" }
            }
            None => {
                request.url.set_path("/tokens");
                request.body = Body::Get;
                Call { version: "2016-06-07", method: "GET" }
            }
        }
    }
}

/// What makes a request unlike any other.
pub(crate) fn nonce() -> Option<String> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(hexadecimal(&bytes))
}

impl AccessKey {
    /// The headers of a request without a body; `None` if its address has no host.
    pub(crate) fn sign(&self, call: &Call, url: &Url, nonce: &str, now: SystemTime) -> Option<SignedHeaders> {
        let empty = hash(b"");
        // In the order of their names, which the signature requires.
        let mut headers = vec![("host", host(url)?)];
        if self.token.is_some() {
            headers.push(("x-acs-accesskey-id", self.id.clone()));
        }
        headers.push(("x-acs-action", "GetAuthorizationToken".to_owned()));
        headers.push(("x-acs-content-sha256", empty.clone()));
        headers.push(("x-acs-date", timestamp(now)));
        if let Some(token) = &self.token {
            headers.push(("x-acs-security-token", token.expose().to_owned()));
        }
        headers.push(("x-acs-signature-nonce", nonce.to_owned()));
        headers.push(("x-acs-version", call.version.to_owned()));
        let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let lines = Zeroizing::new(lines);
        let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let (method, path, query) = (call.method, url.path(), url.query().unwrap_or_default());
        let canonical = Zeroizing::new(format!("{method}\n{path}\n{query}\n{}\n{names}\n{empty}", lines.as_str()));
        let text = format!("{ALGORITHM}\n{}", hash(canonical.as_bytes()));
        let signature =
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, self.secret.expose().as_bytes()), text.as_bytes());
        let (id, signature) = (&self.id, hexadecimal(signature.as_ref()));
        // The client writes the host itself.
        headers.remove(0);
        headers.push((
            "authorization",
            format!("{ALGORITHM} Credential={id},SignedHeaders={names},Signature={signature}"),
        ));
        Some(headers)
    }
}

/// `2026-11-27T20:00:00Z`.
fn timestamp(now: SystemTime) -> String {
    let now = OffsetDateTime::from(now);
    let (date, (hour, minute, second)) = (now.date(), now.to_hms());
    let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

fn hash(bytes: &[u8]) -> String {
    hexadecimal(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use protocol::Secret;

    use super::*;

    const NONCE: &str = "0123456789abcdef0123456789abcdef";

    fn authorization(token: Option<&str>, call: &Call, url: &str) -> String {
        let key = AccessKey {
            id: "LTAI-example".to_owned(),
            secret: Secret::new("secret-c4n4ry".to_owned()),
            token: token.map(|token| Secret::new(token.to_owned())),
            source: String::new(),
        };
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_446_000);
        let headers = key.sign(call, &Url::parse(url).unwrap(), NONCE, now).unwrap();
        assert!(headers.contains(&("x-acs-date", "2026-11-23T15:00:00Z".to_owned())), "{headers:?}");
        headers.into_iter().find(|(name, _)| *name == "authorization").unwrap().1
    }

    /// What Alibaba Cloud's own SDK for Python signs at that moment with the same nonce: `get_authorization` of
    /// alibabacloud-tea-openapi 0.4.6 and, the same, of alibabacloud-openapi-util 0.2.4.
    #[test]
    fn a_signature_is_that_of_alibaba_s_own_sdk() {
        let enterprise = Call { version: "2018-12-01", method: "POST" };
        let url = format!("https://cr.cn-hangzhou.aliyuncs.com/?InstanceId={}", encoded("cri-abc/d e"));
        assert_eq!(
            authorization(None, &enterprise, &url),
            "ACS3-HMAC-SHA256 Credential=LTAI-example,SignedHeaders=host;x-acs-action;x-acs-content-sha256;\
             x-acs-date;x-acs-signature-nonce;x-acs-version,\
             Signature=f72f45f2623b1b3b0a3b0302f27ad7235a2177b971fef9ae2f4a4c5532e587e7"
        );
        let personal = Call { version: "2016-06-07", method: "GET" };
        assert_eq!(
            authorization(Some("CAIS/token+="), &personal, "https://cr.cn-hangzhou.aliyuncs.com/tokens"),
            "ACS3-HMAC-SHA256 Credential=LTAI-example,SignedHeaders=host;x-acs-accesskey-id;x-acs-action;\
             x-acs-content-sha256;x-acs-date;x-acs-security-token;x-acs-signature-nonce;x-acs-version,\
             Signature=c846913f5bc1761a2e643ec8bad1d18e87240c25cff3a9385c3d245b95d1c814"
        );
    }
}
