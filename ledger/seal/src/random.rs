// SPDX-License-Identifier: Apache-2.0
//! Random bytes of the operating system.

use zeroize::Zeroizing;

use crate::SealError;

/// Fills with random bytes.
///
/// # Errors
/// Where the system gives none.
pub fn fill(bytes: &mut [u8]) -> Result<(), SealError> {
    getrandom::fill(bytes).map_err(|error| SealError::Random {
        reason: error.to_string(),
    })
}

/// A new secret of 256 bits.
///
/// # Errors
/// Where the system gives no random bytes.
pub fn secret() -> Result<Zeroizing<[u8; 32]>, SealError> {
    let mut secret = Zeroizing::new([0; 32]);
    fill(&mut *secret)?;
    Ok(secret)
}
