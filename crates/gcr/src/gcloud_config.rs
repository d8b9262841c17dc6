use std::path::PathBuf;

use settings::{Rule, Setup};

/// The folder of gcloud's own files, as its tools find it.
/// <https://cloud.google.com/docs/authentication/application-default-credentials#personal>
pub(crate) fn gcloud_folder(setup: &Setup) -> Option<PathBuf> {
    let environment = &setup.environment;
    environment.path("CLOUDSDK_CONFIG").or_else(|| {
        if cfg!(windows) {
            let drive = || PathBuf::from(environment.text("SystemDrive").unwrap_or_else(|| "C:".into()) + "\\");
            Some(environment.path("APPDATA").unwrap_or_else(drive).join("gcloud"))
        } else {
            // Not under XDG_CONFIG_HOME, which gcloud does not know.
            environment.path("HOME").or_else(|| setup.places.home.clone()).map(|home| home.join(".config/gcloud"))
        }
    })
}

/// The variables by which gcloud takes an identity from elsewhere than its accounts. The first holds a
/// token, the others name a file.
pub(crate) const GCLOUD_OVERRIDES: [&str; 3] =
    ["CLOUDSDK_AUTH_ACCESS_TOKEN", "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE", "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE"];

/// The reason why a credentials file is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NamedBy {
    /// `credentials_file` of the settings.
    Settings,
    /// `GOOGLE_APPLICATION_CREDENTIALS`.
    Variable,
    /// It is in the path of `gcloud auth application-default login`.
    WellKnownPath,
}

/// The credentials file of Application Default Credentials; one that is named may not exist.
pub(crate) fn credentials_file(setup: &Setup, rule: Option<&Rule>) -> Option<(PathBuf, NamedBy)> {
    if let Some(path) = rule.and_then(|rule| rule.credentials_file.clone()) {
        return Some((path, NamedBy::Settings));
    }
    if let Some(path) = setup.environment.path("GOOGLE_APPLICATION_CREDENTIALS") {
        return Some((path, NamedBy::Variable));
    }
    let path = gcloud_folder(setup)?.join("application_default_credentials.json");
    path.exists().then_some((path, NamedBy::WellKnownPath))
}

/// The file of gcloud's active configuration, in which its active account stands.
/// <https://cloud.google.com/sdk/docs/configurations>
pub(crate) fn gcloud_configuration(setup: &Setup) -> Option<PathBuf> {
    let folder = gcloud_folder(setup)?;
    let name = setup.environment.text("CLOUDSDK_ACTIVE_CONFIG_NAME").or_else(|| {
        // A name of a few letters: there is no other way to determine the active file.
        Some(protocol::read_text_file(&folder.join("active_config")).ok()?.trim().to_owned())
    });
    let name = name.as_deref().map_or("default", str::trim);
    Some(folder.join("configurations").join(format!("config_{name}")))
}

/// Whether gcloud may have an account, as far as known without starting it.
pub(crate) fn gcloud_may_have_account(setup: &Setup) -> bool {
    gcloud_override(setup).is_some() || gcloud_accounts(setup).is_some()
}

/// The variable or file that shows that gcloud has an account.
pub(crate) fn gcloud_account(setup: &Setup) -> Option<String> {
    gcloud_override(setup).or_else(|| {
        let accounts = gcloud_accounts(setup)?;
        let is_active = || gcloud_property(setup, "account").is_some();
        let is_active = setup.environment.text("CLOUDSDK_CORE_ACCOUNT").is_some() || is_active();
        is_active.then(|| settings::display_path(&accounts).to_string())
    })
}

/// The database of gcloud's accounts, if it exists; it may be empty.
fn gcloud_accounts(setup: &Setup) -> Option<PathBuf> {
    Some(gcloud_folder(setup)?.join("credentials.db")).filter(|path| path.exists())
}

/// The setting that makes gcloud use another identity than its accounts: a variable, or the active
/// configuration.
fn gcloud_override(setup: &Setup) -> Option<String> {
    let variable = GCLOUD_OVERRIDES.into_iter().find(|name| setup.environment.raw(name).is_some());
    variable.map(str::to_owned).or_else(|| {
        let properties = ["access_token_file", "credential_file_override"];
        let property = properties.into_iter().find(|name| gcloud_property(setup, name).is_some());
        property.map(|name| format!("gcloud's property auth/{name}"))
    })
}

/// A property of the active configuration, whichever section it is in: no two of those that are asked
/// for have one name.
fn gcloud_property(setup: &Setup, name: &str) -> Option<String> {
    let text = protocol::read_text_file(&gcloud_configuration(setup)?).ok()?;
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(['=', ':'])?;
        let value = value.trim();
        (key.trim().eq_ignore_ascii_case(name) && !value.is_empty()).then(|| value.to_owned())
    })
}
