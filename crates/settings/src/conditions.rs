use std::collections::BTreeSet;
use std::path::Path;

use crate::{Environment, Fingerprint};

/// The conditions under which a cached token may be served again: variables, programs and files that must be
/// unchanged since it was minted.
///
/// A token's name covers the settings that choose its identity. What the program of a profile depends on is
/// known only after the profile has been read, which a hit does not do. So the token carries the names of
/// these things, and a digest of their values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions(BTreeSet<String>);

const VARIABLE: &str = "$";
const PROGRAM: &str = "program ";
const FILE: &str = "file ";
/// Never met; also for names that do not fit in a line of text.
const NEVER: &str = "never";

impl Conditions {
    /// A variable of the environment, by its name.
    pub fn variable(&mut self, name: &str) -> &mut Self {
        self.insert(VARIABLE, Some(name))
    }

    /// A program on `PATH`: that the same one is found, and unchanged.
    pub fn program(&mut self, name: &str) -> &mut Self {
        self.insert(PROGRAM, Some(name))
    }

    /// A file; a relative path is relative to the current folder, then and now.
    pub fn file(&mut self, path: &Path) -> &mut Self {
        self.insert(FILE, path.to_str())
    }

    /// Never served again: for a token whose expiry is unknown.
    pub fn never_reuse(&mut self) -> &mut Self {
        self.0.insert(NEVER.to_owned());
        self
    }

    fn insert(&mut self, kind: &str, name: Option<&str>) -> &mut Self {
        let name = name.filter(|name| !name.contains('\n'));
        self.0.insert(name.map_or_else(|| NEVER.to_owned(), |name| format!("{kind}{name}")));
        self
    }

    /// The names and the digest of their values; `None` without any condition.
    pub fn seal(&self, environment: &Environment) -> Option<String> {
        let names: Vec<_> = self.0.iter().map(String::as_str).collect();
        let digest = digest(&names, environment);
        (!names.is_empty()).then(|| format!("{}\n{}", digest.unwrap_or_default(), names.join("\n")))
    }

    /// Whether the values of what [`Conditions::seal`] has named are unchanged.
    pub fn are_met(sealed: &str, environment: &Environment) -> bool {
        let mut lines = sealed.split('\n');
        let was = lines.next().unwrap_or_default();
        digest(&lines.collect::<Vec<_>>(), environment).is_some_and(|is| is == was)
    }
}

/// `None` for an unknown kind: such a token is never served.
fn digest(names: &[&str], environment: &Environment) -> Option<String> {
    let mut print = Fingerprint::new();
    for name in names {
        if let Some(name) = name.strip_prefix(VARIABLE) {
            print.variable(environment, name);
        } else if let Some(name) = name.strip_prefix(PROGRAM) {
            match environment.program(name) {
                Some(path) => print.file(&path),
                None => print.add(PROGRAM, None),
            };
        } else if let Some(path) = name.strip_prefix(FILE) {
            print.file(Path::new(path));
        } else {
            return None;
        }
    }
    Some(print.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_met_until_one_of_them_changes() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "1").unwrap();
        let programs = ["one", "two"].map(|name| {
            let programs = folder.path().join(name);
            std::fs::create_dir(&programs).unwrap();
            programs
        });
        let path = std::env::join_paths(&programs).unwrap();
        let path = path.to_str().unwrap();
        std::fs::write(programs[1].join("cp"), "").unwrap();
        let environment = |stage: &str| Environment::of([("STAGE", stage), ("PATH", path), ("OTHER", stage)]);
        let mut conditions = Conditions::default();
        assert_eq!(conditions.seal(&environment("dev")), None);
        conditions.variable("STAGE").program("cp").file(&file);
        let sealed = conditions.seal(&environment("dev")).unwrap();
        let holds = |stage: &str| Conditions::are_met(&sealed, &environment(stage));
        assert!(holds("dev") && !sealed.contains("dev"), "{sealed}");
        assert!(!holds("prod") && !holds(""));
        std::fs::write(&file, "2").unwrap();
        assert!(!holds("dev"), "an edited file");
        let sealed = conditions.seal(&environment("dev")).unwrap();
        assert!(Conditions::are_met(&sealed, &environment("dev")));
        std::fs::write(programs[0].join("cp"), "").unwrap();
        assert!(!Conditions::are_met(&sealed, &environment("dev")), "another program comes first on the path");
    }

    #[test]
    fn unknown_conditions_are_never_met() {
        let environment = Environment::of([("", "")]);
        let mut conditions = Conditions::default();
        let sealed = conditions.file(Path::new("a\nb")).seal(&environment).unwrap();
        let never = Conditions::default().never_reuse().seal(&environment).unwrap();
        for sealed in [sealed.as_str(), &never, "", "x", "\nlater kind", "0123\n$X"] {
            assert!(!Conditions::are_met(sealed, &environment), "{sealed:?}");
        }
    }
}
