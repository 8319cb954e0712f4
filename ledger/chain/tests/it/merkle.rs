// SPDX-License-Identifier: Apache-2.0
//! The tree against the vectors of Certificate Transparency, and against its own definition.

use proptest::prelude::*;
use silsila_chain::merkle::{
    EMPTY_ROOT, Frontier, Hash, consistency_path, inclusion_path, leaf_hash, node_hash, root,
    tree_root, verify_consistency, verify_inclusion,
};

/// The leaves and roots that the Certificate Transparency implementations share as test vectors.
const LEAVES: [&[u8]; 8] = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
];
const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

fn hex(hash: &Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
}

/// The definition of RFC 9162, section 2.1.1, word for word.
fn defined_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => EMPTY_ROOT,
        [leaf] => *leaf,
        _ => {
            let split = leaves.len().next_power_of_two() / 2;
            node_hash(
                &defined_root(&leaves[..split]),
                &defined_root(&leaves[split..]),
            )
        }
    }
}

#[test]
fn roots_are_those_of_certificate_transparency() {
    let mut frontier = Frontier::default();
    assert_eq!(frontier.root(), EMPTY_ROOT);
    for (leaf, expected) in LEAVES.iter().zip(ROOTS) {
        frontier.append(leaf_hash(leaf));
        assert_eq!(hex(&frontier.root()), expected);
    }
}

#[test]
fn a_frontier_of_any_size_has_the_defined_root() {
    for size in 0..130 {
        let leaves = leaves(size);
        assert_eq!(
            root(leaves.iter().copied()),
            defined_root(&leaves),
            "{size}"
        );
        assert_eq!(tree_root(&leaves[..], size), Ok(defined_root(&leaves)));
    }
}

#[test]
fn the_root_over_subtree_roots_is_the_root_over_leaves() {
    for size in 1..100 {
        let leaves = leaves(size);
        let chunks = leaves.chunks(16).map(|chunk| root(chunk.iter().copied()));
        assert_eq!(root(chunks), defined_root(&leaves), "{size}");
    }
}

#[test]
fn a_frontier_names_every_subtree_it_completes_once() {
    let leaves = leaves(37);
    let mut frontier = Frontier::default();
    let mut seen = std::collections::BTreeMap::new();
    for leaf in &leaves {
        frontier.append_with(*leaf, |level, index, hash| {
            assert_eq!(seen.insert((level, index), *hash), None);
        });
    }
    for ((level, index), hash) in &seen {
        let start = usize::try_from(index << level).unwrap();
        assert_eq!(*hash, defined_root(&leaves[start..start + (1 << level)]));
    }
    assert_eq!(seen.len(), 37 + 18 + 9 + 4 + 2 + 1);
    let copy = Frontier::from_parts(37, frontier.peaks().to_vec());
    assert_eq!(copy.as_ref(), Some(&frontier));
    assert_eq!(Frontier::from_parts(36, frontier.peaks().to_vec()), None);
}

#[test]
fn every_leaf_of_every_small_tree_has_a_proof() {
    for size in 1..70 {
        let leaves = leaves(size);
        let root = defined_root(&leaves);
        for index in 0..size {
            let path = inclusion_path(&leaves[..], index, size).unwrap();
            let leaf = &leaves[usize::try_from(index).unwrap()];
            assert!(
                verify_inclusion(leaf, index, size, &path, &root),
                "{index} of {size}"
            );
            assert!(!verify_inclusion(leaf, index + 1, size, &path, &root));
            assert!(!verify_inclusion(&root, index, size + 1, &path, &leaves[0]));
        }
    }
}

#[test]
fn every_small_tree_is_consistent_with_every_earlier_one() {
    for size in 1..40_u64 {
        let leaves = leaves(size);
        let now = defined_root(&leaves);
        for earlier in 1..=size {
            let before = defined_root(&leaves[..usize::try_from(earlier).unwrap()]);
            let path = consistency_path(&leaves[..], earlier, size).unwrap();
            assert!(
                verify_consistency(earlier, size, &path, &before, &now),
                "{earlier} of {size}"
            );
            if earlier < size {
                assert!(!verify_consistency(earlier, size, &path, &now, &before));
                assert!(!verify_consistency(earlier, size, &[], &before, &now) || path.is_empty());
            }
        }
    }
}

proptest! {
    #[test]
    fn a_proof_with_any_byte_changed_fails(
        size in 2_u64..200, at: prop::sample::Index, byte: prop::sample::Index, bit in 0_u8..8,
    ) {
        let leaves = leaves(size);
        let root = defined_root(&leaves);
        let index = at.index(leaves.len());
        let mut path = inclusion_path(&leaves[..], index as u64, size).unwrap();
        let place = byte.index(path.len() * 32);
        path[place / 32][place % 32] ^= 1_u8 << bit;
        prop_assert!(!verify_inclusion(&leaves[index], index as u64, size, &path, &root));
    }

    #[test]
    fn any_hashes_are_judged_without_a_panic(
        index: u64, size: u64, path: Vec<[u8; 32]>, first: [u8; 32], second: [u8; 32],
    ) {
        prop_assert!(!verify_inclusion(&first, index, size, &path, &second));
        prop_assert!(!verify_consistency(index, size, &path, &first, &second));
    }
}
