// SPDX-License-Identifier: Apache-2.0
//! The state root: one hash over the newest version of every resource, whatever their order.
//!
//! LtHash16 with 1024 lanes, a homomorphic multiset hash: Lewi, Kim, Maykov and Weis, "Securing Update
//! Propagation with Homomorphic Hashing", IACR ePrint 2019/227, who put this size above 200 bits of
//! security. Each element is stretched to 2048 bytes (BLAKE3 in its extendable mode, which is some ten
//! times as fast as SHAKE128 at this length), read as 1024 little-endian numbers of 16 bits; adding an
//! element adds lane by lane, removing subtracts. A new version costs two stretches however large the
//! state is, where a sparse Merkle tree would read and write a path of nodes. In exchange there are no
//! proofs about single resources: inclusion proofs in the chain itself serve for those. The root lets
//! members compare their states, and a member that received a state check it in one pass.

use std::fmt;
use std::sync::LazyLock;

use blake3::hazmat::HasherExt;
use sha2::{Digest, Sha256};

use crate::{EntryHash, Tag, merkle::Hash};

const LANES: usize = 1024;
const ELEMENT_CONTEXT: &str = "silsila 2026 state element 1";
const ROOT_CONTEXT: &[u8] = b"silsila/state/1";

/// The multiset of (resource, version, entry) over all newest versions, as a sum.
#[derive(Clone, PartialEq, Eq)]
pub struct StateHash(Box<[u16; LANES]>);

impl Default for StateHash {
    fn default() -> Self {
        Self(Box::new([0; LANES]))
    }
}

impl fmt::Debug for StateHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StateHash(")?;
        crate::id::write_hex(f, &self.root())?;
        f.write_str(")")
    }
}

impl StateHash {
    /// How many bytes [`StateHash::to_bytes`] gives.
    pub const SIZE: usize = LANES * 2;

    /// The sum from its bytes; `None` where they have another length.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::SIZE] = bytes.try_into().ok()?;
        let mut sum = Self::default();
        for (lane, pair) in sum.0.iter_mut().zip(bytes.chunks_exact(2)) {
            *lane = u16::from_le_bytes([pair[0], pair[1]]);
        }
        Some(sum)
    }

    /// The lanes, each in little-endian order.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|lane| lane.to_le_bytes()).collect()
    }

    /// The root that a block header names.
    #[must_use]
    pub fn root(&self) -> Hash {
        Sha256::new()
            .chain_update(ROOT_CONTEXT)
            .chain_update(self.to_bytes())
            .finalize()
            .into()
    }

    /// A resource has this newest version now.
    pub fn add(&mut self, resource: &Tag, version: u64, entry: &EntryHash) {
        self.combine(&stretch(resource, version, entry), u16::wrapping_add);
    }

    /// A resource no longer has this newest version.
    pub fn remove(&mut self, resource: &Tag, version: u64, entry: &EntryHash) {
        self.combine(&stretch(resource, version, entry), u16::wrapping_sub);
    }

    /// Adds another sum, such as the change that one block makes.
    pub fn merge(&mut self, other: &Self) {
        for (lane, by) in self.0.iter_mut().zip(other.0.iter()) {
            *lane = lane.wrapping_add(*by);
        }
    }

    fn combine(&mut self, element: &[u8; Self::SIZE], with: impl Fn(u16, u16) -> u16) {
        for (lane, pair) in self.0.iter_mut().zip(element.chunks_exact(2)) {
            *lane = with(*lane, u16::from_le_bytes([pair[0], pair[1]]));
        }
    }
}

/// The context hashed once, rather than with each element.
static CONTEXT_KEY: LazyLock<blake3::hazmat::ContextKey> =
    LazyLock::new(|| blake3::hazmat::hash_derive_key_context(ELEMENT_CONTEXT));

fn stretch(resource: &Tag, version: u64, entry: &EntryHash) -> [u8; StateHash::SIZE] {
    let mut input = [0_u8; 56];
    input[..16].copy_from_slice(&resource.0);
    input[16..24].copy_from_slice(&version.to_be_bytes());
    input[24..].copy_from_slice(&entry.0);
    let mut element = [0; StateHash::SIZE];
    let mut hasher = blake3::Hasher::new_from_context_key(&CONTEXT_KEY);
    hasher.update(&input).finalize_xof().fill(&mut element);
    element
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(n: u8) -> (Tag, u64, EntryHash) {
        (Tag([n; 16]), u64::from(n), EntryHash([n; 32]))
    }

    #[test]
    fn the_order_of_additions_does_not_matter() {
        let (mut forward, mut backward) = (StateHash::default(), StateHash::default());
        for n in 0..9 {
            let ((tag, version, entry), (tag2, version2, entry2)) = (element(n), element(8 - n));
            forward.add(&tag, version, &entry);
            backward.add(&tag2, version2, &entry2);
        }
        assert_eq!(forward.root(), backward.root());
    }

    #[test]
    fn removing_undoes_adding_and_nothing_else_does() {
        let (tag, version, entry) = element(3);
        let mut state = StateHash::default();
        state.add(&tag, version, &entry);
        assert_ne!(state.root(), StateHash::default().root());
        state.remove(&tag, version + 1, &entry);
        assert_ne!(state.root(), StateHash::default().root());
        state.add(&tag, version + 1, &entry);
        state.remove(&tag, version, &entry);
        assert_eq!(state, StateHash::default());
    }

    #[test]
    fn a_sum_of_changes_is_the_change_of_the_sum() {
        let (mut whole, mut first, mut second) = <(StateHash, StateHash, StateHash)>::default();
        for (n, part) in [(1, 0), (2, 1), (3, 1)] {
            let (tag, version, entry) = element(n);
            whole.add(&tag, version, &entry);
            if part == 0 { &mut first } else { &mut second }.add(&tag, version, &entry);
        }
        first.merge(&second);
        assert_eq!(first, whole);
    }

    #[test]
    fn a_sum_survives_its_bytes() {
        let (tag, version, entry) = element(200);
        let mut state = StateHash::default();
        state.add(&tag, version, &entry);
        assert_eq!(StateHash::from_bytes(&state.to_bytes()), Some(state));
        assert_eq!(StateHash::from_bytes(&[0; 7]), None);
    }
}
