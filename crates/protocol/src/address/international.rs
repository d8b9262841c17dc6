//! Host names in letters outside of ASCII.
//!
//! Not the whole of Unicode's tables, which would add a fifth to every helper: the letters in which registries
//! are named, and of them those that stand for themselves in lower case. Whatever the tables would compose,
//! replace or order is rejected with an error that requests the ASCII form.

use super::AddressError;

/// Letters that UTS 46 leaves as they are, wherever they stand: Latin, Greek, Cyrillic, kana, Han, Hangul.
const LETTERS: [(char, char); 15] = [
    ('\u{df}', '\u{f6}'),
    ('\u{f8}', '\u{12f}'),
    ('\u{131}', '\u{131}'),
    ('\u{134}', '\u{13e}'),
    ('\u{141}', '\u{148}'),
    ('\u{14a}', '\u{17e}'),
    ('\u{3ac}', '\u{3ce}'),
    ('\u{430}', '\u{45f}'),
    ('\u{3041}', '\u{3096}'),
    ('\u{309d}', '\u{309e}'),
    ('\u{30a1}', '\u{30fa}'),
    ('\u{30fc}', '\u{30fe}'),
    ('\u{3400}', '\u{4dbf}'),
    ('\u{4e00}', '\u{9fff}'),
    ('\u{ac00}', '\u{d7a3}'),
];

/// The ASCII form of a host (A-labels), in lower case.
///
/// # Errors
/// A letter that is not among ours.
pub(super) fn ascii_form(host: &str) -> Result<String, AddressError> {
    let mut name = String::with_capacity(host.len() + 8);
    for (nth, label) in host.split('.').enumerate() {
        if nth > 0 {
            name.push('.');
        }
        if label.is_ascii() {
            name.push_str(&label.to_ascii_lowercase());
            continue;
        }
        // Encoding takes time by the square of the length, and each letter needs one character at least.
        if label.chars().count() > 63 {
            return Err(AddressError::TooLong);
        }
        let letters =
            label.chars().map(lowercase).collect::<Option<Vec<char>>>().ok_or(AddressError::NotConvertible)?;
        name.push_str("xn--");
        name.push_str(&punycode(&letters).ok_or(AddressError::NotConvertible)?);
    }
    Ok(name)
}

fn lowercase(letter: char) -> Option<char> {
    let mut lower = letter.to_lowercase();
    let (first, more) = (lower.next()?, lower.next());
    if letter.is_ascii() {
        return (first.is_ascii_alphanumeric() || first == '-' || first == '_').then_some(first);
    }
    // What becomes ASCII in lower case is a sign that looks like a letter, such as that of Kelvin.
    (more.is_none() && LETTERS.iter().any(|(from, to)| (*from..=*to).contains(&first))).then_some(first)
}

/// Punycode: <https://datatracker.ietf.org/doc/html/rfc3492#section-6.3>.
fn punycode(letters: &[char]) -> Option<String> {
    const BASE: u32 = 36;
    let mut encoded: String = letters.iter().filter(|letter| letter.is_ascii()).collect();
    let basic = u32::try_from(encoded.len()).ok()?;
    if basic > 0 {
        encoded.push('-');
    }
    let (mut next, mut delta, mut bias, mut handled) = (128_u32, 0_u32, 72_u32, basic);
    while (handled as usize) < letters.len() {
        let least = letters.iter().map(|&letter| u32::from(letter)).filter(|&code| code >= next).min()?;
        delta = delta.checked_add((least - next).checked_mul(handled + 1)?)?;
        next = least;
        for code in letters.iter().map(|&letter| u32::from(letter)) {
            if code < next {
                delta = delta.checked_add(1)?;
            }
            if code == next {
                let mut rest = delta;
                for step in 1.. {
                    let threshold = (BASE * step).saturating_sub(bias).clamp(1, 26);
                    if rest < threshold {
                        break;
                    }
                    encoded.push(digit(threshold + (rest - threshold) % (BASE - threshold))?);
                    rest = (rest - threshold) / (BASE - threshold);
                }
                encoded.push(digit(rest)?);
                bias = adapted(delta, handled + 1, handled == basic);
                delta = 0;
                handled += 1;
            }
        }
        delta += 1;
        next += 1;
    }
    Some(encoded)
}

fn digit(value: u32) -> Option<char> {
    // The letters stand for 0 to 25, the digits for what follows.
    char::from_digit((value + 10) % 36, 36)
}

fn adapted(delta: u32, handled: u32, is_first: bool) -> u32 {
    let mut delta = if is_first { delta / 700 } else { delta / 2 };
    delta += delta / handled;
    let mut bias = 0;
    while delta > 455 {
        delta /= 35;
        bias += 36;
    }
    bias + 36 * delta / (delta + 38)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_ascii_form_that_browsers_give_them() {
        for (name, ascii) in [
            ("b\u{fc}cher.example", "xn--bcher-kva.example"),
            ("B\u{dc}CHER.Example", "xn--bcher-kva.example"),
            ("stra\u{df}e.example", "xn--strae-oqa.example"),
            ("\u{43f}\u{440}\u{438}\u{43c}\u{435}\u{440}", "xn--e1afmkfd"),
            ("r.\u{4f8b}\u{3048}.jp", "r.xn--r8jz45g.jp"),
        ] {
            assert_eq!(ascii_form(name).as_deref(), Ok(ascii));
        }
    }

    /// Every letter of ours, alone and between others, is to us what it is to a browser.
    #[test]
    fn a_browser_agrees_on_every_letter() {
        for letter in LETTERS.iter().flat_map(|(from, to)| *from..=*to) {
            let upper: String = letter.to_uppercase().collect();
            for label in [format!("{letter}"), format!("a{letter}{letter}z"), upper] {
                let url = format!("https://{label}.example/");
                let browser = url::Url::parse(&url).unwrap_or_else(|error| panic!("{label}: {error}"));
                match ascii_form(&format!("{label}.example")) {
                    Ok(ascii) => assert_eq!(browser.host_str(), Some(ascii.as_str()), "{label}"),
                    Err(error) => {
                        assert_eq!((error, label.contains(letter)), (AddressError::NotConvertible, false), "{label}")
                    }
                }
            }
        }
    }
}
