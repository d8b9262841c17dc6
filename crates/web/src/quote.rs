//! What may be quoted of a service's response, which may hold a secret anywhere.

/// An error code, which is one word of letters: `invalid_grant`, `AccessDeniedException`. `None` for
/// anything else.
pub fn code(text: &str) -> Option<&str> {
    let is_code = (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_');
    is_code.then_some(text)
}

/// A name of an account, a tenant or a host; a placeholder for anything else.
pub fn name(text: &str) -> &str {
    let of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.@".contains(&byte);
    let is_name = !text.is_empty() && text.len() <= 128 && text.bytes().all(of_name);
    if is_name { text } else { "(unreadable name)" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_codes_and_names_are_quoted() {
        for (text, is_code, is_name) in [
            ("invalid_grant", true, true),
            ("AccessDeniedException", true, true),
            ("jane@corp.example", false, true),
            ("a token", false, false),
            ("", false, false),
            ("<html>", false, false),
            (&"x".repeat(200), false, false),
        ] {
            assert_eq!((code(text).is_some(), name(text) == text), (is_code, is_name), "{text}");
        }
    }
}
