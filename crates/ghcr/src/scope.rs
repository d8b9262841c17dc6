use broker::Scope;
use protocol::ServerUrl;
use registry::Registry;
use settings::{Fingerprint, Rule, Setup};

use crate::github::GitHub;
use crate::target::Target;
use crate::{app, app_settings, hosts};

pub(crate) fn of(server: &ServerUrl, setup: &Setup) -> Option<Scope<Target>> {
    let (Registry::Ghcr(registry), rule) = setup.registry_of(server)? else { return None };
    let target = Target { github: GitHub::at(&registry.github), owner: owner(server), rule: rule.cloned() };
    Some(Scope {
        service: format!("ghcr:{}", target.github),
        identity: identity(setup, &target),
        // Public images can be pulled without a token.
        public: true,
        target,
    })
}

/// The user or the organisation in `ghcr.io/OWNER/IMAGE`.
fn owner(server: &ServerUrl) -> Option<String> {
    let first = server.path().trim_start_matches('/').split('/').next().unwrap_or_default();
    app::is_account_name(first).then(|| first.to_ascii_lowercase())
}

/// In addition to what selects an App: the variables with which gh finds tokens and its files.
const VARIABLES: [&str; 7] = [
    "GH_TOKEN",
    "GITHUB_TOKEN",
    "GH_ENTERPRISE_TOKEN",
    "GITHUB_ENTERPRISE_TOKEN",
    "CODESPACES",
    "GITHUB_ACTOR",
    "GH_PATH",
];

fn identity(setup: &Setup, target: &Target) -> String {
    let environment = &setup.environment;
    let mut print = Fingerprint::new();
    for name in app_settings::VARIABLES.iter().chain(&VARIABLES) {
        print.variable(environment, name);
    }
    // gh writes it at each sign-in and sign-out, and when another account becomes active; its folder shows which
    // user's keychain is meant.
    if let Some(path) = hosts::path(setup) {
        print.file(&path);
    }
    // A rule that chooses nothing counts like none: a custom domain shares its target's token.
    let none = Rule::default();
    let rule = target.rule.as_ref().unwrap_or(&none);
    for value in [&rule.app_id, &rule.installation_id, &rule.account] {
        print.add("rule", value.as_ref().map(|value| value.as_bytes()));
    }
    rule.narrowing.add_to(&mut print);
    for path in [rule.private_key_file.clone(), environment.path("GITHUB_APP_PRIVATE_KEY_PATH")].into_iter().flatten() {
        print.file(&path);
    }
    // An App has an installation for each owner.
    if app_settings::is_chosen(target, environment) {
        print.add("owner", target.owner.as_ref().map(|owner| owner.as_bytes()));
    }
    print.finish()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::path::Path;

    use settings::{Access, Narrowing};

    use super::*;

    const REGISTRY: &str = "ghcr.io";

    fn scope(server: &str, setup: &Setup) -> Scope<Target> {
        of(&ServerUrl::parse(server).unwrap(), setup).unwrap_or_else(|| panic!("{server}"))
    }

    #[test]
    fn the_service_is_the_github() {
        let mut setup = Setup::of(Path::new("/nowhere"), &[]);
        setup.settings.rules =
            vec![Rule { pattern: "*.corp.example".into(), provider: Some(registry::Cloud::GitHub), ..Rule::default() }];
        for (server, service) in [
            ("ghcr.io", "ghcr:github.com"),
            ("https://ghcr.io/octo-org/app", "ghcr:github.com"),
            ("docker.pkg.github.com", "ghcr:github.com"),
            ("containers.octocorp.ghe.com", "ghcr:octocorp.ghe.com"),
            ("containers.github.corp.example", "ghcr:github.corp.example"),
            ("github.corp.example", "ghcr:github.corp.example"),
        ] {
            assert_eq!(scope(server, &setup).service, service, "{server}");
        }
        assert!(of(&ServerUrl::parse("docker.io").unwrap(), &setup).is_none());
        assert!(of(&ServerUrl::parse("123456789012.dkr.ecr.us-east-1.amazonaws.com").unwrap(), &setup).is_none());
    }

    #[test]
    fn whatever_chooses_the_identity_is_in_its_fingerprint() {
        let home = tempfile::tempdir().unwrap();
        let identity = |variables: &[(&str, &str)]| scope(REGISTRY, &Setup::of(home.path(), variables)).identity;
        let mut seen = HashSet::from([identity(&[])]);
        for name in app_settings::VARIABLES.iter().chain(&VARIABLES) {
            assert!(seen.insert(identity(&[(name, "1")])), "{name} does not count");
            assert!(seen.insert(identity(&[(name, "2")])), "the value of {name} does not count");
        }
        for folder in [".config/gh", "xdg/gh", "elsewhere"] {
            std::fs::create_dir_all(home.path().join(folder)).unwrap();
        }
        let [xdg, elsewhere] = ["xdg", "elsewhere"].map(|name| home.path().join(name).to_str().unwrap().to_owned());
        for (folder, variables) in [
            (".config/gh", &[][..]),
            ("xdg/gh", &[("XDG_CONFIG_HOME", xdg.as_str())]),
            ("elsewhere", &[("GH_CONFIG_DIR", elsewhere.as_str())]),
        ] {
            for text in ["github.com:\n", "github.com:\n  user: alice\n"] {
                std::fs::write(home.path().join(folder).join("hosts.yml"), text).unwrap();
                assert!(seen.insert(identity(variables)), "{folder} does not count");
            }
        }
        let key = home.path().join("key.pem");
        let by_path = [("GITHUB_APP_PRIVATE_KEY_PATH", key.to_str().unwrap())];
        for text in ["a key", "another key"] {
            std::fs::write(&key, text).unwrap();
            assert!(seen.insert(identity(&by_path)), "the key file does not count");
        }
    }

    #[test]
    fn the_rule_is_in_the_fingerprint() {
        let home = tempfile::tempdir().unwrap();
        let mut setup = Setup::of(home.path(), &[]);
        let mut seen = HashSet::from([scope(REGISTRY, &setup).identity]);
        let key = home.path().join("key.pem");
        let text = || Some("x".to_owned());
        for rule in [
            Rule { app_id: text(), ..Rule::default() },
            Rule { app_id: text(), installation_id: text(), ..Rule::default() },
            Rule { app_id: text(), account: text(), ..Rule::default() },
            Rule { narrowing: Narrowing { access: Some(Access::Pull), ..Narrowing::default() }, ..Rule::default() },
            Rule { narrowing: Narrowing { access: Some(Access::Push), ..Narrowing::default() }, ..Rule::default() },
            Rule { app_id: text(), private_key_file: Some(key.clone()), ..Rule::default() },
        ] {
            setup.settings.rules = vec![Rule { pattern: "*".into(), ..rule }];
            assert!(seen.insert(scope(REGISTRY, &setup).identity));
        }
        std::fs::write(key, "a key").unwrap();
        assert!(seen.insert(scope(REGISTRY, &setup).identity), "the key file does not count");
        setup.settings.rules = vec![Rule { pattern: "other.example".into(), app_id: text(), ..Rule::default() }];
        assert!(!seen.insert(scope(REGISTRY, &setup).identity), "a rule for another registry does not count");
        let target = ServerUrl::parse(REGISTRY).ok();
        setup.settings.rules = vec![Rule { pattern: "*".into(), target, ..Rule::default() }];
        assert!(!seen.insert(scope("docker.corp.example", &setup).identity), "a custom domain shares the token");
    }

    #[test]
    fn an_owner_counts_where_an_app_signs_in() {
        let with_token = Setup::of(Path::new("/nowhere"), &[("GH_TOKEN", "x")]);
        let bare = scope(REGISTRY, &with_token).identity;
        assert_eq!(scope("ghcr.io/octo-org/app", &with_token).identity, bare);
        let with_app = Setup::of(Path::new("/nowhere"), &[("GITHUB_APP_ID", "1")]);
        let of_org = scope("ghcr.io/octo-org/app", &with_app).identity;
        assert_ne!(of_org, scope(REGISTRY, &with_app).identity);
        assert_ne!(of_org, scope("ghcr.io/other-org/app", &with_app).identity);
        assert_eq!(of_org, scope("https://ghcr.io/Octo-Org/other", &with_app).identity);
    }
}
