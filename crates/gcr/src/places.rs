use std::path::PathBuf;

use settings::{Environment, Rule, Setup};

/// The folder of gcloud's own files, as its tools find it.
/// <https://cloud.google.com/docs/authentication/application-default-credentials#personal>
pub(crate) fn gcloud_folder(setup: &Setup) -> Option<PathBuf> {
    let environment = &setup.environment;
    environment.path("CLOUDSDK_CONFIG").or_else(|| {
        if cfg!(windows) {
            environment.path("APPDATA").map(|folder| folder.join("gcloud"))
        } else {
            // Not under XDG_CONFIG_HOME, which gcloud does not know.
            environment.path("HOME").or_else(|| setup.places.home.clone()).map(|home| home.join(".config/gcloud"))
        }
    })
}

/// Who says that a credentials file is the one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NamedBy {
    /// `credentials_file` of the settings.
    Settings,
    /// `GOOGLE_APPLICATION_CREDENTIALS`.
    Variable,
    /// Nobody: it lies where `gcloud auth application-default login` puts it.
    Habit,
}

/// The credentials file that counts, if one does. One that is named counts though it may not be there.
pub(crate) fn credentials_file(setup: &Setup, rule: Option<&Rule>) -> Option<(PathBuf, NamedBy)> {
    if let Some(path) = rule.and_then(|rule| rule.credentials_file.clone()) {
        return Some((path, NamedBy::Settings));
    }
    if let Some(path) = setup.environment.path("GOOGLE_APPLICATION_CREDENTIALS") {
        return Some((path, NamedBy::Variable));
    }
    let path = gcloud_folder(setup)?.join("application_default_credentials.json");
    path.exists().then_some((path, NamedBy::Habit))
}

/// The file of gcloud's active configuration, in which its active account stands.
/// <https://cloud.google.com/sdk/docs/configurations>
pub(crate) fn gcloud_configuration(setup: &Setup) -> Option<PathBuf> {
    let folder = gcloud_folder(setup)?;
    let name = setup.environment.text("CLOUDSDK_ACTIVE_CONFIG_NAME").or_else(|| {
        // A name of a few letters: there is no other way to tell which file counts.
        std::fs::read_to_string(folder.join("active_config")).ok()
    });
    let name = name.as_deref().map_or("default", str::trim);
    Some(folder.join("configurations").join(format!("config_{name}")))
}

/// Whether gcloud may have an account: starting it only to hear that it has none takes half a second.
pub(crate) fn gcloud_may_have_account(setup: &Setup) -> bool {
    has_gcloud_override(&setup.environment)
        || gcloud_folder(setup).is_some_and(|folder| folder.join("credentials.db").exists())
}

fn has_gcloud_override(environment: &Environment) -> bool {
    ["CLOUDSDK_AUTH_ACCESS_TOKEN_FILE", "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE"]
        .iter()
        .any(|name| environment.raw(name).is_some())
}
