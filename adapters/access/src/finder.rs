// SPDX-License-Identifier: Apache-2.0
//! Finding rows by value: a sorted list of hashes of the values, with where each row lies. It takes the same
//! few bytes for a row whatever the values are; a hash only says where to look, and the row itself decides.

use std::hash::{BuildHasher, RandomState};

use jetdb::RowPosition;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Mark {
    hash: u64,
    page: u32,
    row: u16,
}

/// Where the rows with a value lie.
#[derive(Debug)]
pub(crate) struct Finder {
    hasher: RandomState,
    marks: Vec<Mark>,
}

impl Finder {
    /// The bytes that a table of so many rows takes.
    pub fn size_for(rows: u64) -> usize {
        usize::try_from(rows)
            .unwrap_or(usize::MAX)
            .saturating_mul(size_of::<Mark>())
    }

    /// Room for so many rows.
    pub fn begin(rows: u64) -> Self {
        Self {
            hasher: RandomState::new(),
            marks: Vec::with_capacity(usize::try_from(rows).unwrap_or(0)),
        }
    }

    /// Takes a row's value.
    pub fn take(&mut self, value: &[u8], at: RowPosition) {
        self.marks.push(Mark {
            hash: self.hasher.hash_one(value),
            page: at.page,
            row: at.row,
        });
    }

    /// Ready to be asked.
    pub fn finish(mut self) -> Self {
        self.marks.sort_unstable();
        self.marks.shrink_to_fit();
        self
    }

    /// The bytes of memory it holds.
    pub fn size(&self) -> usize {
        self.marks.len() * size_of::<Mark>()
    }

    /// The rows that may have the value; others of the same hash among them.
    pub fn find(&self, value: &[u8]) -> impl Iterator<Item = RowPosition> + '_ {
        let hash = self.hasher.hash_one(value);
        let from = self.marks.partition_point(|mark| mark.hash < hash);
        self.marks[from..]
            .iter()
            .take_while(move |mark| mark.hash == hash)
            .map(|mark| RowPosition {
                page: mark.page,
                row: mark.row,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_rows_of_a_value_are_found_and_none_of_another() {
        let mut finder = Finder::begin(1_000);
        for n in 0..1_000_u32 {
            let at = RowPosition { page: n, row: 1 };
            finder.take(&(n % 97).to_be_bytes(), at);
        }
        let finder = finder.finish();
        let found: Vec<u32> = finder
            .find(&5_u32.to_be_bytes())
            .map(|at| at.page)
            .collect();
        let expect: Vec<u32> = (0..1_000).filter(|n| n % 97 == 5).collect();
        assert_eq!(found, expect);
        assert_eq!(finder.find(&97_u32.to_be_bytes()).count(), 0);
        assert!(finder.size() <= Finder::size_for(1_000));
    }
}
