// SPDX-License-Identifier: Apache-2.0
//! Inclusion and consistency proofs: RFC 9162, sections 2.1.3 and 2.1.4.

use std::ops::Range;

use super::{Hash, node_hash};

/// Where a prover finds the roots of complete subtrees.
pub trait Nodes {
    /// What can go wrong.
    type Error;

    /// The root of the complete subtree of `2^level` leaves that starts at leaf `index << level`.
    ///
    /// # Errors
    /// Where it cannot be had.
    fn node(&self, level: u32, index: u64) -> Result<Hash, Self::Error>;
}

/// Leaf hashes in memory; inner nodes are computed when asked for.
impl Nodes for [Hash] {
    type Error = std::convert::Infallible;

    fn node(&self, level: u32, index: u64) -> Result<Hash, Self::Error> {
        let start = usize::try_from(index << level).expect("the index of a slice");
        let leaves = &self[start..start + (1 << level)];
        Ok(super::root(leaves.iter().copied()))
    }
}

/// The sibling hashes from leaf `index` up to the root of a tree of `size` leaves.
///
/// # Errors
/// Where a node cannot be had.
///
/// # Panics
/// Where `index` is not below `size`.
pub fn inclusion_path<N: Nodes + ?Sized>(
    nodes: &N,
    index: u64,
    size: u64,
) -> Result<Vec<Hash>, N::Error> {
    assert!(index < size, "a leaf lies in its tree");
    let mut path = Vec::new();
    let mut tree = 0..size;
    while tree.end - tree.start > 1 {
        let middle = split(&tree);
        let (inside, sibling) = if index < middle {
            (tree.start..middle, middle..tree.end)
        } else {
            (middle..tree.end, tree.start..middle)
        };
        path.push(subtree(nodes, &sibling)?);
        tree = inside;
    }
    path.reverse();
    Ok(path)
}

/// The hashes that show that the tree of `size` leaves begins with the tree of `earlier` leaves.
///
/// # Errors
/// Where a node cannot be had.
///
/// # Panics
/// Where `earlier` is 0 or above `size`.
pub fn consistency_path<N: Nodes + ?Sized>(
    nodes: &N,
    earlier: u64,
    size: u64,
) -> Result<Vec<Hash>, N::Error> {
    assert!(
        (1..=size).contains(&earlier),
        "an earlier tree has some of the leaves"
    );
    let mut path = Vec::new();
    let mut tree = 0..size;
    while tree.end != earlier {
        let middle = split(&tree);
        if earlier <= middle {
            path.push(subtree(nodes, &(middle..tree.end))?);
            tree = tree.start..middle;
        } else {
            path.push(subtree(nodes, &(tree.start..middle))?);
            tree = middle..tree.end;
        }
    }
    if tree.start > 0 {
        path.push(subtree(nodes, &tree)?);
    }
    path.reverse();
    Ok(path)
}

/// The root of the tree of the first `size` leaves.
///
/// # Errors
/// Where a node cannot be had.
pub fn tree_root<N: Nodes + ?Sized>(nodes: &N, size: u64) -> Result<Hash, N::Error> {
    if size == 0 {
        return Ok(super::EMPTY_ROOT);
    }
    subtree(nodes, &(0..size))
}

/// Where RFC 9162 splits a tree: after the largest power of two of leaves below its size.
fn split(tree: &Range<u64>) -> u64 {
    let size = tree.end - tree.start;
    tree.start + (1 << (u64::BITS - 1 - (size - 1).leading_zeros()))
}

/// The root of any subtree that a proof names, from complete subtrees.
fn subtree<N: Nodes + ?Sized>(nodes: &N, tree: &Range<u64>) -> Result<Hash, N::Error> {
    let size = tree.end - tree.start;
    if size.is_power_of_two() {
        let level = size.trailing_zeros();
        return nodes.node(level, tree.start >> level);
    }
    let middle = split(tree);
    let left = subtree(nodes, &(tree.start..middle))?;
    Ok(node_hash(&left, &subtree(nodes, &(middle..tree.end))?))
}

/// Whether `path` leads from the leaf hash at `index` to the root of a tree of `size` leaves
/// (RFC 9162, section 2.1.3.2).
#[must_use]
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> bool {
    root_through(leaf, index, size, path).as_ref() == Some(root)
}

/// The root to which `path` leads from the leaf hash at `index` of a tree of `size` leaves; `None` where
/// the path does not fit such a tree.
#[must_use]
pub fn root_through(leaf: &Hash, index: u64, size: u64, path: &[Hash]) -> Option<Hash> {
    let mut last = size.checked_sub(1).filter(|last| index <= *last)?;
    let (mut place, mut hash) = (index, *leaf);
    for sibling in path {
        if last == 0 {
            return None;
        }
        if place & 1 == 1 || place == last {
            hash = node_hash(sibling, &hash);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(hash)
}

/// Whether `path` shows that the tree of `size` leaves begins with the tree of `earlier` leaves
/// (RFC 9162, section 2.1.4.2).
#[must_use]
pub fn verify_consistency(
    earlier: u64,
    size: u64,
    path: &[Hash],
    earlier_root: &Hash,
    root: &Hash,
) -> bool {
    if earlier == 0 || earlier > size {
        return false;
    }
    if earlier == size {
        return path.is_empty() && earlier_root == root;
    }
    let mut path = path.iter();
    let first = if earlier.is_power_of_two() {
        Some(earlier_root)
    } else {
        path.next()
    };
    let Some(first) = first else { return false };
    let skipped = (earlier - 1).trailing_ones();
    let (mut place, mut last) = ((earlier - 1) >> skipped, (size - 1) >> skipped);
    let (mut old, mut new) = (*first, *first);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if place & 1 == 1 || place == last {
            old = node_hash(sibling, &old);
            new = node_hash(sibling, &new);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            new = node_hash(&new, sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    last == 0 && old == *earlier_root && new == *root
}
