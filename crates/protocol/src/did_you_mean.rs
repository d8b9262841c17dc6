/// The known name that a misspelt one probably stands for: a few letters off, in any letter case.
///
/// Docker ignores unknown members of its configuration, so `credStore` has no effect.
///
/// ```
/// assert_eq!(protocol::did_you_mean("credStore", ["auths", "credsStore"]), Some("credsStore"));
/// ```
pub fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A longer name cannot be another word by chance.
    let farthest = |known: &str| if known.len() < 9 { 1 } else { 2 };
    let name = name.to_ascii_lowercase();
    let distances = known.into_iter().map(|known| (distance(&name, &known.to_ascii_lowercase()), known));
    let near = distances.filter(|(distance, known)| (1..=farthest(known)).contains(distance));
    near.min_by_key(|(distance, _)| *distance).map(|(_, known)| known)
}

/// The optimal string alignment distance: letters added, missing, replaced or swapped. `usize::MAX` for names
/// that differ in length by more than two.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    if one.len().abs_diff(other.len()) > 2 {
        return usize::MAX;
    }
    let mut rows = vec![vec![0; other.len() + 1]; one.len() + 1];
    for (row, cells) in rows.iter_mut().enumerate() {
        cells[0] = row;
    }
    rows[0] = (0..=other.len()).collect();
    for row in 1..=one.len() {
        for column in 1..=other.len() {
            let same = one[row - 1] == other[column - 1];
            let mut least = rows[row - 1][column - 1] + usize::from(!same);
            least = least.min(rows[row - 1][column] + 1).min(rows[row][column - 1] + 1);
            let swapped =
                row > 1 && column > 1 && one[row - 1] == other[column - 2] && one[row - 2] == other[column - 1];
            rows[row][column] = if swapped { least.min(rows[row - 2][column - 2] + 1) } else { least };
        }
    }
    rows[one.len()][other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_gets_a_suggestion() {
        for (name, expected) in [
            ("credStore", Some("credsStore")),
            ("credsstores", Some("credsStore")),
            ("creds_store", Some("credsStore")),
            ("credHelper", Some("credHelpers")),
            ("credsHelper", Some("credHelpers")),
            ("cerdHelpers", Some("credHelpers")),
            ("auth", Some("auths")),
            ("Auht", None),
            ("credsStore", None),
            ("CREDSSTORE", None),
            ("plugins", None),
            ("aliases", None),
            ("", None),
        ] {
            assert_eq!(did_you_mean(name, ["auths", "credsStore", "credHelpers"]), expected, "{name}");
        }
    }
}
