//! Requests that are signed as Oracle's API wants them.
//! <https://docs.oracle.com/iaas/Content/API/Concepts/signingrequests.htm>

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use protocol::{ErrorMessage, Secret};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use settings::{Conditions, Setup};
use web::Url;
use zeroize::Zeroizing;

use crate::request::SignedHeaders;

/// A profile of Oracle's config file: a user's API key, or a session.
/// <https://docs.oracle.com/iaas/Content/API/Concepts/sdkconfig.htm>
pub(crate) struct Account {
    /// With the session's token in it, if it is one.
    key_id: Secret,
    key: RsaKeyPair,
    /// That the files which the profile names are as they were read: they are known only to who reads it.
    pub(crate) requires: Option<String>,
}

impl Account {
    /// Reads a profile, its key, and the token of its session if it has one.
    ///
    /// # Errors
    /// What is missing or cannot be used, without a word of what stands there.
    pub(crate) fn load(file: &Path, profile: &str, setup: &Setup) -> Result<Self, ErrorMessage> {
        let home = setup.places.home.as_deref();
        let text = protocol::read_text_file(file).map_err(|error| {
            wrong(format!("cannot read {}: {error}", file.display()), "check its owner and permissions")
        })?;
        let of_profile = |key: &str| value(&text, profile, key);
        if !has_section(&text, profile) {
            let what = format!("{} has no profile {profile}", file.display());
            return Err(wrong(what, "set oci_profile in the [[registry]] table, or OCI_CLI_PROFILE"));
        }
        let needed = |key: &str| {
            let missing = || format!("profile {profile} of {} has no {key}", file.display());
            of_profile(key).ok_or_else(|| wrong(missing(), "run `oci setup config` or `oci session authenticate`"))
        };
        let key_file = at_home(&needed("key_file")?, home);
        let token_file = of_profile("security_token_file").map(|token_file| at_home(&token_file, home));
        let mut conditions = Conditions::default();
        for file in [Some(&key_file), token_file.as_ref()].into_iter().flatten() {
            conditions.file(file);
        }
        // Before they are read: what changes meanwhile has changed.
        let requires = conditions.seal(&setup.environment);
        let key_id = match token_file {
            Some(token_file) => {
                let token = protocol::read_text_file(&token_file).map(Zeroizing::new).map_err(|error| {
                    wrong(format!("cannot read {}: {error}", token_file.display()), "run `oci session authenticate`")
                })?;
                format!("ST${}", token.trim())
            }
            None => {
                let parts = [needed("tenancy")?, needed("user")?, needed("fingerprint")?];
                parts.join("/")
            }
        };
        if !key_id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"') {
            let what = format!("profile {profile} of {} has an invalid user or session", file.display());
            return Err(wrong(what, "run `oci setup config` or `oci session authenticate`"));
        }
        let pem = std::fs::read(&key_file).map(Zeroizing::new).map_err(|error| {
            wrong(format!("cannot read {}: {error}", key_file.display()), "check key_file in Oracle's config file")
        })?;
        let key = key_of(&pem).ok_or_else(|| {
            wrong(
                format!("{} is not an RSA key in PEM, or it is encrypted", key_file.display()),
                "use a key without a passphrase, or a session: `oci session authenticate`",
            )
        })?;
        Ok(Account { key_id: Secret::new(key_id), key, requires })
    }

    /// Signs a GET; `None` if this machine has no randomness to give.
    pub(crate) fn sign(&self, url: &Url, now: SystemTime) -> Option<SignedHeaders> {
        let date = httpdate::fmt_http_date(now);
        let text = format!("date: {date}\n(request-target): get {}\nhost: {}", url.path(), host(url)?);
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).ok()?;
        let (key_id, signature) = (self.key_id.expose(), STANDARD.encode(signature));
        let authorization = format!(
            "Signature version=\"1\",algorithm=\"rsa-sha256\",headers=\"date (request-target) host\",\
             keyId=\"{key_id}\",signature=\"{signature}\""
        );
        Some(vec![("date", date), ("authorization", authorization)])
    }
}

fn wrong(what: String, hint: &str) -> ErrorMessage {
    ErrorMessage { what, hint: Some(hint.to_owned()) }
}

fn key_of(pem: &[u8]) -> Option<RsaKeyPair> {
    match PrivateKeyDer::from_pem_slice(pem).ok()? {
        PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()).ok(),
        PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).ok(),
        _ => None,
    }
}

/// As the HTTP client writes it.
pub(crate) fn host(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

fn at_home(path: &str, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

/// The keys of a section, as Python's configparser reads them; every section inherits those of `DEFAULT`.
fn value(text: &str, section: &str, key: &str) -> Option<String> {
    in_section(text, section, key).or_else(|| in_section(text, "DEFAULT", key))
}

fn in_section(text: &str, section: &str, key: &str) -> Option<String> {
    let lines = text.lines().map(str::trim).skip_while(|line| name_of(line) != Some(section)).skip(1);
    let lines = lines.take_while(|line| name_of(line).is_none());
    let entries = lines.filter(|line| !line.starts_with(['#', ';'])).filter_map(|line| {
        let (name, value) = line.split_at(line.find(['=', ':'])?);
        Some((name.trim(), value[1..].trim()))
    });
    // The last of several counts.
    let found = entries.filter(|(name, value)| name.eq_ignore_ascii_case(key) && !value.is_empty()).last();
    found.map(|(_, value)| value.to_owned())
}

fn has_section(text: &str, section: &str) -> bool {
    text.lines().any(|line| name_of(line.trim()) == Some(section))
}

fn name_of(line: &str) -> Option<&str> {
    line.strip_prefix('[')?.strip_suffix(']')
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// What Oracle's own SDK for Python (oci 2.189.0, `oci.signer.Signer`) signs at that moment with the same key.
    const OF_ORACLE: &str = "BWLUjNbIW87UFD/UllaDdjyfhafu78+YusemR6KSUK64NKUB58cGF74zSTnClIqP/XvQOvN8qReKvoNCHdyqI/\
        qp26GzepS8cdJHTgdlkh2s+DatqsBuDmu+ntddP0L+h4sEOgu51mfD27dSnZtJ8X0pEArA2rXTBRo3S7B0qcQSxoKeSLwkjm3xtrsgt7q3EO\
        JCEaXAQ0CndSaIPuB3uBOKlbN/4bSK81OzIWw8obQejZGkk4/6aSg4sKvjlBXESUG4mN7B+rriU9nYa0WTsT6iir4wXybN6vOrwRGITOAJn2\
        OZCQ16W7AKUbmultdiDV6etv8gRydjt+gfMdHpEg==";

    #[test]
    fn a_signature_is_that_of_oracle_s_own_sdk() {
        let account = Account {
            key_id: Secret::new("ocid1.tenancy.oc1..aaaa/ocid1.user.oc1..bbbb/20:3b:97:13:55:1c:aa:66".to_owned()),
            key: key_of(pretend_cloud::APP_KEY.as_bytes()).unwrap(),
            requires: None,
        };
        let url = Url::parse("https://fra.ocir.io/20180419/docker/token").unwrap();
        let signed = account.sign(&url, SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_446_000)).unwrap();
        let [(_, date), (_, authorization)] = &signed[..] else { panic!("two headers") };
        assert_eq!(date, "Mon, 23 Nov 2026 15:00:00 GMT");
        assert!(authorization.contains(&format!("signature=\"{OF_ORACLE}\"")), "{authorization}");
        assert!(authorization.contains("keyId=\"ocid1.tenancy.oc1..aaaa/ocid1.user.oc1..bbbb/20:3b"));
    }

    #[test]
    fn a_profile_inherits_what_it_does_not_say() {
        let text = "[DEFAULT]\nuser = a\nregion=eu\n# user = x\n\n[ci]\nUser=b\nkey_file: ~/k.pem\n[other]\nuser = c\n";
        for (section, key, expected) in [
            ("DEFAULT", "user", Some("a")),
            ("ci", "user", Some("b")),
            ("ci", "region", Some("eu")),
            ("ci", "key_file", Some("~/k.pem")),
            ("other", "key_file", None),
        ] {
            assert_eq!(value(text, section, key).as_deref(), expected, "{section} {key}");
        }
        assert!(has_section(text, "ci") && !has_section(text, "c"));
        assert_eq!(at_home("~/k.pem", Some(Path::new("/home/jane"))), Path::new("/home/jane/k.pem"));
        assert_eq!(at_home("/k.pem", Some(Path::new("/home/jane"))), Path::new("/k.pem"));
    }
}
