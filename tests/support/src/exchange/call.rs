use hyper::http::request::Parts;

/// The kinds of calls that the pretend services of exchanges know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExchangeCall {
    /// GitHub's: an identity token of a job.
    GitHubIdentity,
    /// Azure Pipelines': the same.
    AzureIdentity,
    /// Buildkite's: the same.
    BuildkiteIdentity,
    /// Docker Hub's exchange.
    DockerHub,
    /// Quay's.
    Quay,
    /// JFrog's.
    JFrog,
    /// Cloudsmith's.
    Cloudsmith,
    /// Chainguard's.
    Chainguard,
    /// DigitalOcean's.
    DigitalOcean,
    /// Oracle's.
    Oracle,
    /// Alibaba Cloud's, of both editions.
    Alibaba,
    /// GitLab's, for its Artifact Registry.
    GitLab,
    /// That of a company's own gateway.
    Gateway,
}

impl ExchangeCall {
    pub(super) fn of(host: &str, head: &Parts) -> Option<Self> {
        use ExchangeCall::*;
        let path = head.uri.path();
        let is = |method: &str, start: &str| head.method == method && path.starts_with(start);
        Some(match host {
            "pipelines.actions.githubusercontent.com" if is("GET", "/idtoken/") => GitHubIdentity,
            "dev.azure.com" if is("POST", "/corp/oidctoken") => AzureIdentity,
            "agent-edge.buildkite.com" if is("POST", "/v3/jobs/") => BuildkiteIdentity,
            "identity.docker.com" if is("POST", "/oauth/token") => DockerHub,
            "quay.io" | "quay.corp.example" if is("GET", "/oauth2/federation/robot/token") => Quay,
            "corp.jfrog.io" if is("POST", "/access/api/v1/oidc/token") => JFrog,
            "api.cloudsmith.io" if is("POST", "/openid/") => Cloudsmith,
            "issuer.enforce.dev" if is("POST", "/sts/exchange") => Chainguard,
            "api.digitalocean.com" if is("GET", "/v2/registries/") => DigitalOcean,
            "fra.ocir.io" if is("GET", "/20180419/docker/token") => Oracle,
            "cr.cn-hangzhou.aliyuncs.com" if is("POST", "/") || is("GET", "/tokens") => Alibaba,
            "gitlab.corp.example" if is("POST", "/api/v4/token_exchange") => GitLab,
            "sts.corp.example" if is("POST", "/token") => Gateway,
            _ => return None,
        })
    }
}

/// The hosts of all of them.
pub const EXCHANGE_HOSTS: [&str; 14] = [
    "pipelines.actions.githubusercontent.com",
    "dev.azure.com",
    "agent-edge.buildkite.com",
    "identity.docker.com",
    "quay.io",
    "quay.corp.example",
    "corp.jfrog.io",
    "api.cloudsmith.io",
    "issuer.enforce.dev",
    "api.digitalocean.com",
    "fra.ocir.io",
    "cr.cn-hangzhou.aliyuncs.com",
    "gitlab.corp.example",
    "sts.corp.example",
];
