// SPDX-License-Identifier: Apache-2.0
//! What a lookup finds: values as bytes that are the same where Access, and the contract, call them equal.
//!
//! Text is compared as Access compares it as far as that is the same everywhere: without regard to case, with
//! regard to everything else (accents, blanks, the Urdu and the Arabic yeh). A number finds text that spells
//! it so and nothing else.

use silsila_source::{Date, DateTime, Time, Value};

use crate::cells::Shape;

/// What a value is compared by in a column of that shape, be it one that is stored in it or one that is looked
/// for; `None` where it equals nothing, as NULL does.
pub(crate) fn comparable(shape: Shape, value: &Value) -> Option<Vec<u8>> {
    match shape {
        Shape::Bool => match value {
            Value::Bool(yes) => Some(vec![u8::from(*yes)]),
            // Access writes -1 for yes, everybody else 1.
            Value::Int(n @ (-1..=1)) => Some(vec![u8::from(*n != 0)]),
            _ => None,
        },
        Shape::Integer => whole(value),
        Shape::Decimal => decimal(value),
        Shape::Single | Shape::Double => float(value),
        Shape::Text => words(value).map(|text| fold(&text)),
        Shape::Guid => words(value).map(|text| fold(text.trim_matches(['{', '}']))),
        Shape::Bytes => match value {
            Value::Bytes(bytes) => Some(bytes.to_vec()),
            _ => None,
        },
        Shape::Moment => moment(value),
        Shape::Unread(_) => None,
    }
}

fn whole(value: &Value) -> Option<Vec<u8>> {
    let digits = match value {
        Value::Int(n) => n.to_string(),
        Value::UInt(n) => n.to_string(),
        Value::Text(text) => text.to_string(),
        Value::Decimal(digits) => match digits.split_once('.') {
            Some((whole, fraction)) if fraction.bytes().all(|b| b == b'0') => whole.to_owned(),
            Some(_) => return None,
            None => digits.to_string(),
        },
        _ => return None,
    };
    // In its only spelling: no blanks, no plus, no leading zeros.
    let number: i128 = digits.parse().ok()?;
    (number.to_string() == digits).then(|| digits.into_bytes())
}

fn decimal(value: &Value) -> Option<Vec<u8>> {
    let digits = match value {
        Value::Int(n) => n.to_string(),
        Value::UInt(n) => n.to_string(),
        Value::Decimal(digits) | Value::Text(digits) => digits.to_string(),
        _ => return None,
    };
    let unsigned = digits.strip_prefix('-').unwrap_or(&digits);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let all = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !all(whole) || !all(fraction) {
        return None;
    }
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        rest => rest,
    };
    let fraction = fraction.trim_end_matches('0');
    let nought = whole == "0" && fraction.is_empty();
    let sign = if digits.starts_with('-') && !nought {
        "-"
    } else {
        ""
    };
    Some(format!("{sign}{whole}.{fraction}").into_bytes())
}

fn float(value: &Value) -> Option<Vec<u8>> {
    let number: f64 = match value {
        Value::Float(n) => *n,
        Value::Int(n) => n.to_string().parse().ok()?,
        Value::UInt(n) => n.to_string().parse().ok()?,
        Value::Decimal(digits) => digits.parse().ok()?,
        _ => return None,
    };
    // 0 and -0 are one number.
    Some((number + 0.0).to_bits().to_be_bytes().to_vec())
}

fn words(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) | Value::Decimal(text) => Some(text.to_string()),
        Value::Int(n) => Some(n.to_string()),
        Value::UInt(n) => Some(n.to_string()),
        _ => None,
    }
}

/// Lower case, character by character.
fn fold(text: &str) -> Vec<u8> {
    let folded: String = text.chars().flat_map(char::to_lowercase).collect();
    folded.into_bytes()
}

fn moment(value: &Value) -> Option<Vec<u8>> {
    let (date, time) = match value {
        Value::Date(date) => (
            *date,
            Time {
                hour: 0,
                minute: 0,
                second: 0,
                nanosecond: 0,
            },
        ),
        Value::DateTime(DateTime {
            date,
            time,
            offset_minutes: None,
        }) => (*date, *time),
        // A number that is no date of Access.
        Value::Float(_) => return float(value),
        _ => return None,
    };
    let Date { year, month, day } = date;
    let mut out = year.to_be_bytes().to_vec();
    out.extend([month, day, time.hour, time.minute, time.second]);
    out.extend(time.nanosecond.to_be_bytes());
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(s: &str) -> Value {
        Value::Text(s.into())
    }

    fn decimal(s: &str) -> Value {
        Value::Decimal(s.into())
    }

    fn check(shape: Shape, stored_value: &Value, key: &Value, expect: bool) {
        let found = comparable(shape, key);
        let found = found.is_some() && found == comparable(shape, stored_value);
        assert_eq!(found, expect, "{shape:?}");
    }

    #[test]
    fn text_is_found_in_either_case_and_only_whole() {
        check(Shape::Text, &text("E11.9"), &text("e11.9"), true);
        check(Shape::Text, &text("ÑOÑO"), &text("ñoño"), true);
        check(Shape::Text, &text("resume"), &text("résumé"), false);
        check(Shape::Text, &text("a "), &text("a"), false);
        check(Shape::Text, &text("علی"), &text("علي"), false);
        check(Shape::Text, &text(""), &text(""), true);
    }

    #[test]
    fn a_number_finds_the_text_that_spells_it_so_and_nothing_else() {
        check(Shape::Text, &text("4"), &Value::Int(4), true);
        check(Shape::Text, &text("04"), &Value::Int(4), false);
        check(Shape::Text, &text("bed 0"), &Value::Int(0), false);
        check(Shape::Integer, &Value::Int(4), &text("4"), true);
        check(Shape::Integer, &Value::Int(4), &text("4 beds"), false);
        check(Shape::Integer, &Value::Int(4), &text("04"), false);
        check(Shape::Integer, &Value::Int(4), &decimal("4.0000"), true);
        check(Shape::Integer, &Value::Int(4), &decimal("4.5000"), false);
        check(Shape::Decimal, &decimal("99.9500"), &decimal("99.95"), true);
        check(Shape::Decimal, &decimal("-0.0000"), &Value::Int(0), true);
        check(Shape::Decimal, &decimal("5.0000"), &text("5x"), false);
        check(Shape::Double, &Value::Float(0.0), &Value::Float(-0.0), true);
    }

    #[test]
    fn null_equals_nothing() {
        for shape in [Shape::Bool, Shape::Integer, Shape::Text, Shape::Moment] {
            assert!(comparable(shape, &Value::Null).is_none());
        }
    }

    #[test]
    fn a_replication_id_is_found_with_braces_and_without() {
        let stored_value = text("{11223344-5566-7788-99AA-BBCCDDEEFF00}");
        let key = text("11223344-5566-7788-99aa-bbccddeeff00");
        check(Shape::Guid, &stored_value, &key, true);
    }

    #[test]
    fn yes_is_minus_one_in_access_and_one_elsewhere() {
        for n in [-1, 1] {
            check(Shape::Bool, &Value::Bool(true), &Value::Int(n), true);
        }
        check(Shape::Bool, &Value::Bool(false), &Value::Int(0), true);
        check(Shape::Bool, &Value::Bool(true), &Value::Int(2), false);
    }
}
