//! Error responses of Google's services.

use std::time::{Duration, SystemTime};

use broker::{MintError, Principal};
use web::{Cause, Response, Row, find_cause, quote};

/// The error response of a service: its code is quoted, its text never is.
pub(crate) fn error(principal: &Principal, host: &str, response: &Response) -> MintError {
    let body = response.json().unwrap_or_default();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    // OAuth's `{"error": "invalid_grant"}`, or `{"error": {"status": "PERMISSION_DENIED", …}}`.
    let error = &body["error"];
    let code = error.as_str().or_else(|| error["status"].as_str()).and_then(quote::code);
    // Searched for codes, never shown.
    let details = format!(
        "{} {} {} {} {}",
        code.unwrap_or_default(),
        text(&body["error_subtype"]),
        text(&body["error_description"]),
        text(&error["message"]),
        error["details"]
    );
    log::debug!("{host} responded HTTP {} {}", response.status, code.unwrap_or_default());
    if let Some(error) = outage(principal, host, response) {
        return error;
    }
    if let Some(clock) = clock(response, &details) {
        return principal.no_token_but(clock, "set the clock");
    }
    let quoted = code.map_or_else(|| format!("HTTP {}", response.status), str::to_owned);
    if principal.is_user() && details.contains("rapt") {
        return principal.no_token(format!("Google requires the user to sign in again ({quoted})"));
    }
    if principal.is_user() && details.contains("invalid_grant") {
        return principal.session_expired(&format!("({quoted})"));
    }
    match find_cause(&CAUSES, &details) {
        Some(Cause { what, hint }) => principal.no_token_but(format!("{what} ({quoted})"), hint),
        None => principal.no_token(format!("{host} rejected the request ({quoted})")),
    }
}

/// What Google's codes mean; without a remedy the principal's own is the best one.
const CAUSES: [Row; 10] = [
    (
        &["SERVICE_DISABLED"],
        "the IAM Credentials API is disabled",
        "run `gcloud services enable iamcredentials.googleapis.com`",
    ),
    (&["PERMISSION_DENIED"], "Google denied the request", ""),
    (&["NOT_FOUND"], "there is no such service account", "check its name"),
    (&["UNAUTHENTICATED"], "Google rejected the identity that impersonates it", ""),
    (&["invalid_grant"], "Google rejected its credentials", ""),
    (&["invalid_client", "deleted_client"], "Google does not know its OAuth client", ""),
    (&["invalid_target"], "Google does not know its audience", ""),
    (&["access_denied", "unauthorized_client"], "Google denied the request", ""),
    (&["invalid_scope"], "Google denied the scope cloud-platform", ""),
    (&["RESOURCE_EXHAUSTED", "rateLimitExceeded"], "rate limited by Google", "try again in a moment"),
];

/// The service is down or overloaded: no setting of the user is to blame.
pub(crate) fn outage(principal: &Principal, host: &str, response: &Response) -> Option<MintError> {
    web::outage(host, response.status).map(|outage| principal.no_token_because(outage))
}

/// How far this machine's clock is off, if that is why an assertion is not accepted.
fn clock(response: &Response, details: &str) -> Option<String> {
    const ALLOWED: Duration = Duration::from_secs(4 * 60);
    if !["invalid_grant", "invalid_request", "short-lived", "reasonable timeframe"]
        .iter()
        .any(|word| details.contains(word))
    {
        return None;
    }
    let date = httpdate::parse_http_date(response.headers.get("date")?.to_str().ok()?).ok()?;
    let (off, way) = match SystemTime::now().duration_since(date) {
        Ok(off) => (off, "ahead of"),
        Err(error) => (error.duration(), "behind"),
    };
    (off > ALLOWED).then(|| format!("this machine's clock is {} minutes {way} Google's", off.as_secs().div_ceil(60)))
}
