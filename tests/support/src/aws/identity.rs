use std::time::SystemTime;

use hyper::http::request::Parts;
use time::PrimitiveDateTime;
use time::macros::format_description;

use super::{ACCOUNT, Cloud};
use crate::behaviour::Refusal;

/// Temporary credentials that were issued.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) access_key: String,
    pub(super) secret_key: String,
    pub(super) session_token: String,
    pub(super) arn: String,
    pub(super) expires: SystemTime,
}

/// The signer of a request, and the service and region.
#[derive(Debug)]
pub(super) struct Signer {
    pub(super) access_key: String,
    pub(super) arn: String,
    pub(super) region: String,
    pub(super) service: String,
}

/// AWS rejects a signature with a larger clock skew.
const TOLERANCE: u64 = 5 * 60;

impl Cloud {
    /// Issues temporary credentials whose access key begins with `ASIA` and the source.
    pub(super) fn issue(&self, source: &str, arn: String) -> Identity {
        let (serial, secret) = self.secret(240);
        let (secret_key, session_token) = secret.split_at(40);
        let now = self.now();
        let mut state = self.state();
        let identity = Identity {
            access_key: format!("ASIA{source}{serial:08}"),
            secret_key: secret_key.to_owned(),
            session_token: session_token.to_owned(),
            arn,
            expires: now + state.identity_life,
        };
        state.identities.insert(identity.access_key.clone(), identity.clone());
        identity
    }

    /// The signer of a request to this service. The signature itself is not verified: what is
    /// checked is its format, principal, service, region and time.
    pub(super) fn signer(&self, head: &Parts, service: &str) -> Result<Signer, Refusal> {
        let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
        let authorization = header("authorization")
            .ok_or_else(|| Refusal::new(400, "MissingAuthenticationTokenException", "Missing Authentication Token"))?;
        let incomplete =
            || Refusal::new(400, "IncompleteSignatureException", "Authorization header is not of Signature Version 4");
        let scope = credential_scope(authorization).ok_or_else(incomplete)?;
        let [access_key, date, region, scoped_service, _] = scope;
        let time = header("x-amz-date").and_then(parse_time).ok_or_else(incomplete)?;
        if !header("x-amz-date").is_some_and(|time| time.starts_with(date)) {
            return Err(invalid("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date"));
        }
        if scoped_service != service {
            return Err(invalid(&format!("Credential should be scoped to correct service: '{service}'.")));
        }
        let now = self.now();
        let distance = now.duration_since(time).unwrap_or_else(|ahead| ahead.duration());
        if distance.as_secs() > TOLERANCE {
            let wrong = if time < now { "Signature expired" } else { "Signature not yet current" };
            return Err(invalid(&format!("{wrong}: it is more than 5 min off the server's time")));
        }
        let arn = self.arn_of(access_key, header("x-amz-security-token"))?;
        let own = str::to_owned;
        Ok(Signer { access_key: own(access_key), arn, region: own(region), service: own(scoped_service) })
    }

    fn arn_of(&self, access_key: &str, session_token: Option<&str>) -> Result<String, Refusal> {
        if !access_key.starts_with("ASIA") {
            let state = self.state();
            let account = state.accounts.get(access_key).map_or(ACCOUNT, String::as_str);
            return Ok(format!("arn:aws:iam::{account}:user/{access_key}"));
        }
        let unknown = || {
            Refusal::new(400, "UnrecognizedClientException", "The security token included in the request is invalid.")
        };
        let now = self.now();
        let state = self.state();
        let identity = state.identities.get(access_key).ok_or_else(unknown)?;
        if session_token != Some(identity.session_token.as_str()) {
            return Err(unknown());
        }
        if identity.expires <= now {
            let message = "The security token included in the request is expired";
            return Err(Refusal::new(400, "ExpiredTokenException", message));
        }
        Ok(identity.arn.clone())
    }
}

fn invalid(message: &str) -> Refusal {
    Refusal::new(400, "InvalidSignatureException", message)
}

/// Access key, date, region, service and `aws4_request` of an `Authorization` header that is whole.
fn credential_scope(authorization: &str) -> Option<[&str; 5]> {
    let fields = authorization.strip_prefix("AWS4-HMAC-SHA256 ")?;
    let field = |name: &str| fields.split(',').find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='));
    let signature = field("Signature")?;
    let signed = field("SignedHeaders")?;
    let scope: [&str; 5] = field("Credential")?.split('/').collect::<Vec<_>>().try_into().ok()?;
    let whole = signature.len() == 64
        && signature.bytes().all(|byte| byte.is_ascii_hexdigit())
        && signed.split(';').any(|name| name == "host")
        && scope.iter().all(|part| !part.is_empty())
        && scope[4] == "aws4_request";
    whole.then_some(scope)
}

fn parse_time(text: &str) -> Option<SystemTime> {
    let form = format_description!("[year][month][day]T[hour][minute][second]Z");
    Some(PrimitiveDateTime::parse(text, form).ok()?.assume_utc().into())
}
