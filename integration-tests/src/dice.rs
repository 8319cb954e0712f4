// SPDX-License-Identifier: Apache-2.0
//! Chance that can be repeated: the same seed throws the same dice everywhere.

use std::ops::Range;
use std::time::{SystemTime, UNIX_EPOCH};

/// A small generator (SplitMix64). Its seed is printed, so that a story that failed can be told again.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Dice with a given seed or, without one, with a new one; says on standard error which.
    #[must_use]
    pub fn new(story: &str, seed: Option<u64>) -> Self {
        let clock = || {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            u64::from(now.map_or(0, |now| now.subsec_nanos()))
        };
        let seed = seed.unwrap_or_else(clock);
        eprintln!("{story}: seed {seed}");
        Self(seed)
    }

    /// The next 64 bits.
    pub fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number of a range that is not empty.
    pub fn within(&mut self, range: Range<u64>) -> u64 {
        range.start + self.throw() % (range.end - range.start).max(1)
    }

    /// Puts things into another order.
    pub fn shuffle<T>(&mut self, things: &mut [T]) {
        for i in (1..things.len()).rev() {
            let other = self.within(0..i as u64 + 1);
            things.swap(i, usize::try_from(other).unwrap_or(i));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_throws_the_same_dice() {
        let throw = |seed| {
            let mut dice = Dice::new("test", Some(seed));
            let mut things: Vec<u32> = (0..20).collect();
            dice.shuffle(&mut things);
            (things, dice.within(5..9))
        };
        assert_eq!(throw(7), throw(7));
        assert_ne!(throw(7).0, throw(8).0);
        assert!((5..9).contains(&throw(7).1));
    }
}
