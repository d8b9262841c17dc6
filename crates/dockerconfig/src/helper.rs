use std::fmt;

use protocol::ServerUrl;
use thiserror::Error;

/// The name of a helper as it stands in a config: `ecr` for `docker-credential-ecr`. It can be no
/// path and no option, because clients put it together with a prefix and execute that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HelperName(String);

/// A text that names no helper.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("a helper's name is what follows docker-credential- in its file name: letters, digits and . _ -")]
pub struct NoHelperName;

impl HelperName {
    /// Takes letters, digits and `.` `_` `-`, the first one a letter or digit.
    ///
    /// # Errors
    /// [`NoHelperName`] for anything else.
    pub fn parse(name: &str) -> Result<Self, NoHelperName> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let starts = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        match starts && name.len() <= 128 && name.bytes().all(plain) {
            true => Ok(HelperName(name.to_owned())),
            false => Err(NoHelperName),
        }
    }

    /// As it stands in the config.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of the program: looked up on PATH.
    pub fn program(&self) -> String {
        format!("docker-credential-{}", self.0)
    }
}

impl fmt::Display for HelperName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whose key it is to be: `credHelpers` is looked up by the exact text, and the two families ask
/// for Docker Hub by different names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// Docker, BuildKit, Compose, crane: `https://index.docker.io/v1/`.
    Docker,
    /// podman, buildah, skopeo: `docker.io`.
    Podman,
}

impl Reader {
    /// The key under which this reader looks for a server: never with a scheme or a path, but for
    /// Docker's name of Docker Hub.
    pub fn key(self, server: &ServerUrl) -> String {
        let hub = is_hub(server);
        match self {
            Reader::Docker if hub => server.key(),
            Reader::Podman if hub => "docker.io".to_owned(),
            _ => server.authority(),
        }
    }
}

/// Docker Hub itself, not one of the tokens of its web login.
pub(crate) fn is_hub(server: &ServerUrl) -> bool {
    server.key() == "https://index.docker.io/v1/"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_path_and_no_option() {
        for name in ["ecr", "ecr-login", "desktop.exe", "dev-containers-1234", "o_k"] {
            assert_eq!(HelperName::parse(name).unwrap().program(), format!("docker-credential-{name}"));
        }
        for name in ["", ".", "../ecr", "a/b", "a\\b", "-x", "a b", "a\n", "é", "a\0", &"a".repeat(129)] {
            assert_eq!(HelperName::parse(name), Err(NoHelperName), "{name:?}");
        }
    }

    #[test]
    fn each_reader_has_its_key() {
        let key = |reader: Reader, text| reader.key(&ServerUrl::parse(text).unwrap());
        for hub in ["docker.io", "https://index.docker.io/v1/", "registry-1.docker.io"] {
            assert_eq!(key(Reader::Docker, hub), "https://index.docker.io/v1/");
            assert_eq!(key(Reader::Podman, hub), "docker.io");
        }
        for (text, expected) in [("https://r.example/v2/", "r.example"), ("http://r.example:5000/ns", "r.example:5000")]
        {
            assert_eq!((key(Reader::Docker, text), key(Reader::Podman, text)), (expected.into(), expected.into()));
        }
    }
}
