// SPDX-License-Identifier: Apache-2.0
//! Writes the few ASN.1 values of the profile in DER (X.690), every length in its shortest form.

pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const UTF8_STRING: u8 = 0x0c;

/// A value: tag, length, the parts one behind the other.
pub(super) fn value(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = vec![tag];
    let wide = len.to_be_bytes();
    let significant = wide.iter().skip_while(|byte| **byte == 0);
    if len < 0x80 {
        out.extend(significant);
        if len == 0 {
            out.push(0);
        }
    } else {
        let digits: Vec<u8> = significant.copied().collect();
        out.push(0x80 | u8::try_from(digits.len()).expect("a length has at most 8 bytes"));
        out.extend(digits);
    }
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

/// A bit string whose last byte is full.
pub(super) fn bits(bytes: &[u8]) -> Vec<u8> {
    value(BIT_STRING, &[&[0], bytes])
}

/// A non-negative integer.
pub(super) fn integer(bytes: &[u8]) -> Vec<u8> {
    let trimmed: &[u8] = {
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        &bytes[zeros.min(bytes.len().saturating_sub(1))..]
    };
    match trimmed.first() {
        None => value(INTEGER, &[&[0]]),
        Some(first) if first & 0x80 != 0 => value(INTEGER, &[&[0], trimmed]),
        Some(_) => value(INTEGER, &[trimmed]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_their_shortest_form() {
        for (len, head) in [
            (0, &[4, 0][..]),
            (127, &[4, 127]),
            (128, &[4, 0x81, 128]),
            (256, &[4, 0x82, 1, 0]),
        ] {
            let bytes = vec![7; len];
            let written = value(OCTET_STRING, &[&bytes]);
            assert_eq!(
                (&written[..head.len()], written.len()),
                (head, head.len() + len)
            );
        }
    }

    #[test]
    fn integers_are_positive_and_short() {
        assert_eq!(integer(&[0, 0, 5]), [2, 1, 5]);
        assert_eq!(integer(&[0x80]), [2, 2, 0, 0x80]);
        assert_eq!(integer(&[0]), [2, 1, 0]);
    }
}
