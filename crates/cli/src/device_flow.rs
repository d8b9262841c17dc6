use std::time::Duration;

use protocol::{Deadline, ErrorMessage, Secret};
use registry::Registry;
use serde_json::Value;
use web::{Client, Response};

use crate::context::Context;
use crate::image::Image;
use crate::printer::{Printer, Tone};

/// The timeout of one response of GitHub.
const ANSWER: Duration = Duration::from_secs(20);
/// The maximum validity of a code, whatever the server says.
const LONGEST: u64 = 15 * 60;
/// GitHub's own pace, in seconds.
const INTERVAL: u64 = 5;

/// Signs in at GitHub with a code that its user types into a browser, on any device: the user's name and a token.
/// <https://docs.github.com/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps#device-flow>
pub(crate) fn sign_in(
    image: &Image,
    client_id: Option<&str>,
    push: bool,
    context: &Context<'_>,
) -> Result<(String, Secret), ErrorMessage> {
    let server = protocol::ServerUrl::parse(image.server())
        .map_err(|error| ErrorMessage { what: error.to_string(), hint: None })?;
    let Some((Registry::Ghcr(registry), rule)) = context.setup.registry_of(&server) else {
        return Err(ErrorMessage {
            what: format!("--device works for GitHub only, and {} is not a GitHub registry", image.registry),
            hint: Some(format!("run `credmint login {}`", image.registry)),
        });
    };
    let client_id = client_id.map(str::to_owned).or_else(|| rule.and_then(|rule| rule.client_id.clone()));
    let client_id = client_id.ok_or_else(|| ErrorMessage {
        what: "no OAuth app configured: GitHub needs its client id".to_owned(),
        hint: Some(format!(
            "register an app with device flow at https://{}/settings/applications/new and pass --client-id ID, or run `gh auth login --scopes read:packages`",
            registry.github
        )),
    })?;
    let scope = if push { "write:packages" } else { "read:packages" };
    let github = GitHub { host: registry.github, client: Client::new(&context.setup.environment)? };
    web::run(github.sign_in(&client_id, scope, context.printer))?
}

/// A GitHub, by the host of its web site.
struct GitHub {
    host: String,
    client: Client,
}

impl GitHub {
    async fn sign_in(&self, client_id: &str, scope: &str, printer: &Printer) -> Result<(String, Secret), ErrorMessage> {
        let asked = self.post("device/code", &[("client_id", client_id), ("scope", scope)]).await?;
        let text = |key: &str| asked[key].as_str().map(str::to_owned);
        let (Some(device), Some(code)) = (text("device_code"), text("user_code")) else {
            return Err(refused(&asked, &self.host));
        };
        // The address is made here: a link that came over the wire is none to send a person to.
        printer.note(format!(
            "Open {} and enter {}",
            Tone::Strong.of(format!("https://{}/login/device", self.host)),
            Tone::Strong.of(code.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect::<String>())
        ));
        printer.start_spinner();
        let life = asked["expires_in"].as_u64().unwrap_or(LONGEST).min(LONGEST);
        let token = self.wait(client_id, &device, Deadline::after(Duration::from_secs(life)), &asked).await?;
        let user = self.user(&token).await?;
        Ok((user, token))
    }

    /// Asks until the user has agreed.
    async fn wait(
        &self,
        client_id: &str,
        device: &str,
        deadline: Deadline,
        asked: &Value,
    ) -> Result<Secret, ErrorMessage> {
        let mut interval = asked["interval"].as_u64().unwrap_or(INTERVAL).clamp(1, 60);
        loop {
            tokio::time::sleep(Duration::from_secs(interval)).await;
            let fields = [
                ("client_id", client_id),
                ("device_code", device),
                ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ];
            let mut answer = self.post("oauth/access_token", &fields).await?;
            if let Value::String(token) = answer["access_token"].take() {
                return Ok(Secret::new(token));
            }
            match answer["error"].as_str() {
                Some("authorization_pending") => {}
                Some("slow_down") => interval = answer["interval"].as_u64().unwrap_or(interval + 5).clamp(1, 60),
                _ => return Err(refused(&answer, &self.host)),
            }
            if deadline.passed() {
                return Err(ErrorMessage {
                    what: "the code expired before it was confirmed in the browser".to_owned(),
                    hint: Some("run this again for a new code".to_owned()),
                });
            }
        }
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Result<Value, ErrorMessage> {
        let request = self.client.proxied().post(format!("https://{}/login/{path}", self.host));
        let request = request.header("accept", "application/json").form(fields);
        let what = || format!("cannot reach {}", self.host);
        let answer = Response::to(request, Deadline::after(ANSWER)).await.map_err(|error| error.explain(&what()))?;
        let json = answer.json().filter(|_| answer.is_success() || answer.status < 500);
        json.ok_or_else(|| ErrorMessage { what: format!("{}: it returned {}", what(), answer.status), hint: None })
    }

    /// Whose token it is.
    async fn user(&self, token: &Secret) -> Result<String, ErrorMessage> {
        let request = self.client.proxied().get(format!("{}/user", api(&self.host))).bearer_auth(token.expose());
        let answer = Response::to(request, Deadline::after(ANSWER)).await;
        let answer = answer.map_err(|error| error.explain(&format!("{} returned no user name", self.host)))?;
        let user = answer.json().and_then(|user| Some(user["login"].as_str()?.to_owned()));
        user.ok_or_else(|| ErrorMessage { what: format!("{} returned no user name", self.host), hint: None })
    }
}

/// The URL of a GitHub's REST API:
/// <https://docs.github.com/enterprise-server/rest/using-the-rest-api/getting-started-with-the-rest-api>.
pub(crate) fn api(host: &str) -> String {
    match host == "github.com" || host.ends_with(".ghe.com") {
        true => format!("https://api.{host}"),
        false => format!("https://{host}/api/v3"),
    }
}

/// What GitHub's codes mean: <https://docs.github.com/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps#error-codes-for-the-device-flow>.
fn refused(answer: &Value, host: &str) -> ErrorMessage {
    let (what, hint) = match answer["error"].as_str() {
        Some("access_denied") => ("access denied in the browser (access_denied)", None),
        Some("expired_token") => {
            ("the code expired before it was confirmed in the browser", Some("run this again for a new code"))
        }
        Some("device_flow_disabled") => (
            "device flow is disabled for the OAuth app (device_flow_disabled)",
            Some("enable it in the app's settings"),
        ),
        Some("incorrect_client_credentials" | "Not Found") => {
            ("unknown OAuth app (incorrect_client_credentials)", Some("check --client-id"))
        }
        _ => ("sign-in refused", None),
    };
    ErrorMessage { what: format!("{host}: {what}"), hint: hint.map(str::to_owned) }
}
