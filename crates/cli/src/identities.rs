use std::path::Path;

use identity_token::{Detected, Source};
use registry::Cloud;
use registry::exchange::Subject;
use serde_json::Value;
use settings::{ExchangeRule, Setup};

/// A cloud that this machine seems to be signed in to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Which one.
    pub(crate) cloud: Cloud,
    /// Its source, for people: a variable or a file. It is not checked whether it is still valid.
    pub(crate) source: String,
}

/// The detected identities, the first in the chain of each cloud; no service is called.
pub(crate) fn detect(setup: &Setup) -> Vec<Identity> {
    [aws(setup), azure(setup), google(setup), github(setup)].into_iter().flatten().collect()
}

/// The configured exchanges for which this job has an identity token: `match`, its service, and the source of the
/// token comes from.
pub(crate) fn exchanges(setup: &Setup) -> Vec<(String, &'static str, String)> {
    let rules = setup.settings.rules.iter().filter_map(|rule| Some((rule, rule.exchange.as_ref()?)));
    let detected =
        rules.filter_map(|(rule, exchange)| match (exchange.exchange.subject, detect_source(exchange, setup)) {
            (Subject::IdentityToken(_), Detected::Source(source)) => {
                Some((rule.pattern.clone(), exchange.exchange.name, source.name()))
            }
            _ => None,
        });
    detected.collect()
}

fn detect_source(exchange: &ExchangeRule, setup: &Setup) -> Detected {
    Source::detect(&exchange.identity, &setup.environment)
}

fn aws(setup: &Setup) -> Option<Identity> {
    let variable = variable(
        setup,
        &[
            "AWS_ACCESS_KEY_ID",
            "AWS_PROFILE",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        ],
    );
    found(Cloud::Aws, variable.or_else(|| file(setup, &[".aws/credentials", ".aws/config"])))
}

fn azure(setup: &Setup) -> Option<Identity> {
    let variable = variable(
        setup,
        &["AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE", "IDENTITY_ENDPOINT"],
    );
    let folder = setup.environment.path("AZURE_CONFIG_DIR");
    let folder = folder.or_else(|| Some(setup.places.home.as_ref()?.join(".azure")));
    let profile = folder.map(|folder| folder.join("azureProfile.json")).filter(|file| names_subscription(file));
    found(Cloud::Azure, variable.or(profile.map(|file| file.display().to_string())))
}

/// Whether az's profile names a subscription. az makes the file when it first runs, and `az logout` leaves it.
fn names_subscription(profile: &Path) -> bool {
    let text = std::fs::read(profile).unwrap_or_default();
    // az begins it with a byte order mark.
    let profile: Value =
        serde_json::from_slice(text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text)).unwrap_or_default();
    profile["subscriptions"].as_array().is_some_and(|subscriptions| !subscriptions.is_empty())
}

fn google(setup: &Setup) -> Option<Identity> {
    let variable = variable(setup, &["GOOGLE_APPLICATION_CREDENTIALS"]);
    let folder = setup.environment.path("CLOUDSDK_CONFIG");
    let folder = folder.or_else(|| {
        let appdata = setup.environment.path("APPDATA").filter(|_| cfg!(windows));
        appdata.map(|folder| folder.join("gcloud")).or_else(|| Some(setup.places.home.as_ref()?.join(".config/gcloud")))
    });
    let file = folder.and_then(|folder| {
        ["application_default_credentials.json", "credentials.db"]
            .iter()
            .map(|name| folder.join(name))
            .find(|f| f.exists())
    });
    found(Cloud::Google, variable.or(file.map(|file| file.display().to_string())))
}

fn github(setup: &Setup) -> Option<Identity> {
    let variable = variable(
        setup,
        &["GITHUB_APP_ID", "GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"],
    );
    let folder = setup.environment.path("GH_CONFIG_DIR").map(|folder| folder.join("hosts.yml"));
    let folder = folder.or_else(|| Some(setup.environment.path("XDG_CONFIG_HOME")?.join("gh/hosts.yml")));
    let folder = folder.filter(|file| file.exists()).map(|file| file.display().to_string());
    found(Cloud::GitHub, variable.or(folder).or_else(|| file(setup, &[".config/gh/hosts.yml"])))
}

fn found(cloud: Cloud, source: Option<String>) -> Option<Identity> {
    source.map(|source| Identity { cloud, source })
}

fn variable(setup: &Setup, names: &[&str]) -> Option<String> {
    names.iter().find(|name| setup.environment.raw(name).is_some()).map(|name| (*name).to_owned())
}

fn file(setup: &Setup, names: &[&str]) -> Option<String> {
    let home = setup.places.home.as_ref()?;
    names.iter().map(|name| home.join(name)).find(|file| file.exists()).map(|file| file.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_of_az_counts_if_it_names_a_subscription() {
        let home = tempfile::tempdir().unwrap();
        let profile = home.path().join("azureProfile.json");
        let setup = Setup::of(home.path(), &[("AZURE_CONFIG_DIR", home.path().to_str().unwrap())]);
        let clouds = || detect(&setup).into_iter().map(|identity| identity.cloud).collect::<Vec<_>>();
        for (text, expected) in [
            ("", &[][..]),
            ("{}", &[]),
            (r#"{"installationId": "x"}"#, &[]),
            ("\u{feff}{\"subscriptions\": []}", &[]),
            ("\u{feff}{\"subscriptions\": [{\"id\": \"x\"}]}", &[Cloud::Azure]),
        ] {
            std::fs::write(&profile, text).unwrap();
            assert_eq!(clouds(), expected, "{text}");
        }
    }
}
