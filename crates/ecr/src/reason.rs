use std::error::Error;
use std::time::{Duration, SystemTime};

use aws_sdk_ecr::primitives::{DateTime, DateTimeFormat};

/// What an error means to a user, and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reason {
    pub(crate) what: &'static str,
    pub(crate) hint: &'static str,
}

type Row = (&'static [&'static str], &'static str, &'static str);

fn reason(rows: &[Row], text: &str) -> Option<Reason> {
    let row = rows.iter().find(|(words, ..)| words.iter().any(|word| text.contains(word)));
    row.map(|&(_, what, hint)| Reason { what, hint })
}

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

/// What is wrong between here and there, if that is where something is wrong.
pub(crate) fn connection(trail: &str) -> Option<Reason> {
    const CAUSES: [Row; 5] = [
        (
            &["certificate", "UnknownIssuer", "invalid peer"],
            "its certificate is not trusted",
            "name a private authority's certificate in SSL_CERT_FILE",
        ),
        (&["dns error", "failed to lookup"], "its name cannot be resolved", "check the network and the proxy"),
        (&["proxy", "tunnel"], "the proxy does not let it through", "check HTTPS_PROXY and NO_PROXY"),
        (&["timeout", "timed out"], "no answer in time", "check the network and the proxy"),
        (
            &["tcp connect", "connection error", "client error (Connect)", "dispatch failure", "io error"],
            "no connection",
            "check the network and the proxy",
        ),
    ];
    reason(&CAUSES, trail)
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

/// All that an error and its causes say: to look for words in, never to be shown, since a
/// response's body may be among it.
pub(crate) fn trail(error: &dyn Error) -> String {
    let mut trail = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        trail.push_str("; ");
        trail.push_str(&error.to_string());
        next = error.source();
    }
    trail
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
