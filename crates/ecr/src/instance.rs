use aws_credential_types::provider::error::CredentialsError;
use broker::MintError;
use web::error_chain;

/// Whether a metadata service responds like one of an instance that is disabled or one hop too far away.
pub(crate) fn gives_no_session(error: &CredentialsError) -> bool {
    is_disabled(error) || timed_out(error)
}

fn is_disabled(error: &CredentialsError) -> bool {
    error_chain(error).contains("IMDS is disabled")
}

fn timed_out(error: &CredentialsError) -> bool {
    ["timeout", "timed out"].iter().any(|words| error_chain(error).contains(words))
}

/// The metadata service of an instance gives no session, without which it gives nothing; `accepts` is whether it
/// accepts connections.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html>
pub(crate) fn unusable(error: &CredentialsError, accepts: bool) -> MintError {
    const MODIFY: &str = "aws ec2 modify-instance-metadata-options --instance-id ID";
    let (cause, remedy) = if is_disabled(error) {
        ("is disabled (HTTP 403 to PUT /latest/api/token)", format!("run `{MODIFY} --http-endpoint enabled`"))
    } else if !accepts {
        ("accepts no connection", "allow this machine or container to reach 169.254.169.254".to_owned())
    } else if timed_out(error) {
        (
            "accepts connections, but its response to PUT /latest/api/token does not arrive, as in a container with \
             a hop limit of 1",
            format!("run `{MODIFY} --http-put-response-hop-limit 2`"),
        )
    } else {
        ("sent no session token", "try again in a moment".to_owned())
    };
    MintError::no_identity(
        format!("no AWS credentials found: the instance metadata service {cause}"),
        format!("{remedy}, or set AWS_PROFILE or AWS_ACCESS_KEY_ID"),
    )
}
