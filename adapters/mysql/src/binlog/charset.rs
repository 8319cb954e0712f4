// SPDX-License-Identifier: Apache-2.0
//! Text of the log, which is in the column's own character set, as the server would give it in UTF-8.
//! Only sets that are known to come out the same are here; a column in another one is not read from the log.

use encoding_rs::{Encoding, WINDOWS_1252};

/// A character set whose text can be decoded exactly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Charset {
    Utf8,
    /// UTF-16, big-endian; UCS-2 is its older part.
    Utf16,
    Utf32,
    /// What MySQL calls latin1 is Windows-1252, with the five unused bytes as control characters.
    Table(&'static Encoding),
}

impl Charset {
    pub fn named(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "utf8mb4" | "utf8mb3" | "utf8" | "ascii" => Self::Utf8,
            "latin1" => Self::Table(WINDOWS_1252),
            "utf16" | "ucs2" => Self::Utf16,
            "utf32" => Self::Utf32,
            _ => return None,
        })
    }

    /// The text, or `None` for bytes that are none in this character set.
    pub fn decode(self, bytes: &[u8]) -> Option<String> {
        match self {
            Self::Utf8 => std::str::from_utf8(bytes).ok().map(str::to_owned),
            Self::Utf16 => {
                let (pairs, []) = bytes.as_chunks::<2>() else {
                    return None;
                };
                let units = pairs.iter().map(|pair| u16::from_be_bytes(*pair));
                char::decode_utf16(units).collect::<Result<_, _>>().ok()
            }
            Self::Utf32 => {
                let (quads, []) = bytes.as_chunks::<4>() else {
                    return None;
                };
                let chars = quads
                    .iter()
                    .map(|quad| char::from_u32(u32::from_be_bytes(*quad)));
                chars.collect()
            }
            Self::Table(encoding) => encoding
                .decode_without_bom_handling_and_without_replacement(bytes)
                .map(std::borrow::Cow::into_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_decoded_by_its_columns_character_set() {
        let check = |name: &str, bytes: &[u8], expect: Option<&str>| {
            let decoded = Charset::named(name).and_then(|set| set.decode(bytes));
            assert_eq!(decoded.as_deref(), expect, "{name}");
        };
        check("utf8mb4", "بخار".as_bytes(), Some("بخار"));
        check("utf8mb4", &[0xff], None);
        check("latin1", &[b'x', 0xb3, 0x80, 0x81], Some("x³€\u{81}"));
        check("ucs2", &[0x06, 0x28], Some("ب"));
        check("utf16", &[0xd8, 0x3d, 0xde, 0x00], Some("😀"));
        check("utf32", &[0, 1, 0xf6, 0], Some("😀"));
        check("utf16", &[0], None);
        check("cp1256", b"x", None);
    }
}
