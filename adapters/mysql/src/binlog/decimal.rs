// SPDX-License-Identifier: Apache-2.0
//! MySQL's packed decimals: nine digits in four bytes, the rest in fewer; the sign bit inverted, and every
//! bit of a negative number.

/// Bytes for so many digits that do not fill a group of nine.
const PART: [usize; 10] = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4];
/// Digits in a whole group of four bytes.
const GROUP: usize = 9;

/// How many bytes a decimal of those digits has.
pub(super) fn length(precision: usize, scale: usize) -> Option<usize> {
    let whole = precision.checked_sub(scale)?;
    let part = |digits: usize| digits / GROUP * 4 + PART[digits % GROUP];
    Some(part(whole) + part(scale))
}

/// The digits as the server writes them: one zero at least before the point, all of the scale behind it.
pub(super) fn digits(bytes: &[u8], precision: usize, scale: usize) -> Option<String> {
    if bytes.len() != length(precision, scale)? {
        return None;
    }
    let negative = bytes.first()? & 0x80 == 0;
    let mask = if negative { 0xff } else { 0 };
    let mut plain: Vec<u8> = bytes.iter().map(|b| b ^ mask).collect();
    *plain.first_mut()? ^= 0x80;
    let mut groups = Groups(&plain);
    let whole = precision - scale;
    let mut integer = groups.take(whole % GROUP)?;
    for _ in 0..whole / GROUP {
        integer.push_str(&groups.take(GROUP)?);
    }
    let mut fraction = String::new();
    for _ in 0..scale / GROUP {
        fraction.push_str(&groups.take(GROUP)?);
    }
    fraction.push_str(&groups.take(scale % GROUP)?);
    let integer = match integer.trim_start_matches('0') {
        "" => "0",
        some => some,
    };
    let sign = if negative { "-" } else { "" };
    let point = if scale > 0 { "." } else { "" };
    Some(format!("{sign}{integer}{point}{fraction}"))
}

struct Groups<'a>(&'a [u8]);

impl Groups<'_> {
    /// The next digits, with their leading zeros.
    fn take(&mut self, digits: usize) -> Option<String> {
        if digits == 0 {
            return Some(String::new());
        }
        let (head, tail) = self.0.split_at_checked(*PART.get(digits)?)?;
        self.0 = tail;
        let number = head.iter().fold(0u32, |n, b| n << 8 | u32::from(*b));
        let text = format!("{number:0digits$}");
        (text.len() == digits).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], precision: usize, scale: usize, expect: &str) {
        assert_eq!(digits(bytes, precision, scale).as_deref(), Some(expect));
    }

    #[test]
    fn digits_come_out_as_they_were_written() {
        // The example of MySQL's own source: 1234567890.1234 as DECIMAL(14,4).
        let example = [0x81, 0x0d, 0xfb, 0x38, 0xd2, 0x04, 0xd2];
        check(&example, 14, 4, "1234567890.1234");
        let negative: Vec<u8> = example.iter().map(|b| !b).collect();
        check(&negative, 14, 4, "-1234567890.1234");
        check(&[0x80, 0x07, 0x0a], 5, 2, "7.10");
        check(&[0x80, 0x00, 0x05], 5, 2, "0.05");
        check(&[0x80], 1, 0, "0");
    }

    #[test]
    fn bytes_that_are_no_decimal_give_none() {
        assert_eq!(digits(&[0x80], 5, 2), None);
        assert_eq!(digits(&[0xff, 0xff, 0xff], 5, 2), None);
        assert_eq!(length(2, 5), None);
    }
}
