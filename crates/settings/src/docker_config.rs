use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;

use crate::Setup;

/// Bytes; a configuration with twenty thousand logins has three million.
const LARGEST: u64 = 16 << 20;

/// The members of Docker's `config.json` that name helpers.
/// <https://github.com/docker/cli/blob/v28.3.0/cli/config/configfile/file.go>
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct DockerConfig {
    creds_store: Option<String>,
    cred_helpers: Option<BTreeMap<String, Option<String>>>,
    auths: Value,
}

impl Setup {
    /// The servers for which Docker's configuration names a helper of one of these names: those under
    /// `credHelpers`, and, if it is the `credsStore`, the hosts that the settings name without a wildcard
    /// and those with an empty entry in `auths`, as `docker login` and `credmint configure --store` leave it.
    pub fn hosts_in_docker_config(&self, names: &[String]) -> Vec<String> {
        let config = self.docker_config().unwrap_or_default();
        let is_ours = |name: &String| names.contains(name);
        let helpers = config.cred_helpers.unwrap_or_default().into_iter();
        let mut hosts: Vec<_> =
            helpers.filter(|(_, name)| name.as_ref().is_some_and(is_ours)).map(|(server, _)| server).collect();
        if config.creds_store.as_ref().is_some_and(is_ours) {
            let exact = |pattern: &&String| !pattern.contains(['*', '?', '/']);
            hosts.extend(self.settings.rules.iter().map(|rule| &rule.pattern).filter(exact).cloned());
            let entries = config.auths.as_object().into_iter().flatten();
            let is_empty = |entry: &Value| entry.as_object().is_some_and(serde_json::Map::is_empty);
            hosts.extend(entries.filter(|(_, entry)| is_empty(entry)).map(|(server, _)| server.clone()));
        }
        hosts
    }

    /// A missing or unreadable one names no hosts; Docker itself reports the error.
    fn docker_config(&self) -> Option<DockerConfig> {
        let folder = self.environment.path("DOCKER_CONFIG");
        let folder: PathBuf = folder.or_else(|| Some(self.places.home.as_ref()?.join(".docker")))?;
        let path = folder.join("config.json");
        // Reading anything else than a regular file might not end.
        if !path.metadata().ok()?.is_file() {
            return None;
        }
        let mut text = Vec::new();
        File::open(&path).ok()?.take(LARGEST).read_to_end(&mut text).ok()?;
        let config = serde_json::from_slice(&text);
        config.inspect_err(|error| log::debug!("cannot parse {}: {error}", path.display())).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rule;

    fn hosts(config: &str, names: &[&str]) -> Vec<String> {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".docker")).unwrap();
        std::fs::write(home.path().join(".docker/config.json"), config).unwrap();
        let mut setup = Setup::of(home.path(), &[]);
        let rule = |pattern: &str| Rule { pattern: pattern.to_owned(), ..Rule::default() };
        setup.settings.rules = ["r.example", "*.example", "r.example/team", "s.example:5000"].map(rule).into();
        setup.hosts_in_docker_config(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn hosts_by_the_helper_that_docker_runs_for_them() {
        let config =
            r#"{"credHelpers": {"a.example": "ecr", "b.example": "gcr", "c.example": "ecr-login", "d": null}}"#;
        assert_eq!(hosts(config, &["ecr"]), ["a.example"]);
        assert_eq!(hosts(config, &["ecr", "ecr-login"]), ["a.example", "c.example"]);
        let store = r#"{"credsStore": "credmint", "credHelpers": {"a.example": "credmint"},
            "auths": {"y.example": {"auth": "dTpw"}, "z.example": {}}}"#;
        assert_eq!(hosts(store, &["credmint"]), ["a.example", "r.example", "s.example:5000", "z.example"]);
        assert!(hosts(store, &["ecr"]).is_empty());
        for config in
            ["", "{", "[]", r#"{"credHelpers": 7}"#, r#"{"credHelpers": null, "credsStore": null, "auths": []}"#]
        {
            assert!(hosts(config, &["ecr"]).is_empty(), "{config}");
        }
    }
}
