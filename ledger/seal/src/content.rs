// SPDX-License-Identifier: Apache-2.0
//! Content keys.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::{Zeroize as _, Zeroizing};

use crate::{Compartment, SealError, random};

/// Names a content key without telling it: HMAC-SHA-256 under the key, over the compartment. Equal checks
/// are equal keys, so that recipients of different envelopes can see that they were given the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyCheck(pub [u8; 32]);

/// The secret of one [`Compartment`]. Overwritten when dropped; prints nothing.
pub struct ContentKey {
    secret: Zeroizing<[u8; 32]>,
    payload: Zeroizing<[u8; 32]>,
}

impl ContentKey {
    /// A new random key.
    ///
    /// # Errors
    /// Where the system gives no random bytes.
    pub fn generate() -> Result<Self, SealError> {
        Ok(Self::new(&*random::secret()?))
    }

    /// The key of these 32 bytes.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        Self {
            secret: Zeroizing::new(*secret),
            payload: derive(secret, b"silsila payload key 1"),
        }
    }

    /// The 32 bytes, to be kept in an encrypted place or sealed into an envelope.
    #[must_use]
    pub fn secret(&self) -> &[u8; 32] {
        &self.secret
    }

    /// The check of this key for a compartment.
    #[must_use]
    pub fn check(&self, compartment: &Compartment) -> KeyCheck {
        let over = compartment.bind("silsila/key-check/1", 0);
        KeyCheck(*derive(&self.secret, over.as_bytes()))
    }

    /// Names this key for a use of its own, without telling it: HMAC-SHA-256 over the use.
    #[must_use]
    pub fn named(&self, of_use: &[u8]) -> [u8; 32] {
        *derive(&self.secret, of_use)
    }

    /// What payloads are sealed with.
    pub(crate) fn payload(&self) -> &[u8; 32] {
        &self.payload
    }
}

impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContentKey(..)")
    }
}

/// HMAC-SHA-256, used to grow one secret out of another.
pub(crate) fn derive(secret: &[u8; 32], over: &[u8]) -> Zeroizing<[u8; 32]> {
    let mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
    let mut out = mac.chain_update(over).finalize().into_bytes();
    let derived = Zeroizing::new(out.into());
    out.as_mut_slice().zeroize();
    derived
}
