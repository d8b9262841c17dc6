use hyper::Method;
use hyper::http::request::Parts;

/// The call of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Call {
    /// `GetAuthorizationToken` of ECR.
    EcrToken,
    /// `GetAuthorizationToken` of ECR Public.
    EcrPublicToken,
    /// Anything else of ECR Public.
    EcrPublic,
    /// `AssumeRole` of STS.
    AssumeRole,
    /// `AssumeRoleWithWebIdentity` of STS.
    AssumeRoleWithWebIdentity,
    /// `GetWebIdentityToken` of STS.
    GetWebIdentityToken,
    /// `GetCallerIdentity` of STS.
    GetCallerIdentity,
    /// `GetRoleCredentials` of the SSO portal.
    SsoCredentials,
    /// `CreateToken` of SSO OIDC, which refreshes an SSO session.
    SsoOidcToken,
    /// `CreateOAuth2Token` of sign-in, which refreshes what `aws login` began.
    SigninToken,
    /// The session of the instance metadata service, which begins with a PUT.
    ImdsToken,
    /// The instance's credentials: one request for the name of the role, another for the role.
    ImdsCredentials,
    /// The credentials of an ECS task (`/v2/credentials/…`) or an EKS pod (`/v1/credentials`).
    ContainerCredentials,
    /// Anything under `/v2/` of a [`RegistryFront`](crate::RegistryFront).
    Registry,
}

impl Call {
    pub(crate) fn of(head: &Parts, body: &[u8]) -> Option<Call> {
        let path = head.uri.path();
        match (&head.method, path) {
            (&Method::POST, "/") => match head.headers.get("x-amz-target").map(|target| target.as_bytes()) {
                Some(b"AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken") => Some(Call::EcrToken),
                Some(b"SpencerFrontendService.GetAuthorizationToken") => Some(Call::EcrPublicToken),
                Some(target) if target.starts_with(b"SpencerFrontendService.") => Some(Call::EcrPublic),
                Some(_) => None,
                None => action(body),
            },
            (&Method::GET, "/federation/credentials") => Some(Call::SsoCredentials),
            (&Method::POST, "/token") => Some(Call::SsoOidcToken),
            (&Method::POST, "/v1/token") => Some(Call::SigninToken),
            // Version 1 began without a token, so any method on that path is about the session.
            (_, "/latest/api/token") => Some(Call::ImdsToken),
            (&Method::GET, _) if path.starts_with("/latest/meta-data/iam/security-credentials/") => {
                Some(Call::ImdsCredentials)
            }
            (&Method::GET, "/v1/credentials") => Some(Call::ContainerCredentials),
            (&Method::GET, _) if path.starts_with("/v2/credentials/") => Some(Call::ContainerCredentials),
            _ => None,
        }
    }
}

/// The call of an STS query.
fn action(body: &[u8]) -> Option<Call> {
    let (_, action) = form_urlencoded::parse(body).find(|(name, _)| name == "Action")?;
    match action.as_ref() {
        "AssumeRole" => Some(Call::AssumeRole),
        "AssumeRoleWithWebIdentity" => Some(Call::AssumeRoleWithWebIdentity),
        "GetWebIdentityToken" => Some(Call::GetWebIdentityToken),
        "GetCallerIdentity" => Some(Call::GetCallerIdentity),
        _ => None,
    }
}
