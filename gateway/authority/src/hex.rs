// SPDX-License-Identifier: Apache-2.0
//! Bytes as hexadecimal digits.

use std::fmt::Write as _;

/// Two small digits for each byte.
#[must_use]
pub fn write(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        write!(out, "{byte:02x}").expect("a String takes everything");
        out
    })
}

/// Exactly `N` bytes; `None` where these are no digits of so many.
#[must_use]
pub fn read<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = u8::try_from(digit(0)? << 4 | digit(1)?).ok()?;
    }
    Some(bytes)
}

/// As many bytes as there are pairs of digits.
#[must_use]
pub fn read_all(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    let pairs = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| Some(read::<1>(std::str::from_utf8(pair).ok()?)?[0]);
    pairs.map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_come_back_and_nothing_else_is_read() {
        let bytes = [0, 1, 0x9a, 0xff];
        assert_eq!(write(&bytes), "00019aff");
        assert_eq!(read("00019AfF"), Some(bytes));
        assert_eq!(read_all("00019aff").as_deref(), Some(&bytes[..]));
        assert_eq!(read_all("").as_deref(), Some(&[][..]));
        for text in ["0", "0g", "+1", "00019af", "é1"] {
            assert_eq!((read::<1>(text), read_all(text)), (None, None), "{text}");
        }
    }
}
