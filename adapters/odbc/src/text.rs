// SPDX-License-Identifier: Apache-2.0
//! How text passes through the driver manager.
//!
//! We always call the manager's UTF-16 functions. A driver that has such functions gets the text as it is. For
//! one that has none, a manager built without iconv (ours) copies the low byte of every unit, and on the way
//! back makes a unit of every byte. So for such a driver a statement is written with one unit for each byte of
//! its UTF-8, and what comes back is read the same way; nothing depends on the locale.
//!
//! The text of cells and parameters never passes through the manager: it travels as the driver is asked for it,
//! as UTF-16 or as bytes, and many a driver without UTF-16 functions can do both.

use std::borrow::Cow;

/// What the driver behind a connection takes and gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// UTF-16.
    Wide,
    /// Bytes, taken for UTF-8.
    Narrow,
}

impl Encoding {
    /// A statement or a name, as the manager must be given it.
    pub(crate) fn outward(self, text: &str) -> Cow<'_, str> {
        if self == Self::Wide || text.is_ascii() {
            return Cow::Borrowed(text);
        }
        Cow::Owned(text.bytes().map(char::from).collect())
    }

    /// A name or a message that the manager gave.
    pub(crate) fn inward(self, text: String) -> String {
        if self == Self::Wide || text.is_ascii() {
            return text;
        }
        let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(c).ok()).collect();
        bytes
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .unwrap_or(text)
    }
}

/// Bytes of a cell as text. Damaged text is shown with U+FFFD, except in a key, where a scan could not resume
/// after it.
pub(crate) fn of_bytes(bytes: &[u8], key: bool) -> Result<Cow<'_, str>, &'static str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Cow::Borrowed(text)),
        Err(_) if key => Err("a key holds bytes that are not UTF-8"),
        Err(_) => Ok(String::from_utf8_lossy(bytes)),
    }
}

/// UTF-16 units of a cell as text, with the same care.
pub(crate) fn of_units(units: &[u16], key: bool) -> Result<String, &'static str> {
    match String::from_utf16(units) {
        Ok(text) => Ok(text),
        Err(_) if key => Err("a key holds units that are not UTF-16"),
        Err(_) => Ok(String::from_utf16_lossy(units)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the driver manager does for a driver that knows bytes alone.
    fn low_bytes(text: &str) -> Vec<u8> {
        text.encode_utf16().map(|unit| unit as u8).collect()
    }

    #[test]
    fn a_driver_of_bytes_is_handed_utf_8() {
        let sql = "SELECT \"نام\" FROM \"مریض\"";
        assert_eq!(low_bytes(&Encoding::Narrow.outward(sql)), sql.as_bytes());
        assert_eq!(Encoding::Wide.outward(sql), sql);
    }

    #[test]
    fn names_come_back_as_they_went() {
        for name in ["نام", "Full Name", "ñ", "it's 5%"] {
            for encoding in [Encoding::Narrow, Encoding::Wide] {
                let outward = encoding.outward(name).into_owned();
                assert_eq!(encoding.inward(outward), name);
            }
        }
    }

    #[test]
    fn damaged_text_is_shown_but_never_a_key() {
        assert_eq!(of_bytes(&[b'a', 0xff], false), Ok("a\u{fffd}".into()));
        assert!(of_bytes(&[b'a', 0xff], true).is_err());
        assert_eq!(of_units(&[0x61, 0xd800], false), Ok("a\u{fffd}".into()));
        assert!(of_units(&[0x61, 0xd800], true).is_err());
    }
}
