use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use broker::MintError;
use protocol::Secret;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use crate::gcloud_config::NamedBy;

/// A credentials file of Google's, of any type.
/// <https://google.aip.dev/auth/4110>
pub(crate) struct CredentialsFile {
    pub(crate) path: PathBuf,
    pub(crate) kind: CredentialsType,
    /// The domain of the Google Cloud that the identity is of.
    pub(crate) universe: String,
    pub(crate) quota_project: Option<String>,
    text: Zeroizing<String>,
}

/// `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CredentialsType {
    ServiceAccount,
    AuthorizedUser,
    ExternalAccount,
    ExternalAccountAuthorizedUser,
    ImpersonatedServiceAccount,
    GdchServiceAccount,
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Header {
    #[serde(rename = "type")]
    kind: CredentialsType,
    universe_domain: Option<String>,
    quota_project_id: Option<String>,
}

impl CredentialsFile {
    pub(crate) fn read(path: &Path, by: NamedBy) -> Result<Self, MintError> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            let why = match error.kind() {
                ErrorKind::NotFound => "it does not exist".to_owned(),
                _ => error.to_string(),
            };
            MintError::failed(format!("cannot read the credentials file {}: {why}", path.display()), by.check())
        })?;
        Self::of(path, by, Zeroizing::new(text))
    }

    fn of(path: &Path, by: NamedBy, text: Zeroizing<String>) -> Result<Self, MintError> {
        let header: Header = parse(path, &text)?;
        if header.kind == CredentialsType::GdchServiceAccount {
            // Its tokens are for that cloud's own registries alone, whose hosts are not public.
            let what =
                format!("{} is for Google Distributed Cloud, which is not supported", settings::display_path(path));
            return Err(MintError::failed(what, by.check()));
        }
        if header.kind == CredentialsType::Other {
            let what = format!("the credentials file {} has an unsupported type", path.display());
            return Err(MintError::failed(what, by.check()));
        }
        let universe = header.universe_domain.unwrap_or_else(|| registry::GOOGLE.to_owned());
        Ok(CredentialsFile {
            path: path.to_owned(),
            kind: header.kind,
            universe,
            quota_project: header.quota_project_id,
            text,
        })
    }

    /// A credentials file within this one.
    pub(crate) fn inner(&self, value: &serde_json::Value) -> Result<Self, MintError> {
        Self::of(&self.path, NamedBy::WellKnownPath, Zeroizing::new(value.to_string()))
    }

    /// The fields of its type.
    pub(crate) fn fields<T: DeserializeOwned>(&self) -> Result<T, MintError> {
        parse(&self.path, &self.text)
    }

    /// The whole file, for a library that parses it itself.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

impl NamedBy {
    fn check(self) -> &'static str {
        match self {
            NamedBy::Settings => "check `credentials_file` in credmint's settings",
            NamedBy::Variable => "check GOOGLE_APPLICATION_CREDENTIALS",
            NamedBy::WellKnownPath => "run `gcloud auth application-default login`",
        }
    }
}

/// The parser's own message is not shown: it quotes the file.
fn parse<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, MintError> {
    serde_json::from_str(text).map_err(|error| {
        let place = format!("{} (line {}, column {})", path.display(), error.line(), error.column());
        MintError::failed(format!("malformed credentials file {place}"), "create the file again")
    })
}

/// A field that holds a secret.
pub(crate) fn secret<'de, D: Deserializer<'de>>(field: D) -> Result<Secret, D::Error> {
    String::deserialize(field).map(Secret::new)
}

/// A field that may hold a secret.
pub(crate) fn optional_secret<'de, D: Deserializer<'de>>(field: D) -> Result<Option<Secret>, D::Error> {
    Ok(Option::<String>::deserialize(field)?.map(Secret::new))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<CredentialsFile, String> {
        let file = CredentialsFile::of(Path::new("/adc.json"), NamedBy::Variable, Zeroizing::new(text.to_owned()));
        file.map_err(|error| format!("{error:?}"))
    }

    #[test]
    fn the_type_and_the_universe() {
        let plain = of(r#"{"type": "authorized_user", "client_id": "x"}"#).unwrap();
        assert_eq!((plain.kind, plain.universe.as_str()), (CredentialsType::AuthorizedUser, "googleapis.com"));
        let other = of(r#"{"type": "external_account", "universe_domain": "s3nsapis.fr"}"#).unwrap();
        assert_eq!((other.kind, other.universe.as_str()), (CredentialsType::ExternalAccount, "s3nsapis.fr"));
    }

    #[test]
    fn an_error_of_a_file_does_not_quote_it() {
        for text in [
            "",
            "canary",
            r#"{"type": 1, "private_key": "canary"}"#,
            r#"{"private_key": "canary"}"#,
            r#"{"type": "canary"}"#,
        ] {
            let said = of(text).err().unwrap();
            assert!(said.contains("/adc.json") && !said.contains("canary"), "{text}: {said}");
        }
    }
}
