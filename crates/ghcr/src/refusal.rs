use std::time::{Duration, SystemTime};

use broker::MintError;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use web::{Answer, Reason, Row, reason};

use crate::app::App;
use crate::failure::{self, failed, named};

/// An answer that is no success, in words of ours: of GitHub's only what it means is shown.
pub(crate) fn refused(app: &App, installation: Option<&str>, answer: &Answer) -> MintError {
    let said = answer.json().and_then(|json| Some(json["message"].as_str()?.to_owned())).unwrap_or_default();
    log::debug!("{} answered {}", app.github, answer.status);
    let header = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok());
    let date = header("date").map(str::to_owned);
    let told = Told {
        status: answer.status,
        said,
        spent: header("x-ratelimit-remaining") == Some("0"),
        sso: header("x-github-sso").is_some(),
        date,
    };
    told.explain(app, installation, SystemTime::now())
}

/// What GitHub tells with a refusal.
struct Told {
    status: u16,
    said: String,
    /// No request is left of those that are allowed in an hour.
    spent: bool,
    sso: bool,
    date: Option<String>,
}

const MESSAGES: [Row; 5] = [
    (&["rate limit", "abuse detection"], "GitHub is asked too often", "try again in a few minutes"),
    (
        &["IP allow list", "IP address"],
        "its owner's list of allowed addresses has not got this machine's",
        "add it under Settings, Authentication security",
    ),
    (&["SAML", "single sign-on"], "its owner asks for single sign-on", "authorize the App for it"),
    (&["Integration not found"], "GitHub knows no such App", "check app_id or GITHUB_APP_ID"),
    (
        &["could not be decoded", "Issuer", "Bad credentials", "JSON web token"],
        "GitHub does not accept its signature",
        "check that the App's id and its private key belong together",
    ),
];

impl Told {
    fn explain(&self, app: &App, installation: Option<&str>, now: SystemTime) -> MintError {
        let who = named(app);
        // <https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/troubleshooting-github-app-authentication>
        if ["'iat'", "'exp'", "Issued at", "Expiration time"].iter().any(|words| self.said.contains(words)) {
            let off = self.date.as_deref().and_then(|date| clock(date, now));
            let why = off.unwrap_or_else(|| "GitHub does not accept the time of its assertion".into());
            return failed(format!("{who} gets no token: {why}"), "set this machine's clock");
        }
        if self.said.contains("suspended") {
            return failure::suspended(app);
        }
        let spent = Reason { what: MESSAGES[0].1, hint: MESSAGES[0].2 };
        let sso = Reason { what: MESSAGES[2].1, hint: MESSAGES[2].2 };
        let known = match self.status {
            429 => Some(spent),
            403 if self.spent => Some(spent),
            _ if self.sso => Some(sso),
            _ => reason(&MESSAGES, &self.said),
        };
        match (known, self.status, installation) {
            (Some(Reason { what, hint }), ..) => failed(format!("{who} gets no token: {what}"), hint),
            (None, 404, Some(id)) => {
                failed(format!("{who} has no installation {id}"), "check installation_id or GITHUB_APP_INSTALLATION_ID")
            }
            (None, 401, _) => failed(
                format!("{who} gets no token: GitHub does not accept its signature"),
                "check that the App's id and its private key belong together",
            ),
            (None, status @ 500.., _) => failed(
                format!("{who} gets no token: {} is out of order (status {status})", app.github),
                "try again later",
            ),
            (None, status, _) => failed(
                format!("{who} gets no token: {} refuses it (status {status})", app.github),
                "check the App and its installation in its settings on GitHub",
            ),
        }
    }
}

/// How far this machine's clock is off, if that is enough for GitHub to mind: it takes assertions of
/// up to ten minutes, and ours are dated back by one. `date` is GitHub's time as HTTP writes it.
fn clock(date: &str, now: SystemTime) -> Option<String> {
    const ALLOWED: Duration = Duration::from_secs(45);
    let date = SystemTime::from(OffsetDateTime::parse(date, &Rfc2822).ok()?);
    let (off, way) = match now.duration_since(date) {
        Ok(off) => (off, "ahead of"),
        Err(error) => (error.duration(), "behind"),
    };
    (off > ALLOWED).then(|| format!("this machine's clock is {} minutes {way} GitHub's", off.as_secs().div_ceil(60)))
}
