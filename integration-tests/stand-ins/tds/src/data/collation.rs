// SPDX-License-Identifier: Apache-2.0
//! Collations, as far as a stand-in needs them: whether case counts, and which code page text of one byte
//! per letter is in. The order of letters is that of their plain forms, then of their accents, and for
//! other scripts that of Unicode; SQL Server's own tables know more.

use std::cmp::Ordering;

use encoding_rs::{
    Encoding, UTF_8, WINDOWS_1250, WINDOWS_1251, WINDOWS_1252, WINDOWS_1253, WINDOWS_1254,
    WINDOWS_1255, WINDOWS_1256,
};

/// What matters of a collation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Collation {
    pub case_sensitive: bool,
    pub binary: bool,
    pub code_page: CodePage,
}

/// The code page of CHAR and VARCHAR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CodePage {
    pub number: u16,
    encoding: &'static Encoding,
}

/// The collation of a database whose creator named none.
pub(crate) const DEFAULT: &str = "SQL_Latin1_General_CP1_CI_AS";

impl Default for Collation {
    fn default() -> Self {
        Self {
            case_sensitive: false,
            binary: false,
            code_page: code_page(DEFAULT),
        }
    }
}

impl Collation {
    /// The collation of that name, or `None` where the stand-in has none such.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let lower = name.to_ascii_lowercase();
        let known = [
            "latin1_general",
            "sql_latin1_general",
            "arabic",
            "persian",
            "urdu",
            "cyrillic",
            "greek",
            "hebrew",
            "turkish",
            "polish",
        ];
        if !known.iter().any(|stem| lower.starts_with(stem)) {
            return None;
        }
        let has = |part: &str| lower.split('_').any(|p| p == part);
        let binary = has("bin") || has("bin2");
        (binary || has("ci") || has("cs")).then(|| Self {
            case_sensitive: binary || has("cs"),
            binary,
            code_page: code_page(name),
        })
    }

    /// The name of the SQLite collation that sorts alike.
    pub(crate) fn in_sqlite(self) -> &'static str {
        match (self.binary, self.case_sensitive) {
            (true, _) => "TSQL_BIN",
            (_, true) => "TSQL_CS",
            _ => "TSQL_CI",
        }
    }

    /// Those that [`Collation::in_sqlite`] names.
    pub(crate) fn all_in_sqlite() -> [Self; 3] {
        let with = |binary, case_sensitive| Self {
            case_sensitive,
            binary,
            ..Self::default()
        };
        [with(true, true), with(false, true), with(false, false)]
    }
}

fn code_page(collation: &str) -> CodePage {
    let lower = collation.to_ascii_lowercase();
    let starts = |stem: &str| lower.starts_with(stem);
    let (number, encoding) = if lower.ends_with("_utf8") {
        (65_001, UTF_8)
    } else if starts("arabic") || starts("persian") || starts("urdu") {
        (1256, WINDOWS_1256)
    } else if starts("cyrillic") {
        (1251, WINDOWS_1251)
    } else if starts("greek") {
        (1253, WINDOWS_1253)
    } else if starts("hebrew") {
        (1255, WINDOWS_1255)
    } else if starts("turkish") {
        (1254, WINDOWS_1254)
    } else if starts("polish") {
        (1250, WINDOWS_1250)
    } else {
        (1252, WINDOWS_1252)
    };
    CodePage { number, encoding }
}

impl CodePage {
    /// As `INFORMATION_SCHEMA.COLUMNS.CHARACTER_SET_NAME` calls it.
    pub(crate) fn name(self) -> String {
        match self.number {
            1252 => "iso_1".into(),
            65_001 => "utf8".into(),
            n => format!("cp{n}"),
        }
    }

    /// The bytes of a text, with `?` for what the code page lacks.
    pub(crate) fn encode(self, text: &str) -> Vec<u8> {
        if self.encoding == UTF_8 {
            return text.as_bytes().to_vec();
        }
        let mut bytes = Vec::with_capacity(text.len());
        for letter in text.chars() {
            let mut letter_bytes = [0; 4];
            let (encoded, _, lost) = self.encoding.encode(letter.encode_utf8(&mut letter_bytes));
            if lost {
                bytes.push(b'?');
            } else {
                bytes.extend_from_slice(&encoded);
            }
        }
        bytes
    }

    /// The text after a passage through the code page.
    pub(crate) fn pass(self, text: String) -> String {
        if text.is_ascii() || self.encoding == UTF_8 {
            return text;
        }
        let bytes = self.encode(&text);
        self.encoding
            .decode_without_bom_handling(&bytes)
            .0
            .into_owned()
    }

    pub(crate) fn decode(self, bytes: &[u8]) -> String {
        self.encoding
            .decode_without_bom_handling(bytes)
            .0
            .into_owned()
    }
}

/// How two texts compare. Trailing blanks do not count.
pub(crate) fn compare_text(a: &str, b: &str, collation: Collation) -> Ordering {
    let (a, b) = (a.trim_end_matches(' '), b.trim_end_matches(' '));
    if collation.binary {
        return a.encode_utf16().cmp(b.encode_utf16());
    }
    let folded = |s: &str| s.chars().flat_map(char::to_lowercase).collect::<Vec<_>>();
    let (lower_a, lower_b) = (folded(a), folded(b));
    let plain = |s: &[char]| s.iter().map(|c| base(*c)).collect::<Vec<_>>();
    plain(&lower_a)
        .cmp(&plain(&lower_b))
        .then_with(|| lower_a.cmp(&lower_b))
        .then_with(|| match collation.case_sensitive {
            // Lower case comes first.
            true => b.cmp(a),
            false => Ordering::Equal,
        })
}

/// A letter of Latin-1 without its accent.
fn base(c: char) -> char {
    match c {
        'à'..='å' => 'a',
        'ç' => 'c',
        'è'..='ë' => 'e',
        'ì'..='ï' => 'i',
        'ñ' => 'n',
        'ò'..='ö' | 'ø' => 'o',
        'ù'..='ü' => 'u',
        'ý' | 'ÿ' => 'y',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_trailing_blanks_do_not_count_and_accents_do() {
        let ci = Collation::default();
        assert_eq!(compare_text("Aqib ", "aqib", ci), Ordering::Equal);
        assert_eq!(compare_text("Zoe", "Zoë", ci), Ordering::Less);
        assert_eq!(compare_text("a", "B", ci), Ordering::Less);
        assert_eq!(compare_text(" a", "a", ci), Ordering::Less);
        let bin = Collation::named("Latin1_General_BIN2").unwrap_or_default();
        assert_eq!(compare_text("a", "B", bin), Ordering::Greater);
    }

    #[test]
    fn what_a_code_page_lacks_becomes_a_question_mark() {
        let latin = Collation::default().code_page;
        assert_eq!(latin.pass("Zoë ش".into()), "Zoë ?");
        let arabic = Collation::named("Arabic_CI_AS")
            .unwrap_or_default()
            .code_page;
        assert_eq!(arabic.pass("شیخ".into()), "ش?خ"); // Windows-1256 has no Farsi yeh
        assert_eq!(arabic.encode("ب"), [0xc8]);
    }

    #[test]
    fn an_unknown_collation_is_none() {
        assert_eq!(Collation::named("Klingon_CI_AS"), None);
        assert_eq!(Collation::named("Latin1_General"), None);
    }
}
