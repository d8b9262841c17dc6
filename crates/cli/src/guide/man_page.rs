//! The pages of the guide as manual pages: Markdown, as far as the pages use it, in roff.

use clap_mangen::roff::{Inline, Roff, bold, roman};

use super::pages::Page;

/// The manual page `credmint-NAME(7)`.
pub(crate) fn of(page: &Page) -> String {
    let name = format!("credmint-{}", page.name());
    let mut roff = Roff::new();
    roff.control("TH", [name.as_str(), "7"]);
    roff.control("SH", ["NAME"]);
    roff.text([roman(format!("{name} - {}", page.title))]);
    roff.control("SH", ["DESCRIPTION"]);
    let mut headings: Vec<&str> = Vec::new();
    let mut lines = page.text.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(heading) = line.strip_prefix("## ") {
            roff.control("SH", [heading]);
        } else if let Some(item) = line.strip_prefix("- ") {
            roff.control("IP", [r"\(bu", "2"]);
            roff.text(inlines(item));
        } else if let Some(code) = line.strip_prefix("    ") {
            roff.control("EX", []);
            roff.text([roman(code)]);
            roff.control("EE", []);
        } else if let Some(cells) = cells(line) {
            if headings.is_empty() {
                headings = cells;
                lines.next_if(|line| line.starts_with("|---"));
                continue;
            }
            roff.control("TP", []);
            roff.text(inlines(cells[0]));
            for (heading, cell) in headings.iter().zip(&cells).skip(1).filter(|(_, cell)| !cell.is_empty()) {
                roff.text(inlines(&if headings.len() > 2 {
                    format!("{heading}: {cell}.")
                } else {
                    (*cell).to_owned()
                }));
                roff.control("br", []);
            }
            continue;
        } else if let Some(definition) = lines.next_if(|next| next.starts_with(": ")) {
            roff.control("TP", []);
            roff.text(inlines(line));
            roff.text(inlines(&definition[2..]));
        } else if line.is_empty() {
            roff.control("PP", []);
        } else {
            roff.text(inlines(line));
        }
        headings.clear();
    }
    roff.control("SH", ["SEE ALSO"]);
    roff.text([bold("credmint"), roman("(1), "), bold("credmint-guide"), roman("(1)")]);
    roff.render()
}

fn cells(line: &str) -> Option<Vec<&str>> {
    Some(line.strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim).collect())
}

/// Text with `code` in it, which stands out in bold.
fn inlines(text: &str) -> Vec<Inline> {
    let styled = |(nth, part): (usize, &str)| if nth % 2 == 1 { bold(part) } else { roman(part) };
    text.split('`').enumerate().map(styled).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Topic;
    use super::*;

    #[test]
    fn each_element_has_its_macro() {
        let text = "First `code`.\n\n## Part\n\n- one\n\n    run it\n\n`term`\n: what it means\n\n| a | b |\n|---|---|\n| x | y |\n";
        let page = of(&Page { topic: Topic::Limits, title: "A title", text });
        for wanted in [
            ".TH credmint-limits 7\n",
            "credmint\\-limits \\- A title",
            "First \\fBcode\\fR.",
            ".SH Part",
            ".IP \\(bu 2\none",
            ".EX\nrun it\n.EE",
            ".TP\n\\fBterm\\fR\nwhat it means",
            ".TP\nx\ny\n.br",
        ] {
            assert!(page.contains(wanted), "{wanted}: {page}");
        }
    }
}
