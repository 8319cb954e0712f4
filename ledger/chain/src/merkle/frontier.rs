// SPDX-License-Identifier: Apache-2.0
//! A tree that only grows, remembered by the roots of its complete subtrees.

use super::{EMPTY_ROOT, Hash, node_hash};

/// The roots of the complete subtrees that make up a tree, largest first: one for each bit that is set
/// in the tree's size. Enough to append to the tree and to know its root.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// A frontier from its parts; `None` unless there is one peak for each bit set in `size`.
    #[must_use]
    pub fn from_parts(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        (peaks.len() == size.count_ones() as usize).then_some(Self { size, peaks })
    }

    /// How many leaves the tree has.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the complete subtrees, largest first.
    #[must_use]
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Adds a leaf by its hash.
    pub fn append(&mut self, leaf: Hash) {
        self.append_with(leaf, |_, _, _| ());
    }

    /// Adds a leaf by its hash and names every subtree that it completes: level (0 is the leaf itself),
    /// index within the level, hash.
    pub fn append_with(&mut self, leaf: Hash, mut completed: impl FnMut(u32, u64, &Hash)) {
        let mut hash = leaf;
        completed(0, self.size, &hash);
        for level in 1..=self.size.trailing_ones() {
            let left = self
                .peaks
                .pop()
                .expect("there is a peak for each bit of the size");
            hash = node_hash(&left, &hash);
            completed(level, self.size >> level, &hash);
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// The inner nodes that one more leaf would complete: level (from 1), index within the level, hash.
    #[must_use]
    pub fn inner_completed_by(&self, leaf: Hash) -> Vec<(u32, u64, Hash)> {
        let mut nodes = Vec::new();
        self.clone()
            .append_with(leaf, |level, index, hash| nodes.push((level, index, *hash)));
        nodes.retain(|(level, ..)| *level > 0);
        nodes
    }

    /// The root of the tree as it stands.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else {
            return EMPTY_ROOT;
        };
        peaks.fold(*last, |right, left| node_hash(left, &right))
    }
}
