//! Google's handling of an AWS identity: it checks the signed request, and calls AWS with it.

use std::time::{Duration, SystemTime};

use ring::hmac;
use serde_json::Value;
use sha2::{Digest, Sha256};
use time::PrimitiveDateTime;
use time::macros::format_description;

/// The secret of every access key of AWS here.
pub(super) const SECRET: &str = "pretend-aws-secret";

/// The access key that has signed a `GetCallerIdentity` for this audience; the whole signature is
/// verified.
pub(super) fn caller(subject: &str, audience: &str, now: SystemTime) -> Option<String> {
    // What was sent is encoded once more than a form is.
    let decoded: String = form_urlencoded::parse(format!("q={subject}").as_bytes()).next()?.1.into_owned();
    let question: Value = serde_json::from_str(&decoded).ok()?;
    let header = |name: &str| {
        let mut headers = question["headers"].as_array()?.iter();
        headers.find(|header| header["key"].as_str().is_some_and(|key| key.eq_ignore_ascii_case(name)))?["value"]
            .as_str()
    };
    if question["method"] != "POST" || header("x-goog-cloud-target-resource") != Some(audience) {
        return None;
    }
    let fields = header("authorization")?.strip_prefix("AWS4-HMAC-SHA256 ")?;
    let field = |name: &str| fields.split(',').find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='));
    let scope: [&str; 5] = field("Credential")?.split('/').collect::<Vec<_>>().try_into().ok()?;
    let [access_key, date, region, "sts", "aws4_request"] = scope else { return None };
    let (host, query) = question["url"].as_str()?.strip_prefix("https://")?.split_once('?')?;
    let host = host.trim_end_matches('/');
    if host != format!("sts.{region}.amazonaws.com") || header("host") != Some(host) {
        return None;
    }
    let signed = field("SignedHeaders")?;
    // That the audience is signed too is recommended, and Google's library for Python does not.
    if !signed.split(';').any(|name| name == "host") {
        return None;
    }
    let headers =
        signed.split(';').map(|name| Some(format!("{name}:{}\n", header(name)?))).collect::<Option<String>>()?;
    let canonical = format!("POST\n/\n{query}\n{headers}\n{signed}\n{}", hex(&Sha256::digest(b"")));
    let time = header("x-amz-date")?;
    let form = format_description!("[year][month][day]T[hour][minute][second]Z");
    let at: SystemTime = PrimitiveDateTime::parse(time, form).ok()?.assume_utc().into();
    let off = now.duration_since(at).unwrap_or_else(|ahead| ahead.duration());
    if off > Duration::from_secs(300) {
        return None;
    }
    let scope = format!("{date}/{region}/sts/aws4_request");
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
    let first = format!("AWS4{SECRET}").into_bytes();
    let key = [date, region, "sts", "aws4_request"].iter().fold(first, |key, part| mac(&key, part));
    (hex(&mac(&key, &text)) == field("Signature")?).then(|| access_key.to_owned())
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
