// SPDX-License-Identifier: Apache-2.0
//! A few bytes under a passphrase, for keys that must not load unattended.
//!
//! ```text
//! bytes 0-15   salt, random
//! bytes 16-27  nonce, random
//! bytes 28-    ChaCha20-Poly1305 of the bytes, its tag last; the associated data is "silsila/locked/1"
//! ```
//!
//! The key is Argon2id (RFC 9106) with 64 MiB, three passes and one lane: about a fifth of a second on one
//! core of a small machine, once at each start.

use argon2::{Algorithm, Argon2, Params, Version};
use zeroize::Zeroizing;

use crate::suites::{NONCE, TAG, decrypt, encrypt};
use crate::{SealError, random};

const LABEL: &[u8] = b"silsila/locked/1";
const SALT: usize = 16;
const MEMORY_KIB: u32 = 64 << 10;
const PASSES: u32 = 3;

/// Locks bytes under a passphrase.
///
/// # Errors
/// Where the system gives no random bytes or no memory.
pub fn lock(passphrase: &str, bytes: &[u8]) -> Result<Vec<u8>, SealError> {
    let (mut salt, mut nonce) = ([0; SALT], [0; NONCE]);
    random::fill(&mut salt)?;
    random::fill(&mut nonce)?;
    let mut locked = [&salt[..], &nonce[..], bytes].concat();
    let key = stretch(passphrase, &salt)?;
    let tag = encrypt(&key, &nonce, LABEL, &mut locked[SALT + NONCE..])?;
    locked.extend_from_slice(&tag);
    Ok(locked)
}

/// Opens what [`lock`] locked.
///
/// # Errors
/// [`SealError::WrongPassphrase`], also where the bytes were changed: nothing tells the two apart.
pub fn unlock(passphrase: &str, locked: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let wrong = || SealError::WrongPassphrase;
    let (salt, rest) = locked.split_first_chunk::<SALT>().ok_or_else(wrong)?;
    let (nonce, rest) = rest.split_first_chunk::<NONCE>().ok_or_else(wrong)?;
    let (text, tag) = rest.split_last_chunk::<TAG>().ok_or_else(wrong)?;
    let mut bytes = Zeroizing::new(text.to_vec());
    let key = stretch(passphrase, salt)?;
    decrypt(&key, nonce, LABEL, &mut bytes, tag).map_err(|_| SealError::WrongPassphrase)?;
    Ok(bytes)
}

fn stretch(passphrase: &str, salt: &[u8; SALT]) -> Result<Zeroizing<[u8; 32]>, SealError> {
    let mut key = Zeroizing::new([0; 32]);
    let params = Params::new(MEMORY_KIB, PASSES, 1, Some(32));
    params
        .and_then(|params| {
            Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into(
                passphrase.as_bytes(),
                salt,
                &mut *key,
            )
        })
        .map_err(|_| SealError::Format {
            reason: "a passphrase that cannot be stretched: is there no memory?",
        })?;
    Ok(key)
}
