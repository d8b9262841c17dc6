use std::time::{Duration, SystemTime};

use aws_sdk_ecr::primitives::{DateTime, DateTimeFormat};
use web::{Reason, Row, reason};

/// What AWS's error codes mean.
pub(crate) fn refusal(text: &str) -> Option<Reason> {
    const CODES: [Row; 6] = [
        (&["ExpiredToken", "RequestExpired"], "the credentials of this identity have expired", "sign in to AWS again"),
        (
            &["InvalidClientTokenId", "UnrecognizedClient", "InvalidAccessKeyId"],
            "AWS does not know the access key",
            "check it and its session token: aws sts get-caller-identity",
        ),
        (
            &["InvalidSignature", "SignatureDoesNotMatch", "IncompleteSignature", "RequestTimeTooSkewed"],
            "AWS does not accept the signature",
            "check the secret key and this machine's clock",
        ),
        (&["Throttl", "TooManyRequests", "RequestLimitExceeded"], "AWS is asked too often", "try again in a moment"),
        (
            &["AccessDenied", "not authorized"],
            "AWS does not allow it",
            "check the role's trust policy and its external id",
        ),
        (&["InvalidIdentityToken"], "AWS does not accept the web identity's token", "check the role's trust policy"),
    ];
    reason(&CODES, text)
}

/// The ARN of whoever AWS refuses something: of its sentences the only part that is shown, and
/// only in the form that an ARN has.
pub(crate) fn principal(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("User: ")?;
    let (arn, _) = rest.split_once(" is not authorized to perform")?;
    let is_arn = arn.starts_with("arn:aws") && arn.len() <= 256;
    let of_arn = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_:/-".contains(&byte);
    (is_arn && arn.bytes().all(of_arn)).then_some(arn)
}

/// How far this machine's clock is off, if that explains a signature that is not accepted: AWS
/// allows five minutes. `date` is the service's time as HTTP writes it.
pub(crate) fn clock(date: &str, now: SystemTime) -> Option<String> {
    const ALLOWED: Duration = Duration::from_secs(4 * 60);
    let date = SystemTime::try_from(DateTime::from_str(date, DateTimeFormat::HttpDate).ok()?).ok()?;
    let (off, way) = match now.duration_since(date) {
        Ok(off) => (off, "ahead of"),
        Err(error) => (error.duration(), "behind"),
    };
    (off > ALLOWED).then(|| format!("this machine's clock is {} minutes {way} AWS's", off.as_secs().div_ceil(60)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_arn_is_shown_of_a_refusal() {
        let arn = "arn:aws-us-gov:sts::123456789012:assumed-role/AWSReservedSSO_Pull_01ab/jane@corp.example";
        let says = |who: &str| format!("User: {who} is not authorized to perform: ecr:GetAuthorizationToken on: *");
        assert_eq!(principal(&says(arn)), Some(arn));
        for other in
            ["canary", "arn:aws:iam::1:user/a b", "arn:aws:\"canary\"", &format!("arn:aws:{}", "x".repeat(300))]
        {
            assert_eq!(principal(&says(other)), None, "{other}");
        }
        assert_eq!(principal("not authorized"), None);
    }

    #[test]
    fn a_clock_counts_as_wrong_from_where_aws_minds() {
        let date = "Mon, 23 Nov 2026 15:00:00 GMT";
        let at = |seconds: i64| {
            let time = 1_795_446_000_i64 + seconds;
            clock(date, SystemTime::UNIX_EPOCH + Duration::from_secs(time as u64))
        };
        assert_eq!(at(0), None);
        assert_eq!(at(-60), None);
        assert_eq!(at(3_600).as_deref(), Some("this machine's clock is 60 minutes ahead of AWS's"));
        assert_eq!(at(-600).as_deref(), Some("this machine's clock is 10 minutes behind AWS's"));
        assert_eq!(clock("canary", SystemTime::now()), None);
    }
}
