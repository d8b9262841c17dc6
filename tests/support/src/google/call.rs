use hyper::Method;
use hyper::http::request::Parts;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GoogleCall {
    /// The OAuth token endpoint: a service account's assertion, or a user's refresh token.
    Token,
    /// The exchange of another identity's token at the security token service.
    Exchange,
    /// The refresh token of a workforce pool's user at the security token service.
    WorkforceToken,
    /// `generateAccessToken` of the IAM credentials service.
    Impersonate,
    /// The look whether there is a metadata server.
    MetadataCheck,
    /// The token of the machine's service account.
    MetadataToken,
    /// The domain of the cloud that the machine is in.
    MetadataUniverse,
    /// A service of somebody else's that gives subject tokens.
    SubjectToken,
    /// The instance metadata service of AWS.
    AwsMetadata,
}

impl GoogleCall {
    pub(crate) fn of(head: &Parts) -> Option<GoogleCall> {
        let path = head.uri.path();
        match (&head.method, path) {
            (&Method::POST, "/token") => Some(GoogleCall::Token),
            (&Method::POST, "/v1/token") => Some(GoogleCall::Exchange),
            (&Method::POST, "/v1/oauthtoken") => Some(GoogleCall::WorkforceToken),
            (&Method::POST, _) if path.starts_with("/v1/projects/-/serviceAccounts/") => Some(GoogleCall::Impersonate),
            (&Method::GET, "/") => Some(GoogleCall::MetadataCheck),
            (&Method::GET, "/computeMetadata/v1/instance/service-accounts/default/token") => {
                Some(GoogleCall::MetadataToken)
            }
            (&Method::GET, "/computeMetadata/v1/universe/universe-domain") => Some(GoogleCall::MetadataUniverse),
            (&Method::GET, "/subject") => Some(GoogleCall::SubjectToken),
            (&Method::PUT | &Method::GET, _) if path.starts_with("/latest/") => Some(GoogleCall::AwsMetadata),
            _ => None,
        }
    }
}
