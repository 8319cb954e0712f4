// SPDX-License-Identifier: Apache-2.0
//! Legacy keys as an operator writes them: for the quarantine list, a preview, and nothing else.

use std::fmt::Write as _;

use silsila_source::{Key, Value};

/// The key's columns joined by `/`, for an operator's eyes.
#[must_use]
pub fn key_text(key: &Key) -> String {
    let mut out = String::new();
    for (i, value) in key.0.iter().enumerate() {
        if i > 0 {
            out.push('/');
        }
        value_text(value, &mut out);
    }
    out
}

fn value_text(value: &Value, out: &mut String) {
    // Writing to a String cannot fail.
    let _ = match value {
        Value::Null => write!(out, "NULL"),
        Value::Bool(b) => write!(out, "{b}"),
        Value::Int(i) => write!(out, "{i}"),
        Value::UInt(u) => write!(out, "{u}"),
        Value::Decimal(s) | Value::Text(s) => write!(out, "{s}"),
        Value::Float(f) => write!(out, "{f}"),
        Value::Bytes(bytes) => bytes.iter().try_for_each(|b| write!(out, "{b:02x}")),
        Value::Date(d) => write!(out, "{:04}-{:02}-{:02}", d.year, d.month, d.day),
        Value::DateTime(dt) => {
            let (d, t) = (dt.date, dt.time);
            write!(
                out,
                "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
                d.year, d.month, d.day, t.hour, t.minute, t.second
            )
        }
        Value::Time(t) => write!(out, "{:02}:{:02}:{:02}", t.hour, t.minute, t.second),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_several_columns_is_joined_by_slashes() {
        let key = Key(vec![
            Value::Int(4485),
            Value::Text("OPD".into()),
            Value::Bytes([1, 255].into()),
        ]);
        assert_eq!(key_text(&key), "4485/OPD/01ff");
    }
}
