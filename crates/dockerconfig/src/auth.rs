use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use protocol::{Credentials, Secret};
use zeroize::Zeroizing;

/// Go's standard encoding: padding required, stray bits at the end forgiven.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);
/// The user name of an identity token.
const TOKEN_USER: &str = "<token>";

/// An entry of `auths`: what `docker login` leaves there, in plain text or as a mere marker.
///
/// Source: <https://github.com/docker/cli/blob/master/cli/config/types/authconfig.go>.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auth {
    /// The key as it is written.
    pub server: String,
    /// From `auth`, else from `username`.
    pub username: Option<String>,
    /// From `auth`, else from `password`.
    pub password: Option<Secret>,
    /// `identitytoken`: an OAuth refresh token.
    pub identity_token: Option<Secret>,
    /// `registrytoken`: a bearer token, which never goes through a helper.
    pub registry_token: Option<Secret>,
}

impl Auth {
    /// The login as a helper stores it: an identity token goes before a password, under the user
    /// `<token>`, as in Docker's own hand-over. `None` for a marker without a login.
    pub fn login(&self) -> Option<Credentials> {
        let (username, secret) = match (&self.identity_token, &self.username, &self.password) {
            (Some(token), _, _) => (TOKEN_USER.to_owned(), token.clone()),
            (None, Some(username), Some(password)) => (username.clone(), password.clone()),
            _ => return None,
        };
        Some(Credentials { server: self.server.clone(), username, secret })
    }

    /// Whether there is nothing secret in it: what docker writes beside a helper that holds the login.
    pub fn is_marker(&self) -> bool {
        self.login().is_none() && self.registry_token.is_none()
    }
}

/// `user:password` from base64; `None` if Docker calls it invalid. The first colon divides, the
/// user is not empty, and NULs around the password are dropped, as in Docker's `decodeAuth`.
pub(crate) fn decode(auth: &str) -> Option<(String, Secret)> {
    // Go skips line breaks in base64.
    let joined: Zeroizing<String> = Zeroizing::new(auth.chars().filter(|sign| !matches!(sign, '\r' | '\n')).collect());
    let bytes = Zeroizing::new(BASE64.decode(joined.as_bytes()).ok()?);
    let (username, password) = std::str::from_utf8(&bytes).ok()?.split_once(':')?;
    let password = password.trim_matches('\0');
    (!username.is_empty()).then(|| (username.to_owned(), Secret::new(password.to_owned())))
}

/// The fields of an entry, as JSON, that make a login: `auth`, or `identitytoken` for the user `<token>`.
pub(crate) fn fields(login: &Credentials) -> [(&'static str, Zeroizing<String>); 2] {
    let secret = login.secret.expose();
    let token = login.username == TOKEN_USER;
    let pair = match token {
        // Docker writes the token's entry with a user of no meaning and no password, and old readers want an auth.
        true => Zeroizing::new("00000000-0000-0000-0000-000000000000:".to_owned()),
        false => Zeroizing::new(format!("{}:{secret}", login.username)),
    };
    let auth = Zeroizing::new(BASE64.encode(pair.as_bytes()));
    let quoted = |text: &str| Zeroizing::new(crate::span::encode(text));
    [("auth", quoted(&auth)), ("identitytoken", quoted(if token { secret } else { "" }))]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(auth: &str) -> Option<(String, String)> {
        decode(auth).map(|(user, password)| (user, password.expose().to_owned()))
    }

    #[test]
    fn an_auth_is_read_as_docker_reads_it() {
        let pair = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(plain("dTpw"), pair("u", "p"));
        assert_eq!(plain("dTpw\r\n"), pair("u", "p"));
        assert_eq!(plain("dTphOmI="), pair("u", "a:b"));
        assert_eq!(plain("dTpwAAA="), pair("u", "p"), "trailing NULs");
        assert_eq!(plain("dTo="), pair("u", ""));
        for broken in ["dTo", "OnA=", "dQ==", "!!!!", "dTpw dTpw", "_-8=", "//8="] {
            assert_eq!(plain(broken), None, "{broken}");
        }
    }

    #[test]
    fn an_entry_is_what_it_was_made_of() {
        let login = |username: &str| Credentials {
            server: "r".into(),
            username: username.into(),
            secret: Secret::new("p:<\"".into()),
        };
        let [(_, auth), (_, token)] = fields(&login("u"));
        assert_eq!(plain(auth.trim_matches('"')), Some(("u".into(), "p:<\"".into())));
        assert_eq!(token.as_str(), "\"\"");
        let [_, (_, token)] = fields(&login("<token>"));
        assert_eq!(crate::span::decode(token.as_bytes()), "p:<\"");
    }
}
