use hyper::Method;
use hyper::http::request::Parts;

/// The call of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GoogleCall {
    /// The OAuth token endpoint: a service account's assertion, or a user's refresh token.
    Token,
    /// The exchange of another identity's token at the security token service.
    Exchange,
    /// The introspection of a token at the security token service.
    Introspect,
    /// The refresh token of a workforce pool's user at the security token service.
    WorkforceToken,
    /// `generateAccessToken` of the IAM credentials service.
    Impersonate,
    /// The probe for a metadata server.
    MetadataCheck,
    /// The token of the machine's service account.
    MetadataToken,
    /// The identity token of the machine's service account.
    MetadataIdentity,
    /// The domain of the cloud that the machine is in.
    MetadataUniverse,
    /// The name of the machine's service account.
    MetadataAccount,
    /// Another service that issues subject tokens.
    SubjectToken,
    /// The instance metadata service of AWS.
    AwsMetadata,
    /// Artifact Registry.
    Artifacts,
    /// A project's number, services, pools of identities, and what was found in its images.
    Project,
}

impl GoogleCall {
    pub(crate) fn of(head: &Parts) -> Option<GoogleCall> {
        let path = head.uri.path();
        let host = head.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
        match (&head.method, path) {
            _ if host == "artifactregistry.googleapis.com" => Some(GoogleCall::Artifacts),
            _ if ["iam", "serviceusage", "cloudresourcemanager", "containeranalysis"]
                .iter()
                .any(|it| host == format!("{it}.googleapis.com")) =>
            {
                Some(GoogleCall::Project)
            }
            (&Method::POST, "/token") => Some(GoogleCall::Token),
            (&Method::POST, "/v1/token") => Some(GoogleCall::Exchange),
            (&Method::POST, "/v1/introspect") => Some(GoogleCall::Introspect),
            (&Method::POST, "/v1/oauthtoken") => Some(GoogleCall::WorkforceToken),
            (&Method::POST, _) if path.starts_with("/v1/projects/-/serviceAccounts/") => Some(GoogleCall::Impersonate),
            (&Method::GET, "/") => Some(GoogleCall::MetadataCheck),
            (&Method::GET, "/computeMetadata/v1/instance/service-accounts/default/token") => {
                Some(GoogleCall::MetadataToken)
            }
            (&Method::GET, "/computeMetadata/v1/instance/service-accounts/default/identity") => {
                Some(GoogleCall::MetadataIdentity)
            }
            (&Method::GET, "/computeMetadata/v1/universe/universe-domain") => Some(GoogleCall::MetadataUniverse),
            (&Method::GET, "/computeMetadata/v1/instance/service-accounts/default/") => {
                Some(GoogleCall::MetadataAccount)
            }
            (&Method::GET, "/subject") => Some(GoogleCall::SubjectToken),
            (&Method::PUT | &Method::GET, _) if path.starts_with("/latest/") => Some(GoogleCall::AwsMetadata),
            _ => None,
        }
    }
}
