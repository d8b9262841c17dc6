use super::holes::Holes;
use super::shell::Shell;

/// A command, or several that belong together, ready to paste.
#[derive(Debug)]
pub(super) struct Step {
    /// Stays the same from release to release: `build.single`.
    pub(super) id: String,
    /// The paragraph before it.
    pub(super) about: String,
    /// What to paste. Of a file: what writes it.
    pub(super) run: String,
    /// The file that it writes, and its text.
    pub(super) file: Option<(String, String)>,
}

/// A section with its holes filled.
#[derive(Debug, Default)]
pub(super) struct Rendered {
    /// Markdown.
    pub(super) text: String,
    pub(super) steps: Vec<Step>,
}

/// The documents that topics are taken from.
///
/// They are Markdown in which a heading `# name` begins a section and a fence says what its block
/// is: ` ```sh ID `, or ` ```json ID FILE ` for a file that is to be written; `expand` at its end
/// lets the shell fill in its variables. `@name@` is a hole: alone on its line it may be a section,
/// otherwise it is a fact. Where an image is asked for by its digest, the section `name-by-digest`
/// stands for `name`, if there is one: a digest has no tag to delete or to build. So does
/// `name-of-ones-own` where the workflows run on another GitHub than github.com. A block
/// ` ```hole NAME ` is not shown, but fills the hole of that name.
///
/// `parsed` or `not-run` at the end of a fence says where its command is tried: `tests/guide/marks.rs`.
pub(super) struct Texts<'a> {
    /// The text for every registry, with `@own@` where the kind's own section of the same name
    /// belongs.
    pub(super) frame: &'a str,
    /// The text for this kind of registry.
    pub(super) own: &'a str,
    /// Sections for the holes of both.
    pub(super) common: &'a str,
    pub(super) holes: &'a Holes,
    pub(super) shell: Shell,
}

impl Texts<'_> {
    /// The section of this name, of the frame and of the kind.
    pub(super) fn topic(&self, name: &str) -> Rendered {
        let own = self.source(self.own, name).unwrap_or_default();
        let source =
            self.source(self.frame, name).map_or_else(|| own.clone(), |frame| frame.replace("@own@", own.trim()));
        self.render(&source)
    }

    /// A section as it is written, with those that fill its holes.
    fn source(&self, document: &str, name: &str) -> Option<String> {
        let mut source = String::new();
        let variants =
            [("-by-digest", self.holes.is_absent("tag")), ("-of-ones-own", !self.holes.is_absent("own_github"))];
        let variant = variants
            .into_iter()
            .filter_map(|(variant, counts)| section(document, &format!("{name}{}", counts.then_some(variant)?)))
            .next();
        for line in variant.or_else(|| section(document, name))? {
            let documents = [self.own, self.common, self.frame];
            let inner =
                hole_of(line).and_then(|hole| documents.iter().find_map(|document| self.source(document, hole)));
            // Lines of a file keep their place.
            source.push_str(inner.as_deref().map_or(line, |inner| inner.trim_matches('\n')));
            source.push('\n');
        }
        Some(source)
    }

    /// Fills the holes of a source, and takes the commands out of it as well.
    fn render(&self, source: &str) -> Rendered {
        let mut holes = self.holes.clone();
        for block in blocks(source).filter_map(|piece| piece.ok()) {
            if let ["hole", name] = block.info[..] {
                holes.add_text(name, block.text.trim_end_matches('\n'));
            }
        }
        let mut rendered = Rendered::default();
        let mut about = String::new();
        for piece in blocks(source) {
            match piece {
                Err(prose) => {
                    let prose = holes.fill(prose, Shell::Plain);
                    if !prose.trim().is_empty() {
                        prose.trim().clone_into(&mut about);
                    }
                    rendered.text.push_str(&prose);
                    rendered.text.push('\n');
                }
                Ok(Block { info, .. }) if info[0] == "hole" => {}
                Ok(block) => {
                    let step = self.step(&block, &holes, &about);
                    let name =
                        if step.file.is_some() || block.info[0] == "sh" { self.shell.name() } else { block.info[0] };
                    rendered.text.push_str(&format!("```{name}\n{}\n```\n", step.run));
                    rendered.steps.push(step);
                }
            }
        }
        rendered.text = tidy(&rendered.text);
        rendered
    }

    fn step(&self, block: &Block<'_>, holes: &Holes, about: &str) -> Step {
        let id = block.info.get(1).copied().unwrap_or_default().to_owned();
        let about = about.to_owned();
        let Some(name) = block.info.get(2).filter(|name| !MARKS.contains(name)) else {
            let run = self.shell.command(holes.fill(&block.text, self.shell).trim_end());
            return Step { id, about, run, file: None };
        };
        let text: String = block
            .text
            .lines()
            .filter(|line| !is_empty(line, holes))
            .map(|line| format!("{}\n", holes.fill(line, Shell::Plain)))
            .collect();
        let run = self.shell.file(name, &text, block.info.get(3) == Some(&"expand"));
        Step { id, about, run, file: Some(((*name).to_owned(), text)) }
    }
}

/// What stands at the end of a fence whose command no test runs.
const MARKS: [&str; 2] = ["parsed", "not-run"];

/// A line that is a hole for which there is nothing: it goes with it.
fn is_empty(line: &str, holes: &Holes) -> bool {
    hole_of(line).is_some_and(|name| holes.is_absent(name))
}

fn hole_of(line: &str) -> Option<&str> {
    let name = line.strip_prefix('@')?.strip_suffix('@')?;
    (!name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')).then_some(name)
}

/// The lines of a section.
fn section<'a>(document: &'a str, wanted: &str) -> Option<Vec<&'a str>> {
    let mut fenced = false;
    let mut found: Option<Vec<&str>> = None;
    for line in document.lines() {
        fenced ^= line.starts_with("```");
        // A `#` in a block is a comment.
        match line.strip_prefix("# ").filter(|_| !fenced) {
            Some(_) if found.is_some() => break,
            Some(name) if name == wanted => found = Some(Vec::new()),
            _ => {
                if let Some(lines) = &mut found {
                    lines.push(line);
                }
            }
        }
    }
    found
}

struct Block<'a> {
    /// The words after the fence.
    info: Vec<&'a str>,
    text: String,
}

/// A source in pieces: blocks, and lines of prose between them.
fn blocks(source: &str) -> impl Iterator<Item = Result<Block<'_>, &str>> {
    let mut lines = source.lines();
    std::iter::from_fn(move || {
        let line = lines.next()?;
        let Some(info) = line.strip_prefix("```") else { return Some(Err(line)) };
        let text = lines.by_ref().take_while(|line| *line != "```").map(|line| format!("{line}\n")).collect();
        Some(Ok(Block { info: info.split(' ').collect(), text }))
    })
}

/// One empty line where there are several, none at the ends.
fn tidy(text: &str) -> String {
    let mut tidied = String::new();
    for line in text.trim().lines() {
        if !(line.is_empty() && tidied.ends_with("\n\n")) {
            tidied.push_str(line);
            tidied.push('\n');
        }
    }
    tidied
}
