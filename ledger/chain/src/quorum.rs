// SPDX-License-Identifier: Apache-2.0
//! A quorum's certificate (scheme 2): the finalization that Commonware's simplex makes with ed25519,
//! read and checked without any of its code. Tests of `ledger/engine` make the vectors with it.
//!
//! ```text
//! finalization   epoch  varint      (LEB128, at most 64 bits, shortest form)
//!                view   varint
//!                parent varint      the view of the parent
//!                digest 32 bytes    the block's hash
//!                n      8 bytes     number of validators, big-endian
//!                bitmap ⌈n/8⌉ bytes validator i signed if bit i%8 (from the lowest) of byte i/8 is set;
//!                                   validators are numbered in ascending order of their keys
//!                count  varint      number of signatures
//!                       64 bytes each, in the order of the bits
//!
//! signed         length of namespace as varint ‖ namespace ‖ epoch ‖ view ‖ parent ‖ digest
//! namespace      "silsila/channel/1 " ‖ channel id ‖ "_FINALIZE"
//! ```
//!
//! **A quorum** of n validators is n - f with f = ⌊(n - 1) / 3⌋.
//!
//! **Which signatures count.** Simplex accepts those of ZIP 215: the equation is multiplied by the
//! cofactor. A stricter reader could be made to refuse, by one dishonest validator, what everybody else
//! has committed; so this one follows ZIP 215 too, here and nowhere else. A key of small order, for which
//! almost anything is a signature, is refused before.

use curve25519_dalek::traits::IsIdentity;
use curve25519_dalek::{EdwardsPoint, Scalar, edwards::CompressedEdwardsY};
use sha2::{Digest, Sha512};

use crate::cbor::DecodeError;
use crate::{BlockHash, ChannelId, Identity, PublicKey, Scheme, Signature};

/// The most validators whose quorum fits a certificate.
pub const MAX_VALIDATORS: usize = 60;
/// The fewest validators among whom one may fail; below four, one named validator orders alone.
pub const MIN_QUORUM_VALIDATORS: usize = 4;

const FINALIZE: &[u8] = b"_FINALIZE";

/// What Commonware is told to sign under on a channel, before it appends the kind of vote.
#[must_use]
pub fn quorum_namespace(channel: &ChannelId) -> Vec<u8> {
    [b"silsila/channel/1 ", &channel.0[..]].concat()
}

/// How many of `validators` must sign: all but the third that may be faulty.
#[must_use]
pub const fn quorum(validators: usize) -> usize {
    validators - validators.saturating_sub(1) / 3
}

/// The signatures of a quorum over one block, as they were collected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuorumCertificate {
    /// The epoch of the validator set.
    pub epoch: u64,
    /// The view in which the block was proposed.
    pub view: u64,
    /// The view of the block before.
    pub parent: u64,
    /// The block.
    pub block: BlockHash,
    /// How many validators there are.
    pub validators: usize,
    /// Who signed, by position in the ascending order of keys, rising.
    pub signers: Vec<usize>,
    /// Their signatures.
    pub signatures: Vec<Signature>,
}

impl QuorumCertificate {
    /// Reads a finalization; whether it holds is for [`QuorumCertificate::verify`].
    ///
    /// # Errors
    /// Where the bytes are none, or not in the one form that Commonware writes.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Input { bytes, at: 0 };
        let (epoch, view, parent) = (input.varint()?, input.varint()?, input.varint()?);
        let block = BlockHash(input.fixed()?);
        let validators = input.count(u64::from_be_bytes(input.peek()?), 8)?;
        let signers = input.signers(validators)?;
        let count = input.varint()?;
        if count != signers.len() as u64 {
            return Err(input.error("another number of signatures than of signers"));
        }
        let signatures = (signers.iter())
            .map(|_| input.fixed().map(Signature))
            .collect::<Result<_, _>>()?;
        if input.at != bytes.len() {
            return Err(input.error("trailing bytes"));
        }
        Ok(Self {
            epoch,
            view,
            parent,
            block,
            validators,
            signers,
            signatures,
        })
    }

    /// The bytes, as Commonware writes them.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.proposal();
        bytes.extend_from_slice(&(self.validators as u64).to_be_bytes());
        let mut bitmap = vec![0_u8; self.validators.div_ceil(8)];
        for signer in &self.signers {
            bitmap[signer / 8] |= 1 << (signer % 8);
        }
        bytes.extend_from_slice(&bitmap);
        put_varint(&mut bytes, self.signatures.len() as u64);
        for signature in &self.signatures {
            bytes.extend_from_slice(&signature.0);
        }
        bytes
    }

    /// Whether a quorum of exactly these validators, in ascending order, signed this block of this
    /// channel.
    #[must_use]
    pub fn verify(&self, channel: &ChannelId, block: &BlockHash, validators: &[Identity]) -> bool {
        let fits = self.block == *block
            && validators.len() == self.validators
            && (MIN_QUORUM_VALIDATORS..=MAX_VALIDATORS).contains(&validators.len())
            && validators.is_sorted_by(|one, next| one < next)
            && self.signers.len() == self.signatures.len()
            && self.signers.is_sorted_by(|one, next| one < next)
            && self.signers.len() >= quorum(validators.len());
        let message = self.message(channel);
        fits && self
            .signers
            .iter()
            .zip(&self.signatures)
            .all(|(signer, signature)| {
                validators.get(*signer).is_some_and(|validator| {
                    validator.scheme == Scheme::ED25519
                        && verifies_zip215(&validator.key, &message, signature)
                })
            })
    }

    /// The keys of those who signed, among validators in ascending order.
    pub fn signed_by<'v>(
        &self,
        validators: &'v [Identity],
    ) -> impl Iterator<Item = &'v Identity> + use<'_, 'v> {
        self.signers
            .iter()
            .filter_map(|signer| validators.get(*signer))
    }

    fn proposal(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(64);
        for number in [self.epoch, self.view, self.parent] {
            put_varint(&mut bytes, number);
        }
        bytes.extend_from_slice(&self.block.0);
        bytes
    }

    fn message(&self, channel: &ChannelId) -> Vec<u8> {
        let namespace = [&quorum_namespace(channel), FINALIZE].concat();
        let mut message = Vec::with_capacity(160);
        put_varint(&mut message, namespace.len() as u64);
        message.extend_from_slice(&namespace);
        message.extend_from_slice(&self.proposal());
        message
    }
}

/// ZIP 215: a canonical scalar, points as they decompress, and the equation times eight.
fn verifies_zip215(key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
    let (point, scalar) = signature.0.split_at(32);
    let decoded = || {
        let key = CompressedEdwardsY(key.0).decompress()?;
        let point = CompressedEdwardsY(point.try_into().ok()?).decompress()?;
        let scalar = Scalar::from_canonical_bytes(scalar.try_into().ok()?).into_option()?;
        (!key.is_small_order()).then_some((key, point, scalar))
    };
    let Some((public, commitment, scalar)) = decoded() else {
        return false;
    };
    let hash = Sha512::new()
        .chain_update(point)
        .chain_update(key.0)
        .chain_update(message)
        .finalize();
    let challenge = Scalar::from_bytes_mod_order_wide(&hash.into());
    let expected = EdwardsPoint::vartime_double_scalar_mul_basepoint(&challenge, &-public, &scalar);
    (expected - commitment).mul_by_cofactor().is_identity()
}

fn put_varint(bytes: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

struct Input<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl Input<'_> {
    const fn error(&self, reason: &'static str) -> DecodeError {
        DecodeError {
            offset: self.at,
            reason,
        }
    }

    fn peek<const N: usize>(&self) -> Result<[u8; N], DecodeError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let early = self.error("the bytes end too early");
        rest.first_chunk().copied().ok_or(early)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let taken = self.peek()?;
        self.at += N;
        Ok(taken)
    }

    fn count(&mut self, number: u64, width: usize) -> Result<usize, DecodeError> {
        let number = usize::try_from(number)
            .ok()
            .filter(|number| (1..=MAX_VALIDATORS).contains(number))
            .ok_or(self.error("no validators, or too many"))?;
        self.at += width;
        Ok(number)
    }

    fn signers(&mut self, validators: usize) -> Result<Vec<usize>, DecodeError> {
        let start = self.at;
        let bit = |bytes: &[u8], signer: usize| bytes[signer / 8] >> (signer % 8) & 1 == 1;
        let mut bitmap = Vec::new();
        for _ in 0..validators.div_ceil(8) {
            bitmap.extend(self.fixed::<1>()?);
        }
        if (validators..bitmap.len() * 8).any(|signer| bit(&bitmap, signer)) {
            return Err(DecodeError {
                offset: start,
                reason: "a signer beyond the last validator",
            });
        }
        Ok((0..validators)
            .filter(|signer| bit(&bitmap, *signer))
            .collect())
    }

    fn varint(&mut self) -> Result<u64, DecodeError> {
        let start = self.error("a number that is not in its shortest form, or above 64 bits");
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.fixed()?;
            let digits = u64::from(byte & 0x7f);
            if digits << shift >> shift != digits || (byte == 0 && shift > 0) {
                return Err(start);
            }
            number |= digits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_third_less_one_may_be_missing() {
        let expected = [(4, 3), (5, 4), (6, 5), (7, 5), (8, 6), (10, 7), (60, 41)];
        for (validators, needed) in expected {
            assert_eq!(quorum(validators), needed, "{validators}");
        }
    }

    #[test]
    fn numbers_have_one_form() {
        for number in [
            0,
            1,
            127,
            128,
            16_383,
            16_384,
            u64::from(u32::MAX),
            u64::MAX,
        ] {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, number);
            let mut input = Input {
                bytes: &bytes,
                at: 0,
            };
            assert_eq!(input.varint(), Ok(number));
            assert_eq!(input.at, bytes.len());
        }
        let too_large = [&[0xff; 9][..], &[2]].concat();
        for bytes in [
            &[0x80, 0][..],
            &[0x81, 0x80, 0],
            &too_large,
            &[0xff; 10],
            &[0x80],
        ] {
            assert!(Input { bytes, at: 0 }.varint().is_err(), "{bytes:?}");
        }
    }
}
