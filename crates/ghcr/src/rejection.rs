//! Error responses of GitHub's API.

use std::time::Duration;

use broker::MintError;
use web::{Cause, Response, Row, clock_skew, find_cause, outage};

use crate::app::App;
use crate::{error, principal};

/// GitHub takes assertions of up to ten minutes, and ours are dated back by one.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(45);

const RATE_LIMITED: Row = (&["rate limit", "abuse detection"], "rate limited by GitHub", "try again in a few minutes");
const SINGLE_SIGN_ON: Row =
    (&["SAML", "single sign-on"], "its owner requires single sign-on", "authorize the App for single sign-on");

/// Words of GitHub's messages, what they mean, and the remedy.
const MESSAGES: [Row; 5] = [
    RATE_LIMITED,
    (
        &["IP allow list", "IP address"],
        "the IP allow list of its owner does not have this machine's address",
        "add it under Settings, Authentication security",
    ),
    SINGLE_SIGN_ON,
    (&["Integration not found"], "GitHub does not know the App", "check app_id or GITHUB_APP_ID"),
    (
        &["could not be decoded", "Issuer", "Bad credentials", "JSON web token"],
        "GitHub rejected its signature",
        "check that the App's ID and its private key belong together",
    ),
];

/// The error response to a request of an App; of its text only the meaning is shown.
pub(crate) fn of_github(app: &App, installation: Option<&str>, response: &Response) -> MintError {
    let status = response.status;
    log::debug!("{} responded HTTP {status}", app.github);
    let principal = principal::app(app);
    if let Some(outage) = outage(&app.github.host, status) {
        return principal.no_token_because(outage);
    }
    let message = response.json().and_then(|json| Some(json["message"].as_str()?.to_owned())).unwrap_or_default();
    let header = |name: &str| response.headers.get(name).and_then(|value| value.to_str().ok());
    // <https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/troubleshooting-github-app-authentication>
    if ["'iat'", "'exp'", "Issued at", "Expiration time"].iter().any(|words| message.contains(words)) {
        let skew = header("date").and_then(|date| clock_skew(date, "GitHub", CLOCK_TOLERANCE));
        let cause = skew.unwrap_or_else(|| "GitHub rejected the time of its assertion".into());
        return principal.no_token_but(format!("{cause} (HTTP {status})"), "set this machine's clock");
    }
    if message.contains("suspended") {
        return error::suspended(app);
    }
    let found = |row: Row| Some(Cause { what: row.1, hint: row.2 });
    let known = match status {
        403 if header("x-ratelimit-remaining") == Some("0") => found(RATE_LIMITED),
        _ if header("x-github-sso").is_some() => found(SINGLE_SIGN_ON),
        _ => find_cause(&MESSAGES, &message),
    };
    let (cause, remedy) = match (known, status, installation) {
        (Some(Cause { what, hint }), ..) => (what.to_owned(), hint),
        (None, 404, Some(id)) => {
            (format!("it has no installation {id}"), "check installation_id or GITHUB_APP_INSTALLATION_ID")
        }
        // <https://docs.github.com/rest/apps/apps#create-an-installation-access-token-for-an-app>
        (None, 422, Some(_)) if app.narrowing.limits_rights() => (
            "its installation lacks repositories or permissions from the settings".to_owned(),
            "check access and repositories in the [[registry]] table, and what the App is installed for",
        ),
        (None, 401, _) => (MESSAGES[4].1.to_owned(), MESSAGES[4].2),
        _ => (format!("{} rejected the request", app.github), ""),
    };
    principal.no_token_but(format!("{cause} (HTTP {status})"), remedy)
}
