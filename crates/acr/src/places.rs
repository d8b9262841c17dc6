use std::path::PathBuf;

use settings::{Environment, Places};

/// What az writes when somebody signs in, or chooses a subscription; it says nothing about whose
/// session still lasts.
pub(crate) fn azure_profile(environment: &Environment, places: &Places) -> Option<PathBuf> {
    folder(environment, places, "AZURE_CONFIG_DIR", ".azure").map(|folder| folder.join("azureProfile.json"))
}

/// The same of azd.
/// <https://github.com/Azure/azure-dev/blob/main/cli/azd/pkg/auth/manager.go>
pub(crate) fn developer_cli_user(environment: &Environment, places: &Places) -> Option<PathBuf> {
    folder(environment, places, "AZD_CONFIG_DIR", ".azd").map(|folder| folder.join("auth.json"))
}

fn folder(environment: &Environment, places: &Places, variable: &str, name: &str) -> Option<PathBuf> {
    environment.path(variable).or_else(|| places.home.as_ref().map(|home| home.join(name)))
}
