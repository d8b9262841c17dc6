//! What a program returned, and what is asserted about it.

use super::*;

/// The outcome of a program.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(super) program: String,
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

impl Outcome {
    /// The outcome of a program that another one starts, with its input.
    pub(crate) fn of(program: &str, command: &mut Command) -> Self {
        let started = Instant::now();
        let output = command.output().unwrap();
        Outcome {
            program: program.to_owned(),
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            took: started.elapsed(),
        }
    }

    /// The outcome of a program that was started with its input.
    #[allow(dead_code)] // The benches start all of their programs by themselves.
    pub(crate) fn ended(program: &str, child: std::process::Child) -> Self {
        let started = Instant::now();
        let output = child.wait_with_output().unwrap();
        Outcome {
            program: program.to_owned(),
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            took: started.elapsed(),
        }
    }

    /// Credentials as the protocol wants them: exit 0, silent stderr, one object, three keys, one line feed.
    /// Gives the server, the user and the secret.
    #[track_caller]
    pub(crate) fn credentials(&self) -> (String, String, String) {
        assert_eq!((self.code, self.stderr.as_str()), (0, ""), "{self:?}");
        let line = self.stdout.strip_suffix('\n').expect("a line feed at the end");
        assert!(!line.contains('\n'), "{self:?}");
        let Value::Object(object) = serde_json::from_str(line).unwrap() else { panic!("{self:?}") };
        assert_eq!(object.len(), 3, "{self:?}");
        let text = |key: &str| object[key].as_str().unwrap().to_owned();
        (text("ServerURL"), text("Username"), text("Secret"))
    }

    /// The secret of [`Outcome::credentials`].
    #[track_caller]
    pub(crate) fn secret(&self) -> String {
        self.credentials().2
    }

    /// Success without a word.
    #[track_caller]
    pub(crate) fn is_silent(&self) {
        assert_eq!((self.code, self.stdout.as_str(), self.stderr.as_str()), (0, "", ""), "{self:?}");
    }

    /// A failure with exactly this sentence. `get` repeats one that stops Docker on standard error,
    /// because some clients drop standard output; nothing else may stand there.
    #[track_caller]
    pub(crate) fn says(&self, sentence: &str) {
        assert_eq!((self.code, self.stdout.as_str()), (1, format!("{sentence}\n").as_str()), "{self:?}");
        let repeated = self.stderr == format!("{}: {sentence}\n", self.program) && sentence != NOT_FOUND;
        assert!(self.stderr.is_empty() || repeated, "{self:?}");
    }

    /// A failure in one line that contains all of these words; returns the line. `get` prints it on
    /// standard error too, because some clients drop standard output.
    #[track_caller]
    pub(crate) fn explains(&self, words: &[&str]) -> &str {
        assert!(self.code == 1 && !self.stdout.is_empty(), "{self:?}");
        assert!(self.stderr.is_empty() || self.stderr == format!("{}: {}", self.program, self.stdout), "{self:?}");
        let line = self.stdout.strip_suffix('\n').expect("a line feed at the end");
        assert!(!line.contains('\n') && line != NOT_FOUND, "{self:?}");
        for word in words {
            assert!(line.contains(word), "{word:?} is missing: {self:?}");
        }
        line
    }

    /// It waited for something that hangs, and stopped at its own timeout. Returns itself.
    #[track_caller]
    pub(crate) fn gave_up(&self) -> &Self {
        assert!(self.took < testing::HANG, "{self:?}");
        self
    }

    #[track_caller]
    pub(crate) fn is_not_found(&self) {
        self.says(NOT_FOUND);
    }

    /// The output is the not-found sentence, on which every client continues, and one line on standard
    /// error has the reason. Returns that line.
    #[track_caller]
    pub(crate) fn is_not_found_because(&self, words: &[&str]) -> &str {
        assert_eq!((self.code, self.stdout.trim_end_matches('\n')), (1, NOT_FOUND), "{self:?}");
        let line = self.stderr.strip_prefix(&format!("{}: ", self.program)).and_then(|line| line.strip_suffix('\n'));
        let line = line.unwrap_or_else(|| panic!("no line on standard error: {self:?}"));
        assert!(!line.contains('\n'), "{self:?}");
        for word in words {
            assert!(line.contains(word), "{word:?} is missing: {self:?}");
        }
        line
    }
}
