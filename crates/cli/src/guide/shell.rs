/// The language that commands are pasted into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shell {
    /// Of Linux and macOS.
    Posix,
    /// Of Windows: 7.3 or newer, which hands quotes on unharmed.
    Power,
    /// Text that no shell reads.
    Plain,
}

impl Shell {
    /// The name that Markdown colours it by.
    pub(super) fn name(self) -> &'static str {
        match self {
            Shell::Posix => "sh",
            Shell::Power => "powershell",
            Shell::Plain => "text",
        }
    }

    /// A word that this shell takes for itself and nothing else, outside of quotes.
    pub(super) fn word(self, text: &str) -> String {
        // PowerShell matches no file names for other programs, but makes two words of `a,b`.
        let of_both = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/:@%+=".contains(&byte);
        let plain = |byte: u8| of_both(byte) || (byte == b',') == (self == Shell::Posix) && b",[]".contains(&byte);
        if self == Shell::Plain || (!text.is_empty() && text.bytes().all(plain)) {
            return text.to_owned();
        }
        match self {
            Shell::Power => format!("'{}'", text.replace('\'', "''")),
            _ => format!("'{}'", text.replace('\'', r"'\''")),
        }
    }

    /// Commands written for sh in the words that both shells share, for this shell.
    pub(super) fn command(self, text: &str) -> String {
        if self != Shell::Power {
            return text.to_owned();
        }
        let lines: Vec<_> = text.lines().map(power_line).collect();
        // PowerShell wants a pipe at the end of a line and not at the beginning of the next.
        lines.join("\n").replace(" `\n  | ", " |\n  ")
    }

    /// What writes a file, with its folder.
    pub(super) fn file(self, name: &str, text: &str, expand: bool) -> String {
        let folder = name.rsplit_once('/').map(|(folder, _)| folder);
        match self {
            Shell::Power => {
                let made = folder.map_or(String::new(), |folder| {
                    format!("New-Item -ItemType Directory -Force {folder} | Out-Null\n")
                });
                let quote = if expand { '"' } else { '\'' };
                format!("{made}@{quote}\n{text}{quote}@ | Set-Content {name}")
            }
            _ => {
                let made = folder.map_or(String::new(), |folder| format!("mkdir -p {folder}\n"));
                let mark = if expand { "EOF" } else { "'EOF'" };
                format!("{made}cat >{name} <<{mark}\n{text}EOF")
            }
        }
    }
}

fn power_line(line: &str) -> String {
    let line = line.strip_suffix(" \\").map_or_else(|| line.to_owned(), |line| format!("{line} `"));
    if let Some((name, value)) = line.strip_prefix("export ").and_then(|rest| rest.split_once('=')) {
        return format!("$env:{name} = \"{value}\"");
    }
    if let Some((name, file)) = line.split_once(" <").filter(|(_, file)| !file.contains(' ')) {
        return power_line(&format!("Get-Content {file} | {name}"));
    }
    if let Some((lines, each)) = line.split_once(" | xargs -I {} ") {
        return format!("{lines} | ForEach-Object {{ {} }}", with_lists_quoted(each).replace("{}", "$_"));
    }
    let line = with_lists_quoted(&line);
    match line.split_once('=') {
        Some((name, value)) if name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') => {
            let value = if value.starts_with("$(") { value.to_owned() } else { format!("\"{value}\"") };
            format!("${name} = {value}")
        }
        _ => line,
    }
}

/// PowerShell makes several words of `a,b` where no quotes hold it together.
fn with_lists_quoted(line: &str) -> String {
    let mut quote = None;
    let words = line.split(|letter: char| {
        match quote {
            Some(open) if letter == open => quote = None,
            None if matches!(letter, '\'' | '"') => quote = Some(letter),
            _ => {}
        }
        quote.is_none() && letter == ' '
    });
    let words = words.map(|word| {
        let is_list = word.contains(',') && !word.contains(['\'', '"', '$']);
        if is_list { format!("'{word}'") } else { word.to_owned() }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_words() {
        for (word, posix, power) in [
            ("ghcr.io/o/a:1", "ghcr.io/o/a:1", "ghcr.io/o/a:1"),
            ("[::1]:5000/a", "'[::1]:5000/a'", "[::1]:5000/a"),
            ("a,b", "a,b", "'a,b'"),
            ("it's $me", r"'it'\''s $me'", "'it''s $me'"),
            ("", "''", "''"),
        ] {
            assert_eq!(Shell::Posix.word(word), posix);
            assert_eq!(Shell::Power.word(word), power);
        }
    }

    #[test]
    fn powershell_has_the_same_meaning() {
        for (posix, power) in [
            ("digest=$(crane digest a:1)", "$digest = $(crane digest a:1)"),
            ("project=mine", "$project = \"mine\""),
            ("export CREDMINT_LOG=debug", "$env:CREDMINT_LOG = \"debug\""),
            ("docker build \\\n  --push .", "docker build `\n  --push ."),
            ("a --b \\\n  | c", "a --b |\n  c"),
            ("x --os a,b 'c, d' --e=f,g", "x --os 'a,b' 'c, d' '--e=f,g'"),
            ("credmint login -u me <token.txt", "Get-Content token.txt | credmint login -u me"),
            ("a | xargs -I {} b c:{}", "a | ForEach-Object { b c:$_ }"),
            ("xargs -I {} b c@{} <l.txt", "Get-Content l.txt | ForEach-Object { b c@$_ }"),
            ("aws x --query 'a[?b==`c`]'", "aws x --query 'a[?b==`c`]'"),
        ] {
            assert_eq!(Shell::Power.command(posix), power);
            assert_eq!(Shell::Posix.command(posix), posix);
        }
    }

    #[test]
    fn files_are_written_whole() {
        let text = "a: 1\n";
        assert_eq!(Shell::Posix.file("d/a.yml", text, false), "mkdir -p d\ncat >d/a.yml <<'EOF'\na: 1\nEOF");
        assert_eq!(Shell::Power.file("a.yml", text, true), "@\"\na: 1\n\"@ | Set-Content a.yml");
    }
}
