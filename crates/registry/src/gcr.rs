use crate::pattern::Pattern;

/// A registry of Google's. One token serves them all, so there is nothing to tell them apart by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GcrRegistry {
    /// The domain of the Google Cloud that it lies in: `googleapis.com`, or that of a sovereign one.
    pub universe: &'static str,
}

impl GcrRegistry {
    pub(crate) fn declared() -> Self {
        GcrRegistry { universe: GOOGLE }
    }
}

const GOOGLE: &str = "googleapis.com";

/// Sources: <https://cloud.google.com/artifact-registry/docs/repositories/repo-locations>, and
/// <https://documentation.s3ns.fr> for the sovereign one. Only Docker's formats: `maven.` and `npm.`
/// are other protocols.
const HOSTS: &[(Pattern, &str)] = &[
    (Pattern("gcr.io"), GOOGLE),
    (Pattern("{place}.gcr.io"), GOOGLE),
    (Pattern("{location}-docker.pkg.dev"), GOOGLE),
    (Pattern("docker.{place}.rep.pkg.dev"), GOOGLE),
    (Pattern("docker.s3nsregistry.fr"), "s3nsapis.fr"),
];

pub(crate) fn registry_of(host: &str) -> Option<GcrRegistry> {
    let (_, universe) = HOSTS.iter().find(|(pattern, _)| pattern.matches(host).is_some())?;
    Some(GcrRegistry { universe })
}
