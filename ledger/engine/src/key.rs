// SPDX-License-Identifier: Apache-2.0
//! One ed25519 key serves member and engine: the chain's keys as Commonware has them, and back.

use bytes::Bytes;
use commonware_codec::DecodeExt;
use commonware_cryptography::ed25519::{PrivateKey, PublicKey};
use commonware_utils::ordered::Set;

/// A member's key, grown from its secret seed as [`silsila_chain::MemberKey::from_seed`] does.
///
/// # Panics
/// Never: 32 bytes are a key.
#[must_use]
pub fn private_key(seed: &[u8; 32]) -> PrivateKey {
    PrivateKey::decode(Bytes::copy_from_slice(seed)).expect("32 bytes are a key")
}

/// A member's public key; `None` where the bytes are no point of the curve.
#[must_use]
pub fn public_key(key: &silsila_chain::PublicKey) -> Option<PublicKey> {
    PublicKey::decode(Bytes::copy_from_slice(&key.0)).ok()
}

/// The same key in the chain's type.
#[must_use]
pub fn chain_key(key: &PublicKey) -> silsila_chain::PublicKey {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(key.as_ref());
    silsila_chain::PublicKey(bytes)
}

/// Keys in ascending order; what is no key is left out, and can sign nothing.
pub(crate) fn public_keys(keys: impl Iterator<Item = silsila_chain::PublicKey>) -> Set<PublicKey> {
    Set::from_iter_dedup(keys.filter_map(|key| public_key(&key)))
}
