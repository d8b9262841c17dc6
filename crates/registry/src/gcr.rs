use crate::pattern::Pattern;

/// A registry of Google. One token is valid for all of them, so there is nothing to distinguish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GcrRegistry {
    /// The domain of its Google Cloud: [`GOOGLE`], or that of a sovereign one.
    /// `None` if only the user's settings say that it is Google's.
    pub universe: Option<&'static str>,
}

impl GcrRegistry {
    pub(crate) fn declared() -> Self {
        GcrRegistry { universe: None }
    }
}

/// The domain of Google's own cloud, as `universe_domain` in its credentials files has it.
pub const GOOGLE: &str = "googleapis.com";

/// Sources: <https://cloud.google.com/artifact-registry/docs/repositories/repo-locations>,
/// <https://cloud.google.com/artifact-registry/docs/transition/gcr-repositories>, and
/// <https://documentation.s3ns.fr> for the sovereign one. Only Docker's format: `maven`, `npm`,
/// `python` and the others have hosts of their own.
const HOSTS: &[(Pattern, &str)] = &[
    (Pattern("gcr.io"), GOOGLE),
    (Pattern("{place}.gcr.io"), GOOGLE),
    (Pattern("{location}-docker.pkg.dev"), GOOGLE),
    (Pattern("docker.{place}.rep.pkg.dev"), GOOGLE),
    (Pattern("docker.s3nsregistry.fr"), "s3nsapis.fr"),
];

pub(crate) fn registry_of(host: &str) -> Option<GcrRegistry> {
    let (_, universe) = HOSTS.iter().find(|(pattern, _)| pattern.matches(host).is_some())?;
    Some(GcrRegistry { universe: Some(universe) })
}

#[cfg(test)]
mod tests {
    use protocol::ServerUrl;

    use super::*;
    use crate::{Registry, registry_of};

    fn of(text: &str) -> Option<Registry> {
        registry_of(&ServerUrl::parse(text).ok()?)
    }

    #[test]
    fn every_place_in_every_spelling() {
        for (host, universe) in [
            ("gcr.io", GOOGLE),
            ("us.gcr.io", GOOGLE),
            ("eu.gcr.io", GOOGLE),
            ("asia.gcr.io", GOOGLE),
            ("marketplace.gcr.io", GOOGLE),
            ("mirror.gcr.io", GOOGLE),
            ("staging-k8s.gcr.io", GOOGLE),
            ("us-docker.pkg.dev", GOOGLE),
            ("europe-docker.pkg.dev", GOOGLE),
            ("northamerica-northeast1-docker.pkg.dev", GOOGLE),
            // A region that there is not yet.
            ("antarctica-south1-docker.pkg.dev", GOOGLE),
            ("docker.me-central2.rep.pkg.dev", GOOGLE),
            ("docker.us-central1.rep.pkg.dev", GOOGLE),
            ("docker.s3nsregistry.fr", "s3nsapis.fr"),
        ] {
            let expected = Registry::Gcr(GcrRegistry { universe: Some(universe) });
            for spelling in [
                host.to_owned(),
                host.to_uppercase(),
                format!("https://{host}/v2/"),
                format!("https://{host}/v1/"),
                format!("{host}:443"),
                format!("{host}/project/repository/image"),
            ] {
                assert_eq!(of(&spelling).as_ref(), Some(&expected), "{spelling}");
            }
            assert_eq!(of(&format!("http://{host}")), None, "{host} without TLS");
            assert_eq!(of(&format!("{host}:8443")), None, "{host} on another port");
            assert_eq!(of(&format!("{host}.attacker.com")), None, "{host} as a prefix");
            assert_eq!(of(&format!("attacker.com.{host}")), None, "{host} as a suffix");
            assert_eq!(of(&format!("user@{host}")), None, "{host} with user information");
            assert_eq!(of(&format!("attacker.com/{host}")), None, "{host} in the path");
            assert_eq!(of(&format!("{host}.")), None, "{host} with a trailing dot");
        }
    }

    #[test]
    fn near_misses_belong_to_no_cloud() {
        for other in [
            "notgcr.io",
            "gcr.io.attacker.com",
            "gcr.com",
            "xgcr.io",
            "a.b.gcr.io",
            "-.gcr.io",
            "us_.gcr.io",
            "gcr-io",
            "pkg.dev",
            "docker.pkg.dev",
            "-docker.pkg.dev",
            "us.docker.pkg.dev",
            "usdocker.pkg.dev",
            "us-docker.notpkg.dev",
            "us-docker-pkg.dev",
            "us-docker.pkg.dev.example",
            "us-docker.pkg.devs",
            "x.us-docker.pkg.dev",
            // Other formats than Docker's are other protocols.
            "us-maven.pkg.dev",
            "us-npm.pkg.dev",
            "europe-west1-python.pkg.dev",
            "us-dockerx.pkg.dev",
            "npm.us-central1.rep.pkg.dev",
            "docker.rep.pkg.dev",
            "docker..rep.pkg.dev",
            "docker.us.central1.rep.pkg.dev",
            "docker.us-central1.pkg.dev",
            "s3nsregistry.fr",
            "npm.s3nsregistry.fr",
            "docker.s3nsregistry.com",
            "container.googleapis.com",
            "storage.googleapis.com",
            "docker.io",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
