use crate::pattern::Pattern;

/// A registry in Azure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcrRegistry {
    /// The host of the exchange, which the token is for; with a port only if the
    /// settings declare it.
    pub login_server: String,
    /// Its Azure cloud.
    pub cloud: AzureCloud,
}

/// A part of Azure with identities and host names of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AzureCloud {
    /// The worldwide one.
    Public,
    /// Azure operated by 21Vianet.
    China,
    /// Azure for the US government.
    UsGov,
    /// Germany's former one, whose host names live on.
    Germany,
    /// Operated by Bleu, in France.
    Bleu,
    /// Operated by Delos, in Germany.
    Delos,
}

impl AzureCloud {
    /// All of them.
    pub const ALL: [AzureCloud; 6] = [
        AzureCloud::Public,
        AzureCloud::China,
        AzureCloud::UsGov,
        AzureCloud::Germany,
        AzureCloud::Bleu,
        AzureCloud::Delos,
    ];

    /// As az calls it; that of Delos by the same rule, since az does not know it yet (2.91).
    /// <https://learn.microsoft.com/cli/azure/manage-clouds-azure-cli>
    pub fn name(self) -> &'static str {
        match self {
            AzureCloud::Public => "AzureCloud",
            AzureCloud::China => "AzureChinaCloud",
            AzureCloud::UsGov => "AzureUSGovernment",
            AzureCloud::Germany => "AzureGermanCloud",
            AzureCloud::Bleu => "AzureBleuCloud",
            AzureCloud::Delos => "AzureDelosCloud",
        }
    }
}

impl AcrRegistry {
    pub(crate) fn declared(authority: &str) -> Self {
        AcrRegistry { login_server: authority.to_owned(), cloud: AzureCloud::Public }
    }
}

/// The login servers of each cloud, global and regional. The data endpoints
/// (`NAME.REGION.data.azurecr.io`) are where layers are fetched from without a login.
/// Source: <https://learn.microsoft.com/azure/container-registry/container-registry-concepts>.
const LOGIN_SERVERS: &[(Pattern, AzureCloud)] = &[
    (Pattern("{name}.azurecr.io"), AzureCloud::Public),
    (Pattern("{name}.{place}.geo.azurecr.io"), AzureCloud::Public),
    (Pattern("{name}.azurecr.cn"), AzureCloud::China),
    (Pattern("{name}.{place}.geo.azurecr.cn"), AzureCloud::China),
    (Pattern("{name}.azurecr.us"), AzureCloud::UsGov),
    (Pattern("{name}.{place}.geo.azurecr.us"), AzureCloud::UsGov),
    (Pattern("{name}.azurecr.de"), AzureCloud::Germany),
    (Pattern("{name}.{place}.geo.azurecr.de"), AzureCloud::Germany),
    // <https://github.com/Azure/azure-cli/blob/dev/src/azure-cli-core/azure/cli/core/cloud.py>
    (Pattern("{name}.azurecr.sovcloud-azure.fr"), AzureCloud::Bleu),
    (Pattern("{name}.{place}.geo.azurecr.sovcloud-azure.fr"), AzureCloud::Bleu),
    (Pattern("{name}.azurecr.sovcloud-azure.de"), AzureCloud::Delos),
    (Pattern("{name}.{place}.geo.azurecr.sovcloud-azure.de"), AzureCloud::Delos),
];

pub(crate) fn registry_of(host: &str) -> Option<AcrRegistry> {
    let (_, cloud) = LOGIN_SERVERS.iter().find(|(pattern, _)| pattern.matches(host).is_some())?;
    Some(AcrRegistry { login_server: host.to_owned(), cloud: *cloud })
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
    fn every_cloud_global_and_regional() {
        use AzureCloud::*;
        for (host, cloud) in [
            ("contoso.azurecr.io", Public),
            ("contoso.eastus.geo.azurecr.io", Public),
            // With a domain name label the name ends in a hyphen and a hash.
            ("contoso-abc123def456.azurecr.io", Public),
            ("contoso.azurecr.cn", China),
            ("contoso.chinaeast2.geo.azurecr.cn", China),
            ("contoso.azurecr.us", UsGov),
            ("contoso.usgovvirginia.geo.azurecr.us", UsGov),
            ("contoso.azurecr.de", Germany),
            ("contoso.azurecr.sovcloud-azure.fr", Bleu),
            ("contoso.azurecr.sovcloud-azure.de", Delos),
            ("contoso.germanywestcentral.geo.azurecr.sovcloud-azure.de", Delos),
        ] {
            let expected = Registry::Acr(AcrRegistry { login_server: host.to_owned(), cloud });
            for spelling in [
                host.to_owned(),
                host.to_uppercase(),
                format!("https://{host}/v2/"),
                format!("{host}:443"),
                format!("{host}/team/app"),
            ] {
                assert_eq!(of(&spelling).as_ref(), Some(&expected), "{spelling}");
            }
            assert_eq!(of(&format!("http://{host}")), None, "{host} without TLS");
            assert_eq!(of(&format!("{host}:8443")), None, "{host} on another port");
            assert_eq!(of(&format!("{host}.attacker.com")), None, "{host} as a prefix");
            assert_eq!(of(&format!("attacker.{host}")), None, "{host} as a suffix");
            assert_eq!(of(&format!("user@{host}")), None, "{host} with user information");
            assert_eq!(of(&format!("attacker.com/{host}")), None, "{host} in the path");
            assert_eq!(of(&format!("{host}.")), None, "{host} with a trailing dot");
        }
    }

    #[test]
    fn near_misses_belong_to_no_cloud() {
        for other in [
            "azurecr.io",
            ".azurecr.io",
            "geo.azurecr.io.com",
            "contoso.notazurecr.io",
            "contoso-azurecr.io",
            "contosoXazurecr.io",
            "contoso.azurecr.com",
            "contoso.azurecr.io.de",
            "contoso.azure.io",
            "contoso.azurecr.sovcloud-azure.com",
            "contoso.sovcloud-azure.fr",
            "contoso.azurewebsites.net",
            "contoso.eastus.data.azurecr.io",
            "contoso.eastus.azurecr.io",
            "contoso.eastus.west.geo.azurecr.io",
            "contoso..geo.azurecr.io",
            "-contoso.azurecr.io",
            "con_toso.azurecr.io",
            "four.azurecr.io",
            "contoso.geo.azurecr.io",
            "contoso-.azurecr.io",
            "contoso-abc-def.azurecr.io",
            "docker.io",
            "localhost:5000",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
