/// The unescaped parts of a path.
pub(crate) fn parts(path: &str) -> Vec<String> {
    path.split('/').skip(1).map(unescaped).collect()
}

fn unescaped(part: &str) -> String {
    // In a form `+` is a space; in a path it is itself.
    let part = part.replace('+', "%2B");
    form_urlencoded::parse(part.as_bytes()).map(|(name, _)| name.into_owned()).next().unwrap_or_default()
}

/// A field of a query.
pub(crate) fn field(query: Option<&str>, name: &str) -> Option<String> {
    let mut fields = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    fields.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_may_have_an_escaped_slash() {
        assert_eq!(parts("/packages/container/team%2Fapp+1/%3Ax"), ["packages", "container", "team/app+1", ":x"]);
        assert_eq!(field(Some("a=1&per_page=2%203"), "per_page").as_deref(), Some("2 3"));
    }
}
