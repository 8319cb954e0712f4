// SPDX-License-Identifier: Apache-2.0
//! Merkle trees as in RFC 9162, section 2.1, with SHA-256.
//!
//! A tree is never stored whole: a writer keeps a [`Frontier`], a reader that wants proofs keeps the
//! roots of complete subtrees ([`Nodes`]), and a verifier needs a path alone.

mod frontier;
mod proof;

pub use frontier::Frontier;
pub use proof::{
    Nodes, consistency_path, inclusion_path, root_through, tree_root, verify_consistency,
    verify_inclusion,
};

use crate::sha;

/// A SHA-256 value.
pub type Hash = [u8; 32];

/// The root of the tree without leaves: the hash of nothing.
pub const EMPTY_ROOT: Hash = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
    0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];

/// The hash of a leaf: SHA-256 of a zero byte and the leaf's bytes.
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    sha::prefixed(0, leaf)
}

/// The hash of an inner node: SHA-256 of a one byte and both children.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    sha::pair(1, left, right)
}

/// The root over leaf hashes. Given the roots of consecutive subtrees of one power of two of leaves
/// (the last may hold fewer), it is the root over all their leaves.
#[must_use]
pub fn root(hashes: impl IntoIterator<Item = Hash>) -> Hash {
    let mut frontier = Frontier::default();
    for hash in hashes {
        frontier.append(hash);
    }
    frontier.root()
}
