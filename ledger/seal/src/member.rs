// SPDX-License-Identifier: Apache-2.0
//! The key pair to which envelopes for a member are sealed.

use std::fmt;

use hpke::{Deserializable as _, Kem as _, Serializable as _};
use zeroize::Zeroizing;

use crate::SealError;
use crate::suites::{Kem, PrivateKey, PublicKey};

/// A member's X25519 public key. All zeros stands for a member that takes no envelopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SealingPublic(pub [u8; 32]);

impl SealingPublic {
    /// Of a member that takes no envelopes.
    pub const NONE: Self = Self([0; 32]);

    /// Whether anything can be sealed to it.
    #[must_use]
    pub fn is_some(&self) -> bool {
        *self != Self::NONE
    }

    pub(crate) fn key(&self) -> Result<PublicKey, SealError> {
        PublicKey::from_bytes(&self.0).map_err(|_| SealError::Recipient)
    }
}

/// The secret half, grown from a 32-byte seed as RFC 9180 section 7.1.3 says.
pub struct SealingKey {
    seed: Zeroizing<[u8; 32]>,
    private: PrivateKey,
    public: SealingPublic,
}

impl SealingKey {
    /// The pair of a seed.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let (private, public) = Kem::derive_keypair(seed);
        Self {
            seed: Zeroizing::new(*seed),
            private,
            public: SealingPublic(public.to_bytes().into()),
        }
    }

    /// The public half.
    #[must_use]
    pub const fn public(&self) -> SealingPublic {
        self.public
    }

    pub(crate) const fn private(&self) -> &PrivateKey {
        &self.private
    }
}

impl Clone for SealingKey {
    fn clone(&self) -> Self {
        Self::from_seed(&self.seed)
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(..)")
    }
}
