// SPDX-License-Identifier: Apache-2.0
//! Maps by tag or event id. Verifying a chain is mostly hashing and these look-ups, and the standard
//! hasher costs more than all else that a look-up does.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;

use crate::{EventId, Tag};

/// A map by tag.
pub type TagMap<V> = HashMap<Tag, V, SeededTags>;
/// A set of event ids.
pub type EventSet = HashSet<EventId, SeededTags>;

/// Hashes 16-byte identifiers by one wide multiplication under a secret of this process, because a
/// member may choose the tags that it sends.
#[derive(Debug, Clone, Copy)]
pub struct SeededTags([u64; 2]);

impl Default for SeededTags {
    fn default() -> Self {
        static SEED: LazyLock<[u64; 2]> = LazyLock::new(|| {
            let random = RandomState::new();
            [random.hash_one(1), random.hash_one(2) | 1]
        });
        Self(*SEED)
    }
}

impl BuildHasher for SeededTags {
    type Hasher = TagHasher;

    fn build_hasher(&self) -> TagHasher {
        TagHasher {
            seed: self.0,
            hash: 0,
        }
    }
}

/// The hasher of [`SeededTags`].
#[derive(Debug)]
pub struct TagHasher {
    seed: [u64; 2],
    hash: u64,
}

impl Hasher for TagHasher {
    fn write(&mut self, bytes: &[u8]) {
        for half in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..half.len()].copy_from_slice(half);
            let mixed = u64::from_le_bytes(word) ^ self.seed[0] ^ self.hash;
            let wide = u128::from(mixed) * u128::from(self.seed[1]);
            self.hash = (wide as u64) ^ ((wide >> 64) as u64);
        }
    }

    fn finish(&self) -> u64 {
        self.hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_that_differ_in_one_half_hash_apart() {
        let seeded = SeededTags::default();
        let mut seen = std::collections::BTreeSet::new();
        for n in 0..=255 {
            let (mut low, mut high) = ([7; 16], [7; 16]);
            low[0] = n;
            high[15] = n;
            seen.insert(seeded.hash_one(Tag(low)));
            seen.insert(seeded.hash_one(Tag(high)));
        }
        assert_eq!(seen.len(), 511);
    }

    #[test]
    fn equal_tags_meet() {
        let mut map = TagMap::default();
        map.insert(Tag([1; 16]), 1);
        map.insert(Tag([1; 16]), 2);
        assert_eq!((map.len(), map.get(&Tag([1; 16]))), (1, Some(&2)));
    }
}
