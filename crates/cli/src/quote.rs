use std::path::Path;

/// A path or a word, quoted as one argument of a shell.
pub(crate) fn quoted(text: impl AsRef<Path>) -> String {
    let text = text.as_ref().to_string_lossy();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-:@%+=,\\".contains(&byte);
    // Only Windows has backslashes in its paths, and its shells take them as they are.
    let is_plain = !text.is_empty() && text.bytes().all(plain) && (cfg!(windows) || !text.contains('\\'));
    if is_plain { text.into_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_stays_one() {
        for (text, expected) in [
            ("/home/me/.docker/config.json", "/home/me/.docker/config.json"),
            ("a b", "'a b'"),
            ("it's", "'it'\\''s'"),
            ("$(reboot)", "'$(reboot)'"),
            ("", "''"),
            ("~x", "'~x'"),
        ] {
            assert_eq!(quoted(text), expected);
        }
    }
}
