// SPDX-License-Identifier: Apache-2.0
//! National identity numbers and diagnosis codes.

use super::args::{Args, Making};
use super::texts::ascii_digit;
use super::{Made, Op};
use crate::expression::eval::Env;
use crate::expression::types::Type;
use crate::expression::value::Val;
use crate::expression::{Eval, Stop};

pub(crate) const NAMES: &[&str] = &["cnic", "icd10", "is_icd10"];

pub(crate) enum IdentifierOp {
    /// Whether dashes are put in.
    Cnic(bool),
    Icd10,
    IsIcd10,
}

pub(crate) fn make(name: &str, args: &mut Args, _: &mut Making<'_>) -> Made {
    let (op, ty) = match name {
        "cnic" => {
            let dashed = match args.opt_text("style").as_deref() {
                None | Some("plain") => false,
                Some("dashed") => true,
                Some(_) => {
                    args.fault(None, "`style` must be 'plain' or 'dashed'");
                    false
                }
            };
            (IdentifierOp::Cnic(dashed), Type::Text)
        }
        "icd10" => (IdentifierOp::Icd10, Type::Text),
        _ => (IdentifierOp::IsIcd10, Type::Bool),
    };
    Some((Op::Identifier(op), ty))
}

impl IdentifierOp {
    pub fn is_predicate(&self) -> bool {
        matches!(self, Self::IsIcd10)
    }

    pub fn apply<'a>(&'a self, env: &Env<'a>, column: Option<&str>, value: &Val<'a>) -> Eval<'a> {
        let text = value
            .to_text()
            .ok_or(Stop::Wrong("this filter needs a text or a number"))?;
        let (result, code) = match self {
            Self::IsIcd10 => return Ok(Val::Bool(icd10(&text).is_some())),
            Self::Cnic(dashed) => (cnic(&text, *dashed), "MAP1010"),
            Self::Icd10 => (icd10(&text), "MAP1009"),
        };
        match result {
            Some(text) => Ok(Val::text(text)),
            None => {
                env.warn(code, column);
                Ok(Val::Null)
            }
        }
    }
}

/// The 13 digits of a CNIC: five for the place, seven for the family, one for the person. Only dashes and
/// spaces may stand between them; placeholders are refused.
fn cnic(text: &str, dashed: bool) -> Option<String> {
    let mut digits = String::with_capacity(15);
    for c in text.trim().chars() {
        match ascii_digit(c) {
            Some(digit) => digits.push(digit),
            None if matches!(c, '-' | ' ' | '\u{2013}' | '\u{a0}') => {}
            None => return None,
        }
    }
    if digits.len() != 13 {
        return None;
    }
    let (place, family) = (&digits[..5], &digits[5..12]);
    let zeros = |s: &str| s.bytes().all(|b| b == b'0');
    let first = digits.as_bytes()[0];
    if zeros(place) || zeros(family) || digits.bytes().all(|b| b == first) {
        return None;
    }
    if dashed {
        digits.insert(12, '-');
        digits.insert(5, '-');
    }
    Some(digits)
}

/// A WHO ICD-10 code: a letter, two digits, and after a dot one or two digits more. Case, a missing dot, and
/// the dagger and asterisk marks are put right.
fn icd10(text: &str) -> Option<String> {
    let text = text
        .trim()
        .trim_end_matches(['+', '*', '†', '!'])
        .trim_end();
    let mut code = String::with_capacity(6);
    for (i, c) in text.chars().enumerate() {
        if i == 3 && c == '.' {
            continue;
        }
        code.push(c.to_ascii_uppercase());
    }
    let bytes = code.as_bytes();
    let sound = (3..=5).contains(&bytes.len())
        && bytes[0].is_ascii_uppercase()
        && bytes[1..].iter().all(u8::is_ascii_digit)
        && !(text.ends_with('.'));
    if !sound {
        return None;
    }
    if code.len() > 3 {
        code.insert(3, '.');
    }
    Some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cnic_is_13_digits_and_no_placeholder() {
        let plain = Some("9944110029874");
        for (text, expect) in [
            ("99441-1002987-4", plain),
            ("9944110029874", plain),
            (" 99441 1002987 4 ", plain),
            ("٩٩٤٤١١٠٠٢٩٨٧٤", plain),
            ("994411002987", None),
            ("0000000000000", None),
            ("1111111111111", None),
            ("00000-1002987-4", None),
            ("99441-0000000-4", None),
            ("99441/1002987/4", None),
            ("nil", None),
        ] {
            assert_eq!(cnic(text, false).as_deref(), expect, "{text}");
        }
        assert_eq!(
            cnic("9944110029874", true).as_deref(),
            Some("99441-1002987-4")
        );
    }

    #[test]
    fn icd10_codes_are_normalized_and_words_are_refused() {
        for (text, expect) in [
            ("a010", Some("A01.0")),
            ("A90", Some("A90")),
            ("j45.9", Some("J45.9")),
            ("T63.0 ", Some("T63.0")),
            ("A17.0+", Some("A17.0")),
            ("G01*", Some("G01")),
            ("M79.18", Some("M79.18")),
            ("XX99", None),
            ("250.00", None),
            ("FEVER", None),
            ("A9", None),
            ("A01.", None),
            ("A01..0", None),
            ("A0.10", None),
            ("é01", None),
        ] {
            assert_eq!(icd10(text).as_deref(), expect, "{text}");
        }
    }
}
