use hyper::Method;
use hyper::http::request::Parts;

/// The call of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GitHubCall {
    /// An App's installations.
    Installations,
    /// An App's installation for an organisation.
    OrgInstallation,
    /// An App's installation for a user.
    UserInstallation,
    /// The token of an installation.
    InstallationToken,
    /// The codes with which a device begins to sign in.
    DeviceCode,
    /// The token of a device, polled until its user has agreed.
    DeviceToken,
    /// The account of a token.
    User,
    /// The packages of an owner.
    Packages,
    /// A repository, its settings, and its owner.
    Repository,
}

impl GitHubCall {
    /// The call, and the account or the installation that it is about. The API of an Enterprise
    /// Server is under `/api/v3`.
    pub(super) fn of(head: &Parts) -> Option<(GitHubCall, String)> {
        let path = head.uri.path();
        let parts: Vec<&str> = path.strip_prefix("/api/v3").unwrap_or(path).split('/').skip(1).collect();
        let (call, about) = match (&head.method, &parts[..]) {
            (&Method::GET, ["app", "installations"]) => (GitHubCall::Installations, ""),
            (&Method::GET, ["orgs", account, "installation"]) => (GitHubCall::OrgInstallation, *account),
            (&Method::GET, ["users", account, "installation"]) => (GitHubCall::UserInstallation, *account),
            (&Method::POST, ["app", "installations", id, "access_tokens"]) => (GitHubCall::InstallationToken, *id),
            (&Method::POST, ["login", "device", "code"]) => (GitHubCall::DeviceCode, ""),
            (&Method::POST, ["login", "oauth", "access_token"]) => (GitHubCall::DeviceToken, ""),
            (&Method::GET, ["user"]) => (GitHubCall::User, ""),
            (_, ["orgs" | "users", owner, "packages", ..]) => (GitHubCall::Packages, *owner),
            (_, ["repos", owner, ..]) | (&Method::GET, ["users", owner]) => (GitHubCall::Repository, *owner),
            (&Method::POST, ["graphql"]) => (GitHubCall::Repository, ""),
            _ => return None,
        };
        Some((call, about.to_owned()))
    }
}
