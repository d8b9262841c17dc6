use std::fmt;

use thiserror::Error;

/// The name of a helper as in a config: `ecr` for `docker-credential-ecr`. It can be no
/// path and no option, because clients put it together with a prefix and execute that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HelperName(String);

/// A text that names no helper.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("invalid helper name: use what follows docker-credential- in its file name (letters, digits and . _ -)")]
pub struct InvalidHelperName;

impl HelperName {
    /// Takes letters, digits and `.` `_` `-`, the first one a letter or digit.
    ///
    /// # Errors
    /// [`InvalidHelperName`] for anything else.
    pub fn parse(name: &str) -> Result<Self, InvalidHelperName> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let starts = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        match starts && name.len() <= 128 && name.bytes().all(plain) {
            true => Ok(HelperName(name.to_owned())),
            false => Err(InvalidHelperName),
        }
    }

    /// As in the config.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_never_a_path_or_an_option() {
        for name in ["ecr", "ecr-login", "desktop.exe", "dev-containers-1234", "o_k"] {
            assert_eq!(HelperName::parse(name).unwrap().program(), format!("docker-credential-{name}"));
        }
        for name in ["", ".", "../ecr", "a/b", "a\\b", "-x", "a b", "a\n", "é", "a\0", &"a".repeat(129)] {
            assert_eq!(HelperName::parse(name), Err(InvalidHelperName), "{name:?}");
        }
    }
}
