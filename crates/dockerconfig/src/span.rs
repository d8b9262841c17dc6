use std::ops::Range;

/// One member of an object, or one element of an array: its position in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    /// With its quotes; `None` in an array.
    pub(crate) name: Option<Range<usize>>,
    pub(crate) value: Range<usize>,
}

impl Item {
    pub(crate) fn start(&self) -> usize {
        self.name.as_ref().map_or(self.value.start, |name| name.start)
    }

    pub(crate) fn end(&self) -> usize {
        self.value.end
    }
}

/// The items of the object or array that stands at `outer`; none where something else stands.
///
/// The text has been found to be valid JSON before: here nothing is checked again.
pub(crate) fn items(text: &[u8], outer: &Range<usize>) -> Vec<Item> {
    let named = match text[outer.start] {
        b'{' => true,
        b'[' => false,
        _ => return Vec::new(),
    };
    let mut items = Vec::new();
    let mut at = after_space(text, outer.start + 1);
    while at < outer.end - 1 {
        let name = named.then(|| at..end_of_string(text, at));
        if let Some(name) = &name {
            let colon = after_space(text, name.end);
            at = after_space(text, colon + 1);
        }
        let value = at..end_of_value(text, at);
        at = after_space(text, value.end);
        if text[at] == b',' {
            at = after_space(text, at + 1);
        }
        items.push(Item { name, value });
    }
    items
}

/// The first position at or after `at` that is not JSON white space.
pub(crate) fn after_space(text: &[u8], at: usize) -> usize {
    text[at..].iter().position(|byte| !is_space(*byte)).map_or(text.len(), |found| at + found)
}

pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// The place behind the value that begins at `at`.
pub(crate) fn end_of_value(text: &[u8], at: usize) -> usize {
    match text[at] {
        b'"' => end_of_string(text, at),
        b'{' | b'[' => {
            let (mut depth, mut at) = (0_usize, at);
            loop {
                match text[at] {
                    b'"' => at = end_of_string(text, at) - 1,
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => depth -= 1,
                    _ => {}
                }
                at += 1;
                if depth == 0 {
                    return at;
                }
            }
        }
        _ => {
            // The text after the outermost value need not be JSON.
            let ends = |byte: &u8| is_space(*byte) || matches!(byte, b',' | b'}' | b']' | b':' | b'"' | b'{' | b'[');
            text[at..].iter().position(ends).map_or(text.len(), |length| at + length)
        }
    }
}

fn end_of_string(text: &[u8], quote: usize) -> usize {
    let mut at = quote + 1;
    while text[at] != b'"' {
        at += if text[at] == b'\\' { 2 } else { 1 };
    }
    at + 1
}

/// The value of a JSON string. Go reads half a surrogate pair and bytes that are not UTF-8 as U+FFFD,
/// serde refuses them: such a text is taken as it is written.
pub(crate) fn decode(quoted: &[u8]) -> String {
    serde_json::from_slice(quoted)
        .unwrap_or_else(|_| String::from_utf8_lossy(&quoted[1..quoted.len().saturating_sub(1)]).into_owned())
}

/// A JSON string as Go writes it: `<`, `>` and `&` escaped, so that Docker's next save changes nothing.
pub(crate) fn encode(text: &str) -> String {
    serde_json::Value::from(text)
        .to_string()
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_found_whatever_they_contain() {
        let text = br#" { "a" : 1 ,"b\"}":{"x":["}",{}]}, "c":"]\\" , "d":[ ],"e":-1.0e5}"#;
        let found = items(text, &(1..text.len()));
        let shown: Vec<_> = found
            .iter()
            .map(|item| {
                let part = |range: &Range<usize>| String::from_utf8_lossy(&text[range.clone()]).into_owned();
                (part(item.name.as_ref().unwrap()), part(&item.value))
            })
            .collect();
        let shown: Vec<_> = shown.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(
            shown,
            [
                (r#""a""#, "1"),
                (r#""b\"}""#, r#"{"x":["}",{}]}"#),
                (r#""c""#, r#""]\\""#),
                (r#""d""#, "[ ]"),
                (r#""e""#, "-1.0e5")
            ]
        );
    }

    #[test]
    fn arrays_have_items_and_scalars_have_none() {
        let text = b"[1, [2,3] ,\"x\"]";
        let found: Vec<_> = items(text, &(0..text.len())).into_iter().map(|item| item.value).collect();
        assert_eq!(found, [1..2, 4..9, 11..14]);
        assert!(items(b"null", &(0..4)).is_empty());
        assert!(items(b"{ \n }", &(0..5)).is_empty());
    }

    #[test]
    fn texts_are_written_as_go_writes_them() {
        assert_eq!(encode("<a&b>\u{2028}\"\t"), r#""\u003ca\u0026b\u003e\u2028\"\t""#);
        assert_eq!(decode(encode("<a&b>\u{2028}\"\t").as_bytes()), "<a&b>\u{2028}\"\t");
        assert_eq!(decode(br#""\ud800x""#), "\\ud800x");
    }
}
