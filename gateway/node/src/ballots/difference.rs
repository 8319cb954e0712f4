// SPDX-License-Identifier: Apache-2.0
//! What differs between two texts, line by line: by the longest common subsequence of what lies between
//! the lines with which both begin and end.

/// More cells than this are not compared; both middles are shown whole then.
const MOST: usize = 4 << 20;

/// The lines of both texts, each behind ` `, `-` or `+`.
#[must_use]
pub fn difference(old: &str, new: &str) -> Vec<(char, String)> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let same = |pair: &(&&str, &&str)| pair.0 == pair.1;
    let head = old.iter().zip(&new).take_while(same).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev());
    let tail = tail.take_while(same).count();
    let (mid_old, mid_new) = (&old[head..old.len() - tail], &new[head..new.len() - tail]);
    let mut out: Vec<(char, String)> = Vec::new();
    let mut put = |mark: char, lines: &[&str]| {
        out.extend(lines.iter().map(|line| (mark, (*line).to_owned())));
    };
    put(' ', &old[..head]);
    if mid_old.len().saturating_mul(mid_new.len()) > MOST {
        put('-', mid_old);
        put('+', mid_new);
    } else {
        let longest = common(mid_old, mid_new);
        let (mut at, mut by) = (0, 0);
        while at < mid_old.len() || by < mid_new.len() {
            let kept = at < mid_old.len() && by < mid_new.len() && mid_old[at] == mid_new[by];
            if kept {
                put(' ', &mid_old[at..=at]);
                (at, by) = (at + 1, by + 1);
            } else if by == mid_new.len()
                || at < mid_old.len() && longest[at + 1][by] >= longest[at][by + 1]
            {
                put('-', &mid_old[at..=at]);
                at += 1;
            } else {
                put('+', &mid_new[by..=by]);
                by += 1;
            }
        }
    }
    put(' ', &old[old.len() - tail..]);
    out
}

/// The length of the longest common subsequence of every pair of ends.
fn common(old: &[&str], new: &[&str]) -> Vec<Vec<u32>> {
    let mut longest = vec![vec![0; new.len() + 1]; old.len() + 1];
    for at in (0..old.len()).rev() {
        for by in (0..new.len()).rev() {
            longest[at][by] = if old[at] == new[by] {
                longest[at + 1][by + 1] + 1
            } else {
                longest[at + 1][by].max(longest[at][by + 1])
            };
        }
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(old: &str, new: &str, expect: &str) {
        let lines = difference(old, new);
        let shown: Vec<String> = lines.iter().map(|(m, line)| format!("{m}{line}")).collect();
        assert_eq!(shown.join("\n"), expect);
        let side = |leave: char| {
            let kept = lines.iter().filter(|(mark, _)| *mark != leave);
            kept.map(|(_, line)| line.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(side('+'), old.lines().collect::<Vec<_>>());
        assert_eq!(side('-'), new.lines().collect::<Vec<_>>());
    }

    #[test]
    fn both_texts_can_be_read_from_their_difference() {
        check("a\nb\nc", "a\nb\nc", " a\n b\n c");
        check("a\nb\nc", "a\nx\nc", " a\n-b\n+x\n c");
        check("", "a", "+a");
        check("a\nb\nc\nd", "b\nd\ne", "-a\n b\n-c\n d\n+e");
        check("a\na", "a", " a\n-a");
    }
}
