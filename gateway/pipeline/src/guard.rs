// SPDX-License-Identifier: Apache-2.0
//! When a loss of rows is too large to be believed without a person. Pure.

use crate::Guard;

impl Guard {
    /// Whether so many rows may vanish at once.
    pub(crate) fn believes(&self, known: u64, vanished: u64) -> bool {
        vanished <= self.floor
            || u128::from(vanished) * 10_000 <= u128::from(known) * u128::from(self.vanish_per_10k)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn up_to_two_percent_may_vanish_and_not_one_row_more() {
        let guard = Guard::default();
        assert!(guard.believes(1000, 20));
        assert!(!guard.believes(1000, 21));
        assert!(guard.believes(1324, 26));
        assert!(!guard.believes(1324, 27));
    }

    #[test]
    fn a_small_table_may_lose_two_rows_but_never_all_of_three() {
        let guard = Guard::default();
        assert!(guard.believes(8, 1));
        assert!(guard.believes(8, 2));
        assert!(!guard.believes(8, 3));
        assert!(!guard.believes(3, 3));
        assert!(guard.believes(1, 1));
    }
}
