//! The values of a `[[registry]]` table that have a form of their own.

use std::path::{Path, PathBuf};

use protocol::ServerUrl;
use registry::Cloud;
use serde::Deserialize;
use serde::de::Error as _;

use crate::Rule;
use crate::path_value::PathValue;

/// The name of a variable. The value of one in its place is an error, which does not repeat it.
pub(crate) struct Variable(pub(crate) String);

impl<'de> Deserialize<'de> for Variable {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty() || name.len() > 128 || !name.bytes().all(plain) {
            return Err(D::Error::custom("expected the name of a variable, without the $, not its value"));
        }
        Ok(Variable(name))
    }
}

/// Another helper, as in Docker's config: `pass` for `docker-credential-pass`.
pub(crate) struct Helper(pub(crate) String);

impl<'de> Deserialize<'de> for Helper {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if !name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric()) || !name.bytes().all(plain) {
            return Err(D::Error::custom("helper must be the part of a program name after docker-credential-"));
        }
        let program = format!("docker-credential-{name}{}", std::env::consts::EXE_SUFFIX);
        is_another(&program).map(|()| Helper(program)).map_err(D::Error::custom)
    }
}

/// A program and its arguments, run without a shell.
pub(crate) struct Command(pub(crate) Vec<String>);

impl<'de> Deserialize<'de> for Command {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = Vec::<String>::deserialize(deserializer)?;
        let Some(program) = words.first() else { return Err(D::Error::custom("command is empty")) };
        let path = Path::new(program);
        if !path.is_absolute() && (program.is_empty() || path.components().count() != 1 || program.contains('\\')) {
            return Err(D::Error::custom(
                "command must start with a program: an absolute path, or a name to find on PATH",
            ));
        }
        is_another(program).map_err(D::Error::custom)?;
        Ok(Command(words))
    }
}

/// Checks that a program is not one of credmint's own, which would call itself for ever.
fn is_another(program: &str) -> Result<(), &'static str> {
    let name = Path::new(program).file_stem().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let name = name.strip_prefix("docker-credential-").unwrap_or(&name);
    match name {
        "credmint" | "credmint-mint" | "ecr" | "acr" | "gcr" | "ghcr" => Err("this is one of credmint's own programs"),
        _ => Ok(()),
    }
}

/// GitHub's ids are numbers, written as numbers or text.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a number or a text")]
pub(crate) enum Id {
    Number(u64),
    Text(String),
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        match id {
            Id::Number(number) => number.to_string(),
            Id::Text(text) => text,
        }
    }
}

/// Not empty, and without a scheme, because rules are compared with host names.
#[derive(Clone, Debug)]
pub(crate) struct Pattern(pub(crate) String);

impl Pattern {
    /// Whether a registry of a cloud may match. A pattern with wildcards may be for other registries as well.
    pub(crate) fn may_be_of_cloud(&self) -> bool {
        let host = self.0.split('/').next().unwrap_or_default();
        let is_of_cloud = |host| ServerUrl::parse(host).is_ok_and(|host| registry::registry_of(&host).is_some());
        host.contains(['*', '?']) || is_of_cloud(host)
    }

    /// A table that has it and nothing else.
    pub(crate) fn rule(&self) -> Rule {
        Rule { pattern: self.0.clone(), ..Rule::default() }
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() || text.contains("://") {
            return Err(D::Error::custom("match must be a host name without https://; * and ? are wildcards"));
        }
        Ok(Pattern(text))
    }
}

/// A file path. The contents of a file in its place are an error, which does not repeat them.
pub(crate) struct Named(pub(crate) PathBuf);

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let path = PathBuf::deserialize(deserializer)?;
        match PathValue::of(path.as_os_str()) {
            PathValue::Path => Ok(Named(path)),
            PathValue::Key => Err(D::Error::custom(
                "this contains a key instead of a path: write the key to a file, and set this to its path",
            )),
            PathValue::Other => Err(D::Error::custom("this is not the path of a file")),
        }
    }
}

/// A registry of one of the clouds.
pub(crate) struct Target(pub(crate) ServerUrl, pub(crate) Cloud);

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let server = ServerUrl::parse(&text).map_err(D::Error::custom)?;
        match registry::registry_of(&server) {
            Some(registry) => Ok(Target(server, registry.cloud())),
            None => Err(D::Error::custom("target must be the host name of a cloud registry")),
        }
    }
}

/// The address of a stored login. It is one of the host that the table matches: a password goes to no other host.
pub(crate) fn login_of(login: &str, pattern: &str) -> Result<ServerUrl, String> {
    let host = |text: &str| ServerUrl::parse(text.split('/').next()?).ok().map(|host| host.key());
    let address = ServerUrl::parse(login).ok().filter(|_| !login.contains("://"));
    match address {
        Some(address) if address.is_plain() && host(login).is_some() && host(login) == host(pattern) => Ok(address),
        _ => Err(format!("login is an address of the host in match, such as \"{}\"", example(pattern))),
    }
}

/// `quay.io/team-a` for `quay.io/team-a/*`.
fn example(pattern: &str) -> String {
    let parts = pattern.split('/').take_while(|part| !part.is_empty() && !part.contains(['*', '?']));
    let plain: Vec<_> = parts.collect();
    if plain.is_empty() { "registry.example/team".to_owned() } else { plain.join("/") }
}
