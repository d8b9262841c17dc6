use std::error::Error;

use protocol::ErrorMessage;
use settings::Environment;

use crate::Proxies;

/// The cause of an error, and the remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The cause: lower case, no full stop.
    pub what: &'static str,
    /// The remedy, in the imperative.
    pub hint: &'static str,
}

/// Words in an error's text, its cause, and the remedy.
pub type Row = (&'static [&'static str], &'static str, &'static str);

/// The first row with a word that the text contains.
pub fn find_cause(rows: &[Row], text: &str) -> Option<Cause> {
    let row = rows.iter().find(|(words, ..)| words.iter().any(|word| text.contains(word)));
    row.map(|&(_, what, hint)| Cause { what, hint })
}

/// The cause of a connection error, by the text of an error chain (see [`error_chain`]); `None` for any other error.
pub fn connection(chain: &str) -> Option<ErrorMessage> {
    const CAUSES: [Row; 5] = [
        AUTHORITY,
        UNTRUSTED,
        (&["dns error", "failed to lookup"], "cannot resolve the host name", "check the network and the proxy"),
        (&["timeout", "timed out"], "timed out", "check the network and the proxy"),
        (
            &[
                "tcp connect",
                "error trying to connect",
                "connection closed",
                "connection error",
                "client error (Connect)",
                "dispatch failure",
                "io error",
            ],
            "connection failed",
            "check the network and the proxy",
        ),
    ];
    let found = find_cause(&CAUSES, chain);
    // An untrusted certificate is the service's, even behind a proxy.
    let is_of_certificate = |found: Cause| [AUTHORITY.1, UNTRUSTED.1].contains(&found.what);
    if !found.is_some_and(is_of_certificate) && PROXY_WORDS.iter().any(|word| chain.contains(word)) {
        return Some(proxy(chain));
    }
    found.map(|Cause { what, hint }| ErrorMessage { what: what.to_owned(), hint: Some(hint.to_owned()) })
}

/// What `openssl req -x509` creates by default: even if trusted, it is not accepted from a server.
const AUTHORITY: Row = (
    &["CaUsedAsEndEntity"],
    "certificate not trusted, as it is a CA certificate",
    "give the server one with `basicConstraints=CA:FALSE`",
);

const UNTRUSTED: Row = (
    &["certificate", "UnknownIssuer", "invalid peer"],
    "certificate not trusted",
    "set SSL_CERT_FILE to the file with the CA certificate",
);

/// Whether the cause is in the configuration of this machine: its proxy or its CA certificates.
pub(crate) fn is_setup(chain: &str) -> bool {
    UNTRUSTED.0.iter().chain(&PROXY_WORDS).any(|word| chain.contains(word))
}

/// Words of `hyper-util` for errors of the proxy, and on the way to it.
const PROXY_WORDS: [&str; 2] = ["tunnel error", "SOCKS error"];

/// The proxy, the cause and the remedy.
fn proxy(chain: &str) -> ErrorMessage {
    // The proxies in use; read only after an error.
    let proxies = Proxies::of(&Environment::of_process()).ok();
    let proxy = proxies.and_then(|proxies| proxies.https.or(proxies.http));
    let (shown, variable) = proxy
        .as_ref()
        .map_or(("of this system".to_owned(), "HTTPS_PROXY"), |proxy| (proxy.to_string(), proxy.variable));
    let (what, hint) = if chain.contains("proxy authorization required") {
        let what = match proxy.as_ref().is_some_and(|proxy| proxy.has_user) {
            true => "rejected the user name and password (HTTP 407)",
            false => "requires a user name and password (HTTP 407)",
        };
        (what, format!("set {variable}=http://USER:PASSWORD@HOST:PORT"))
    } else if ["underlying connection", "dns error", "tcp connect"].iter().any(|words| chain.contains(words)) {
        ("cannot be reached", format!("check {variable} and that the proxy is running"))
    } else {
        (
            "refused the connection to this host",
            "ask the administrator of the proxy to allow the host, or add the host to NO_PROXY".to_owned(),
        )
    };
    ErrorMessage { what: format!("the proxy {shown} {what}"), hint: Some(hint) }
}

/// The message for a status of an outage or a rate limit, which does not depend on the user's configuration.
pub fn outage(host: &str, status: u16) -> Option<ErrorMessage> {
    let (what, hint) = match status {
        429 => (format!("rate limited by {host}"), "wait a few minutes and try again"),
        408 | 500.. => (format!("{host} is unavailable"), "try again later, or check the status page of the service"),
        _ => return None,
    };
    Some(ErrorMessage { what: format!("{what} (HTTP {status})"), hint: Some(hint.to_owned()) })
}

/// The texts of an error and its causes: for finding words, never to be shown, because they may contain a
/// response's body.
pub fn error_chain(error: &dyn Error) -> String {
    let mut chain = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        chain.push_str("; ");
        chain.push_str(&error.to_string());
        next = error.source();
    }
    chain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_is_none_for_a_server_is_distinguished_from_an_untrusted_one() {
        for (chain, words) in [
            ("client error (Connect); invalid peer certificate: UnknownIssuer", "SSL_CERT_FILE"),
            ("client error (Connect); invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))", "CA:FALSE"),
        ] {
            let found = connection(chain).unwrap();
            assert!(found.what.starts_with("certificate not trusted"), "{found:?}");
            assert!(found.hint.as_ref().is_some_and(|hint| hint.contains(words)), "{found:?}");
        }
    }
}
