use hyper::Method;
use hyper::http::request::Parts;

/// The call of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AzureCall {
    /// Entra ID's access token for an application.
    Token,
    /// Entra ID's metadata: its endpoints and the clouds.
    Discovery,
    /// The token of a job of Azure Pipelines.
    PipelineToken,
    /// The exchange of an access token at a registry's login server.
    Exchange,
    /// The access token for some repositories of a registry, for a refresh token.
    RepositoryToken,
    /// The probe for a metadata service.
    MachineCheck,
    /// The token of a virtual machine.
    MachineToken,
    /// The cloud that a machine is in.
    MachineCloud,
    /// The token of an app in App Service.
    AppToken,
    /// The token of a machine that Azure Arc's agent runs on.
    ArcToken,
    /// The token of a user's Cloud Shell.
    ShellToken,
    /// The token of a machine for learning.
    LearningToken,
    /// The resource manager.
    Resource,
    /// Microsoft Graph.
    Directory,
}

impl AzureCall {
    pub(crate) fn of(head: &Parts) -> Option<AzureCall> {
        let host = head.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
        match (&head.method, head.uri.path()) {
            _ if host == "management.azure.com" => Some(AzureCall::Resource),
            _ if host == "graph.microsoft.com" => Some(AzureCall::Directory),
            (&Method::POST, "/oauth2/exchange") => Some(AzureCall::Exchange),
            (&Method::POST, "/oauth2/token") => Some(AzureCall::RepositoryToken),
            (&Method::POST, "/oidc") => Some(AzureCall::PipelineToken),
            (&Method::POST, "/shell") => Some(AzureCall::ShellToken),
            (&Method::GET, path) if path.ends_with("/.well-known/openid-configuration") => Some(AzureCall::Discovery),
            (&Method::GET, "/common/discovery/instance") => Some(AzureCall::Discovery),
            (&Method::GET, "/metadata/instance/compute/azEnvironment") => Some(AzureCall::MachineCloud),
            (&Method::POST, path) if path.ends_with("/oauth2/v2.0/token") => Some(AzureCall::Token),
            (&Method::GET, "/metadata/identity/oauth2/token") if head.headers.contains_key("metadata") => {
                Some(AzureCall::MachineToken)
            }
            (&Method::GET, "/metadata/identity/oauth2/token") => Some(AzureCall::MachineCheck),
            (&Method::GET, "/app") => Some(AzureCall::AppToken),
            (&Method::GET, "/arc") => Some(AzureCall::ArcToken),
            (&Method::GET, "/learning") => Some(AzureCall::LearningToken),
            _ => None,
        }
    }
}
