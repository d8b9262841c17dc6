//! The AccessKeys of Alibaba Cloud: variables, and profiles of the config file of its command line.

use std::path::{Path, PathBuf};

use protocol::{ErrorMessage, Secret};
use serde_json::Value;
use settings::{Fingerprint, Setup};
use web::quote;
use zeroize::Zeroizing;

const ID: &str = "ALIBABA_CLOUD_ACCESS_KEY_ID";
const SECRET: &str = "ALIBABA_CLOUD_ACCESS_KEY_SECRET";
const TOKEN: &str = "ALIBABA_CLOUD_SECURITY_TOKEN";

/// Where an AccessKey comes from: a profile that is named, else the variables, else the current profile.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    Variables(Variables),
    Profile { file: Option<PathBuf>, name: Option<String> },
}

/// The variables of the environment.
#[derive(Clone, Debug)]
pub(crate) struct Variables {
    id: String,
    secret: Option<Secret>,
    token: Option<Secret>,
}

/// An AccessKey, or temporary ones with a security token.
pub(crate) struct AccessKey {
    pub(crate) id: String,
    pub(crate) secret: Secret,
    /// Of temporary ones.
    pub(crate) token: Option<Secret>,
    /// Where it comes from, for people.
    pub(crate) source: String,
}

impl Source {
    pub(crate) fn of(profile: Option<&str>, setup: &Setup) -> Self {
        let text = |name| setup.environment.text(name);
        match (profile, text(ID)) {
            (None, Some(id)) => {
                let (secret, token) = (text(SECRET).map(Secret::new), text(TOKEN).map(Secret::new));
                Source::Variables(Variables { id, secret, token })
            }
            (name, _) => {
                let file = setup.places.home.as_ref().map(|home| home.join(".aliyun/config.json"));
                Source::Profile { file, name: name.map(str::to_owned) }
            }
        }
    }

    /// Adds whose key it is.
    pub(crate) fn add_to(&self, print: &mut Fingerprint, setup: &Setup) {
        match self {
            Source::Variables(_) => {
                for name in [ID, SECRET, TOKEN] {
                    print.variable(&setup.environment, name);
                }
            }
            Source::Profile { file, .. } => {
                if let Some(file) = file {
                    print.file(file);
                }
            }
        }
    }

    /// The config file that is read, if one is.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Source::Profile { file, .. } => file.as_deref(),
            Source::Variables(_) => None,
        }
    }

    /// Reads the key; `None` if there is none.
    ///
    /// # Errors
    /// What is missing or cannot be used, without a word of what stands there.
    pub(crate) fn load(&self) -> Result<Option<AccessKey>, ErrorMessage> {
        let key = match self {
            Source::Variables(Variables { id, secret, token }) => {
                let Some(secret) = secret.clone() else {
                    return Err(wrong(format!("{ID} is set, and {SECRET} is not"), "set both, or none of them"));
                };
                AccessKey { id: id.clone(), secret, token: token.clone(), source: format!("${ID}") }
            }
            Source::Profile { file: Some(file), name } if file.exists() => of_profile(file, name.as_deref())?,
            Source::Profile { .. } => return Ok(None),
        };
        let is_word = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',');
        if !is_word(&key.id) || !key.token.as_ref().is_none_or(|token| is_word(token.expose())) {
            let what = format!("{} is not an AccessKey: it has an unusual character", key.source);
            return Err(wrong(what, "copy the AccessKey again, without spaces"));
        }
        Ok(Some(key))
    }
}

/// Of the config file of Alibaba Cloud's command line.
/// <https://github.com/aliyun/aliyun-cli/blob/master/docs/en/configuration.md>
fn of_profile(file: &Path, name: Option<&str>) -> Result<AccessKey, ErrorMessage> {
    let place = file.display();
    let text = protocol::read_text_file(file)
        .map(Zeroizing::new)
        .map_err(|error| wrong(format!("cannot read {place}: {error}"), "check its owner and permissions"))?;
    let json: Value =
        serde_json::from_str(&text).map_err(|_| wrong(format!("{place} is not JSON"), "run `aliyun configure`"))?;
    let name = name.or_else(|| json["current"].as_str()).unwrap_or("default");
    let profile = json["profiles"].as_array().into_iter().flatten().find(|profile| profile["name"] == name);
    let Some(profile) = profile else {
        let hint = "set aliyun_profile in the [[registry]] table, or ALIBABA_CLOUD_PROFILE";
        return Err(wrong(format!("{place} has no profile {name}"), hint));
    };
    let source = format!("profile {name} of {place}");
    let mode = profile["mode"].as_str().unwrap_or_default();
    if !matches!(mode, "AK" | "StsToken") {
        let what = format!("{source} has the mode {}, which is not supported", quote::name(mode));
        return Err(wrong(
            what,
            &format!("use a profile of the mode AK or StsToken, or set {ID}, {SECRET} and {TOKEN}"),
        ));
    }
    let text = |key: &str| profile[key].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let needed = |key: &str| {
        text(key)
            .ok_or_else(|| wrong(format!("{source} has no {key}"), &format!("run `aliyun configure --mode {mode}`")))
    };
    let (id, secret) = (needed("access_key_id")?, Secret::new(needed("access_key_secret")?));
    let token = if mode == "StsToken" { Some(Secret::new(needed("sts_token")?)) } else { None };
    Ok(AccessKey { id, secret, token, source })
}

fn wrong(what: String, hint: &str) -> ErrorMessage {
    ErrorMessage { what, hint: Some(hint.to_owned()) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_that_is_named_comes_before_variables() {
        let of = |profile, variables: &[(&str, &str)]| Source::of(profile, &Setup::of("/nowhere".as_ref(), variables));
        let keys = [(ID, "id"), (SECRET, "c4n4ry")];
        assert!(matches!(of(Some("ci"), &keys), Source::Profile { name: Some(name), .. } if name == "ci"));
        let source = of(None, &keys);
        assert!(!format!("{source:?}").contains("c4n4ry"));
        assert_eq!(source.load().unwrap().unwrap().secret.expose(), "c4n4ry");
        assert!(of(None, &[]).load().unwrap().is_none());
        assert!(of(None, &keys[..1]).load().is_err());
        for (id, token) in [("a b", "t"), ("a,b", "t"), ("a", "t\r\nx: y")] {
            assert!(of(None, &[(ID, id), (SECRET, "s"), (TOKEN, token)]).load().is_err(), "{id} {token}");
        }
    }
}
