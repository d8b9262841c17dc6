use std::io::{ErrorKind, Read};
use std::path::Path;
use std::time::Duration;

use protocol::{Client, ClientError, ServerUrl};

use crate::context::Context;
use crate::helpers::is_ours;
use crate::image::DOCKER_HUB;

/// Timeout for `version`.
pub(super) const LIMIT: Duration = Duration::from_secs(5);
/// How many servers a helper is queried for: enough to see whether it works.
const MOST: usize = 3;

/// A helper as Docker's config names it.
pub(super) struct ConfiguredHelper {
    pub(super) name: String,
    /// Whether it is `credsStore`.
    pub(super) is_store: bool,
    /// Its keys in `credHelpers`.
    pub(super) hosts: Vec<String>,
    /// What `docker login` has left in `auths` for the store.
    pub(super) markers: Vec<String>,
}

/// Runs a helper as Docker does: `list` for a store, and `get` for servers in the config. Registries of clouds
/// are left to the checks of registries, as their tokens may have to be minted.
///
/// # Errors
/// Why Docker would get nothing from it.
pub(super) fn probe(
    program: &Path,
    helper: &ConfiguredHelper,
    offline: bool,
    context: &Context<'_>,
) -> Result<(), String> {
    let limit = context.setup.settings.timeout;
    let client = Client::new(program, limit + Duration::from_secs(1));
    let failed = |error: ClientError| why(program, &error);
    keychain(&helper.name, context)?;
    let is_clouds =
        |server: &str| ServerUrl::parse(server).is_ok_and(|server| context.setup.registry_of(&server).is_some());
    // A pull from Docker Hub calls the store for it in any case.
    let hub = helper.is_store.then(|| DOCKER_HUB.to_owned());
    let mut names: Vec<String> = hub.into_iter().chain(helper.hosts.iter().chain(&helper.markers).cloned()).collect();
    if helper.is_store {
        let listed = client.list().map_err(failed)?;
        if !is_ours(&helper.name) {
            // What docker-credential-secretservice lists since 0.9.0 is each item's label.
            // <https://github.com/docker/docker-credential-helpers/pull/324>
            let label = |name: &String| name.trim_start_matches("Registry credentials for ").to_owned();
            let listed = listed.keys().map(label).filter(|name| !(offline && is_clouds(name)));
            for server in listed.take(MOST) {
                if client.get(&server).map_err(failed)?.is_none() {
                    return Err(format!(
                        "it lists a login for {server} but does not return it; its keychain may be locked"
                    ));
                }
            }
        }
    }
    names.retain(|name| !is_clouds(name));
    names.iter().take(MOST).try_for_each(|name| client.get(name).map(drop).map_err(failed))
}

/// What is missing for the keychains behind Docker's own helpers, which work without it but store nothing.
fn keychain(name: &str, context: &Context<'_>) -> Result<(), String> {
    match name {
        "secretservice" => secret_service(context),
        "pass" => pass(context),
        _ => Ok(()),
    }
}

#[cfg(target_os = "linux")]
fn secret_service(context: &Context<'_>) -> Result<(), String> {
    let mut setup = context.setup.clone();
    setup.settings.vault = settings::VaultChoice::Keychain;
    broker::open(&setup)
        .survey()
        .into_iter()
        .find_map(|found| found.names.err().or(found.error))
        .map_or(Ok(()), |error| Err(error.to_string()))
}

#[cfg(not(target_os = "linux"))]
fn secret_service(_: &Context<'_>) -> Result<(), String> {
    Ok(())
}

/// <https://git.zx2c4.com/password-store/about/>: without `.gpg-id` it cannot store.
fn pass(context: &Context<'_>) -> Result<(), String> {
    if context.helpers.path_of("pass").is_none() {
        return Err("pass not found on PATH".to_owned());
    }
    let environment = &context.setup.environment;
    let usual = || Some(context.setup.places.home.as_ref()?.join(".password-store"));
    let folder = environment.path("PASSWORD_STORE_DIR").or_else(usual);
    match folder.is_some_and(|folder| folder.join(".gpg-id").exists()) {
        true => Ok(()),
        false => Err("pass is not initialized: run `pass init GPG-ID`".to_owned()),
    }
}

/// The cause of a helper's error. The system's own message for a program that it cannot run is misleading.
pub(super) fn why(program: &Path, error: &ClientError) -> String {
    match error {
        ClientError::Missing { error, .. } => not_run(program, error),
        ClientError::Refused(sentence) if sentence.is_empty() => "it failed without an error message".to_owned(),
        ClientError::Refused(sentence) => sentence.lines().next().unwrap_or_default().chars().take(300).collect(),
        error => error.to_string(),
    }
}

fn not_run(program: &Path, error: &std::io::Error) -> String {
    let mut first = Vec::new();
    let read = std::fs::File::open(program).and_then(|file| file.take(256).read_to_end(&mut first));
    let script = || {
        let line = std::str::from_utf8(first.strip_prefix(b"#!")?).unwrap_or_default().lines().next()?;
        line.split_whitespace().next().map(str::to_owned)
    };
    let is_absent = error.kind() == ErrorKind::NotFound && read.is_ok();
    match script() {
        Some(interpreter) if is_absent => format!("its interpreter {interpreter} does not exist"),
        _ if first.starts_with(b"MZ") && !cfg!(windows) => {
            format!("it is a Windows program, which this system cannot run ({error})")
        }
        _ if is_absent => "its loader does not exist: it is built for another system".to_owned(),
        _ if error.raw_os_error() == Some(EXEC_FORMAT) && cfg!(unix) => {
            format!("it is neither a program for this system nor a script ({error})")
        }
        _ => error.to_string(),
    }
}

/// ENOEXEC, the same on all Unix systems.
const EXEC_FORMAT: i32 = 8;

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_cannot_be_run_is_distinguished() {
        let folder = tempfile::tempdir().unwrap();
        for (content, words) in [
            (&b"#!/no/such/python3 -u\n"[..], "its interpreter /no/such/python3 does not exist"),
            (b"MZ\x90", "a Windows program"),
            (b"plain text", "neither a program for this system nor a script"),
        ] {
            use std::os::unix::fs::PermissionsExt;
            let program = folder.path().join("docker-credential-x");
            std::fs::write(&program, content).unwrap();
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
            let error = Client::new(&program, LIMIT).list().unwrap_err();
            assert!(why(&program, &error).contains(words), "{}", why(&program, &error));
        }
    }
}
