// SPDX-License-Identifier: Apache-2.0
use proptest::prelude::*;

use super::*;

fn canonical(text: &str) -> String {
    let json = Json::parse(text.as_bytes()).unwrap();
    String::from_utf8(json.canonical()).unwrap()
}

#[track_caller]
fn refused(text: &[u8], line: usize, column: usize, reason: JsonReason) {
    let expected = JsonError {
        line,
        column,
        reason,
    };
    assert_eq!(Json::parse(text).unwrap_err(), expected);
}

#[test]
fn members_are_sorted_by_bytes_and_whitespace_goes() {
    let text = " { \"b\" : [ 1 , true , null ] ,\n \"a\" : { \"é\" : 1, \"z\" : 2 } } ";
    assert_eq!(
        canonical(text),
        "{\"a\":{\"z\":2,\"é\":1},\"b\":[1,true,null]}"
    );
}

#[test]
fn number_tokens_stay_as_written() {
    for token in ["7.10", "-0.0", "1e5", "1E+05", "100000000000000000000.000"] {
        assert_eq!(canonical(token), token);
    }
}

#[test]
fn strings_are_escaped_as_rfc_8785_says() {
    assert_eq!(
        canonical(r#""\u0000\u001F\b\t\n\f\r\"\\\/\u00e9\ud83d\ude00\u007f""#),
        "\"\\u0000\\u001f\\b\\t\\n\\f\\r\\\"\\\\/é😀\u{7f}\""
    );
}

#[test]
fn a_member_given_twice_is_refused_with_its_place() {
    refused(
        b"{\"a\": 1,\n  \"\\u0061\": 2}",
        2,
        3,
        JsonReason::DuplicateMember,
    );
    let mut large: String = (0..500).map(|n| format!("\"m{n}\":0,")).collect();
    large = format!("{{{large}\"m77\":1}}");
    assert_eq!(
        Json::parse(large.as_bytes()).unwrap_err().reason,
        JsonReason::DuplicateMember
    );
    let distinct: String = (0..500).map(|n| format!("\"m{n}\":0,")).collect();
    assert!(Json::parse(format!("{{{distinct}\"x\":1}}").as_bytes()).is_ok());
}

#[test]
fn nesting_is_limited() {
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(Json::parse(deep(MAX_DEPTH).as_bytes()).is_ok());
    refused(
        deep(MAX_DEPTH + 1).as_bytes(),
        1,
        MAX_DEPTH + 1,
        JsonReason::TooDeep,
    );
}

#[test]
fn what_is_not_json_is_refused_with_its_place() {
    refused(b"", 1, 1, JsonReason::Ended);
    refused(b"{\"a\"", 1, 5, JsonReason::Ended);
    refused(b"\"abc", 1, 5, JsonReason::Ended);
    refused(b"[1,]", 1, 4, JsonReason::ValueExpected);
    refused(b"{\"a\":1,}", 1, 8, JsonReason::NameExpected);
    refused(b"{\"a\" 1}", 1, 6, JsonReason::ColonExpected);
    refused(b"[1 2]", 1, 4, JsonReason::CommaExpected);
    refused(b"1 2", 1, 3, JsonReason::Trailing);
    refused(b"01", 1, 2, JsonReason::Number);
    refused(b"1.", 1, 3, JsonReason::Number);
    refused(b"-", 1, 2, JsonReason::Number);
    refused(b"1e", 1, 3, JsonReason::Number);
    refused(b"NaN", 1, 1, JsonReason::ValueExpected);
    refused(b"nul", 1, 1, JsonReason::ValueExpected);
    refused(b"\"\n\"", 1, 2, JsonReason::ControlCharacter);
    refused(b"\"\\x\"", 1, 2, JsonReason::Escape);
    refused(b"\"\\u12g4\"", 1, 2, JsonReason::Escape);
    refused(b"\"\\ud800\"", 1, 2, JsonReason::Surrogate);
    refused(b"\"\\udc00\"", 1, 2, JsonReason::Surrogate);
    refused(b"\"\\ud800\\u0041\"", 1, 2, JsonReason::Surrogate);
    refused(b"\xEF\xBB\xBF1", 1, 1, JsonReason::ByteOrderMark);
    refused(b"[\"\xD8\xA7\n\"]", 1, 4, JsonReason::ControlCharacter);
    refused(b"\n\"\xFF\"", 2, 2, JsonReason::NotUtf8);
}

#[test]
fn errors_and_debug_show_no_text() {
    let json = Json::parse(br#"{"family": "Soomro", "given": ["Zahida"]}"#).unwrap();
    assert_eq!(format!("{json:?}"), "object of 2");
    let error = Json::parse(br#"{"family": "Soomro" "given"}"#).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 1, column 21: a comma or the closing bracket was expected"
    );
}

#[test]
fn inserting_keeps_the_place_of_a_member() {
    let mut object = Object::new();
    assert_eq!(object.insert("b", "1"), None);
    assert_eq!(object.insert("a", true), None);
    assert_eq!(object.insert("b", "2"), Some(Json::from("1")));
    assert_eq!(object.remove("a"), Some(Json::Bool(true)));
    assert_eq!(object.get("b").and_then(Json::as_str), Some("2"));
    assert_eq!(object.len(), 1);
}

#[test]
fn a_number_is_made_only_from_a_number() {
    assert_eq!(Json::number("7.10"), Some(Json::Number("7.10".into())));
    for text in ["", " 1", "1 ", "0x1", "+1", ".5", "1,0", "1.0.0"] {
        assert_eq!(Json::number(text), None, "{text}");
    }
}

fn any_json() -> impl Strategy<Value = Json> {
    let token = (any::<i64>(), 0..40u32, -20..20i32).prop_map(|(whole, fraction, exponent)| {
        Json::Number(format!("{whole}.{fraction}e{exponent}").into())
    });
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        token,
        any::<String>().prop_map(Json::from),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Json::Array),
            prop::collection::vec((any::<String>(), inner), 0..8)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn canonical_bytes_survive_a_round_trip(json in any_json()) {
        let bytes = json.canonical();
        let again = Json::parse(&bytes).unwrap();
        prop_assert!(again.canonical() == bytes);
    }

    #[test]
    fn any_bytes_are_parsed_or_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Json::parse(&bytes);
    }

    #[test]
    fn any_json_like_text_is_parsed_or_refused(text in "[\\[\\]{}\",:0-9eE.+\\-\\\\untrfalse \n]{0,60}") {
        if let Ok(json) = Json::parse(text.as_bytes()) {
            let bytes = json.canonical();
            prop_assert!(Json::parse(&bytes).unwrap().canonical() == bytes);
        }
    }
}
