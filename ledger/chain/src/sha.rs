// SPDX-License-Identifier: Apache-2.0
//! SHA-256 of short inputs. Verifying a chain is mostly this: for inputs of one to four blocks, the
//! buffering of an incremental hasher costs as much as the hashing. Here the padding is laid out on the
//! stack and the compression runs once over all of it.

use sha2::block_api::compress256;
use sha2::{Digest, Sha256};

use crate::merkle::Hash;

const BLOCK: usize = 64;
/// Inputs of up to so many blocks, padding included, are laid out on the stack.
const BLOCKS: usize = 4;
/// What padding takes: one byte, and the length in bits.
const PADDING: usize = 9;
const START: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// SHA-256 of a byte and what follows it.
pub(crate) fn prefixed(prefix: u8, bytes: &[u8]) -> Hash {
    let len = bytes.len() + 1;
    if len + PADDING > BLOCKS * BLOCK {
        return Sha256::new()
            .chain_update([prefix])
            .chain_update(bytes)
            .finalize()
            .into();
    }
    let mut laid = [0_u8; BLOCKS * BLOCK];
    laid[0] = prefix;
    laid[1..len].copy_from_slice(bytes);
    finish(START, &mut laid, len, len)
}

/// SHA-256 of two hashes behind a byte.
pub(crate) fn pair(prefix: u8, left: &Hash, right: &Hash) -> Hash {
    let mut laid = [0_u8; BLOCKS * BLOCK];
    laid[0] = prefix;
    laid[1..33].copy_from_slice(left);
    laid[33..65].copy_from_slice(right);
    finish(START, &mut laid, 65, 65)
}

/// SHA-256, fast also for inputs of a few hundred bytes.
#[must_use]
pub fn sha256(bytes: &[u8]) -> Hash {
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    let mut state = START;
    compress256(&mut state, blocks);
    let mut laid = [0_u8; BLOCKS * BLOCK];
    laid[..rest.len()].copy_from_slice(rest);
    finish(state, &mut laid, rest.len(), bytes.len())
}

/// Pads the `tail` bytes in `laid`, of `len` in all, and compresses them.
fn finish(mut state: [u32; 8], laid: &mut [u8; BLOCKS * BLOCK], tail: usize, len: usize) -> Hash {
    let end = (tail + PADDING).next_multiple_of(BLOCK);
    laid[tail] = 0x80;
    laid[end - 8..end].copy_from_slice(&(len as u64 * 8).to_be_bytes());
    compress256(&mut state, laid[..end].as_chunks::<BLOCK>().0);
    let mut hash = [0; 32];
    for (bytes, word) in hash.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    hash
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_length_around_the_block_borders_is_that_of_the_reference() {
        let bytes: Vec<u8> = (0..=255).cycle().take(700).collect();
        for len in 0..700 {
            let reference: Hash = Sha256::digest(&bytes[..len]).into();
            assert_eq!(sha256(&bytes[..len]), reference, "{len}");
            let reference: Hash = Sha256::new()
                .chain_update([7])
                .chain_update(&bytes[..len])
                .finalize()
                .into();
            assert_eq!(prefixed(7, &bytes[..len]), reference, "{len} behind a byte");
        }
    }

    proptest! {
        #[test]
        fn two_hashes_behind_a_byte_are_those_of_the_reference(left: [u8; 32], right: [u8; 32], prefix: u8) {
            let reference: Hash =
                Sha256::new().chain_update([prefix]).chain_update(left).chain_update(right).finalize().into();
            prop_assert_eq!(pair(prefix, &left, &right), reference);
        }
    }
}
