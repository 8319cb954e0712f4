// SPDX-License-Identifier: Apache-2.0
//! What conversions give.

use super::collation::Collation;
use super::{Type, Value, convert, show};

fn check(text: &str, to: Type, expect: &str) {
    let value = convert(
        Value::text(text),
        Type::NVarChar(None),
        to,
        Collation::default(),
    );
    let shown = value
        .map(|v| show(&v, to))
        .unwrap_or_else(|e| e.number.to_string());
    assert_eq!(shown, expect, "{text} as {to}");
}

#[test]
fn text_becomes_every_type_and_text_again() {
    check("1", Type::Bit, "1");
    check("9007199254740993", Type::BigInt, "9007199254740993");
    check(
        "-7.105",
        Type::Decimal {
            precision: 9,
            scale: 2,
        },
        "-7.11",
    );
    check("7.1", Type::Money, "7.1000");
    check("922337203685477.5807", Type::Money, "922337203685477.5807");
    check("98.6", Type::Float, "98.6");
    check(
        "513952d6-df55-4d6e-a33c-3dd65ec73a2a",
        Type::UniqueIdentifier,
        "513952D6-DF55-4D6E-A33C-3DD65EC73A2A",
    );
    check(
        "2025-07-01 09:30:00.1234567",
        Type::DateTime2(7),
        "2025-07-01 09:30:00.1234567",
    );
    check(
        "2025-07-01T23:59:59.9999999",
        Type::DateTime2(0),
        "2025-07-02 00:00:00",
    );
    check(
        "2025-07-01 09:42:00 +05:00",
        Type::DateTimeOffset(0),
        "2025-07-01 09:42:00 +05:00",
    );
    check(
        "2025-07-01T00:00:00.005",
        Type::DateTime,
        "2025-07-01 00:00:00.007",
    );
    check(
        "2025-07-01 00:00:31",
        Type::SmallDateTime,
        "2025-07-01 00:01:00",
    );
    check("1850-01-01", Type::Date, "1850-01-01");
    check("13:45:30.5", Type::Time(1), "13:45:30.5");
}

#[test]
fn what_cannot_be_is_an_error_with_its_number() {
    check("seven", Type::Int, "245");
    check("256", Type::TinyInt, "8115");
    check(
        "12345",
        Type::Decimal {
            precision: 4,
            scale: 0,
        },
        "8115",
    );
    check("2025-02-30", Type::Date, "241");
    check("1752-12-31", Type::DateTime, "242");
    check("no id", Type::UniqueIdentifier, "8169");
}

#[test]
fn text_is_cut_padded_and_passed_through_its_code_page() {
    check("شیخ Zoë", Type::VarChar(Some(5)), "??? Z");
    check("M", Type::NChar(3), "M  ");
    check("اردو", Type::NVarChar(Some(2)), "ار");
}
