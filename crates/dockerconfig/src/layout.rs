use std::ops::Range;

use crate::span::{after_space, encode, is_space, items};

/// How a document is laid out. Without lines it is all on one.
struct Layout {
    lines: Option<Lines>,
    colon: Vec<u8>,
}

struct Lines {
    end: &'static [u8],
    /// Of one level.
    indent: Vec<u8>,
}

/// What to replace by what so that the object or array at `outer` gets one more item, which looks
/// like its siblings; the first one looks like the members of the outermost object.
pub(crate) fn insertion(
    text: &[u8],
    root: Option<Range<usize>>,
    outer: &Range<usize>,
    name: Option<&str>,
    json: &str,
) -> (Range<usize>, Vec<u8>) {
    let siblings = items(text, outer);
    let item = |colon: &[u8]| match name {
        Some(name) => [encode(name).as_bytes(), colon, json.as_bytes()].concat(),
        None => json.as_bytes().to_vec(),
    };
    let Some(last) = siblings.last() else {
        let layout = layout_of(text, root);
        let (open, close) = (&text[outer.start..=outer.start], &text[outer.end - 1..outer.end]);
        let item = item(&layout.colon);
        let all = match &layout.lines {
            Some(Lines { end, indent }) => {
                let own = indent_at(text, outer.start);
                [open, end, &own, indent, &item, end, &own, close].concat()
            }
            None => [open, &item, close].concat(),
        };
        return (outer.clone(), all);
    };
    let colon = last.name.as_ref().map_or(&b""[..], |name| &text[name.end..last.value.start]);
    let gap_start = text[..last.start()].iter().rposition(|byte| !is_space(*byte)).map_or(0, |at| at + 1);
    let gap = match &text[gap_start..last.start()] {
        // A single sibling is next to its brace; the space after its colon shows the style.
        b"" if siblings.len() == 1 && colon.ends_with(b" ") => b" ",
        gap => gap,
    };
    (last.end()..last.end(), [b",", gap, &item(colon)].concat())
}

/// The layout of the outermost object; Docker's own where that is empty.
fn layout_of(text: &[u8], root: Option<Range<usize>>) -> Layout {
    let first = root.as_ref().and_then(|root| items(text, root).into_iter().next());
    let end: &[u8] = if text.windows(2).any(|pair| pair == b"\r\n") { b"\r\n" } else { b"\n" };
    let (Some(root), Some(first)) = (root, first) else {
        return Layout { lines: Some(Lines { end, indent: b"\t".to_vec() }), colon: b": ".to_vec() };
    };
    let gap = &text[root.start + 1..first.start()];
    let own = indent_at(text, root.start);
    let indent = gap.iter().rposition(|byte| *byte == b'\n').map(|feed| {
        let whole = &gap[feed + 1..];
        whole.strip_prefix(own.as_slice()).unwrap_or(whole).to_vec()
    });
    let colon = first.name.map_or(&b": "[..], |name| &text[name.end..first.value.start]);
    Layout { lines: indent.map(|indent| Lines { end, indent }), colon: colon.to_vec() }
}

/// The white space at the beginning of the line of a place.
fn indent_at(text: &[u8], at: usize) -> Vec<u8> {
    let line = text[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |feed| feed + 1);
    text[line..after_space(text, line).min(at)].to_vec()
}
