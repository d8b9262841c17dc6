use std::fmt;

use settings::Environment;

/// One GitHub, with accounts and tokens of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GitHub {
    /// The host of its web site, by which gh knows it.
    pub(crate) host: String,
    pub(crate) kind: Kind,
}

/// The variables of a GitHub's tokens, and the URL of its API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// github.com.
    Public,
    /// An enterprise's own part of GitHub's cloud, `SUB.ghe.com`.
    Tenant,
    /// A GitHub Enterprise Server.
    Server,
}

impl GitHub {
    /// As gh distinguishes them, so that a token is never sent to a host that gh would not send it to:
    /// [`pkg/auth`](https://github.com/cli/go-gh/blob/trunk/pkg/auth/auth.go).
    pub(crate) fn at(host: &str) -> Self {
        let host = host.to_ascii_lowercase();
        if host == "github.com" || host.ends_with(".github.com") {
            return GitHub { host: "github.com".into(), kind: Kind::Public };
        }
        match host.strip_suffix(".ghe.com") {
            Some(before) => {
                let tenant = before.rsplit('.').next().unwrap_or(before);
                GitHub { host: format!("{tenant}.ghe.com"), kind: Kind::Tenant }
            }
            None => GitHub { host, kind: Kind::Server },
        }
    }

    /// The one that runs this job: <https://docs.github.com/actions/reference/workflows-and-actions/variables>.
    /// Other forges' runners set the variable as well.
    pub(crate) fn of_job(environment: &Environment) -> Option<Self> {
        let server = environment.text("GITHUB_SERVER_URL")?;
        let host = server.strip_prefix("https://").or_else(|| server.strip_prefix("http://"))?;
        Some(GitHub::at(host.trim_end_matches('/')))
    }

    /// The URL of its REST API, without a trailing slash:
    /// <https://docs.github.com/enterprise-server/rest/using-the-rest-api/getting-started-with-the-rest-api>,
    /// <https://docs.github.com/enterprise-cloud@latest/admin/data-residency/about-github-enterprise-cloud-with-data-residency>.
    pub(crate) fn api(&self) -> String {
        match self.kind {
            Kind::Public | Kind::Tenant => format!("https://api.{}", self.host),
            Kind::Server => format!("https://{}/api/v3", self.host),
        }
    }
}

impl fmt::Display for GitHub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_an_api_of_its_own() {
        for (host, known_as, kind, api) in [
            ("github.com", "github.com", Kind::Public, "https://api.github.com"),
            ("pkg.GitHub.com", "github.com", Kind::Public, "https://api.github.com"),
            ("octocorp.ghe.com", "octocorp.ghe.com", Kind::Tenant, "https://api.octocorp.ghe.com"),
            ("containers.octocorp.ghe.com", "octocorp.ghe.com", Kind::Tenant, "https://api.octocorp.ghe.com"),
            ("github.corp.example", "github.corp.example", Kind::Server, "https://github.corp.example/api/v3"),
            ("notgithub.com", "notgithub.com", Kind::Server, "https://notgithub.com/api/v3"),
            ("notghe.com", "notghe.com", Kind::Server, "https://notghe.com/api/v3"),
            ("ghe.com", "ghe.com", Kind::Server, "https://ghe.com/api/v3"),
            ("github.com.example", "github.com.example", Kind::Server, "https://github.com.example/api/v3"),
        ] {
            let github = GitHub::at(host);
            assert_eq!((github.host.as_str(), github.kind, github.api().as_str()), (known_as, kind, api), "{host}");
        }
    }
}
