use crate::pattern::Pattern;

/// A registry of GitHub Packages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GhcrRegistry {
    /// The GitHub that it belongs to, by the host of its web site: `github.com`, a tenant's
    /// `octocorp.ghe.com`, or a GitHub Enterprise Server. Tokens of one are of no use to another.
    pub github: String,
}

impl GhcrRegistry {
    /// `containers.HOST` or `docker.HOST` of an Enterprise Server with subdomain isolation, or the
    /// server itself without.
    /// <https://docs.github.com/enterprise-server/packages/working-with-a-github-packages-registry/working-with-the-container-registry>
    pub(crate) fn declared(host: &str) -> Self {
        let github = ["containers.", "docker."].iter().find_map(|prefix| host.strip_prefix(prefix)).unwrap_or(host);
        GhcrRegistry { github: github.to_owned() }
    }
}

pub(crate) fn registry_of(host: &str) -> Option<GhcrRegistry> {
    let github = match host {
        "ghcr.io" | "docker.pkg.github.com" => "github.com",
        // https://docs.github.com/enterprise-cloud@latest/admin/data-residency
        _ if Pattern("containers.{place}.ghe.com").matches(host).is_some() => host.strip_prefix("containers.")?,
        _ => return None,
    };
    Some(GhcrRegistry { github: github.to_owned() })
}

#[cfg(test)]
mod tests {
    use protocol::ServerUrl;

    use crate::{Cloud, Registry, registry_as, registry_of};

    fn github_of(registry: Option<Registry>) -> Option<String> {
        match registry? {
            Registry::Ghcr(registry) => Some(registry.github),
            _ => None,
        }
    }

    fn of(text: &str) -> Option<String> {
        github_of(registry_of(&ServerUrl::parse(text).ok()?))
    }

    #[test]
    fn the_registries_of_github_and_of_its_tenants() {
        for (host, github) in [
            ("ghcr.io", "github.com"),
            ("docker.pkg.github.com", "github.com"),
            ("containers.octocorp.ghe.com", "octocorp.ghe.com"),
            ("containers.octo-corp-2.ghe.com", "octo-corp-2.ghe.com"),
        ] {
            for spelling in [
                host.to_owned(),
                host.to_uppercase(),
                format!("https://{host}/v2/"),
                format!("{host}:443"),
                format!("{host}/octo-org/app"),
            ] {
                assert_eq!(of(&spelling).as_deref(), Some(github), "{spelling}");
            }
            assert_eq!(of(&format!("http://{host}")), None, "{host} without TLS");
            assert_eq!(of(&format!("{host}:8443")), None, "{host} on another port");
            assert_eq!(of(&format!("{host}.attacker.com")), None, "{host} as a prefix");
            assert_eq!(of(&format!("attacker.{host}")), None, "{host} as a suffix");
            assert_eq!(of(&format!("attacker-{host}")), None, "{host} within a label");
            assert_eq!(of(&format!("user@{host}")), None, "{host} with user information");
            assert_eq!(of(&format!("attacker.com/{host}")), None, "{host} in the path");
            assert_eq!(of(&format!("{host}.")), None, "{host} with a trailing dot");
        }
    }

    #[test]
    fn near_misses_belong_to_no_cloud() {
        for other in [
            "github.com",
            "api.github.com",
            "pkg.github.com",
            "npm.pkg.github.com",
            "maven.pkg.github.com",
            "docker.pkg.github.com.attacker.com",
            "docker-pkg.github.com",
            "dockerXpkg.github.com",
            "foogithub.com",
            "ghcr.io.com",
            "ghcr.com",
            "ghcr-io.com",
            "xghcr.io",
            "pkg.ghcr.io",
            "octocorp.ghe.com",
            "containers.ghe.com",
            "containers..ghe.com",
            "containers.octo.corp.ghe.com",
            "containers.octocorp.ghe.com.attacker.com",
            "containers.octocorp.notghe.com",
            "containers.octocorp.ghe.io",
            "containers.-octocorp.ghe.com",
            "containers.octo_corp.ghe.com",
            "docker.octocorp.ghe.com",
            "npm.octocorp.ghe.com",
            "notcontainers.octocorp.ghe.com",
            "containers.github.corp.example",
            "docker.io",
            "localhost:5000",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn a_server_of_your_own_is_known_by_its_web_site() {
        let declared = |text: &str| github_of(registry_as(Cloud::GitHub, &ServerUrl::parse(text).unwrap()));
        for (host, github) in [
            ("containers.github.corp.example", Some("github.corp.example")),
            ("docker.github.corp.example", Some("github.corp.example")),
            ("github.corp.example", Some("github.corp.example")),
            ("Containers.GitHub.corp.example/octo-org", Some("github.corp.example")),
            ("ghcr.io", Some("github.com")),
            ("containers.octocorp.ghe.com", Some("octocorp.ghe.com")),
            ("http://github.corp.example", None),
        ] {
            assert_eq!(declared(host).as_deref(), github, "{host}");
        }
    }
}
