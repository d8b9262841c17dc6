use protocol::{ErrorMessage, ServerUrl};
use registry::{AcrRegistry, AzureCloud, EcrRegistry, Registry};
use settings::{Rule, Setup};

use super::holes::Holes;
use crate::image::Image;

/// What is particular about the kind of registry that an image lies in: its text, and in the holes
/// the names that its cloud's tools want.
///
/// # Errors
/// An image that cannot be there, because a part of its name is missing.
pub(super) fn text_of(image: &Image, setup: &Setup, holes: &mut Holes) -> Result<&'static str, ErrorMessage> {
    let repository = image.repository.as_deref().unwrap_or_default();
    // With its path, for there are rules for a namespace.
    let address =
        if image.is_docker_hub() { image.server().to_owned() } else { format!("{}/{repository}", image.registry) };
    let server = ServerUrl::parse(&address).map_err(|error| ErrorMessage { what: error.to_string(), hint: None })?;
    let (registry, rule) = setup.registry_of(&server).unzip();
    let rule = rule.flatten();
    match registry {
        Some(Registry::Ecr(registry)) => {
            ecr(&registry, rule, holes);
            Ok(include_str!("texts/ecr.md"))
        }
        Some(Registry::EcrPublic(_)) => {
            // https://docs.aws.amazon.com/general/latest/gr/ecr-public.html
            aws("us-east-1", rule, holes);
            has(repository, "/", "an alias and a name", "public.ecr.aws/alias/app:1")?;
            Ok(include_str!("texts/ecr-public.md"))
        }
        Some(Registry::Acr(registry)) => {
            acr(&registry, rule, holes);
            Ok(include_str!("texts/acr.md"))
        }
        Some(Registry::Gcr(_)) => {
            let target = rule.and_then(|rule| rule.target.as_ref());
            artifact_registry(target.unwrap_or(&server).host(), repository, holes)?;
            Ok(include_str!("texts/google.md"))
        }
        Some(Registry::Ghcr(registry)) => {
            has(repository, "/", "an owner and a name", "ghcr.io/owner/app:1")?;
            if registry.github != "github.com" {
                // https://docs.github.com/en/enterprise-cloud@latest/rest/using-the-rest-api/getting-started-with-the-rest-api
                let is_tenant = registry.github.ends_with(".ghe.com");
                let api =
                    if is_tenant { "api.".to_owned() + &registry.github } else { registry.github.clone() + "/api/v3" };
                let urls =
                    format!("registry-url: https://{}/\n          github-api-url: https://{api}", image.registry);
                holes.add_text("clean_up_urls", format!("          {urls}"));
            }
            holes.add("github", registry.github);
            Ok(include_str!("texts/ghcr.md"))
        }
        None if image.is_docker_hub() => {
            let owner = repository.split('/').next().unwrap_or_default();
            holes.add("hub_user", if image.is_official() { "my-account" } else { owner });
            Ok(include_str!("texts/docker-hub.md"))
        }
        None if image.registry == "registry.gitlab.com" => {
            has(repository, "/", "a group and a project", "registry.gitlab.com/group/project/app:1")?;
            let project: Vec<_> = repository.splitn(3, '/').take(2).collect();
            holes.add("gitlab_project", project.join("%2F"));
            // What is not said of GitLab's registry is as with any other.
            Ok(concat!(include_str!("texts/gitlab.md"), include_str!("texts/other.md")))
        }
        None => Ok(concat!(include_str!("texts/other.md"), include_str!("texts/own.md"))),
    }
}

fn ecr(registry: &EcrRegistry, rule: Option<&Rule>, holes: &mut Holes) {
    aws(&registry.region, rule, holes);
    holes.add("account", &registry.account);
    holes.add("region", &registry.region);
    holes.add("partition", registry.partition.name());
}

fn aws(region: &str, rule: Option<&Rule>, holes: &mut Holes) {
    let profile = rule.and_then(|rule| rule.profile.as_deref());
    holes.add_flags("aws", [("--region", Some(region)), ("--profile", profile)]);
    holes.add_flags("profile_flag", [("--profile", profile)]);
}

fn acr(registry: &AcrRegistry, rule: Option<&Rule>, holes: &mut Holes) {
    // With a domain name label the login server is NAME-HASH; a registry's name has no hyphen.
    let name = registry.login_server.split(['.', '-', ':']).next().unwrap_or_default();
    // A sovereign cloud has regions and an audience of its own:
    // https://learn.microsoft.com/en-us/entra/workload-id/workload-identity-federation-create-trust
    let (location, audience) = match registry.cloud {
        AzureCloud::Public => ("westeurope", "api://AzureADTokenExchange"),
        AzureCloud::China => ("chinanorth3", "api://AzureADTokenExchangeChina"),
        AzureCloud::UsGov => ("usgovvirginia", "api://AzureADTokenExchangeUSGov"),
        AzureCloud::Germany => ("germanycentral", "api://AzureADTokenExchange"),
        AzureCloud::Bleu => ("bleufrancecentral", "api://AzureADTokenExchange"),
        AzureCloud::Delos => ("deloscloudgermanycentral", "api://AzureADTokenExchange"),
    };
    let cloud = registry.cloud.name();
    holes.add("az_location", location);
    holes.add("az_audience", audience);
    holes.add("acr", name);
    holes.add("az_cloud", cloud);
    holes.add("login_environment", cloud.to_ascii_lowercase());
    holes.add_flags("tenant_flag", [("--tenant", rule.and_then(|rule| rule.tenant.as_deref()))]);
}

/// The parts of `LOCATION-docker.pkg.dev/PROJECT/REPOSITORY/IMAGE`; the older hosts are the names of
/// repositories themselves: <https://cloud.google.com/artifact-registry/docs/transition/transition-from-gcr>.
fn artifact_registry(host: &str, path: &str, holes: &mut Holes) -> Result<(), ErrorMessage> {
    // The project of a company's domain: `example.com:project`, in a path with a slash.
    let separators = if path.split('/').next().is_some_and(|first| first.contains('.')) { 2 } else { 1 };
    let (at, _) = path.match_indices('/').nth(separators - 1).unwrap_or((path.len(), ""));
    let (project, rest) = path.split_at(at);
    let rest = rest.trim_start_matches('/');
    let (location, repository) = match host {
        "gcr.io" | "us.gcr.io" => ("us", host),
        "eu.gcr.io" => ("europe", host),
        "asia.gcr.io" => ("asia", host),
        _ => {
            has(rest, "/", "a project, a repository and a name", "europe-docker.pkg.dev/project/repository/app:1")?;
            let location = match host {
                // The sovereign cloud has a single location: https://documentation.s3ns.fr
                "docker.s3nsregistry.fr" => Some("u-france-east1"),
                _ => host.strip_suffix("-docker.pkg.dev").or_else(|| host.strip_prefix("docker.")?.split('.').next()),
            };
            (location.unwrap_or("us"), rest.split('/').next().unwrap_or_default())
        }
    };
    has(rest, "", "a project and a name", "gcr.io/project/app:1")?;
    let project = project.replace('/', ":");
    holes.add_flags("gcloud", [("--project", Some(project.as_str())), ("--location", Some(location))]);
    // gcloud reads neither the older hosts, nor a region's own, nor a company's other name for one;
    // a domain's project it reads with a colon.
    // https://cloud.google.com/artifact-registry/docs/docker/names
    let in_repository = rest.strip_prefix(repository).and_then(|rest| rest.strip_prefix('/')).unwrap_or(rest);
    let home = if host == "docker.s3nsregistry.fr" { host.to_owned() } else { format!("{location}-docker.pkg.dev") };
    holes.add("ar_name", format!("{home}/{project}/{repository}/{in_repository}"));
    holes.add("project", project);
    holes.add("ar_repository", repository);
    Ok(())
}

fn has(path: &str, separator: &str, parts: &str, example: &str) -> Result<(), ErrorMessage> {
    if !path.is_empty() && path.contains(separator) {
        return Ok(());
    }
    Err(ErrorMessage { what: format!("an image there has {parts}"), hint: Some(format!("such as {example}")) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guide::shell::Shell;

    #[test]
    fn the_parts_of_googles_names() {
        for (host, path, filled) in [
            (
                "europe-west1-docker.pkg.dev",
                "p/r/a/b",
                "p r --project p --location europe-west1 europe-west1-docker.pkg.dev/p/r/a/b",
            ),
            (
                "docker.us-east1.rep.pkg.dev",
                "p/r/a",
                "p r --project p --location us-east1 us-east1-docker.pkg.dev/p/r/a",
            ),
            (
                "us-docker.pkg.dev",
                "example.com/p/r/a",
                "example.com:p r --project example.com:p --location us us-docker.pkg.dev/example.com:p/r/a",
            ),
            ("eu.gcr.io", "p/a", "p eu.gcr.io --project p --location europe europe-docker.pkg.dev/p/eu.gcr.io/a"),
            ("gcr.io", "p/gcr.io", "p gcr.io --project p --location us us-docker.pkg.dev/p/gcr.io/gcr.io"),
        ] {
            let mut holes = Holes::default();
            artifact_registry(host, path, &mut holes).unwrap();
            assert_eq!(holes.fill("@project@ @ar_repository@@gcloud@ @ar_name@", Shell::Posix), filled);
        }
        for (host, path) in
            [("us-docker.pkg.dev", "p/r"), ("us-docker.pkg.dev", "p"), ("gcr.io", "p"), ("gcr.io", "a.b/p")]
        {
            assert!(artifact_registry(host, path, &mut Holes::default()).is_err(), "{host}/{path}");
        }
    }
}
