// SPDX-License-Identifier: Apache-2.0
//! Chance with a seed that is printed, so that a failure can be played again.

use std::hash::{BuildHasher, RandomState};

/// Set to a printed seed to play a failure again.
const REPLAY: Option<u64> = None;

/// A small generator (xorshift64*).
pub struct Dice(u64);

impl Dice {
    /// New dice; the seed goes to the test's output, which is shown when it fails.
    pub fn new(test: &str) -> Self {
        let seed = REPLAY.unwrap_or_else(|| RandomState::new().hash_one(test));
        println!("{test}: seed {seed}");
        Self(seed | 1)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(drawn).expect("31 bits") % end
    }

    /// Another byte than `byte`, in one bit.
    pub fn flip(&mut self, byte: u8) -> u8 {
        byte ^ (1 << self.below(8))
    }
}
