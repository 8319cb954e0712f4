// SPDX-License-Identifier: Apache-2.0
//! The order in which a scan walks: values as bytes that sort as the values do.
//!
//! Text is ordered by its code points and not by one of Access's sort orders. Nothing is equal in this order that
//! is not the same text, so that no row is passed over where Access would call two keys equal, and a cursor
//! that was written years ago still stands in the same place.
//!
//! ```text
//! NULL 00 | boolean 01 b | integer, decimal 02 (sign and 16 bytes) | float 03 (8) | text 04 .. 00 00
//! bytes 05 .. 00 00 | moment 06 (11) | time 07 (7); a zero byte inside .. is written 00 FF
//! ```

use silsila_source::{Date, DateTime, Time, Value};

/// The decimal places that every number is brought to, so that integers and decimals compare: Access's
/// decimals have 28 digits at most. A number with more before its point sorts with the largest.
const PLACES: u32 = 10;

/// Appends a value so that encodings sort as the values do.
pub(crate) fn encode(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(0),
        Value::Bool(yes) => out.extend([1, u8::from(*yes)]),
        Value::Int(n) => number(i128::from(*n) * 10_i128.pow(PLACES), &[], out),
        Value::UInt(n) => number(i128::from(*n) * 10_i128.pow(PLACES), &[], out),
        Value::Decimal(digits) => decimal(digits, out),
        Value::Float(n) => {
            out.push(3);
            out.extend(float(*n).to_be_bytes());
        }
        Value::Text(text) => escaped(4, text.as_bytes(), out),
        Value::Bytes(bytes) => escaped(5, bytes, out),
        Value::Date(d) => {
            out.push(6);
            date(*d, out);
            out.extend([0; 7]);
        }
        Value::DateTime(DateTime {
            date: d, time: t, ..
        }) => {
            out.push(6);
            date(*d, out);
            time(*t, out);
        }
        Value::Time(t) => {
            out.push(7);
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

fn number(scaled: i128, rest: &[u8], out: &mut Vec<u8>) {
    out.push(2);
    let flipped = scaled.cast_unsigned() ^ (1 << 127);
    out.extend(flipped.to_be_bytes());
    out.extend(rest);
}

/// The first ten places as a number, and, so that nothing different is equal, all digits as they are.
fn decimal(digits: &str, out: &mut Vec<u8>) {
    let negative = digits.starts_with('-');
    let (whole, fraction) = digits
        .trim_start_matches('-')
        .split_once('.')
        .unwrap_or((digits.trim_start_matches('-'), ""));
    let places = PLACES as usize;
    let head = fraction.get(..places).unwrap_or(fraction);
    let tail = fraction.get(places..).unwrap_or("").trim_end_matches('0');
    let scaled = format!("{whole}{head:0<places$}")
        .parse::<i128>()
        .unwrap_or(i128::MAX);
    let scaled = if negative { -scaled } else { scaled };
    // Below the tenth place a larger tail is a larger number, or a smaller one where it is negative.
    let tail: Vec<u8> = tail
        .bytes()
        .map(|digit| if negative { !digit } else { digit })
        .collect();
    number(scaled, &tail, out);
    if !tail.is_empty() && negative {
        out.push(0xFF);
    }
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
        let encoded: Vec<_> = ascending.iter().map(|v| encode_all(&[v.clone()])).collect();
        for (i, pair) in encoded.windows(2).enumerate() {
            assert!(pair[0] < pair[1], "{i}");
        }
    }

    #[test]
    fn numbers_sort_as_numbers_whatever_they_are_written_as() {
        let decimal = |digits: &str| Value::Decimal(digits.into());
        check(&[
            Value::Null,
            Value::Int(i64::MIN),
            decimal("-12345678.9000"),
            Value::Int(-2),
            decimal("-1.00000000005"),
            decimal("-1.00000000001"),
            Value::Int(-1),
            decimal("-0.0001"),
            decimal("0.0000"),
            decimal("0.00000000001"),
            decimal("0.5"),
            Value::Int(1),
            decimal("1.25"),
            Value::Int(i64::MAX),
            Value::UInt(u64::MAX),
        ]);
        let same = |a: Value, b: Value| assert_eq!(encode_all(&[a]), encode_all(&[b]));
        same(Value::Int(7), decimal("7.0000"));
        same(decimal("7.1"), decimal("7.10"));
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
