use std::io::ErrorKind;
use std::path::PathBuf;

use serde_json::{Value, json};
use settings::{Environment, Places};

/// Whether az has an account, by its file: whether the session is still valid is not in it. A file that cannot
/// be read or parsed is left to az.
pub(crate) fn az_has_session(environment: &Environment, places: &Places) -> bool {
    let file = folder(environment, places, "AZURE_CONFIG_DIR", ".azure").map(|folder| folder.join("azureProfile.json"));
    file.is_some_and(|file| match std::fs::read(file) {
        // az begins it with a byte order mark; signing out leaves an empty list.
        Ok(text) => json(&text).is_none_or(|profile| profile["subscriptions"] != json!([])),
        Err(error) => error.kind() != ErrorKind::NotFound,
    })
}

/// Whether azd may have an account: `None` without its file, else whether that names an account. One that it does
/// not name may be that of az.
/// <https://github.com/Azure/azure-dev/blob/main/cli/azd/pkg/auth/manager.go>
pub(crate) fn azd_session(environment: &Environment, places: &Places) -> Option<bool> {
    let file = folder(environment, places, "AZD_CONFIG_DIR", ".azd")?.join("auth.json");
    match std::fs::read(file) {
        Ok(text) => Some(json(&text).is_some_and(|file| file.pointer("/auth/account/currentUser").is_some())),
        Err(error) => (error.kind() != ErrorKind::NotFound).then_some(true),
    }
}

fn json(text: &[u8]) -> Option<Value> {
    serde_json::from_slice(text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)).ok()
}

/// The files by which az and azd choose an account. az: its accounts, the active
/// cloud, and the settings of the clouds. azd: its account, and whether it uses that of az
/// (`auth.useAzCliAuth`). Their sessions are left out: they change with every refresh.
pub(crate) fn chosen_by(environment: &Environment, places: &Places) -> impl Iterator<Item = PathBuf> {
    let az = folder(environment, places, "AZURE_CONFIG_DIR", ".azure");
    let azd = folder(environment, places, "AZD_CONFIG_DIR", ".azd");
    let in_az = ["azureProfile.json", "config", "clouds.config"];
    let in_azd = ["auth.json", "config.json"];
    let of_az = az.into_iter().flat_map(move |folder| in_az.map(|name| folder.join(name)));
    of_az.chain(azd.into_iter().flat_map(move |folder| in_azd.map(|name| folder.join(name))))
}

/// The cloud that is active in az, by the name that az has for it, in any case.
/// <https://learn.microsoft.com/cli/azure/azure-cli-configuration>
pub(crate) fn azure_cloud(environment: &Environment, places: &Places) -> String {
    let of_file = || of_az(environment, places, "config", "cloud", "name");
    environment.text("AZURE_CLOUD_NAME").or_else(of_file).unwrap_or_else(|| "AzureCloud".to_owned())
}

/// The authority of a cloud of az's, if it was set (`az cloud register`, `az cloud update`).
pub(crate) fn authority_of_cloud(name: &str, environment: &Environment, places: &Places) -> Option<String> {
    of_az(environment, places, "clouds.config", name, "endpoint_active_directory")
}

/// A value of one of az's files.
fn of_az(environment: &Environment, places: &Places, file: &str, section: &str, key: &str) -> Option<String> {
    let text = std::fs::read_to_string(folder(environment, places, "AZURE_CONFIG_DIR", ".azure")?.join(file)).ok()?;
    let mut here = "";
    text.lines().map(str::trim).find_map(|line| {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            here = name.trim();
        }
        let (name, value) = line.split_once(['=', ':'])?;
        (here.eq_ignore_ascii_case(section) && name.trim() == key).then(|| value.trim().to_owned())
    })
}

fn folder(environment: &Environment, places: &Places, variable: &str, name: &str) -> Option<PathBuf> {
    environment.path(variable).or_else(|| places.home.as_ref().map(|home| home.join(name)))
}
