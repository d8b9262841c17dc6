use broker::MintError;
use protocol::Deadline;
use registry::{AcrRegistry, AzureCloud};
use settings::{Environment, Places, Rule, Setup, Workload};
use url::Url;

use crate::error;

/// What the registries of every one of Azure's clouds take tokens for. A token for Azure's resource
/// manager would do as well, but would do more than that, and registries can reject it.
/// <https://learn.microsoft.com/azure/container-registry/container-registry-disable-authentication-as-arm>
const RESOURCE: &str = "https://containerregistry.azure.net";
const DEFAULT: &str = "/.default";

/// What every source of an identity needs to know of the registry, the settings and the machine.
pub(crate) struct Context<'a> {
    pub(crate) environment: &'a Environment,
    pub(crate) places: &'a Places,
    pub(crate) rule: Option<&'a Rule>,
    pub(crate) workload: Option<&'a Workload>,
    pub(crate) client: web::Client,
    pub(crate) deadline: Deadline,
    /// The cloud of the registry; `None` if the settings choose the authority or the provider.
    pub(crate) cloud: Option<AzureCloud>,
    /// The authority of Entra ID: `https://HOST`, without a trailing slash.
    pub(crate) authority: String,
    /// What the access token is for.
    pub(crate) resource: String,
}

impl<'a> Context<'a> {
    pub(crate) fn new(
        registry: &AcrRegistry,
        rule: Option<&'a Rule>,
        setup: &'a Setup,
        deadline: Deadline,
    ) -> Result<Self, MintError> {
        Ok(Context {
            environment: &setup.environment,
            places: &setup.places,
            rule,
            workload: setup.workload.as_ref(),
            cloud: rule
                .is_none_or(|rule| rule.authority.is_none() && rule.provider.is_none())
                .then_some(registry.cloud),
            authority: authority(registry.cloud, &setup.environment, rule)?,
            resource: resource(rule.and_then(|rule| rule.audience.as_deref())),
            client: web::Client::new(&setup.environment).map_err(MintError::from)?,
            deadline,
        })
    }

    /// The resource as OAuth's second version wants it.
    pub(crate) fn scope(&self) -> String {
        format!("{}{DEFAULT}", self.resource)
    }

    pub(crate) fn text(&self, variable: &str) -> Option<String> {
        self.environment.text(variable)
    }

    /// The application, or the managed identity, that the settings or the environment name.
    pub(crate) fn client_id(&self) -> Option<String> {
        self.rule.and_then(|rule| rule.client_id.clone()).or_else(|| self.text("AZURE_CLIENT_ID"))
    }
}

fn resource(audience: Option<&str>) -> String {
    let audience = audience.unwrap_or(RESOURCE);
    audience.strip_suffix(DEFAULT).unwrap_or(audience).trim_end_matches('/').to_owned()
}

/// That of the settings, else of the environment, else of the registry's cloud.
/// <https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud>
fn authority(cloud: AzureCloud, environment: &Environment, rule: Option<&Rule>) -> Result<String, MintError> {
    if let Some(host) = rule.and_then(|rule| rule.authority.as_deref()) {
        return https(host).ok_or_else(|| error::bad_authority("`authority` in credmint's settings"));
    }
    if let Some(host) = environment.text("AZURE_AUTHORITY_HOST") {
        return https(&host).ok_or_else(|| error::bad_authority("AZURE_AUTHORITY_HOST"));
    }
    match cloud {
        AzureCloud::Public => Ok("https://login.microsoftonline.com".to_owned()),
        AzureCloud::China => Ok("https://login.chinacloudapi.cn".to_owned()),
        AzureCloud::UsGov => Ok("https://login.microsoftonline.us".to_owned()),
        // <https://github.com/AzureAD/microsoft-authentication-library-for-python/blob/dev/msal/authority.py>
        AzureCloud::Bleu => Ok("https://login.sovcloud-identity.fr".to_owned()),
        AzureCloud::Delos => Ok("https://login.sovcloud-identity.de".to_owned()),
        AzureCloud::Germany => Err(error::closed_cloud()),
    }
}

/// A host, or an address of https, as an address: secrets are sent there.
fn https(host: &str) -> Option<String> {
    let address = if host.contains("://") { host.to_owned() } else { format!("https://{host}") };
    let url = Url::parse(&address).ok()?;
    let plain = url.username().is_empty() && url.password().is_none() && matches!(url.path(), "" | "/");
    (url.scheme() == "https" && url.has_host() && plain).then(|| address.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authority_follows_the_cloud_unless_it_is_set() {
        let nothing = Environment::of([("", "")]);
        for (cloud, expected) in [
            (AzureCloud::Public, "https://login.microsoftonline.com"),
            (AzureCloud::China, "https://login.chinacloudapi.cn"),
            (AzureCloud::UsGov, "https://login.microsoftonline.us"),
            (AzureCloud::Bleu, "https://login.sovcloud-identity.fr"),
            (AzureCloud::Delos, "https://login.sovcloud-identity.de"),
        ] {
            assert_eq!(authority(cloud, &nothing, None).unwrap(), expected);
        }
        assert!(authority(AzureCloud::Germany, &nothing, None).is_err());
        let named = Environment::of([("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.us/")]);
        assert_eq!(authority(AzureCloud::Germany, &named, None).unwrap(), "https://login.microsoftonline.us");
        let rule = Rule { authority: Some("login.local.example".into()), ..Rule::default() };
        assert_eq!(authority(AzureCloud::China, &named, Some(&rule)).unwrap(), "https://login.local.example");
    }

    #[test]
    fn secrets_go_to_an_authority_over_tls_alone() {
        for host in ["http://login.example", "https://", "https://user@login.example", "ftp://x", "a b", "x/adfs"] {
            assert_eq!(https(host), None, "{host}");
        }
        assert_eq!(https("https://login.example:8443").as_deref(), Some("https://login.example:8443"));
    }

    #[test]
    fn a_resource_has_every_spelling() {
        for (audience, expected) in [
            (None, RESOURCE),
            (Some("https://management.azure.com"), "https://management.azure.com"),
            (Some("https://management.azure.com/"), "https://management.azure.com"),
            (Some("https://management.azure.com/.default"), "https://management.azure.com"),
        ] {
            assert_eq!(resource(audience), expected);
        }
    }
}
