// SPDX-License-Identifier: Apache-2.0
//! Which known names are near to a misspelt one.

/// The names, those with the fewest mistakes between them and `wrong` first. Case counts little.
pub(crate) fn nearest_first(
    wrong: &str,
    names: impl Iterator<Item = &'static str>,
) -> Vec<&'static str> {
    let folded = wrong.to_lowercase();
    let mut ranked: Vec<_> = names
        .map(|name| (distance(&folded, &name.to_lowercase()), name))
        .collect();
    ranked.sort_unstable();
    ranked.into_iter().map(|(_, name)| name).collect()
}

/// How many letters must be added, dropped, replaced or swapped with their neighbour (optimal
/// string alignment).
fn distance(left: &str, right: &str) -> usize {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    let mut before_last = vec![0; right.len() + 1];
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for i in 1..=left.len() {
        let mut row = vec![i; right.len() + 1];
        for j in 1..=right.len() {
            let replaced = last[j - 1] + usize::from(left[i - 1] != right[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            let is_swap =
                i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1];
            if is_swap {
                row[j] = row[j].min(before_last[j - 2] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_mistakes() {
        for (left, right, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("name", "name", 0),
            ("nmae", "name", 1),
            ("famly", "family", 1),
            ("gender", "render", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(left, right), expected, "{left} {right}");
            assert_eq!(distance(right, left), expected, "{right} {left}");
        }
    }
}
