use std::ops::Range;

use crate::layout;
use crate::span::{Item, after_space, decode, end_of_value, items};

/// JSON text that is edited by replacing the few bytes that change, so that order, indentation,
/// unknown members and the spelling of numbers survive by construction.
///
/// It may hold passwords, so it has no `Debug`, and its splices have none either.
#[derive(Clone)]
pub(crate) struct JsonText {
    bytes: Vec<u8>,
    splices: Vec<Splice>,
}

/// One replacement; undone in reverse order they give back what was there.
#[derive(Clone)]
pub(crate) struct Splice {
    pub(crate) at: usize,
    pub(crate) removed: Vec<u8>,
    pub(crate) inserted: Vec<u8>,
}

/// One step on the way to a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathSegment<'a> {
    /// A field of one of Docker's records: Go takes its name in any letter case.
    Field(&'a str),
    /// A key of a map: exact.
    Key(&'a str),
}

impl<'a> PathSegment<'a> {
    pub(crate) fn name(&self) -> &'a str {
        match *self {
            PathSegment::Field(name) | PathSegment::Key(name) => name,
        }
    }

    pub(crate) fn is(&self, name: &str) -> bool {
        match self {
            PathSegment::Field(field) => field.eq_ignore_ascii_case(name),
            PathSegment::Key(key) => *key == name,
        }
    }
}

impl JsonText {
    /// JsonText that is valid JSON, or blank.
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        JsonText { bytes, splices: Vec::new() }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn splices(&self) -> &[Splice] {
        &self.splices
    }

    /// Where the outermost value stands; `None` in a blank text.
    pub(crate) fn root(&self) -> Option<Range<usize>> {
        self.root_start().map(|start| start..end_of_value(&self.bytes, start))
    }

    /// The same before the text has been found valid.
    pub(crate) fn root_start(&self) -> Option<usize> {
        Some(after_space(&self.bytes, 0)).filter(|start| *start < self.bytes.len())
    }

    /// The members of an object, with their names decoded; in text order.
    pub(crate) fn members(&self, object: &Range<usize>) -> Vec<(String, Item)> {
        let with_name = |item: Item| Some((decode(&self.bytes[item.name.clone()?]), item));
        items(&self.bytes, object).into_iter().filter_map(with_name).collect()
    }

    /// Where the value at a path stands. Of members of the same name the last one counts, as in Go.
    pub(crate) fn find(&self, path: &[PathSegment<'_>]) -> Option<Range<usize>> {
        let mut at = self.root()?;
        for step in path {
            let members = self.members(&at);
            at = members.into_iter().rev().find(|(name, _)| step.is(name))?.1.value;
        }
        Some(at)
    }

    /// The text of the value at a path.
    pub(crate) fn raw(&self, path: &[PathSegment<'_>]) -> Option<&[u8]> {
        self.find(path).map(|range| &self.bytes[range])
    }

    /// The string at a path.
    pub(crate) fn string(&self, path: &[PathSegment<'_>]) -> Option<String> {
        self.raw(path).filter(|raw| raw.starts_with(b"\"")).map(decode)
    }

    /// Sets the value at a path to some JSON, making the objects on the way.
    pub(crate) fn set(&mut self, path: &[PathSegment<'_>], json: &str) {
        if let Some(range) = self.find(path) {
            if !same(&self.bytes[range.clone()], json.as_bytes()) {
                self.splice(range, json.as_bytes());
            }
            return;
        }
        let Some((last, parents)) = path.split_last() else {
            // A blank text is replaced as a whole.
            return self.splice(0..self.bytes.len(), json.as_bytes());
        };
        if self.raw(parents).is_none_or(|raw| raw == b"null") {
            self.set(parents, "{}");
        }
        if let Some(object) = self.find(parents) {
            self.insert(&object, Some(last.name()), json);
        }
    }

    /// Appends an element to the array at a path, unless it is in it.
    pub(crate) fn add(&mut self, path: &[PathSegment<'_>], json: &str) {
        if self.raw(path).is_none_or(|raw| raw == b"null") {
            self.set(path, "[]");
        }
        if let Some(array) = self.find(path) {
            let has =
                items(&self.bytes, &array).iter().any(|item| same(&self.bytes[item.value.clone()], json.as_bytes()));
            if !has {
                self.insert(&array, None, json);
            }
        }
    }

    /// Gives another name to the member at a path.
    pub(crate) fn rename(&mut self, path: &[PathSegment<'_>], name: &str) {
        let Some((last, parents)) = path.split_last() else { return };
        let Some(object) = self.find(parents) else { return };
        let member = self.members(&object).into_iter().rev().find(|(found, _)| last.is(found));
        if let Some(range) = member.and_then(|(_, item)| item.name) {
            self.splice(range, crate::span::encode(name).as_bytes());
        }
    }

    /// Removes the member at a path, and its namesakes.
    pub(crate) fn remove(&mut self, path: &[PathSegment<'_>]) {
        let Some((last, parents)) = path.split_last() else { return };
        while let Some(object) = self.find(parents) {
            match self.members(&object).iter().rposition(|(name, _)| last.is(name)) {
                Some(nth) => self.take_out(&object, nth),
                None => return,
            }
        }
    }

    /// Removes an element from the array at a path.
    pub(crate) fn subtract(&mut self, path: &[PathSegment<'_>], json: &str) {
        while let Some(array) = self.find(path) {
            let items = items(&self.bytes, &array);
            match items.iter().rposition(|item| same(&self.bytes[item.value.clone()], json.as_bytes())) {
                Some(nth) => self.take_out(&array, nth),
                None => return,
            }
        }
    }

    fn take_out(&mut self, outer: &Range<usize>, nth: usize) {
        let items = items(&self.bytes, outer);
        let range = match nth {
            0 if items.len() == 1 => outer.start + 1..outer.end - 1,
            0 => items[0].start()..items[1].start(),
            _ => items[nth - 1].end()..items[nth].end(),
        };
        self.splice(range, b"");
    }

    fn insert(&mut self, outer: &Range<usize>, name: Option<&str>, json: &str) {
        let (range, text) = layout::insertion(&self.bytes, self.root(), outer, name, json);
        self.splice(range, &text);
    }

    pub(crate) fn splice(&mut self, range: Range<usize>, inserted: &[u8]) {
        let at = range.start;
        let removed: Vec<u8> = self.bytes.splice(range, inserted.iter().copied()).collect();
        self.splices.push(Splice { at, removed, inserted: inserted.to_vec() });
    }
}

/// Whether two texts are the same string, or the same letter by letter.
fn same(one: &[u8], other: &[u8]) -> bool {
    one == other || (one.starts_with(b"\"") && other.starts_with(b"\"") && decode(one) == decode(other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use PathSegment::{Field, Key};

    fn after(text: &str, edit: impl FnOnce(&mut JsonText)) -> String {
        let mut edited = JsonText::new(text.into());
        edit(&mut edited);
        let mut back = edited.bytes.clone();
        for splice in edited.splices.iter().rev() {
            back.splice(splice.at..splice.at + splice.inserted.len(), splice.removed.iter().copied());
        }
        assert_eq!(back, text.as_bytes(), "the splices lead back");
        String::from_utf8(edited.bytes).unwrap()
    }

    #[test]
    fn a_new_member_looks_like_its_siblings() {
        let add = |text: &mut JsonText| text.set(&[Field("h"), Key("k")], "1");
        for (before, expected) in [
            ("", "{\n\t\"h\": {\n\t\t\"k\": 1\n\t}\n}"),
            (" null\n", " {\n \t\"h\": {\n \t\t\"k\": 1\n \t}\n }\n"),
            ("{}", "{\n\t\"h\": {\n\t\t\"k\": 1\n\t}\n}"),
            ("{\"a\":1}", "{\"a\":1,\"h\":{\"k\":1}}"),
            ("{\"a\": 1}", "{\"a\": 1, \"h\": {\"k\": 1}}"),
            ("{ \"a\": 1 }\n", "{ \"a\": 1, \"h\": {\"k\": 1} }\n"),
            ("{\n  \"a\": 1\n}\n", "{\n  \"a\": 1,\n  \"h\": {\n    \"k\": 1\n  }\n}\n"),
            ("{\r\n\t\"a\" : 1\r\n}", "{\r\n\t\"a\" : 1,\r\n\t\"h\" : {\r\n\t\t\"k\" : 1\r\n\t}\r\n}"),
            ("{\n\t\"H\": {\"x\":2}\n}", "{\n\t\"H\": {\"x\":2,\"k\":1}\n}"),
            ("{\n\t\"h\": null\n}", "{\n\t\"h\": {\n\t\t\"k\": 1\n\t}\n}"),
        ] {
            assert_eq!(after(before, add), expected, "{before:?}");
            assert_eq!(after(expected, add), expected, "a second time changes nothing");
        }
    }

    #[test]
    fn what_is_removed_takes_its_comma_with_it() {
        for (before, expected) in [
            ("{\"k\":1}", "{}"),
            ("{\n\t\"k\": 1\n}", "{}"),
            ("{\"k\":1, \"b\":2}", "{\"b\":2}"),
            ("{\n\t\"a\": 1,\n\t\"k\": 1,\n\t\"b\": 2\n}", "{\n\t\"a\": 1,\n\t\"b\": 2\n}"),
            ("{\"a\":1 , \"k\":1 }", "{\"a\":1 }"),
            ("{\"k\":1,\"a\":1,\"k\":2}", "{\"a\":1}"),
            ("{\"a\":{\"k\":1}}", "{\"a\":{\"k\":1}}"),
        ] {
            assert_eq!(after(before, |text| text.remove(&[Key("k")])), expected, "{before}");
        }
    }

    #[test]
    fn lists_grow_and_shrink() {
        for (before, expected) in [
            ("{\"l\":[]}", "{\"l\":[\"x\"]}"),
            ("{\"l\": [\"a\", \"b\"]}", "{\"l\": [\"a\", \"b\", \"x\"]}"),
            ("{\n  \"l\": [\n    \"a\"\n  ]\n}", "{\n  \"l\": [\n    \"a\",\n    \"x\"\n  ]\n}"),
            ("{\n  \"l\": []\n}", "{\n  \"l\": [\n    \"x\"\n  ]\n}"),
        ] {
            let added = after(before, |text| text.add(&[Key("l")], "\"x\""));
            assert_eq!(added, expected);
            assert_eq!(after(&added, |text| text.add(&[Key("l")], "\"\\u0078\"")), added);
            assert_eq!(after(&added, |text| text.subtract(&[Key("l")], "\"x\"")), before);
        }
    }

    #[test]
    fn a_value_that_is_the_same_text_is_left_alone() {
        let text = "{\"a\":\"\\u0078\"}";
        assert_eq!(after(text, |text| text.set(&[Key("a")], "\"x\"")), text);
    }
}
