use broker::MintError;
use program::Silence;
use serde_json::Value;
use tokio::process::Command;

use crate::exchange::Exchange;
use crate::failure::{self, Who, no_token};
use crate::identity::Identity;
use crate::token::AccessToken;

/// Gives the token, its real end and the universe, and renews a token that has less left than the
/// settings would renew. `print-access-token` gives the token alone.
const ARGUMENTS: [&str; 5] = ["config", "config-helper", "--format=json", "--min-expiry=10m", "--quiet"];

/// gcloud's active account; `None` where there is no gcloud, or no account in it.
pub(crate) async fn identity(exchange: &Exchange<'_>) -> Result<Option<Identity>, MintError> {
    let who = Who::gcloud();
    let name = if cfg!(windows) { "gcloud.cmd" } else { "gcloud" };
    let Some(gcloud) = exchange.environment.program(name) else {
        log::debug!("{name} is not on the path");
        return Ok(None);
    };
    let mut command = Command::new(gcloud);
    command.args(ARGUMENTS).env("CLOUDSDK_CORE_DISABLE_PROMPTS", "1");
    let said = match program::run(&mut command, exchange.deadline).await {
        Ok(said) => said,
        Err(Silence::NotStarted(error)) => {
            log::debug!("gcloud cannot be started: {error}");
            return Ok(None);
        }
        Err(Silence::Late) => return Err(failure::late(&who)),
    };
    if !said.status.success() {
        // Looked at for words, not shown.
        let stderr = String::from_utf8_lossy(&said.stderr);
        if stderr.contains("do not currently have an active account") {
            return Ok(None);
        }
        let why = if ["eauthentication", "invalid_grant", "rapt", "refreshing your current auth tokens"]
            .iter()
            .any(|words| stderr.contains(words))
        {
            "the session has ended"
        } else {
            "gcloud failed"
        };
        return Err(no_token(&who, why, "run: gcloud auth login"));
    }
    let unusable = || no_token(&who, "gcloud answered without a usable one", "run: gcloud auth login");
    let answer: Value = serde_json::from_slice(&said.stdout).map_err(|_| unusable())?;
    let token = AccessToken::of_gcloud(&answer).ok_or_else(unusable)?;
    let universe = answer["configuration"]["properties"]["core"]["universe_domain"].as_str();
    let universe = universe.unwrap_or(registry::GOOGLE).to_owned();
    Ok(Some(Identity { who, token, universe, quota_project: None }))
}
