use crate::pattern::Pattern;

/// A registry in Azure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcrRegistry {
    /// The host that the exchange is asked at and that the token is for; with a port only where the
    /// settings declare it.
    pub login_server: String,
    /// The part of Azure that it lies in.
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
];

pub(crate) fn registry_of(host: &str) -> Option<AcrRegistry> {
    let (_, cloud) = LOGIN_SERVERS.iter().find(|(pattern, _)| pattern.matches(host).is_some())?;
    Some(AcrRegistry { login_server: host.to_owned(), cloud: *cloud })
}
