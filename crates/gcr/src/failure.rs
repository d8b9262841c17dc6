use std::path::Path;
use std::time::{Duration, SystemTime};

use broker::MintError;
use protocol::Explained;
use web::{Answer, Row, Trouble, reason};

const SIGN_IN: &str = "run: gcloud auth application-default login";

/// Whose token is asked for: what users read of it, and what they can do when it does not come.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    name: String,
    remedy: String,
    /// Whether an ended session is the likeliest reason of a refusal.
    signs_in: bool,
}

impl Who {
    fn of(name: String, remedy: impl Into<String>) -> Self {
        Who { name, remedy: remedy.into(), signs_in: false }
    }

    pub(crate) fn service_account(email: &str, path: &Path) -> Self {
        let name = format!("the service account {} of {}", plain(email), path.display());
        Who::of(name, "check that neither its key nor the account has been deleted or disabled")
    }

    pub(crate) fn user(path: &Path) -> Self {
        Who { signs_in: true, ..Who::of(format!("the Google user of {}", path.display()), SIGN_IN) }
    }

    pub(crate) fn federation(path: &Path) -> Self {
        let remedy = "check the workload identity pool, its provider and its conditions";
        Who::of(format!("the federated identity of {}", path.display()), remedy)
    }

    pub(crate) fn pod() -> Self {
        let remedy = "check the workload identity pool, its provider, and the audience that kubelet asks tokens for";
        Who::of("the pod's service account".into(), remedy)
    }

    pub(crate) fn metadata() -> Self {
        Who::of("this machine's service account".into(), "check that it exists and may use the cloud-platform scope")
    }

    pub(crate) fn gcloud() -> Self {
        Who { signs_in: true, ..Who::of("gcloud's active account".into(), "run: gcloud auth login") }
    }

    pub(crate) fn impersonated(account: &str, remedy: &str) -> Self {
        Who::of(format!("the service account {} to be impersonated", plain(account)), remedy)
    }
}

pub(crate) fn failed(what: impl Into<String>, hint: impl Into<String>) -> MintError {
    MintError::Failed(Explained { what: what.into(), hint: Some(hint.into()) })
}

/// A token cannot be had for a reason that lies on this machine.
pub(crate) fn no_token(who: &Who, why: &str, hint: impl Into<String>) -> MintError {
    failed(format!("{} gets no token: {why}", who.name), hint)
}

pub(crate) fn nobody() -> MintError {
    MintError::NotSignedIn(Explained {
        what: "nobody is signed in to Google Cloud on this machine".into(),
        hint: Some(format!("{SIGN_IN}, or set GOOGLE_APPLICATION_CREDENTIALS")),
    })
}

pub(crate) fn unreachable(who: &Who, host: &str, trouble: &Trouble) -> MintError {
    MintError::Failed(trouble.explain(&format!("{} gets no token from {host}", who.name)))
}

pub(crate) fn nonsense(who: &Who, host: &str) -> MintError {
    MintError::Failed(Explained {
        what: format!("{} gets no token: {host} answered without a usable one", who.name),
        hint: None,
    })
}

pub(crate) fn bad_address(who: &Who) -> MintError {
    no_token(who, "its file names an address that is not of https", "create the file anew")
}

pub(crate) fn ended(who: &Who) -> MintError {
    no_token(who, "the one that came has already ended", "check this machine's clock")
}

/// The identity is of another of Google's clouds than the registry: its token must not go there.
pub(crate) fn foreign(who: &Who, theirs: &str, wanted: &str) -> MintError {
    let why = format!("it belongs to {}, the registry to {wanted}", plain(theirs));
    no_token(who, &why, "set credentials_file for this registry in credmint's settings")
}

pub(crate) fn late(who: &Who) -> MintError {
    no_token(who, "no answer within the time limit", "raise timeout in credmint's settings")
}

/// What a service says when it gives no token, told by its codes and never by its sentences.
pub(crate) fn refused(who: &Who, host: &str, answer: &Answer) -> MintError {
    let body = answer.json().unwrap_or_default();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    // OAuth's `{"error": "invalid_grant"}`, or `{"error": {"status": "PERMISSION_DENIED", …}}`.
    let error = &body["error"];
    let code = error.as_str().or_else(|| error["status"].as_str()).unwrap_or_default();
    // Looked at for words, not shown.
    let details = format!(
        "{code} {} {} {} {}",
        text(&body["error_subtype"]),
        text(&body["error_description"]),
        text(&error["message"]),
        error["details"]
    );
    log::debug!("{host} answered {} {}", answer.status, coded(code));
    if let Some(clock) = clock(answer, &details) {
        return no_token(who, &clock, "set the clock");
    }
    if who.signs_in && ["rapt", "invalid_grant"].iter().any(|word| details.contains(word)) {
        let why = if details.contains("rapt") { "Google wants to see the user again" } else { "the session has ended" };
        return no_token(who, why, who.remedy.as_str());
    }
    const REASONS: [Row; 10] = [
        (
            &["SERVICE_DISABLED"],
            "the IAM credentials API is switched off",
            "run: gcloud services enable iamcredentials.googleapis.com",
        ),
        (&["PERMISSION_DENIED"], "Google does not allow it", ""),
        (&["NOT_FOUND"], "there is no such service account", ""),
        (&["UNAUTHENTICATED"], "Google does not accept the identity behind it", ""),
        (&["invalid_grant"], "Google does not accept it", ""),
        (&["invalid_client", "deleted_client"], "Google does not know its OAuth client", ""),
        (&["invalid_target"], "Google does not know its audience", ""),
        (&["access_denied", "unauthorized_client"], "Google does not allow it", ""),
        (&["invalid_scope"], "Google does not allow the scope cloud-platform", ""),
        (&["RESOURCE_EXHAUSTED", "rateLimitExceeded"], "Google is asked too often", "try again in a moment"),
    ];
    match reason(&REASONS, &details) {
        Some(web::Reason { what, hint: "" }) => no_token(who, what, who.remedy.as_str()),
        Some(web::Reason { what, hint }) => no_token(who, what, hint),
        None if code.is_empty() => {
            no_token(who, &format!("{host} answered with status {}", answer.status), &*who.remedy)
        }
        None => no_token(who, &format!("{host} answered {}", coded(code)), who.remedy.as_str()),
    }
}

/// How far this machine's clock is off, if that is why an assertion is not accepted.
fn clock(answer: &Answer, details: &str) -> Option<String> {
    const ALLOWED: Duration = Duration::from_secs(4 * 60);
    if !["invalid_grant", "invalid_request", "short-lived", "reasonable timeframe"]
        .iter()
        .any(|word| details.contains(word))
    {
        return None;
    }
    let date = httpdate::parse_http_date(answer.headers.get("date")?.to_str().ok()?).ok()?;
    let (off, way) = match SystemTime::now().duration_since(date) {
        Ok(off) => (off, "ahead of"),
        Err(error) => (error.duration(), "behind"),
    };
    (off > ALLOWED).then(|| format!("this machine's clock is {} minutes {way} Google's", off.as_secs().div_ceil(60)))
}

/// A code is words of letters; anything else is not shown.
fn coded(code: &str) -> &str {
    let is_code = code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    if is_code { code } else { "an unknown error" }
}

/// A name is a word; anything else is not shown.
fn plain(word: &str) -> &str {
    let of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.@".contains(&byte);
    let is_name = !word.is_empty() && word.len() <= 128 && word.bytes().all(of_name);
    if is_name { word } else { "(an unreadable name)" }
}
