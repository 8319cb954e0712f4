// SPDX-License-Identifier: Apache-2.0
//! The order in which a scan walks: values as bytes that sort as the values do.
//!
//! Text is ordered by its code points and not by one of Access's sort orders. Nothing is equal in this order that
//! is not the same text, so that no row is passed over where Access would call two keys equal, and a cursor
//! that was written years ago still stands in the same place.
//!
//! ```text
//! NULL 00 | boolean 01 b | integer 02 (8) | decimal 03 (16 before the point, 12 behind it) | float 04 (8)
//! text 05 .. 00 00 | bytes 06 .. 00 00 | moment 07 (11) | time 08 (7); a zero byte inside .. is written 00 FF
//! ```
//!
//! A column holds values of one kind. Where it was given another, a cursor from before stands at the beginning
//! or at the end, and the sweep sees every row again.

use silsila_source::{Date, DateTime, Time, Value};

/// Appends a value so that encodings sort as the values do.
pub(crate) fn encode(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(0),
        Value::Bool(yes) => out.extend([1, u8::from(*yes)]),
        Value::Int(n) => whole(*n, out),
        Value::UInt(n) => whole(i64::try_from(*n).unwrap_or(i64::MAX), out),
        Value::Decimal(digits) => decimal(digits, out),
        Value::Float(n) => {
            out.push(4);
            out.extend(float(*n).to_be_bytes());
        }
        Value::Text(text) => escaped(5, text.as_bytes(), out),
        Value::Bytes(bytes) => escaped(6, bytes, out),
        Value::Date(d) => {
            out.push(7);
            date(*d, out);
            out.extend([0; 7]);
        }
        Value::DateTime(DateTime {
            date: d, time: t, ..
        }) => {
            out.push(7);
            date(*d, out);
            time(*t, out);
        }
        Value::Time(t) => {
            out.push(8);
            time(*t, out);
        }
    }
}

/// Several values one after the other.
pub(crate) fn encode_all(values: &[Value]) -> Vec<u8> {
    let mut out = Vec::with_capacity(20 * values.len());
    for value in values {
        encode(value, &mut out);
    }
    out
}

fn whole(n: i64, out: &mut Vec<u8>) {
    out.push(2);
    out.extend((n.cast_unsigned() ^ (1 << 63)).to_be_bytes());
}

/// The digits behind the point that count: those that a Decimal of Access has at most.
const PLACES: usize = 28;

/// The whole number below, and how far above it: -1.25 is -2 and 0.75.
fn decimal(digits: &str, out: &mut Vec<u8>) {
    let unsigned = digits.trim_start_matches('-');
    let (before, behind) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let mut below = before.parse::<i128>().unwrap_or(i128::MAX);
    let behind = behind.get(..PLACES).unwrap_or(behind);
    let mut above = format!("{behind:0<PLACES$}").parse::<u128>().unwrap_or(0);
    if digits.starts_with('-') {
        below = -below;
        if above > 0 {
            below -= 1;
            above = 10_u128.pow(28) - above;
        }
    }
    out.push(3);
    out.extend((below.cast_unsigned() ^ (1 << 127)).to_be_bytes());
    out.extend(&above.to_be_bytes()[4..]);
}

/// The bits of a float, so that they sort as the numbers do.
fn float(n: f64) -> u64 {
    let bits = n.to_bits();
    if bits >> 63 == 1 {
        !bits
    } else {
        bits | 1 << 63
    }
}

fn escaped(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    for &byte in bytes {
        out.push(byte);
        if byte == 0 {
            out.push(0xFF);
        }
    }
    out.extend([0, 0]);
}

fn date(d: Date, out: &mut Vec<u8>) {
    out.extend(d.year.to_be_bytes());
    out.extend([d.month, d.day]);
}

fn time(t: Time, out: &mut Vec<u8>) {
    out.extend([t.hour, t.minute, t.second]);
    out.extend(t.nanosecond.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(s: &str) -> Value {
        Value::Text(s.into())
    }

    /// Checks that values sort in the order in which they are given.
    fn check(ascending: &[Value]) {
        let encoded: Vec<_> = ascending
            .iter()
            .map(|v| encode_all(std::slice::from_ref(v)))
            .collect();
        for (i, pair) in encoded.windows(2).enumerate() {
            assert!(pair[0] < pair[1], "{i}");
        }
    }

    #[test]
    fn numbers_sort_as_numbers() {
        check(&[
            Value::Null,
            Value::Int(i64::MIN),
            Value::Int(-2),
            Value::Int(-1),
            Value::Int(0),
            Value::Int(1),
            Value::Int(i64::MAX),
        ]);
        let decimal = |digits: &str| Value::Decimal(digits.into());
        check(&[
            decimal("-9999999999999999999999999999"),
            decimal("-12345678.9000"),
            decimal("-1.00000000005"),
            decimal("-1.00000000001"),
            decimal("-1.0000"),
            decimal("-0.0001"),
            decimal("0.0000"),
            decimal("0.0000000000000000000000000001"),
            decimal("0.5"),
            decimal("1.25"),
            decimal("922337203685477.5807"),
        ]);
        let [short, long] = ["7.1", "7.1000"].map(|digits| encode_all(&[decimal(digits)]));
        assert_eq!(short, long);
        let pair = |first: &str, second: i64| encode_all(&[decimal(first), Value::Int(second)]);
        assert!(pair("-1.5", 9) < pair("-1.25", 1));
    }

    #[test]
    fn floats_sort_as_numbers() {
        check(&[
            Value::Float(f64::NEG_INFINITY),
            Value::Float(-1.5),
            Value::Float(-1.5e-7),
            Value::Float(0.0),
            Value::Float(70.25),
            Value::Float(1e300),
        ]);
    }

    #[test]
    fn text_sorts_by_its_characters_and_a_part_comes_before_the_whole() {
        check(&[
            text(""),
            text("A"),
            text("A\0"),
            text("A\0B"),
            text("AB"),
            text("a"),
            text("ñ"),
            text("ز"),
        ]);
    }

    #[test]
    fn a_key_of_two_columns_sorts_by_the_first_and_then_by_the_second() {
        let key = |a: &str, b: i64| encode_all(&[text(a), Value::Int(b)]);
        assert!(key("a", 9) < key("a\0", 1));
        assert!(key("a", 9) < key("ab", 1));
        assert!(key("a", -1) < key("a", 1));
    }
}
