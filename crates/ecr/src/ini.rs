//! AWS's files, line by line, as its command reads them. AWS's SDKs differ in what they take beyond plain
//! lines; the command, written in Python, takes the most, and is what writes these files.
//! <https://docs.python.org/3/library/configparser.html#supported-ini-file-structure>

use std::collections::BTreeMap;

/// A section and its keys, in lower case.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Section {
    /// The text in the brackets, unchanged.
    pub(crate) header: String,
    pub(crate) values: BTreeMap<String, String>,
}

/// A line that cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ParseError {
    /// Counted from 1.
    pub(crate) line: usize,
    /// What is wrong, without anything of the line.
    pub(crate) cause: &'static str,
}

/// The sections of a file in order, duplicates included.
///
/// # Errors
/// The first line that cannot be read.
pub(crate) fn sections(text: &str) -> Result<Vec<Section>, ParseError> {
    let mut sections: Vec<Section> = Vec::new();
    // The key that a line with a deeper indentation belongs to, with its own indentation.
    let mut open: Option<(String, usize)> = None;
    for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let malformed = |cause| ParseError { line: number + 1, cause };
        let content = line.trim();
        if content.is_empty() || content.starts_with(['#', ';']) {
            continue;
        }
        let indentation = line.len() - line.trim_start().len();
        if let (Some((key, least)), Some(section)) = (&open, sections.last_mut())
            && indentation > *least
        {
            let value = section.values.entry(key.clone()).or_default();
            if value.starts_with('\n') || value.is_empty() {
                content.split_once('=').ok_or(malformed("an equals sign is missing"))?;
            }
            value.push('\n');
            value.push_str(content);
            continue;
        }
        if let Some(header) = content.strip_prefix('[') {
            let (header, _) = header.rsplit_once(']').ok_or(malformed("a closing bracket is missing"))?;
            sections.push(Section { header: header.to_owned(), ..Section::default() });
            open = None;
            continue;
        }
        let section = sections.last_mut().ok_or(malformed("it is not in a section"))?;
        let (key, value) = content.split_once(['=', ':']).ok_or(malformed("an equals sign is missing"))?;
        let key = key.trim().to_lowercase();
        if key.is_empty() {
            return Err(malformed("the name is missing"));
        }
        section.values.insert(key.clone(), without_comment(value.trim()).to_owned());
        open = Some((key, indentation));
    }
    Ok(sections)
}

/// AWS's SDKs, unlike its command, take the text after a blank and one of these characters as a comment.
fn without_comment(value: &str) -> &str {
    let starts = value.match_indices([' ', '\t']).find(|(at, _)| value[at + 1..].starts_with(['#', ';']));
    starts.map_or(value, |(at, _)| value[..at].trim_end())
}

/// The words of a header, with quotes and backslashes as in a shell; `None` if a quote is not closed.
pub(crate) fn words(header: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut signs = header.chars();
    while let Some(sign) = signs.next() {
        match sign {
            ' ' | '\t' => words.extend(word.take()),
            '\\' => word.get_or_insert_default().push(signs.next()?),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match signs.next()? {
                        '\'' => break,
                        sign => word.push(sign),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match signs.next()? {
                        '"' => break,
                        '\\' => match signs.next()? {
                            sign @ ('"' | '\\') => word.push(sign),
                            sign => word.extend(['\\', sign]),
                        },
                        sign => word.push(sign),
                    }
                }
            }
            sign => word.get_or_insert_default().push(sign),
        }
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<(String, String)> {
        sections(text).unwrap().into_iter().flat_map(|section| section.values).collect()
    }

    #[test]
    fn lines_are_read_as_amazons_command_reads_them() {
        for (text, expected) in [
            ("[a]\nx=1\ny : 2\n", vec![("x", "1"), ("y", "2")]),
            ("[a]\n  x = 1\n  y = 2\n", vec![("x", "1"), ("y", "2")]),
            ("  [a]\n\tX = 1\n\ty = 2\n", vec![("x", "1"), ("y", "2")]),
            ("[a]\nx = 1\n  # a comment\ny = 2\n", vec![("x", "1"), ("y", "2")]),
            ("[a] ; mine\r\nx = 1 # one\r\ny = a#b\r\n", vec![("x", "1"), ("y", "a#b")]),
            (
                "\u{feff}[a]\nx =\n  b = 1\n  c = 2\ny = https://e/#/\n",
                vec![("x", "\nb = 1\nc = 2"), ("y", "https://e/#/")],
            ),
        ] {
            let expected: Vec<_> = expected.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
            assert_eq!(values(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_malformed_line_is_named_by_its_number() {
        for (text, line) in
            [("x = 1\n", 1), ("[a\n", 1), ("[a]\n\nx\n", 3), ("[a]\n = 1\n", 2), ("[a]\ns3 =\n  x\n", 3)]
        {
            assert_eq!(sections(text).unwrap_err().line, line, "{text:?}");
        }
    }

    #[test]
    fn headers_are_words_as_in_a_shell() {
        for (header, expected) in [
            ("profile dev", Some(&["profile", "dev"][..])),
            (" profile\t\"my corp\" ", Some(&["profile", "my corp"])),
            ("profile 'say \"hi\"'", Some(&["profile", "say \"hi\""])),
            ("profile \"say \\\"hi\\\"\"", Some(&["profile", "say \"hi\""])),
            ("profile CORP\\bob", Some(&["profile", "CORPbob"])),
            ("profile \"CORP\\bob\"", Some(&["profile", "CORP\\bob"])),
            ("profile \"\"", Some(&["profile", ""])),
            ("profile \"dev", None),
            ("profile dev\\", None),
        ] {
            let expected = expected.map(|words| words.iter().map(|&word| word.to_owned()).collect());
            assert_eq!(words(header), expected, "{header}");
        }
    }
}
