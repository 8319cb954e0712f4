// SPDX-License-Identifier: Apache-2.0
//! The keys that sign certificates, and strict verification by ed25519 alone.

use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use silsila_chain::{PublicKey, Signature};

/// The ed25519 key of a root or of an issuing certificate. Overwritten when dropped; `Debug` is absent
/// on purpose.
pub struct CertificateKey(SigningKey);

impl CertificateKey {
    /// The key grown from a 32-byte secret seed.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    pub(super) fn sign(&self, message: &[u8]) -> Signature {
        Signature(self.0.sign(message).to_bytes())
    }
}

/// Whether a key signed a message; keys of small order and loose signatures are refused.
pub(super) fn verifies(key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
    let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
    VerifyingKey::from_bytes(&key.0).is_ok_and(|key| key.verify_strict(message, &signature).is_ok())
}

/// Whether an ed25519 key can sign anything that strict verification takes.
pub(super) fn is_usable(key: &PublicKey) -> bool {
    VerifyingKey::from_bytes(&key.0).is_ok_and(|key| !key.is_weak())
}

/// Whether something can be sealed to an X25519 key: a point of small order gives everybody the same
/// shared secret, and HPKE refuses it, which would stop whoever has to seal to it (RFC 7748, section 6.1).
pub(super) fn is_sealable(key: &[u8; 32]) -> bool {
    let shared = curve25519_dalek::MontgomeryPoint(*key).mul_clamped([1; 32]);
    shared.to_bytes() != [0; 32]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_small_order_are_told_from_good_ones() {
        assert!(is_usable(&CertificateKey::from_seed(&[1; 32]).public()));
        let mut identity = [0; 32];
        identity[0] = 1;
        assert!(!is_usable(&PublicKey(identity)));
        assert!(!is_sealable(&[0; 32]));
        assert!(!is_sealable(&identity));
        let base = curve25519_dalek::MontgomeryPoint::mul_base_clamped([9; 32]);
        assert!(is_sealable(&base.to_bytes()));
    }
}
