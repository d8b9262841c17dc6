use std::io::IsTerminal;
use std::time::Duration;

/// The output of the demo.
pub(crate) struct Screen {
    colours: bool,
    /// Shown as `~`: the home folder has a new name each time.
    home: String,
}

impl Screen {
    pub(crate) fn new(home: String) -> Self {
        Screen { colours: std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(), home }
    }

    /// Whether it shows colours.
    pub(crate) fn has_colours(&self) -> bool {
        self.colours
    }

    /// What the next lines are about.
    pub(crate) fn heading(&self, title: &str) {
        println!("\n{}", self.paint("1", title));
    }

    /// A command, as it would be typed.
    pub(crate) fn command(&self, line: &str) {
        println!("  {}", self.paint("36", &format!("$ {line}")));
    }

    /// What a command has printed.
    pub(crate) fn output(&self, text: &str) {
        for line in text.replace(&self.home, "~").trim_matches('\n').lines() {
            println!("    {line}");
        }
    }

    /// Something that worked as it should, and how long it took.
    pub(crate) fn works(&self, what: &str, took: Duration, meaning: &str) {
        let took = format!("{:6.1} ms", took.as_secs_f64() * 1000.0);
        println!("  {} {what:15} {}   {meaning}", self.good("✓"), self.paint("1", &took));
    }

    /// A line in between.
    pub(crate) fn note(&self, text: &str) {
        println!("  {}", self.paint("2", text));
    }

    pub(crate) fn good(&self, text: &str) -> String {
        self.paint("32", text)
    }

    pub(crate) fn bad(&self, text: &str) -> String {
        self.paint("31", text)
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
