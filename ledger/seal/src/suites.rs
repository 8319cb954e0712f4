// SPDX-License-Identifier: Apache-2.0
//! The one choice of algorithms, and the ways through the `hpke` and `chacha20poly1305` crates.

use chacha20poly1305::aead::AeadInOut as _;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit as _};

use crate::SealError;

/// RFC 9180: KEM 0x0020, KDF 0x0001, AEAD 0x0003.
pub(crate) type Kem = hpke::kem::X25519HkdfSha256;
pub(crate) type Kdf = hpke::kdf::HkdfSha256;
pub(crate) type Aead = hpke::aead::ChaCha20Poly1305;
pub(crate) type PublicKey = <Kem as hpke::Kem>::PublicKey;
pub(crate) type PrivateKey = <Kem as hpke::Kem>::PrivateKey;
pub(crate) type Encapsulated = <Kem as hpke::Kem>::EncappedKey;

/// Bytes of a nonce of RFC 8439.
pub(crate) const NONCE: usize = 12;
/// Bytes of its tag.
pub(crate) const TAG: usize = 16;

/// Encrypts in place and gives the tag.
pub(crate) fn encrypt(
    key: &[u8; 32],
    nonce: &[u8; NONCE],
    bound: &[u8],
    text: &mut [u8],
) -> Result<[u8; TAG], SealError> {
    ChaCha20Poly1305::new(key.into())
        .encrypt_inout_detached(nonce.into(), bound, text.into())
        .map(Into::into)
        .map_err(|_| SealError::Format {
            reason: "more than can be sealed at once",
        })
}

/// Decrypts in place, if tag and bound data are those of the sealing.
pub(crate) fn decrypt(
    key: &[u8; 32],
    nonce: &[u8; NONCE],
    bound: &[u8],
    text: &mut [u8],
    tag: &[u8; TAG],
) -> Result<(), SealError> {
    ChaCha20Poly1305::new(key.into())
        .decrypt_inout_detached(nonce.into(), bound, text.into(), tag.into())
        .map_err(|_| SealError::Unopened)
}
