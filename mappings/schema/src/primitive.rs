// SPDX-License-Identifier: Apache-2.0
//! The primitive datatypes of R4 and their syntax.

use crate::calendar;
use crate::json::parse;
use crate::narrative;

/// A primitive datatype of FHIR R4, <https://hl7.org/fhir/R4/datatypes.html#primitive>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Primitive {
    /// `true` or `false`.
    Boolean,
    /// A signed 32-bit number.
    Integer,
    /// A number from 0 to 2,147,483,647.
    UnsignedInt,
    /// A number from 1 to 2,147,483,647.
    PositiveInt,
    /// A decimal whose digits carry its precision.
    Decimal,
    /// Text.
    String,
    /// Text that may be rendered as Markdown.
    Markdown,
    /// A token without leading, trailing or doubled spaces.
    Code,
    /// A logical id: 1 to 64 of `A-Z a-z 0-9 - .`
    Id,
    /// A URI.
    Uri,
    /// A URL.
    Url,
    /// The URL of a definition, perhaps with `|version`.
    Canonical,
    /// `urn:oid:...`
    Oid,
    /// `urn:uuid:...`
    Uuid,
    /// Bytes in base64.
    Base64Binary,
    /// A year, month or day.
    Date,
    /// A year, month, day, or an instant with its zone.
    DateTime,
    /// A moment to the second or finer, with its zone.
    Instant,
    /// A time of day.
    Time,
    /// The XHTML of a narrative.
    Xhtml,
}

impl Primitive {
    const ALL: [Primitive; 20] = [
        Self::Boolean,
        Self::Integer,
        Self::UnsignedInt,
        Self::PositiveInt,
        Self::Decimal,
        Self::String,
        Self::Markdown,
        Self::Code,
        Self::Id,
        Self::Uri,
        Self::Url,
        Self::Canonical,
        Self::Oid,
        Self::Uuid,
        Self::Base64Binary,
        Self::Date,
        Self::DateTime,
        Self::Instant,
        Self::Time,
        Self::Xhtml,
    ];

    /// The primitive of this name in FHIR.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|primitive| primitive.name() == name)
    }

    /// Whether JSON writes this type as a number.
    pub fn is_number(self) -> bool {
        matches!(
            self,
            Self::Integer | Self::UnsignedInt | Self::PositiveInt | Self::Decimal
        )
    }

    /// Whether a text is a value of this type: for a number its token, for a boolean `true` or
    /// `false`, otherwise the string.
    pub fn accepts(self, text: &str) -> bool {
        match self {
            Self::Boolean => matches!(text, "true" | "false"),
            Self::Integer => is_integer(text, i64::from(i32::MIN)),
            Self::UnsignedInt => is_integer(text, 0),
            Self::PositiveInt => is_integer(text, 1),
            Self::Decimal => is_decimal(text),
            Self::String | Self::Markdown => is_text(text),
            Self::Code => is_code(text),
            Self::Id => is_id(text),
            Self::Uri | Self::Url | Self::Canonical => is_uri(text),
            Self::Oid => is_oid(text),
            Self::Uuid => is_uuid(text),
            Self::Base64Binary => is_base64(text),
            Self::Date => calendar::is_date(text),
            Self::DateTime => calendar::is_date_time(text),
            Self::Instant => calendar::is_instant(text),
            Self::Time => calendar::is_time(text),
            Self::Xhtml => narrative::is_narrative(text),
        }
    }

    /// The name in FHIR.
    pub fn name(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::UnsignedInt => "unsignedInt",
            Self::PositiveInt => "positiveInt",
            Self::Decimal => "decimal",
            Self::String => "string",
            Self::Markdown => "markdown",
            Self::Code => "code",
            Self::Id => "id",
            Self::Uri => "uri",
            Self::Url => "url",
            Self::Canonical => "canonical",
            Self::Oid => "oid",
            Self::Uuid => "uuid",
            Self::Base64Binary => "base64Binary",
            Self::Date => "date",
            Self::DateTime => "dateTime",
            Self::Instant => "instant",
            Self::Time => "time",
            Self::Xhtml => "xhtml",
        }
    }
}

/// R4 integers have 32 bits.
fn is_integer(token: &str, least: i64) -> bool {
    let digits = token.strip_prefix('-').unwrap_or(token);
    if !(1..=10).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    token
        .parse()
        .is_ok_and(|value: i64| (least..=i64::from(i32::MAX)).contains(&value))
}

fn is_decimal(token: &str) -> bool {
    parse::is_number(token)
}

/// A string is not empty, not longer than a mebibyte and has no control characters but tab and
/// line ends.
fn is_text(text: &str) -> bool {
    const LONGEST: usize = 1024 * 1024;
    let has_control = text.bytes().fold(false, |found, byte| {
        found | (byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r'))
    });
    !text.is_empty() && text.len() <= LONGEST && !has_control
}

fn is_code(text: &str) -> bool {
    let mut after_space = true;
    for byte in text.bytes() {
        let is_space = byte <= b' ';
        if is_space && (after_space || byte != b' ') {
            return false;
        }
        after_space = is_space;
    }
    !after_space
}

/// Whether a text can be the logical id of a resource.
pub(crate) fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
}

fn is_uri(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte > b' ')
        && (text.is_ascii() || !text.contains(char::is_whitespace))
}

fn is_oid(text: &str) -> bool {
    let Some(arcs) = text.strip_prefix("urn:oid:") else {
        return false;
    };
    let is_arc = |arc: &str| {
        !arc.is_empty()
            && arc.bytes().all(|byte| byte.is_ascii_digit())
            && (arc == "0" || !arc.starts_with('0'))
    };
    matches!(arcs.bytes().next(), Some(b'0'..=b'2'))
        && arcs.as_bytes().get(1) == Some(&b'.')
        && arcs.split('.').all(is_arc)
}

fn is_uuid(text: &str) -> bool {
    const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
    let Some(groups) = text.strip_prefix("urn:uuid:") else {
        return false;
    };
    groups.split('-').map(str::len).eq(GROUPS)
        && groups
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'))
}

/// Groups of four, padded at the end; whitespace may stand anywhere.
fn is_base64(text: &str) -> bool {
    let (mut digits, mut padding) = (0_usize, 0_usize);
    for byte in text.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
        match byte {
            b'=' => padding += 1,
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' if padding == 0 => digits += 1,
            _ => return false,
        }
    }
    digits > 0 && padding <= 2 && (digits + padding).is_multiple_of(4)
}

#[cfg(test)]
mod tests {
    use super::Primitive::{self, *};

    #[track_caller]
    fn check(primitive: Primitive, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(primitive.accepts(text), "{} {text:?}", primitive.name());
        }
        for text in bad {
            assert!(!primitive.accepts(text), "{} {text:?}", primitive.name());
        }
    }

    #[test]
    fn each_primitive_accepts_its_own_syntax_only() {
        check(Boolean, &["true", "false"], &["", "True", "1"]);
        check(
            Integer,
            &["0", "-1", "2147483647", "-2147483648"],
            &[
                "",
                "-",
                "1.0",
                "1e3",
                "2147483648",
                "-2147483649",
                "+1",
                "99999999999",
            ],
        );
        check(UnsignedInt, &["0", "17"], &["-1", "2147483648"]);
        check(PositiveInt, &["1", "17"], &["0", "-1"]);
        check(
            Decimal,
            &["7.10", "-0.5", "1E3"],
            &["", ".5", "7.", "07", "NaN"],
        );
        check(
            String,
            &["a", " a ", "line\nline", "سلسلہ"],
            &["", "a\u{0}", "\u{7}"],
        );
        check(Code, &["a", "a b", "ا"], &["", " a", "a ", "a  b", "a\tb"]);
        check(
            Id,
            &["a", "A-1.b", &"a".repeat(64)],
            &["", "a_b", "a b", &"a".repeat(65), "é"],
        );
        check(
            Uri,
            &["http://loinc.org", "urn:x", "é"],
            &["", "a b", "a\n", "a\u{a0}b"],
        );
        check(
            Oid,
            &["urn:oid:2.16.840"],
            &[
                "2.16",
                "urn:oid:3.1",
                "urn:oid:2.01",
                "urn:oid:2",
                "urn:oid:2.",
            ],
        );
        check(
            Uuid,
            &["urn:uuid:c757873d-ec9a-4326-a141-556f43239520"],
            &[
                "c757873d-ec9a-4326-a141-556f43239520",
                "urn:uuid:c757873d-ec9a-4326-a141-556f4323952g",
                "urn:uuid:1",
            ],
        );
        check(
            Base64Binary,
            &["YQ==", "YWI=", "YWJj", "YW\nJj"],
            &["", "YQ", "YQ=a", "Y===", "=", "Y-_j"],
        );
    }

    #[test]
    fn names_lead_back_to_their_primitive() {
        for primitive in Primitive::ALL {
            assert_eq!(Primitive::from_name(primitive.name()), Some(primitive));
        }
        assert_eq!(Primitive::from_name("HumanName"), None);
    }
}
