// SPDX-License-Identifier: Apache-2.0
//! What comes from outside: known bytes are understood, and no bytes at all make anything panic.

use proptest::prelude::*;

use super::login::Login;
use super::prelogin::{self, Encryption};
use super::reader::{Reader, to_utf16};
use super::request::{self, Request};
use super::types::{read_parameter, write_type, write_value};
use crate::data::{Collation, Type, Value, convert};

#[test]
fn a_greeting_comes_back_from_its_bytes() {
    for encryption in [
        Encryption::Off,
        Encryption::On,
        Encryption::NotSupported,
        Encryption::Required,
    ] {
        assert_eq!(
            prelogin::asked(&prelogin::answer(encryption)),
            Some(encryption)
        );
    }
}

/// A LOGIN7 message as MS-TDS 2.2.6.4 draws it.
fn login7(user: &str, password: &str, database: &str) -> Vec<u8> {
    let obfuscated: Vec<u8> = to_utf16(password)
        .into_iter()
        .map(|b| b.rotate_left(4) ^ 0xa5)
        .collect();
    let fields = [
        Vec::new(),
        to_utf16(user),
        obfuscated,
        Vec::new(),
        Vec::new(),
        Vec::new(),
        Vec::new(),
        Vec::new(),
        to_utf16(database),
    ];
    let mut message = vec![0; 4];
    message.extend(0x7400_0004u32.to_le_bytes());
    message.extend(4096u32.to_le_bytes());
    message.resize(36, 0);
    let mut offset = 94u16;
    let mut data = Vec::new();
    for field in fields {
        message.extend(offset.to_le_bytes());
        message.extend(u16::try_from(field.len() / 2).unwrap().to_le_bytes());
        offset += u16::try_from(field.len()).unwrap();
        data.extend(field);
    }
    message.resize(94, 0);
    message.extend(data);
    let length = u32::try_from(message.len()).unwrap().to_le_bytes();
    message[..4].copy_from_slice(&length);
    message
}

#[test]
fn a_password_is_read_through_its_disguise_and_never_shown() {
    let login = Login::parse(&login7("sa", "Meri-khufia-بات", "h")).unwrap();
    assert_eq!(
        (
            login.user.as_str(),
            login.password.as_str(),
            login.database.as_str()
        ),
        ("sa", "Meri-khufia-بات", "h")
    );
    assert!(!format!("{login:?}").contains("khufia"));
}

#[test]
fn a_cut_login_is_none() {
    let whole = login7("sa", "p", "h");
    for end in 0..whole.len() {
        assert!(Login::parse(&whole[..end]).is_none(), "{end}");
    }
}

/// ALL_HEADERS with one transaction descriptor.
fn headers() -> Vec<u8> {
    let mut bytes = 22u32.to_le_bytes().to_vec();
    bytes.extend(18u32.to_le_bytes());
    bytes.extend(2u16.to_le_bytes());
    bytes.resize(22, 0);
    bytes
}

#[test]
fn a_batch_is_the_text_behind_its_headers() {
    let mut message = headers();
    message.extend(to_utf16("SELECT N'اردو'"));
    let Some(Request::Batch(text)) = request::batch(&message) else {
        panic!("no batch");
    };
    assert_eq!(text, "SELECT N'اردو'");
}

/// Types whose values go both ways, and a value of each as text.
fn both_ways() -> Vec<(Type, &'static str)> {
    vec![
        (Type::Bit, "1"),
        (Type::TinyInt, "200"),
        (Type::SmallInt, "-2"),
        (Type::Int, "-2147483648"),
        (Type::BigInt, "9007199254740993"),
        (Type::Real, "98.5"),
        (Type::Float, "-1.5e-7"),
        (
            Type::Decimal {
                precision: 38,
                scale: 10,
            },
            "-1234567890123456789012345678.0123456789",
        ),
        (
            Type::Decimal {
                precision: 5,
                scale: 2,
            },
            "7.10",
        ),
        (Type::Money, "-922337203685477.5808"),
        (
            Type::UniqueIdentifier,
            "513952D6-DF55-4D6E-A33C-3DD65EC73A2A",
        ),
        (Type::Date, "1850-01-01"),
        (Type::Time(7), "23:59:59.9999999"),
        (Type::Time(0), "13:45:30"),
        (Type::DateTime, "2025-07-01 09:30:00.003"),
        (Type::DateTime2(7), "9999-12-31 23:59:59.9999999"),
        (Type::DateTime2(3), "0001-01-01 00:00:00.001"),
        (Type::DateTimeOffset(2), "2025-07-01 09:30:00.25 +05:00"),
        (Type::NVarChar(Some(20)), "محمد علی 😀"),
        (Type::NVarChar(None), "محمد علی"),
        (Type::VarChar(Some(20)), "Zoë"),
    ]
}

#[test]
fn a_value_comes_back_from_its_bytes() {
    let collation = Collation::default();
    for (ty, text) in both_ways() {
        let value = convert(Value::text(text), Type::NVarChar(None), ty, collation).unwrap();
        for value in [value, Value::Null] {
            let mut bytes = Vec::new();
            write_type(ty, true, collation, &mut bytes);
            write_value(&value, ty, true, collation, &mut bytes);
            let mut reader = Reader(&bytes);
            let read = read_parameter(&mut reader);
            assert_eq!(read, Some((ty, value)), "{ty} {text}");
            assert!(reader.is_empty(), "{ty} left {} bytes", reader.0.len());
        }
    }
}

#[test]
fn a_cut_value_is_none() {
    let collation = Collation::default();
    for (ty, text) in both_ways() {
        let value = convert(Value::text(text), Type::NVarChar(None), ty, collation).unwrap();
        let mut bytes = Vec::new();
        write_type(ty, true, collation, &mut bytes);
        write_value(&value, ty, true, collation, &mut bytes);
        for end in 0..bytes.len() {
            assert_eq!(
                read_parameter(&mut Reader(&bytes[..end])),
                None,
                "{ty} cut at {end}"
            );
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_a_decoder_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = prelogin::asked(&bytes);
        let _ = Login::parse(&bytes);
        let _ = request::batch(&bytes);
        let _ = request::rpc(&bytes);
        let _ = read_parameter(&mut Reader(&bytes));
    }

    /// Behind sound headers, so that the parameters are reached.
    #[test]
    fn no_bytes_behind_sp_executesql_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut message = headers();
        message.extend([0xff, 0xff, 10, 0, 0, 0]);
        message.extend(bytes);
        let _ = request::rpc(&message);
    }

    #[test]
    fn a_login_with_a_changed_byte_is_read_or_refused(at in 0usize..130, to in any::<u8>()) {
        let mut message = login7("reader", "password", "hospital");
        let at = at % message.len();
        message[at] = to;
        let _ = Login::parse(&message);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,200}") {
        let _ = crate::sql::parse(&text);
    }

    /// Of words that mean something, so that more than the first is read.
    #[test]
    fn no_order_of_words_makes_the_parser_panic(words in proptest::collection::vec(
        prop_oneof![
            Just("SELECT"), Just("TOP"), Just("("), Just(")"), Just("1"), Just("FROM"), Just("[t]"), Just("WHERE"),
            Just("AND"), Just("OR"), Just("NOT"), Just("IN"), Just("IS"), Just("NULL"), Just("CAST"), Just("AS"),
            Just("int"), Just(","), Just("="), Just("N'x'"), Just("@P1"), Just("CREATE"), Just("TABLE"),
            Just("INSERT"), Just("VALUES"), Just("GRANT"), Just("ON"), Just("TO"), Just("-"), Just("0x0F"),
        ],
        0..40,
    )) {
        let _ = crate::sql::parse(&words.join(" "));
    }
}
