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
