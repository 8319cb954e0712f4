// SPDX-License-Identifier: Apache-2.0
//! Text as string search compares it.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The form in which string search compares text: without case, diacritics, vowel signs and
/// invisible characters; with one letter for each that Urdu, Sindhi, Persian and Arabic keyboards
/// write differently; with single spaces.
pub fn normalize(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    if text.is_ascii() {
        for byte in text.bytes() {
            push(&mut out, char::from(byte.to_ascii_lowercase()));
        }
    } else {
        for character in text.nfkd().filter(|c| !is_combining_mark(*c)) {
            for lower in character.to_lowercase() {
                fold(&mut out, lower);
            }
        }
    }
    if out.ends_with(' ') {
        out.pop();
    }
    out
}

/// Adds a character; of spaces only the first after something else.
fn push(out: &mut String, character: char) {
    if !character.is_whitespace() {
        out.push(character);
    } else if !out.is_empty() && !out.ends_with(' ') {
        out.push(' ');
    }
}

fn fold(out: &mut String, character: char) {
    match character {
        // yeh, alef maksura, the Pashto and Kurdish yehs -> Farsi yeh; yeh barree is another letter
        '\u{064A}' | '\u{0649}' | '\u{06CD}' | '\u{06CE}' | '\u{06D0}' => {
            out.push('\u{06CC}');
        }
        // kaf, swash kaf -> keheh
        '\u{0643}' | '\u{06AA}' => out.push('\u{06A9}'),
        // heh goal, heh doachashmee, teh marbuta and its Urdu form, ae -> heh
        '\u{06C1}' | '\u{06BE}' | '\u{0629}' | '\u{06C3}' | '\u{06D5}' | '\u{06C0}'
        | '\u{06C2}' => {
            out.push('\u{0647}');
        }
        // noon ghunna -> noon
        '\u{06BA}' => out.push('\u{0646}'),
        // alef wasla -> alef; other alefs have lost their marks already
        '\u{0671}' => out.push('\u{0627}'),
        // a hamza standing alone is written or not
        '\u{0621}' => {}
        // digits of Arabic and of Urdu
        '\u{0660}'..='\u{0669}' => push_digit(out, character, 0x0660),
        '\u{06F0}'..='\u{06F9}' => push_digit(out, character, 0x06F0),
        // tatweel, joiners, marks of direction
        '\u{0640}'
        | '\u{00AD}'
        | '\u{200B}'..='\u{200F}'
        | '\u{202A}'..='\u{202E}'
        | '\u{2060}'
        | '\u{2066}'..='\u{2069}'
        | '\u{FEFF}' => {}
        // letters that decompose to nothing else
        'ß' => out.push_str("ss"),
        'ø' => out.push('o'),
        'ł' => out.push('l'),
        'đ' => out.push('d'),
        'æ' => out.push_str("ae"),
        'œ' => out.push_str("oe"),
        'ı' => out.push('i'),
        _ => push(out, character),
    }
}

fn push_digit(out: &mut String, digit: char, zero: u32) {
    out.extend(char::from_digit(u32::from(digit) - zero, 10));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn case_marks_and_spaces_do_not_count() {
        for (text, expected) in [
            ("Zahida  SOOMRO ", "zahida soomro"),
            ("Çağrı Öz", "cagri oz"),
            ("ŁUKASZ Straße", "lukasz strasse"),
            ("Ｗｉｄｅ ﬁ", "wide fi"),
            ("\tO'Brien\u{a0}-x", "o'brien -x"),
            ("", ""),
            ("  ", ""),
        ] {
            assert_eq!(normalize(text), expected);
        }
    }

    #[test]
    fn the_same_name_typed_on_different_keyboards_is_the_same() {
        let same: [&[&str]; 7] = [
            &["علی", "علي", "على", "عَلِی", "عـلی"],
            &["کریم", "كريم", "ڪريم"],
            &["زاہدہ", "زاهده", "زاهدة", "زاھدہ"],
            &["آمنہ", "آمنه", "امنہ"],
            &["خان", "خاں", "خا\u{200C}ن"],
            &["ﷲ", "اللہ"],
            &["۱۲۳", "١٢٣", "123"],
        ];
        for spellings in same {
            for other in spellings {
                assert_eq!(normalize(other), normalize(spellings[0]), "{other}");
            }
        }
        assert_ne!(normalize("علی"), normalize("ولی"));
        assert_ne!(normalize("احمد"), normalize("حامد"));
    }

    #[test]
    fn the_normal_form_of_every_character_is_its_own() {
        for character in '\0'..=char::MAX {
            let once = normalize(&format!("a{character}a"));
            assert_eq!(normalize(&once), once, "U+{:04X}", u32::from(character));
        }
    }

    proptest! {
        #[test]
        fn a_normal_form_is_its_own(text in "\\PC{0,20}") {
            let once = normalize(&text);
            prop_assert_eq!(normalize(&once), once);
        }
    }
}
