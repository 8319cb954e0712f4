// SPDX-License-Identifier: Apache-2.0
//! Which known name a misspelt one was meant to be.

/// The candidate nearest to `name`, if one is near enough to be worth showing: at most a third of its
/// characters inserted, dropped, replaced or swapped with a neighbour, letter case aside. Of equally
/// near candidates the first wins.
#[must_use]
pub fn suggest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = folded(name);
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let known = folded(candidate);
            let limit = (wanted.len().max(known.len()) / 3).max(1);
            let distance = distance(&wanted, &known);
            (distance <= limit && distance < known.len()).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn folded(name: &str) -> Vec<char> {
    name.chars().flat_map(char::to_lowercase).collect()
}

/// Optimal string alignment: Levenshtein's distance with neighbours' swaps counted once.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replace = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replace.min(above[j] + 1).min(row[j - 1] + 1);
            let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if swapped {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, candidates: &[&'static str], expect: Option<&str>) {
        assert_eq!(suggest(name, candidates.iter().copied()), expect, "{name}");
    }

    #[test]
    fn a_slip_of_the_finger_finds_the_name_meant() {
        check(
            "patinet",
            &["visits", "patients", "patient"],
            Some("patient"),
        );
        check(
            "Password-File",
            &["password_file", "password_env"],
            Some("password_file"),
        );
        check(
            "rows_per_secnd",
            &["rows", "rows_per_second"],
            Some("rows_per_second"),
        );
        check("مریظ", &["مریض", "معالج"], Some("مریض"));
    }

    #[test]
    fn names_with_nothing_in_common_are_not_suggested() {
        check("colour", &["host", "port"], None);
        check("x", &["y"], None);
        check("ab", &["cd"], None);
        check("", &["host"], None);
    }

    #[test]
    fn swapped_neighbours_cost_one_step() {
        assert_eq!(distance(&folded("prot"), &folded("port")), 1);
        assert_eq!(distance(&folded(""), &folded("port")), 4);
        assert_eq!(distance(&folded("port"), &folded("port")), 0);
    }
}
