use std::path::{Path, PathBuf};

use broker::{MintError, Principal};
use protocol::Secret;
use settings::Environment;
use web::{RequestBuilder, Response};

use crate::context::Context;
use crate::error;

/// No key is longer.
const LARGEST: u64 = 4096;
const SERVICE: &str = "the Azure Arc agent";
const GROUP: &str = "to add this user to the group himds, run `sudo usermod --append --groups himds $USER`";

/// Azure Arc's agent gives tokens to processes that can read a file that it has just written and names: only
/// administrators and members of a group can.
/// <https://learn.microsoft.com/azure/azure-arc/servers/managed-identity-authentication#acquiring-an-access-token-using-rest-api>
pub(crate) async fn response(
    request: impl Fn() -> Result<RequestBuilder, MintError>,
    principal: &Principal,
    context: &Context<'_>,
) -> Result<Response, MintError> {
    let unreachable = |error| error::unreachable(principal, SERVICE, &error);
    let challenge = Response::to(request()?, context.deadline).await.map_err(unreachable)?;
    if challenge.status != 401 {
        return Ok(challenge);
    }
    let realm = challenge.headers.get("www-authenticate").and_then(|value| value.to_str().ok()?.split_once("realm="));
    let path = realm.map(|(_, path)| PathBuf::from(path.trim().trim_matches('"')));
    let path = path.filter(|path| keys(context.environment).is_some_and(|keys| is_key(path, &keys)));
    let path = path.ok_or_else(|| {
        principal.no_token_but("the Azure Arc agent names a file that is not one of its keys", "update the agent")
    })?;
    let key = read(&path).map_err(|error| {
        principal.no_token_but(format!("cannot read the key of the Azure Arc agent: {error}"), GROUP)
    })?;
    let request = request()?.header("Authorization", format!("Basic {}", key.expose()));
    Response::to(request, context.deadline).await.map_err(unreachable)
}

/// The folder of the agent's keys. Another service at its address must not have other files read.
fn keys(environment: &Environment) -> Option<PathBuf> {
    if cfg!(windows) {
        Some(environment.path("ProgramData")?.join("AzureConnectedMachineAgent").join("Tokens"))
    } else {
        cfg!(target_os = "linux").then(|| "/var/opt/azcmagent/tokens".into())
    }
}

fn is_key(path: &Path, keys: &Path) -> bool {
    path.parent() == Some(keys) && path.extension().is_some_and(|kind| kind == "key")
}

fn read(path: &Path) -> std::io::Result<Secret> {
    let metadata = std::fs::symlink_metadata(path)?;
    if !metadata.is_file() || metadata.len() > LARGEST {
        return Err(std::io::Error::other("not a key"));
    }
    std::fs::read_to_string(path).map(Secret::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_in_the_agents_folder_are_read() {
        let keys = Path::new("/var/opt/azcmagent/tokens");
        assert!(is_key(Path::new("/var/opt/azcmagent/tokens/0af.key"), keys));
        for other in [
            "/var/opt/azcmagent/tokens/../../../../etc/ssl/own.key",
            "/var/opt/azcmagent/tokens/deeper/0af.key",
            "/var/opt/azcmagent/tokens/0af",
            "/etc/ssl/own.key",
            "0af.key",
            "",
        ] {
            assert!(!is_key(Path::new(other), keys), "{other}");
        }
    }

    #[test]
    fn a_key_is_a_short_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.key");
        std::fs::write(&path, "key").unwrap();
        assert_eq!(read(&path).unwrap().expose(), "key");
        std::fs::write(&path, "k".repeat(5000)).unwrap();
        assert!(read(&path).is_err());
        assert!(read(folder.path()).is_err());
        #[cfg(unix)]
        {
            let link = folder.path().join("b.key");
            std::fs::write(&path, "key").unwrap();
            std::os::unix::fs::symlink(&path, &link).unwrap();
            assert!(read(&link).is_err(), "a link leads anywhere");
        }
    }
}
