use std::ffi::OsStr;
use std::path::Path;

/// Replaces a value that is not a path, so that it cannot be shown by whatever uses the path. No such file exists.
pub(crate) const NO_PATH: &str = if cfg!(windows) { r"\\.\NUL\(not a path)" } else { "/dev/null/(not a path)" };

/// What the value of a variable for a file path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathValue {
    Path,
    /// The contents of the file instead: JSON, PEM, a JSON Web Token, a token of GitHub or Google.
    Key,
    /// Neither: it looks like a secret, and there is no such file.
    Other,
}

/// A path for messages; a placeholder if it may be a secret.
pub fn display_path(path: &Path) -> String {
    if PathValue::of(path.as_os_str()) == PathValue::Path { path.display().to_string() } else { NO_PATH.to_owned() }
}

impl PathValue {
    pub(crate) fn of(value: &OsStr) -> Self {
        let Some(text) = value.to_str() else { return PathValue::Path };
        let text = text.trim();
        let is_jwt = text.starts_with("eyJ") && text.split('.').count() >= 3;
        const TOKENS: [&str; 7] = ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "ya29."];
        if text.starts_with(['{', '[']) || text.contains("-----BEGIN") || is_jwt {
            return PathValue::Key;
        }
        if TOKENS.iter().any(|token| text.starts_with(token)) {
            return PathValue::Key;
        }
        if text.contains(char::is_control) || looks_random(text) && !Path::new(text).exists() {
            return PathValue::Other;
        }
        PathValue::Path
    }
}

/// Longer than usual paths, or a single relative word of upper and lower case letters and digits, like a secret.
fn looks_random(text: &str) -> bool {
    let has = |is: fn(&char) -> bool| text.chars().any(|sign| is(&sign));
    let mixed = has(char::is_ascii_digit) && has(char::is_ascii_lowercase) && has(char::is_ascii_uppercase);
    let is_word = text.len() >= 20 && !text.starts_with(['/', '~', '\\']) && !text.contains(['.', ':']);
    text.len() > 256 || is_word && mixed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_paths_are_distinguished() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("d".repeat(200)).join("e".repeat(200));
        std::fs::create_dir_all(&deep).unwrap();
        let long = "x".repeat(300);
        for (text, expected) in [
            ("/etc/key.pem", PathValue::Path),
            ("key", PathValue::Path),
            ("../Keys/2026/my key.json", PathValue::Path),
            (r"C:\Users\Jane Doe\key.json", PathValue::Path),
            ("~/.aws/config", PathValue::Path),
            (deep.to_str().unwrap(), PathValue::Path),
            ("{\"type\": \"service_account\"}", PathValue::Key),
            (" \n{}", PathValue::Key),
            ("-----BEGIN PRIVATE KEY-----\nMII", PathValue::Key),
            ("eyJhbGciOiJSUzI1NiJ9.e30.c2ln", PathValue::Key),
            ("ghp_0123", PathValue::Key),
            ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", PathValue::Other),
            (&long, PathValue::Other),
            ("two\nlines", PathValue::Other),
        ] {
            assert_eq!(PathValue::of(OsStr::new(text)), expected, "{text}");
        }
    }
}
