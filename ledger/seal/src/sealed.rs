// SPDX-License-Identifier: Apache-2.0
//! Payload suite 1: a sealed resource version.
//!
//! ```text
//! byte 0       suite: 1
//! bytes 1-12   nonce, random
//! bytes 13-    ChaCha20-Poly1305 (RFC 8439) of the packed version, padded; the tag is the last 16 bytes
//! ```
//!
//! The key is `HMAC-SHA-256(content key, "silsila payload key 1")`. The associated data is the deterministic
//! CBOR array `["silsila/sealed/1", channel, custodian, subject tag, label class, key period, resource tag,
//! version]`: what was sealed for one place opens at no other. A content key serves one subject, compartment
//! and period, so that random nonces stay far below the 2^32 messages at which they would begin to collide.
//!
//! ChaCha20-Poly1305 does not commit to its key: two keys could be made for one ciphertext. A custodian who
//! hands different keys to different members is caught by [`crate::KeyCheck`], which stands in every envelope.

use silsila_chain::Tag;

use crate::padding::{pad, padded, unpad};
use crate::suites::{NONCE, TAG, decrypt, encrypt};
use crate::{Compartment, ContentKey, SealError, random};

const SUITE: u8 = 1;
const HEAD: usize = 1 + NONCE;

/// What sealing adds to the padded content, in bytes.
pub const OVERHEAD: usize = HEAD + TAG;

/// Where a sealed payload belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedAs {
    /// Whose key seals it.
    pub compartment: Compartment,
    /// Which resource.
    pub resource: Tag,
    /// Which version of it.
    pub version: u64,
}

impl SealedAs {
    /// Seals packed content for this place, with a new nonce.
    ///
    /// # Errors
    /// Where the system gives no random bytes.
    pub fn seal(&self, key: &ContentKey, packed: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE];
        random::fill(&mut nonce)?;
        self.seal_with(key, packed, &nonce)
    }

    /// As [`SealedAs::seal`], with a nonce that was drawn before and serves this once.
    ///
    /// # Errors
    /// Where there is too much to seal.
    pub fn seal_with(
        &self,
        key: &ContentKey,
        packed: &[u8],
        nonce: &[u8; 12],
    ) -> Result<Vec<u8>, SealError> {
        let mut stored = Vec::with_capacity(HEAD + padded(packed.len()) + TAG);
        stored.push(SUITE);
        stored.extend_from_slice(nonce);
        stored.extend_from_slice(packed);
        pad(&mut stored, HEAD);
        let tag = encrypt(key.payload(), nonce, &self.bound(), &mut stored[HEAD..])?;
        stored.extend_from_slice(&tag);
        Ok(stored)
    }

    /// Opens stored bytes that were sealed for this place.
    ///
    /// # Errors
    /// [`SealError::Unopened`] for another key, another place or changed bytes.
    pub fn open(&self, key: &ContentKey, stored: &[u8]) -> Result<Vec<u8>, SealError> {
        let short = SealError::Format {
            reason: "a sealed payload that is too short",
        };
        let Some(([SUITE, nonce @ ..], rest)) = stored.split_first_chunk::<HEAD>() else {
            return Err(short);
        };
        let Some((text, tag)) = rest.split_last_chunk::<TAG>() else {
            return Err(short);
        };
        let nonce = nonce.first_chunk().expect("a head holds a nonce");
        let mut packed = text.to_vec();
        decrypt(key.payload(), nonce, &self.bound(), &mut packed, tag)?;
        unpad(&mut packed)?;
        Ok(packed)
    }

    fn bound(&self) -> Vec<u8> {
        let mut writer = self.compartment.bind("silsila/sealed/1", 2);
        writer.bytes(&self.resource.0).uint(self.version);
        writer.into_bytes()
    }
}
