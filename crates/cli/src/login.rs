use clap::Args;
use std::io::Read;
use std::process::ExitCode;

use protocol::{Credentials, ErrorMessage, Secret, ServerUrl};
use zeroize::Zeroizing;

use crate::context::Context;
use crate::device_flow;
use crate::helpers::error_message;
use crate::image::{DOCKER_HUB, Image};
use crate::printer::Tone;
use crate::prompt::Prompt;

/// Store a login for a registry in the keychain
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  credmint login -u me                                    Docker Hub; prompts for the password or access token
  gh auth token | credmint login ghcr.io -u me --password-stdin
  credmint login registry.corp.example:5000 -u ci --password-stdin < token.txt
  credmint login ghcr.io --device                         GitHub, with a one-time code in a browser

Where it is stored:
  Linux    the Secret Service of the session (GNOME Keyring, KWallet, KeePassXC). Without one, as over ssh,
           on servers and in containers: a file that only you can read, unencrypted, with a warning
  macOS    Keychain. Over ssh and in CI, run `security unlock-keychain` first; else a file, with a warning
  Windows  Credential Manager, which ssh sessions do not have. WSL: as on Linux
If the keychain is locked or missing, run `credmint doctor`")]
pub(crate) struct Login {
    /// The registry [default: Docker Hub]
    pub(crate) registry: Option<String>,
    /// The username
    #[arg(short, long)]
    pub(crate) username: Option<String>,
    /// Read the password from standard input
    #[arg(long)]
    pub(crate) password_stdin: bool,
    /// Sign in to GitHub in a browser, with a one-time code
    #[arg(long, conflicts_with_all = ["password_stdin", "username"])]
    pub(crate) device: bool,
    /// Request permission to push, too
    #[arg(long, requires = "device")]
    pub(crate) push: bool,
    /// Client id of the OAuth app, if the settings have none
    #[arg(long, requires = "device", value_name = "ID")]
    pub(crate) client_id: Option<String>,
}

/// Remove the stored login and the cached token of a registry
#[derive(Args, Debug)]
pub(crate) struct Logout {
    /// The registry [default: Docker Hub]
    pub(crate) registry: Option<String>,
}

/// Bytes; no password or token is near this.
const LONGEST: u64 = 256 << 10;

/// What takes its time when a login is stored or erased.
const KEYCHAIN: &str = "waiting for the keychain: it may show a prompt in a window of its own";
/// The addresses under which `docker login` stores the tokens of its web login.
/// <https://github.com/docker/cli/blob/v28.3.0/cli/internal/oauth/manager/manager.go>
const HUB_TOKENS: [&str; 2] = ["https://index.docker.io/v1/access-token", "https://index.docker.io/v1/refresh-token"];

/// Keeps a login in the vault. It is not tried out at the registry, which `credmint doctor` does.
pub(crate) fn login(which: &Login, context: &Context<'_>) -> Result<ExitCode, ErrorMessage> {
    let registry = which.registry.as_deref().or(which.device.then_some("ghcr.io"));
    let (server, shown) = server(registry, "login", context)?;
    let (username, secret) = match which.device {
        true => {
            let id = which.client_id.as_deref();
            device_flow::sign_in(&Image::parse(&shown)?, id, which.push, context)?
        }
        false => prompted(&shown, which, context)?,
    };
    if username.trim().is_empty() || secret.is_empty() {
        return Err(ErrorMessage { what: "username and password must not be empty".to_owned(), hint: None });
    }
    context.printer.start_spinner_with(KEYCHAIN);
    let client = context.helpers.for_logins(context.setup.settings.timeout)?;
    let login = Credentials { server, username: username.trim().to_owned(), secret };
    client.store(&login).map_err(error_message)?;
    context.printer.note(format!("{} stored the login of {} for {shown}", Tone::Success.of("ok"), login.username));
    Ok(ExitCode::SUCCESS)
}

fn prompted(shown: &str, which: &Login, context: &Context<'_>) -> Result<(String, Secret), ErrorMessage> {
    if which.password_stdin {
        let username = which.username.clone().ok_or_else(|| ErrorMessage {
            what: "--password-stdin needs a username".to_owned(),
            hint: Some("pass --username NAME".to_owned()),
        })?;
        return Ok((username, password_from_stdin()?));
    }
    // Before the first prompt, because the password may be typed ahead after the name.
    let prompt = Prompt::begin(context.printer).ok_or_else(no_terminal)?;
    let username = match &which.username {
        Some(username) => username.clone(),
        None => prompt.ask(&format!("Username for {shown}: "))?,
    };
    let secret = prompt.password(&format!("Password or access token of {} for {shown}: ", username.trim()))?;
    Ok((username, secret))
}

pub(crate) fn logout(which: &Logout, context: &Context<'_>) -> Result<ExitCode, ErrorMessage> {
    let (server, shown) = server(which.registry.as_deref(), "logout", context)?;
    context.printer.start_spinner_with(KEYCHAIN);
    let client = context.helpers.for_logins(context.setup.settings.timeout)?;
    // As `docker logout`: what its web login keeps beside the login opens the account, too.
    let beside: &[_] = if server == DOCKER_HUB { &HUB_TOKENS } else { &[] };
    for address in beside.iter().copied().chain([server.as_str()]) {
        client.erase(address).map_err(error_message)?;
    }
    context.printer.note(format!("{} logged out of {shown}", Tone::Success.of("ok")));
    Ok(ExitCode::SUCCESS)
}

/// The address to keep a login under, and the name to call it by.
fn server(registry: Option<&str>, command: &str, context: &Context<'_>) -> Result<(String, String), ErrorMessage> {
    // One of several logins on a host, which a table in the settings names.
    let named = registry.and_then(|text| ServerUrl::parse(text).ok()).filter(|server| !server.path().is_empty());
    if let Some(named) = named.filter(|named| context.setup.settings.has_login(named)) {
        return Ok((named.key(), named.key()));
    }
    let image = Image::registry(registry.unwrap_or("docker.io"), command)?;
    let shown = if image.is_docker_hub() { "Docker Hub".to_owned() } else { image.registry.clone() };
    Ok((image.server().to_owned(), shown))
}

fn password_from_stdin() -> Result<Secret, ErrorMessage> {
    let mut text = Zeroizing::new(String::new());
    std::io::stdin().lock().take(LONGEST).read_to_string(&mut text).map_err(|error| ErrorMessage {
        what: format!("cannot read the password from standard input: {error}"),
        hint: None,
    })?;
    // Docker takes away one line break too.
    let end = text.trim_end_matches(['\r', '\n']).len();
    Ok(Secret::new(text[..end].to_owned()))
}

fn no_terminal() -> ErrorMessage {
    ErrorMessage {
        what: "no terminal: pass --password-stdin".to_owned(),
        hint: Some("run `credmint login -u NAME --password-stdin REGISTRY < FILE`".to_owned()),
    }
}
