use std::collections::BTreeMap;

use super::shell::Shell;

/// What is known about an image, by the names that the texts use.
#[derive(Clone, Debug, Default)]
pub(super) struct Holes(BTreeMap<String, Value>);

#[derive(Clone, Debug)]
enum Value {
    /// One word of a command.
    Word(String),
    /// Several, each after a space: flags that may also be none.
    Flags(Vec<String>),
    /// Written as it stands.
    Text(String),
}

impl Holes {
    pub(super) fn add(&mut self, name: &str, word: impl Into<String>) {
        self.0.insert(name.to_owned(), Value::Word(word.into()));
    }

    pub(super) fn add_flags<const N: usize>(&mut self, name: &str, flags: [(&str, Option<&str>); N]) {
        let given = flags.into_iter().filter_map(|(flag, value)| Some([flag.to_owned(), value?.to_owned()]));
        self.0.insert(name.to_owned(), Value::Flags(given.flatten().collect()));
    }

    pub(super) fn add_text(&mut self, name: &str, text: impl Into<String>) {
        self.0.insert(name.to_owned(), Value::Text(text.into()));
    }

    /// The word that fills this hole, if it is one.
    pub(super) fn word(&self, name: &str) -> Option<&str> {
        match self.0.get(name)? {
            Value::Word(word) => Some(word),
            _ => None,
        }
    }

    /// Whether nothing fills this hole.
    pub(super) fn is_absent(&self, name: &str) -> bool {
        !self.0.contains_key(name)
    }

    /// The text with its holes filled as this shell needs it. What fills one may have holes itself.
    /// A hole that nobody knows stays; a test finds it.
    pub(super) fn fill(&self, text: &str, shell: Shell) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('@') {
            filled.push_str(before);
            match after.split_once('@').and_then(|(name, after)| Some((self.0.get(name)?, after))) {
                Some((value, after)) => {
                    filled.push_str(&self.value(value, shell));
                    rest = after;
                }
                None => {
                    filled.push('@');
                    rest = after;
                }
            }
        }
        filled.push_str(rest);
        filled
    }

    fn value(&self, value: &Value, shell: Shell) -> String {
        match value {
            Value::Word(word) => shell.word(word),
            Value::Flags(words) => words.iter().map(|word| format!(" {}", shell.word(word))).collect(),
            Value::Text(text) => self.fill(text, shell),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_filled_and_other_signs_left_alone() {
        let mut holes = Holes::default();
        holes.add("name", "ghcr.io/o/a");
        holes.add_flags("aws", [("--region", Some("eu-west-1")), ("--profile", Some("my own")), ("--x", None)]);
        holes.add_text("digest", "$(crane digest @name@:1)");
        for (text, filled) in [
            ("x @name@@\"$digest\"", "x ghcr.io/o/a@\"$digest\""),
            ("aws ecr@aws@ help", "aws ecr --region eu-west-1 --profile 'my own' help"),
            ("digest=@digest@", "digest=$(crane digest ghcr.io/o/a:1)"),
            ("actions/checkout@v4, a@b.example", "actions/checkout@v4, a@b.example"),
            ("@unknown@name@", "@unknownghcr.io/o/a"),
        ] {
            assert_eq!(holes.fill(text, Shell::Posix), filled);
        }
        assert!(holes.is_absent("other") && !holes.is_absent("name"));
    }
}
