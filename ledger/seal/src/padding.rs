// SPDX-License-Identifier: Apache-2.0
//! How much is added so that a sealed length says little.
//!
//! Padmé (Nikitin, Barman, Lueks, Underwood, Hubaux, Ford: Reducing Metadata Leakage from Encrypted Files
//! and Communication with PURBs, PoPETs 2019(4), section 4.2): of a length `L` with `E = floor(log2 L)` only
//! the first `floor(log2 E) + 1` binary digits behind the leading one may differ from zero. A length then tells
//! `O(log log L)` bits, for at most 12% more bytes. Below [`SMALLEST`] everything has the same length.
//!
//! Behind the content stands one byte 0x80, then zeros (ISO/IEC 7816-4), inside what is sealed.

use crate::SealError;

/// The shortest padded length, in bytes.
const SMALLEST: usize = 128;

/// The length that `len` bytes of content are padded to; at least one more.
#[must_use]
pub const fn padded(len: usize) -> usize {
    let len = len + 1;
    if len <= SMALLEST {
        return SMALLEST;
    }
    let exponent = len.ilog2();
    let free = exponent - (exponent.ilog2() + 1);
    let mask = (1_usize << free) - 1;
    (len + mask) & !mask
}

/// Adds the padding to the content, which begins at `start`.
pub(crate) fn pad(bytes: &mut Vec<u8>, start: usize) {
    let len = bytes.len() - start;
    bytes.push(0x80);
    bytes.resize(start + padded(len), 0);
}

/// Takes the padding off; what is not exactly the padding of its content is refused.
pub(crate) fn unpad(bytes: &mut Vec<u8>) -> Result<(), SealError> {
    let fault = SealError::Format {
        reason: "padding of another form",
    };
    let Some(end) = bytes.iter().rposition(|byte| *byte != 0) else {
        return Err(fault);
    };
    if bytes[end] != 0x80 || padded(end) != bytes.len() {
        return Err(fault);
    }
    bytes.truncate(end);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Table values by hand from the paper's rule.
    #[test]
    fn lengths_are_those_of_padme() {
        for (content, expected) in [
            (0, 128),
            (127, 128),
            (128, 144),
            (143, 144),
            (199, 208),
            (255, 256),
            (256, 272),
            (299, 304),
            (999, 1024),
            (9_999, 10_240),
            (1_000_000, 1_015_808),
        ] {
            assert_eq!(padded(content), expected, "{content}");
        }
    }

    #[test]
    fn padding_costs_at_most_an_eighth_and_never_shrinks() {
        let mut last = 0;
        for len in (0..70_000).chain([8 << 20, (8 << 20) + 1]) {
            let padded = padded(len);
            assert!(padded > len && padded >= last, "{len}");
            assert!(len < 128 || (padded - len - 1) * 8 <= len + 1, "{len}");
            last = padded;
        }
    }

    #[test]
    fn padding_comes_off_and_other_endings_are_refused() {
        for content in [vec![], vec![0], vec![0x80, 0], vec![7; 500]] {
            let mut bytes = content.clone();
            pad(&mut bytes, 0);
            assert!(unpad(&mut bytes).is_ok());
            assert_eq!(bytes, content);
        }
        for mut wrong in [vec![], vec![0; 128], vec![1; 128], vec![0x80; 127]] {
            assert!(unpad(&mut wrong).is_err(), "{wrong:?}");
        }
    }
}
