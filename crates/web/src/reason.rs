use std::error::Error;

/// What an error means to a user, and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason {
    /// What is wrong: lower case, no full stop.
    pub what: &'static str,
    /// What to do about it.
    pub hint: &'static str,
}

/// Words to look for, what they mean, and what to do.
pub type Row = (&'static [&'static str], &'static str, &'static str);

/// The first row of which one of the words stands in the text.
pub fn reason(rows: &[Row], text: &str) -> Option<Reason> {
    let row = rows.iter().find(|(words, ..)| words.iter().any(|word| text.contains(word)));
    row.map(|&(_, what, hint)| Reason { what, hint })
}

/// What is wrong between here and there, if that is where something is wrong, by what an error and
/// its causes say (see [`trail`]).
pub fn connection(trail: &str) -> Option<Reason> {
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
            &[
                "tcp connect",
                "error trying to connect",
                "connection closed",
                "connection error",
                "client error (Connect)",
                "dispatch failure",
                "io error",
            ],
            "no connection",
            "check the network and the proxy",
        ),
    ];
    reason(&CAUSES, trail)
}

/// All that an error and its causes say: to look for words in, never to be shown, since a
/// response's body may be among it.
pub fn trail(error: &dyn Error) -> String {
    let mut trail = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        trail.push_str("; ");
        trail.push_str(&error.to_string());
        next = error.source();
    }
    trail
}
